"""A request as a resource sees it."""

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    CONTENT_FORMAT,
    DELETE,
    FETCH,
    GET,
    IPATCH,
    PATCH,
    POST,
    PUT,
    URI_QUERY,
)
from leafkey.codec import utf8
from leafkey.errors import DecodeError
from leafnode.content import Body

METHODS = {
    "GET": GET,
    "POST": POST,
    "PUT": PUT,
    "DELETE": DELETE,
    "FETCH": FETCH,
    "PATCH": PATCH,
    "iPATCH": IPATCH,
}
NAMES = {code: name for name, code in METHODS.items()}


class BadRequest(DecodeError):
    """The client sent what the resource cannot use; raised by a resource it becomes a 4.00."""


class Request(Body):
    """`method` is a name ("GET"), `path` the resource's ("/temp"), `payload` the whole body."""

    def __init__(self, message: Message, path: str, who):
        """`who()` -> the pseudonym of the client, 32 bytes; None if no authorization was asked."""
        self.payload = message.payload
        self.path = path
        self._message = message
        self._who = who

    @property
    def method(self) -> str:
        """The name of the method."""
        return NAMES[self._message.code]

    @property
    def content_format(self) -> int | None:
        """A number, or None if the client did not say."""
        return self._read(self._message.uint, CONTENT_FORMAT)

    @property
    def client(self) -> bytes | None:
        """Who asks: a pseudonym, the same for all requests of one client; None for anybody."""
        return None if self._who is None else self._who()

    @property
    def query(self) -> dict:
        """`?a=1&b` as {"a": "1", "b": ""}, the last of equal names; BadRequest unless UTF-8."""
        found = {}
        for raw in self._message.options_of(URI_QUERY):
            text = self._read(utf8.decode, raw)
            at = text.find("=")
            name, value = (text, "") if at < 0 else (text[:at], text[at + 1 :])
            found[name] = value
        return found

    def _read(self, decode, data):
        # What a body is read as is the resource's choice; that it cannot be is the client's fault.
        try:
            return decode(data)
        except DecodeError:
            raise BadRequest("the request cannot be read as what it should be")
