"""What of a CoAP message is sealed, and what stays outside (RFC 8613 sections 4 and 5.3)."""

from leafkey.coap.message import Message, decode_options, encode_options
from leafkey.coap.numbers import (
    CHANGED,
    CONTENT,
    FETCH,
    HOP_LIMIT,
    OBSERVE,
    OSCORE,
    PAT,
    POST,
    PROXY_SCHEME,
    PROXY_URI,
    URI_HOST,
    URI_PORT,
)
from leafkey.errors import DecodeError, EncodeError

# Class U: a proxy needs them. All others are Class E, unknown ones too (section 4.1.3). An AT
# stands outside since it leads to the keys (SPEC 5.8).
OUTER_OPTIONS = (URI_HOST, URI_PORT, HOP_LIMIT, PROXY_URI, PROXY_SCHEME, PAT)


def plaintext(message: Message, observe: bytes | None) -> bytes:
    """Return code, inner options and payload; `observe` is the inner value, None for none.

    EncodeError for a message that is protected already (section 4.1.3.7).
    """
    if message.option(OSCORE) is not None:
        raise EncodeError("a message is protected once")
    inner = [item for item in message.options if item[0] not in OUTER_OPTIONS]
    if observe is not None and message.option(OBSERVE) != observe:
        inner = [(OBSERVE, observe) if item[0] == OBSERVE else item for item in inner]
    head = bytes((message.code,)) + encode_options(inner)
    return head + b"\xff" + message.payload if message.payload else head


def opened(text: bytes, outer: Message, is_kind) -> Message:
    """Return the message in a plaintext, with what is outside of `outer` and unprotected anyway.

    DecodeError if it is none, or of another kind than `is_kind(code)` says.
    """
    if not text or not is_kind(text[0]):
        raise DecodeError("no code inside, or one that does not belong there")
    options, payload = decode_options(text, 1)
    message = Message(text[0], (), payload, outer.type, outer.mid, outer.token)
    message.options = options
    for number, value in outer.options:
        if number in (URI_HOST, URI_PORT) and message.option(number) is None:
            message.add(number, value)
    return message


def outer_request(message: Message, header: bytes, sealed: bytes) -> Message:
    """Return what travels for a request: POST, or FETCH for an observation (section 4.2)."""
    observe = message.option(OBSERVE)
    outer = Message(POST if observe is None else FETCH, (), sealed, message.type)
    outer.options = [item for item in message.options if item[0] in OUTER_OPTIONS]
    if observe is not None:
        outer.add(OBSERVE, observe)
    outer.add(OSCORE, header)
    return outer


def outer_response(response: Message, header: bytes, sealed: bytes) -> Message:
    """Return what travels for a response: 2.04, or 2.05 for a notification."""
    observe = response.option(OBSERVE)
    outer = Message(CHANGED if observe is None else CONTENT, (), sealed, response.type)
    outer.token = response.token
    if observe is not None:
        outer.add(OBSERVE, observe)
    outer.add(OSCORE, header)
    return outer
