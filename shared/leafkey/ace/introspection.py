"""What an RS asks the introspection endpoint of an AS, and hears (RFC 9200 section 5.9).

Dicts by the labels below; `cbor.encode` makes payloads of them. The claims of a response have the
labels of cwt.py.
"""

from leafkey.ace import cwt, labels
from leafkey.ace.fields import decode, is_bytes, is_int, is_text
from leafkey.compat import const
from leafkey.errors import DecodeError

ACTIVE = const(10)
TOKEN = const(11)
TOKEN_TYPE_HINT = const(33)
USERNAME = const(35)


def _is_bool(value: object) -> bool:
    return value is True or value is False


_REQUEST = {TOKEN: is_bytes, TOKEN_TYPE_HINT: is_text}
_RESPONSE = dict(cwt.KINDS)
_RESPONSE[ACTIVE] = _is_bool
_RESPONSE[labels.CLIENT_ID] = is_text
_RESPONSE[labels.TOKEN_TYPE] = is_int
_RESPONSE[USERNAME] = is_text


def decode_request(data: bytes) -> dict:
    """Return the known parameters of a request; DecodeError without a token."""
    request = decode(data, _REQUEST)
    if TOKEN not in request:
        raise DecodeError("introspection of nothing")
    return request


def decode_response(data: bytes) -> dict:
    """Return the known parameters of a response; {ACTIVE: False} says nothing else."""
    response = decode(data, _RESPONSE)
    if ACTIVE not in response:
        raise DecodeError("a response that does not say if the token is active")
    return response if response[ACTIVE] else {ACTIVE: False}
