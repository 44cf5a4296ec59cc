"""C's side of the OSCORE profile: what to send, and what comes of the answers (RFC 9203)."""

from leafkey.ace import aif, authz_info, labels, osc, token
from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import DecodeError
from leafkey.oscore.context import Context

# Of the Recipient ID that C chooses.
ID_LEN = const(2)
# Seconds; what lasts longer is not told apart.
_LONGEST = const(1 << 30)


class Held:
    """A token of this client, and the context under it as soon as the RS has answered.

    `permissions` as of aif.py; `end` in ms, None if the AS did not say. `is_update`: the token
    changes the rights of a context that there is, and is good for nothing else.
    """

    def __init__(
        self,
        audience: str,
        access_token: bytes,
        material: osc.InputMaterial,
        permissions: list,
        end: int | None,
    ):
        self.audience = audience
        self.access_token = access_token
        self.material = material
        self.permissions = permissions
        self.end = end
        self.context: Context | None = None
        self.is_update = False

    def is_over(self, now: int) -> bool:
        """Tell whether the token has ended; now: ms."""
        return self.end is not None and now >= self.end


def encode_request(
    audience: str, scope: list, cnonce: bytes | None = None, key_id: bytes | None = None
) -> bytes:
    """Return the payload of a token request.

    `cnonce` as the RS gave it. `key_id` names the key of a context whose rights are to change.
    """
    request: dict = {labels.AUDIENCE: audience, labels.SCOPE: aif.encode(scope)}
    if cnonce is not None:
        request[labels.CNONCE] = cnonce
    if key_id is not None:
        request[labels.REQ_CNF] = {labels.KID: key_id}
    return cbor.encode(request)


def decode_response(
    data: bytes, audience: str, scope: list, now: int, previous: Held | None = None
) -> Held:
    """Return what a token response gives; one without a key is for that of `previous`.

    DecodeError if it is malformed, or for another profile or kind of token.
    """
    response = token.decode_response(data)
    if response.get(labels.ACE_PROFILE, labels.COAP_OSCORE) != labels.COAP_OSCORE:
        raise DecodeError("a token for another profile")
    if response.get(labels.TOKEN_TYPE, labels.POP) != labels.POP:
        raise DecodeError("a token of another type")
    if labels.SCOPE in response:
        scope = _aif(response[labels.SCOPE])
    end = None
    if labels.EXPIRES_IN in response:
        end = now + 1000 * min(response[labels.EXPIRES_IN], _LONGEST)
    if labels.CNF in response or previous is None:
        material = osc.material(response.get(labels.CNF, {}).get(labels.OSC))
        return Held(audience, response[labels.ACCESS_TOKEN], material, scope, end)
    held = Held(audience, response[labels.ACCESS_TOKEN], previous.material, scope, end)
    held.context = previous.context
    held.is_update = True
    return held


class Posting:
    """One token on its way to /authz-info, without protection."""

    def __init__(self, held: Held, random_bytes, is_free):
        """`is_free(id)` tells whether a Recipient ID may be chosen."""
        self._held = held
        self._nonce1 = random_bytes(osc.NONCE_LEN)
        self._id1 = random_bytes(ID_LEN)
        while not is_free(self._id1):
            self._id1 = random_bytes(ID_LEN)
        self.payload = cbor.encode(
            {
                labels.ACCESS_TOKEN: held.access_token,
                labels.NONCE1: self._nonce1,
                labels.ACE_CLIENT_RECIPIENTID: self._id1,
            }
        )

    def accepted(self, provider, data: bytes):
        """Take the payload of a 2.01: the token held has a context.

        DecodeError if it is malformed, ValueError and UnsupportedError as of osc.context.
        """
        response = authz_info.decode_response(data)
        nonces = self._nonce1, response[labels.NONCE2]
        if not 0 < len(nonces[1]) <= osc.MAX_PART:
            raise DecodeError("a nonce2 of another size")
        id2 = response[labels.ACE_SERVER_RECIPIENTID]
        material = self._held.material
        self._held.context = osc.context(provider, material, nonces, id2, self._id1)


def encode_update(held: Held) -> bytes:
    """Return the payload that changes rights, to be posted in the context."""
    return cbor.encode({labels.ACCESS_TOKEN: held.access_token})


def _aif(scope: object) -> list:
    if not isinstance(scope, bytes):
        raise DecodeError("a scope that is no AIF")
    return aif.decode(scope)
