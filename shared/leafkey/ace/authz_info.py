"""What passes between a client and /authz-info (RFC 9203 section 4).

Dicts by the labels of labels.py; `cbor.encode` makes payloads of them.
"""

from leafkey.ace import labels
from leafkey.ace.fields import decode, is_array_or_null, is_bytes
from leafkey.errors import DecodeError

_REQUEST = {
    labels.ACCESS_TOKEN: is_bytes,
    labels.NONCE1: is_bytes,
    labels.ACE_CLIENT_RECIPIENTID: is_bytes,
    # RFC 9594 section 3.3: a client asks a KDC how members sign.
    labels.SIGN_INFO: is_array_or_null,
    labels.ECDH_INFO: is_array_or_null,
    labels.KDC_DH_CREDS: is_array_or_null,
}
_RESPONSE = {
    labels.NONCE2: is_bytes,
    labels.ACE_SERVER_RECIPIENTID: is_bytes,
    labels.SIGN_INFO: is_array_or_null,
    labels.KDCCHALLENGE: is_bytes,
    labels.ECDH_INFO: is_array_or_null,
    labels.KDC_DH_CREDS: is_array_or_null,
}


def decode_request(data: bytes) -> dict:
    """Return the known parameters of a request; DecodeError without an access token."""
    request = decode(data, _REQUEST)
    if labels.ACCESS_TOKEN not in request:
        raise DecodeError("no access token")
    return request


def decode_response(data: bytes) -> dict:
    """Return the known parameters of a 2.01; DecodeError without nonce2 and the RS's ID."""
    response = decode(data, _RESPONSE)
    if labels.NONCE2 not in response or labels.ACE_SERVER_RECIPIENTID not in response:
        raise DecodeError("no nonce2, or no Recipient ID of the RS")
    return response
