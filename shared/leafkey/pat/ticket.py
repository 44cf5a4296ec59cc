"""Token requests and responses of profile `coap_pat`: messages (5) to (9) (SPEC 9.2, 9.6)."""

from leafkey.ace import aif, labels
from leafkey.ace.token import TokenErrorResponse
from leafkey.codec import cbor, cose
from leafkey.compat import const
from leafkey.errors import DecodeError
from leafkey.pat import tokens

REQUEST_ID_LEN = 8
# Of one that is random; an endorsement is longer.
ACCESS_TOKEN_LEN = 16
# Bytes of a CAM's name for its client, and of the URI of a SAM.
MAX_CLIENT_ID = const(64)
MAX_SAM = const(255)


class TokenRequest:
    """What a CAM asks for: permissions at an audience; a `request_id` asks for one thing.

    `kept`: permissions of the ticket that this one replaces, wanted as far as rules allow them.
    `client_id`: for whom a CAM asks, None for itself. `sam`: whom a client wants its CAM to ask.
    """

    def __init__(
        self,
        audience: str,
        scope: list,
        request_id: bytes,
        client_id: str | None = None,
        kept: list | None = None,
        sam: str | None = None,
    ):
        self.audience = audience
        self.kept = kept or []
        self.scope = scope
        self.request_id = request_id
        self.client_id = client_id
        self.sam = sam


def encode_request(request: TokenRequest) -> bytes:
    """Return the payload of a ticket request."""
    fields = {
        labels.AUDIENCE: request.audience,
        labels.SCOPE: aif.encode(request.scope),
        labels.ACE_PROFILE: labels.COAP_PAT,
        labels.REQUEST_ID: request.request_id,
    }
    if request.client_id is not None:
        fields[labels.CLIENT_ID] = request.client_id
    if request.kept:
        fields[labels.KEPT] = aif.encode(request.kept)
    if request.sam is not None:
        fields[labels.SAM] = request.sam
    return cbor.encode(fields)


def decode_request(data: bytes) -> TokenRequest:
    """Return the ticket request in a payload; TokenErrorResponse names the error to answer."""
    fields = _request_map(data)
    if fields.get(labels.ACE_PROFILE) != labels.COAP_PAT:
        raise TokenErrorResponse("ask for ace_profile coap_pat", labels.INCOMPATIBLE_ACE_PROFILES)
    audience, request_id = fields.get(labels.AUDIENCE), fields.get(labels.REQUEST_ID)
    if not isinstance(audience, str):
        raise TokenErrorResponse("the audience is text", labels.INVALID_REQUEST)
    if not isinstance(request_id, bytes) or len(request_id) != REQUEST_ID_LEN:
        raise TokenErrorResponse("the request id is 8 bytes", labels.INVALID_REQUEST)
    kept = _scope(fields[labels.KEPT]) if labels.KEPT in fields else []
    client_id = _text(fields, labels.CLIENT_ID, MAX_CLIENT_ID)
    sam = _text(fields, labels.SAM, MAX_SAM)
    scope = _scope(fields.get(labels.SCOPE))
    return TokenRequest(audience, scope, request_id, client_id, kept, sam)


def _request_map(data: bytes) -> dict:
    try:
        fields = cbor.decode(data)
    except DecodeError:
        fields = None
    if not isinstance(fields, dict):
        raise TokenErrorResponse("the payload is no CBOR map", labels.INVALID_REQUEST)
    return fields


def _text(fields: dict, label: int, longest: int) -> str | None:
    value = fields.get(label)
    if value is None:
        return None
    if not isinstance(value, str) or not 1 <= len(value.encode()) <= longest:
        raise TokenErrorResponse("client_id and sam are short texts", labels.INVALID_REQUEST)
    return value


def _scope(value: object) -> list:
    if isinstance(value, bytes):
        try:
            return aif.decode(value)
        except DecodeError:
            pass
    raise TokenErrorResponse("the scope is no AIF in a byte string", labels.INVALID_SCOPE)


def encode_response(
    token: "tokens.ClientToken", scope: list, access_token: bytes, commands: bytes = b""
) -> bytes:
    """Return the payload that grants a client token with the permissions in `scope`.

    `commands`: the list (leafkey.pat.commands) that C has to deliver first, b"" for none.
    """
    fields = {
        labels.ACCESS_TOKEN: access_token,
        labels.CNF: {labels.COSE_KEY: cose.symmetric_key(token.ct)},
        labels.SCOPE: aif.encode(scope),
        labels.ACE_PROFILE: labels.COAP_PAT,
        labels.PARAMS_C: token.params_c(),
    }
    # It travels as the access token already.
    fields[labels.PARAMS_C].pop(tokens.ENDORSEMENT, None)
    if token.expires_in is not None:
        fields[labels.EXPIRES_IN] = token.expires_in
    if commands:
        fields[labels.COMMANDS] = commands
    return cbor.encode(fields)


def decode_response(data: bytes) -> tuple:
    """Return (client token, granted permissions) from SAM's answer; DecodeError otherwise.

    The token has the endorsement among its parameters, if SAM gave one.
    """
    fields = cbor.decode(data)
    if not isinstance(fields, dict) or fields.get(labels.ACE_PROFILE) != labels.COAP_PAT:
        raise DecodeError("no token response of profile coap_pat")
    cnf = fields.get(labels.CNF)
    if not isinstance(cnf, dict):
        raise DecodeError("cnf is a map")
    ct = cose.key_bytes(cnf.get(labels.COSE_KEY))
    scope = fields.get(labels.SCOPE)
    if not isinstance(scope, bytes):
        raise DecodeError("the scope is a byte string")
    token = tokens.client_token([ct, fields.get(labels.PARAMS_C)])
    access_token = fields.get(labels.ACCESS_TOKEN)
    if not isinstance(access_token, bytes) or len(access_token) > tokens.MAX_ENDORSEMENT:
        raise DecodeError("an access token is a byte string of at most 256 bytes")
    if len(access_token) > ACCESS_TOKEN_LEN:
        token.params[tokens.ENDORSEMENT] = access_token
    return token, aif.decode(scope)


def decode_commands(data: bytes) -> bytes:
    """Return the commands that come with a token response, to be carried as they are; or b"".

    DecodeError if they are no bytes.
    """
    fields = cbor.decode(data)
    commands = fields.get(labels.COMMANDS, b"") if isinstance(fields, dict) else None
    if not isinstance(commands, bytes):
        raise DecodeError("commands are a byte string")
    return commands


def encode_pending() -> bytes:
    """Return the payload of a 5.03 that says: the owner is being asked (SPEC 9.5)."""
    return cbor.encode({labels.CONSENT_PENDING: 1})


def is_pending(data: bytes) -> bool:
    """Tell whether the payload of a 5.03 says that the owner is being asked."""
    try:
        fields = cbor.decode(data)
    except DecodeError:
        return False
    return isinstance(fields, dict) and fields.get(labels.CONSENT_PENDING) == 1


def with_cai(data: bytes, cai: list) -> bytes:
    """Return a token response with CAI: what the CAM lets C do of what it asked for (SPEC 9.6).

    DecodeError if `data` is no map.
    """
    fields = cbor.decode(data)
    if not isinstance(fields, dict):
        raise DecodeError("a token response is a map")
    fields[labels.CAI] = aif.encode(cai)
    return cbor.encode(fields)


def decode_cai(data: bytes) -> list | None:
    """Return the CAI of a token response, None without one; DecodeError if it is malformed."""
    fields = cbor.decode(data)
    if not isinstance(fields, dict) or labels.CAI not in fields:
        return None
    cai = fields[labels.CAI]
    if not isinstance(cai, bytes):
        raise DecodeError("CAI is a byte string")
    return aif.decode(cai)
