"""A resource server with the OSCORE profile: tokens, and the contexts under them (RFC 9200, 9203).

It has no I/O: what comes to /authz-info goes in, answers come out.
"""

from collections import namedtuple

from leafkey.ace import aif, authz_info, cwt, labels, osc
from leafkey.ace.accesses import Access, Accesses, Terms
from leafkey.ace.cnonce import Cnonces
from leafkey.ace.lifetime import Lifetimes
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    BAD_REQUEST,
    CONTENT_FORMAT,
    CREATED,
    FORBIDDEN,
    METHOD_NOT_ALLOWED,
    UNAUTHORIZED,
)
from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import AuthenticationError, DecodeError, NotAllowed, UnsupportedError
from leafkey.oscore.preset import Preset
from leafkey.oscore.recipients import Recipients

# Of a Recipient ID that is chosen here.
ID_LEN = const(2)

# Where the AS is, this RS's name there, what protects its tokens, and `iss` in them if they have
# one that counts.
Authority = namedtuple("Authority", ("uri", "audience", "key", "issuer"))


class ResourceServer:
    """Takes tokens; `accesses` is who may do what in the contexts under them."""

    def __init__(
        self,
        provider,
        random_bytes,
        authority: Authority,
        store,
        recipients: Recipients,
        clock=None,
        understand=None,
        more=None,
    ):
        """`store` and `clock` as of lifetime.Lifetimes. Contexts are registered at `recipients`,
        among those of others. `understand(claims)` returns permissions, or raises DecodeError, or
        AuthenticationError for a token that does not stand; without one the scope is an AIF.
        `more(request, claims)` returns what a 2.01 says beside the nonce and the ID, as a KDC's
        does (RFC 9594 section 3.3), by label.
        """
        self._provider = provider
        self._random_bytes = random_bytes
        self._authority = authority
        self._recipients = recipients
        self._clock = clock
        self._understand = understand or _aif
        self._more = more
        self._cnonces = Cnonces(provider, random_bytes)
        self._lifetimes = Lifetimes(provider, store, self._cnonces, authority.audience, clock)
        self.accesses = Accesses(recipients)

    def hints(self, now: int) -> Message:
        """Return the 4.01 for a request without a token, or whose token is not good."""
        authority = self._authority
        said = {labels.AS: authority.uri, labels.AUDIENCE: authority.audience}
        if self._clock is None or self._clock() is None:
            said[labels.CNONCE] = self._cnonces.make(now)
        return _answer(UNAUTHORIZED, said)

    def post(self, payload: bytes, now: int) -> Message:
        """Return the answer to a token that was posted without protection."""
        return self._answered(self._posted, payload, now)

    def update(self, access: Access, payload: bytes, now: int) -> Message:
        """Return the answer to a token that was posted in the context of an Access.

        It takes the place of the last one, if it is for the same key.
        """

        def updated(payload: bytes, now: int) -> Message:
            token = authz_info.decode_request(payload)[labels.ACCESS_TOKEN]
            claims, terms = self._verified(token, now)
            kid = claims.get(cwt.CNF, {}).get(labels.KID)
            if not isinstance(kid, bytes) or not equal(kid, access.id):
                raise AuthenticationError("a token for another key")
            self._lifetimes.take(claims, token, terms.end)
            self.accesses.replace(access, terms)
            return Message(CREATED)

        return self._answered(updated, payload, now)

    def _answered(self, take, payload: bytes, now: int) -> Message:
        """The code table of RFC 9200 section 5.10.1.1."""
        try:
            return take(payload, now)
        except AuthenticationError:
            return self.hints(now)
        except NotAllowed:
            return Message(FORBIDDEN)
        except (DecodeError, UnsupportedError, ValueError):
            return Message(BAD_REQUEST)

    def _posted(self, payload: bytes, now: int) -> Message:
        request = authz_info.decode_request(payload)
        token = request[labels.ACCESS_TOKEN]
        claims, terms = self._verified(token, now)
        material = osc.material(claims.get(cwt.CNF, {}).get(labels.OSC))
        said, recipient = self._context(material, request)
        if self._more is not None:
            said.update(self._more(request, claims))
        self._lifetimes.take(claims, token, terms.end)
        self.accesses.add(recipient, material, terms)
        return _answer(CREATED, said)

    def _verified(self, token: bytes, now: int) -> tuple:
        """Return (claims, Terms) of a token. Nothing is changed yet."""
        authority = self._authority
        claims = cwt.unprotect(self._provider, authority.key, token)
        if authority.issuer is not None and claims.get(cwt.ISS) != authority.issuer:
            raise AuthenticationError("a token of another AS")
        end = self._lifetimes.end(claims, token, now)
        if claims.get(cwt.AUD) != authority.audience:
            raise NotAllowed("a token for another server")
        if claims.get(cwt.ACE_PROFILE, labels.COAP_OSCORE) != labels.COAP_OSCORE:
            raise DecodeError("a token for another profile")
        return claims, Terms(self._understand(claims), end)

    def _context(self, material: osc.InputMaterial, request: dict) -> tuple:
        """Return (parameters of the 2.01, recipient) for a request with a good token."""
        nonce1 = request.get(labels.NONCE1, b"")
        id1 = request.get(labels.ACE_CLIENT_RECIPIENTID)
        if id1 is None or not 0 < len(nonce1) <= osc.MAX_PART:
            raise DecodeError("no nonce1, or no Recipient ID of the client")
        nonce2, id2 = self._random_bytes(osc.NONCE_LEN), self._free_id(id1)
        made = osc.context(self._provider, material, (nonce1, nonce2), id1, id2)
        # It begins now, so its window is never lost, and no Echo needed.
        return {labels.NONCE2: nonce2, labels.ACE_SERVER_RECIPIENTID: id2}, Preset(made, bytes)

    def _free_id(self, id1: bytes) -> bytes:
        while True:
            id2 = self._random_bytes(ID_LEN)
            if id2 != id1 and not self._recipients.has(id2):
                return id2


def denial(permissions: list, request: Message) -> int:
    """Return 0 if permissions of an AIF cover a request, else the code to refuse it with."""
    path = request.path()
    if aif.permits(permissions, path, request.code):
        return 0
    is_covered = any(aif.segments(known) == path for known, _ in permissions)
    return METHOD_NOT_ALLOWED if is_covered else FORBIDDEN


def _aif(claims: dict) -> list:
    scope = claims.get(cwt.SCOPE)
    if not isinstance(scope, bytes):
        raise DecodeError("a scope that is no AIF")
    return aif.decode(scope)


def _answer(code: int, said: dict) -> Message:
    return Message(code, ((CONTENT_FORMAT, APPLICATION_ACE_CBOR),), cbor.encode(said))
