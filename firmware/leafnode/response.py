"""A response as applications see it: what a resource returns and what a client gets."""

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    CONTENT_FORMAT,
    LOCATION_PATH,
    MAX_AGE,
    code_text,
    is_success,
)
from leafkey.coap.uri import path_text
from leafnode.content import Body, encode

# RFC 7252 section 5.10.5: seconds a response is fresh if it does not say.
DEFAULT_MAX_AGE = 60


class Response(Body):
    """`code` is a number of leafkey.coap.numbers; None lets the server take the method's usual."""

    def __init__(
        self,
        payload: object = None,
        code: int | None = None,
        content_format: int | None = None,
        max_age: int | None = None,
    ):
        """`payload`: str, bytes or anything CBOR carries; `max_age` in seconds."""
        self.payload, usual_format = encode(payload)
        self._format = usual_format if content_format is None else content_format
        self.code = code
        self.max_age = max_age
        # The path of what a request has made, as "/a/b"; None if the server does not say.
        self.location: str | None = None

    @property
    def content_format(self) -> int | None:
        """A number of leafkey.coap.numbers, or None."""
        return self._format

    @property
    def ok(self) -> bool:
        """True for 2.xx."""
        return self.code is not None and is_success(self.code)

    @property
    def status(self) -> str:
        """The code as people write it: "2.05"."""
        return "" if self.code is None else code_text(self.code)

    def __repr__(self) -> str:
        return "<Response %s, %d bytes>" % (self.status, len(self.payload))


def to_message(result: object, usual_code: int) -> Message:
    """The Message for what a resource returned, with `usual_code` unless it says another."""
    if not isinstance(result, Response):
        payload, content_format = encode(result)
        options = () if content_format is None else ((CONTENT_FORMAT, content_format),)
        return Message(usual_code, options, payload)
    message = Message(usual_code if result.code is None else result.code, (), result.payload)
    if result.content_format is not None:
        message.add(CONTENT_FORMAT, result.content_format)
    if result.max_age is not None:
        message.add(MAX_AGE, result.max_age)
    return message


def from_message(message: Message) -> Response:
    """The Response in a Message whose options the endpoint has screened."""
    max_age = message.uint(MAX_AGE)
    response = Response(
        None,
        message.code,
        message.uint(CONTENT_FORMAT),
        DEFAULT_MAX_AGE if max_age is None else max_age,
    )
    response.payload = message.payload
    segments = message.options_of(LOCATION_PATH)
    if segments:
        response.location = path_text(segments)
    return response
