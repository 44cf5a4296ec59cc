"""What a body is, by its Content-Format (RFC 7252 section 12.3), and how a value becomes one."""

from leafkey.coap.numbers import (
    APPLICATION_CBOR,
    APPLICATION_LINK_FORMAT,
    APPLICATION_OCTET_STREAM,
    TEXT_PLAIN,
)
from leafkey.codec import cbor, utf8


def encode(value: object) -> tuple:
    """(payload, content format) of an application's value; (b"", None) for None.

    A str is sent as text, bytes as they are, anything else as CBOR. Raises EncodeError for what
    CBOR does not carry.
    """
    if value is None:
        return b"", None
    if isinstance(value, str):
        return value.encode(), TEXT_PLAIN
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value), APPLICATION_OCTET_STREAM
    return cbor.encode(value), APPLICATION_CBOR


class Body:
    """Something to be read: subclasses have `payload`, bytes, and a `content_format`."""

    payload = b""

    @property
    def content_format(self) -> int | None:
        """A number of leafkey.coap.numbers, or None."""
        raise NotImplementedError

    @property
    def text(self) -> str:
        """The payload as text; DecodeError unless it is UTF-8."""
        return self._read(utf8.decode, self.payload)

    @property
    def cbor(self):
        """The payload as a CBOR value; DecodeError unless it is deterministic CBOR."""
        return self._read(cbor.decode, self.payload)

    @property
    def value(self):
        """The payload as its Content-Format says: str, bytes, a CBOR value, or None if empty."""
        if self.content_format == APPLICATION_CBOR:
            return self.cbor
        if self.content_format in (TEXT_PLAIN, APPLICATION_LINK_FORMAT):
            return self.text
        return self.payload or None

    def _read(self, decode, data):
        return decode(data)
