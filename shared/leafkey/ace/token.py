"""What passes between a client and the token endpoint of an AS (RFC 9200 section 5.8, RFC 9201).

Requests and responses are dicts by the labels of labels.py; `cbor.encode` makes payloads of them.
"""

from leafkey.ace import labels
from leafkey.ace.fields import decode, is_bytes, is_int, is_map, is_scope, is_text, is_uint
from leafkey.codec import cbor
from leafkey.errors import DecodeError


def _is_profile(value: object) -> bool:
    """A client that says null wants to be told which profile it is to use."""
    return value is None or is_int(value)


_REQUEST = {
    labels.REQ_CNF: is_map,
    labels.AUDIENCE: is_text,
    labels.SCOPE: is_scope,
    labels.CLIENT_ID: is_text,
    labels.GRANT_TYPE: is_uint,
    labels.ACE_PROFILE: _is_profile,
    labels.CNONCE: is_bytes,
}
_RESPONSE = {
    labels.ACCESS_TOKEN: is_bytes,
    labels.EXPIRES_IN: is_uint,
    labels.CNF: is_map,
    labels.SCOPE: is_scope,
    labels.TOKEN_TYPE: is_int,
    labels.ACE_PROFILE: is_int,
    labels.RS_CNF: is_map,
}
_ERROR = {labels.ERROR: is_int, labels.ERROR_DESCRIPTION: is_text, labels.ERROR_URI: is_text}


class TokenErrorResponse(DecodeError):
    """The AS refused, or must: `error` is an ACE error code (RFC 9200 section 5.8.3)."""

    def __init__(self, text: str, error: int):
        super().__init__(text)
        self.error = error


def decode_request(data: bytes) -> dict:
    """Return the known parameters of a token request; TokenErrorResponse names what to answer."""
    try:
        return decode(data, _REQUEST)
    except DecodeError as error:
        raise TokenErrorResponse(str(error), labels.INVALID_REQUEST)


def decode_response(data: bytes) -> dict:
    """Return the known parameters of a token response; DecodeError without an access token."""
    response = decode(data, _RESPONSE)
    if labels.ACCESS_TOKEN not in response:
        raise DecodeError("a token response without an access token")
    return response


def encode_error(error: int, description: str | None = None) -> bytes:
    """Return the payload of a 4.00."""
    response: dict = {labels.ERROR: error}
    if description is not None:
        response[labels.ERROR_DESCRIPTION] = description
    return cbor.encode(response)


def decode_error(data: bytes) -> TokenErrorResponse:
    """Return an error answer as an exception to raise; its text says what the code means."""
    error = decode(data, _ERROR).get(labels.ERROR)
    if error is None:
        raise DecodeError("no ACE error")
    return TokenErrorResponse(labels.ERROR_NAMES.get(error, "ACE error " + str(error)), error)
