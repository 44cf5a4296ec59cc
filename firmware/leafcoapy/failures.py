"""What an application of microCoAPy is told instead of an exception: a response from here.

| code | diagnostic payload says why; what it means |
|---|---|
| 4.00 | the request makes no URI |
| 4.02 | it has a critical option that this socket does not carry |
| 4.03 | the owner's policy or the owner says no, or this node has no identity |
| 4.05 | no such method |
| 5.00 | the response does not fit the application's buffer, or this node failed |
| 5.02 | the server or the manager answered against the protocol |
| 5.03 | the owner is being asked: ask again after Max-Age seconds |
| 5.04 | no answer, and the server may have acted on the request |

A server's own responses may have these codes too.
"""

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BAD_GATEWAY,
    BAD_REQUEST,
    FORBIDDEN,
    GATEWAY_TIMEOUT,
    INTERNAL_SERVER_ERROR,
    MAX_AGE,
    SERVICE_UNAVAILABLE,
)
from leafkey.errors import (
    ConsentPending,
    DecodeError,
    EncodeError,
    LeafkeyError,
    NotAllowed,
    OutcomeUnknown,
    ProtocolError,
    Unreachable,
)

CODES = (
    (NotAllowed, FORBIDDEN),
    (ConsentPending, SERVICE_UNAVAILABLE),
    (Unreachable, GATEWAY_TIMEOUT),
    (OutcomeUnknown, GATEWAY_TIMEOUT),
    (ProtocolError, BAD_GATEWAY),
    (DecodeError, BAD_REQUEST),
    (EncodeError, BAD_REQUEST),
)


def response_to(error: LeafkeyError) -> Message:
    """The response that stands for an exception."""
    response = failure(INTERNAL_SERVER_ERROR, str(error))
    for kind, code in CODES:
        if isinstance(error, kind):
            response.code = code
            break
    if isinstance(error, ConsentPending):
        response.add(MAX_AGE, error.seconds)
    return response


def failure(code: int, why: str) -> Message:
    """A response with a diagnostic payload (RFC 7252 section 5.5.2)."""
    return Message(code, (), why.encode())
