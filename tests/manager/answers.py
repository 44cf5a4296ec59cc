"""What tests read in the answers of a manager, and how they ask."""

import os

from leafkey.ace import labels
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    BAD_REQUEST,
    CONTENT_FORMAT,
    CREATED,
    MAX_AGE,
    POST,
    UNAUTHORIZED,
)
from leafkey.pat import ticket, tokens
from tests.manager.nodes import ClientNode, decoded

TEMP = ("/temp", 1)


def error_of(response: Message) -> int:
    assert response.code == BAD_REQUEST
    assert response.uint(CONTENT_FORMAT) == APPLICATION_ACE_CBOR
    return decoded(response.payload)[labels.ERROR]


def granted(response: Message) -> tokens.ClientToken:
    assert response.code == CREATED, response.code
    assert response.uint(CONTENT_FORMAT) == APPLICATION_ACE_CBOR
    return ticket.decode_response(response.payload)[0]


def refused(response: Message | None, code: int = UNAUTHORIZED, text: bytes = b"") -> None:
    """Nothing protects the answer, and it says no more than this (RFC 8613 section 8.2)."""
    assert response
    assert (response.code, response.payload) == (code, text)
    assert response.options == ([(MAX_AGE, b"")] if text else [])


def sent(node: ClientNode, message: Message) -> Message | None:
    message.mid, message.token = int.from_bytes(os.urandom(2), "big"), os.urandom(4)
    data = node.raw(encode(message))
    return (data and decode(data)) or None


def token_request() -> Message:
    message = Message(POST, payload=b"x")
    message.set_path("/token")
    return message
