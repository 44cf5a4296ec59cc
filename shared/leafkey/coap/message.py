"""The CoAP message and its encoding (RFC 7252 section 3)."""

from leafkey.coap.numbers import CON, URI_PATH
from leafkey.compat import const
from leafkey.errors import DecodeError, EncodeError, MessageError, TooManyOptions

# Every option costs a tuple and a bytes object: without a bound, one datagram of single-byte
# options would take 90 KB of a board's heap.
MAX_OPTIONS = const(32)
MAX_OPTION_NUMBER = const(65535)
MAX_TOKEN_LENGTH = const(8)
HEADER_SIZE = const(4)


class Message:
    """One CoAP message.

    `options` is a list of (number, bytes), sorted by number; equal numbers keep their order.
    `mid` is None until the message layer has chosen one.
    """

    def __init__(
        self,
        code: int,
        options: list | tuple = (),
        payload: bytes = b"",
        type: int = CON,
        mid: int | None = None,
        token: bytes = b"",
    ):
        self.code = code
        self.options: list = []
        self.payload = payload
        self.type = type
        self.mid = mid
        self.token = token
        for number, value in options:
            self.add(number, value)

    def option(self, number: int) -> bytes | None:
        """The value of the first option `number`, None if there is none."""
        for present, value in self.options:
            if present == number:
                return value
        return None

    def options_of(self, number: int) -> list:
        """The values of all options `number`, in order."""
        return [value for present, value in self.options if present == number]

    def uint(self, number: int) -> int | None:
        """The option as an unsigned integer (RFC 7252 section 3.2); None if there is none.

        Raises DecodeError when the value has more than 4 bytes.
        """
        value = self.option(number)
        return None if value is None else decode_uint(value)

    def add(self, number: int, value: bytes | int):
        """Add an option behind those of the same or a lower number; an int is encoded as uint."""
        if isinstance(value, int):
            value = encode_uint(value)
        options = self.options
        i = len(options)
        while i and options[i - 1][0] > number:
            i -= 1
        options.insert(i, (number, value))

    def remove(self, number: int):
        """Remove all options `number`."""
        self.options = [option for option in self.options if option[0] != number]

    def path(self) -> tuple:
        """The Uri-Path segments as bytes: they come from the peer and need not be UTF-8."""
        return tuple([value for number, value in self.options if number == URI_PATH])

    def set_path(self, path_text: str):
        """Replace the path by that of "/a/b"; "" and "/" are the empty path."""
        self.remove(URI_PATH)
        segments = path_text.strip("/")
        for segment in segments.split("/") if segments else ():
            self.add(URI_PATH, segment.encode())

    def reply(self, code: int, payload: bytes = b"", options: list | tuple = ()) -> "Message":
        """A response to this request: the same type and token; the message layer does the rest."""
        return Message(code, options, payload, self.type, None, self.token)

    def copy(self) -> "Message":
        """An independent copy of everything but the immutable values."""
        copied = Message(self.code, (), self.payload, self.type, self.mid, self.token)
        copied.options = list(self.options)
        return copied


def encode_uint(value: int) -> bytes:
    """The shortest big-endian form, empty for 0 (RFC 7252 section 3.2)."""
    size = 0
    while value >> (8 * size):
        size += 1
    return value.to_bytes(size, "big")


def decode_uint(value: bytes) -> int:
    """Leading zeros are allowed (RFC 7252 section 3.2). DecodeError over 4 bytes."""
    if len(value) > 4:
        raise DecodeError("integer option over 4 bytes")
    return int.from_bytes(value, "big")


def encode(message: Message) -> bytes:
    """The datagram. EncodeError if a part does not fit its field."""
    return pack(message.type, message.code, message.mid, message.token, message)


def pack(
    type: int, code: int, mid: int | None, token: bytes, content: Message | None = None
) -> bytes:
    """A datagram with this header, and the options and the payload of `content`."""
    if mid is None or len(token) > MAX_TOKEN_LENGTH:
        raise EncodeError("no message ID, or a token over 8 bytes")
    header = bytes((0x40 | type << 4 | len(token), code, mid >> 8, mid & 0xFF))
    if content is None:
        return header + token
    tail = encode_options(content.options) if content.options else b""
    if content.payload:
        return b"".join((header, token, tail, b"\xff", content.payload))
    return header + token + tail


def decode(data: bytes | bytearray | memoryview) -> Message:
    """The message in a datagram.

    Raises DecodeError for what must be ignored: a short header or another version than 1.
    Raises MessageError for a message format error behind a readable header, and its subclass
    TooManyOptions for more than MAX_OPTIONS.
    """
    data = _as_bytes(data)
    if len(data) < HEADER_SIZE or data[0] >> 6 != 1:
        raise DecodeError("not a CoAP version 1 header")
    type = data[0] >> 4 & 3
    code = data[1]
    mid = data[2] << 8 | data[3]
    start = HEADER_SIZE + (data[0] & 15)
    if start > HEADER_SIZE + MAX_TOKEN_LENGTH or start > len(data):
        raise MessageError("token length", type, mid)
    if not code and len(data) > HEADER_SIZE:
        raise MessageError("bytes behind an empty message", type, mid)
    try:
        options, payload = decode_options(data, start)
    except TooManyOptions:
        raise TooManyOptions("too many options", type, mid)
    except DecodeError:
        raise MessageError("malformed options", type, mid)
    message = Message(code, (), payload, type, mid, data[HEADER_SIZE:start])
    message.options = options
    return message


def encode_options(options: list | tuple) -> bytes:
    """Options sorted by number in their encoding (RFC 7252 section 3.1); EncodeError if unfit."""
    out = bytearray()
    last = 0
    for number, value in options:
        delta = number - last
        length = len(value)
        if delta < 13 and length < 13 and delta >= 0:
            out.append(delta << 4 | length)
        else:
            _append_head(out, delta, length)
        out += value
        last = number
    if last > MAX_OPTION_NUMBER:
        raise EncodeError("option number over 65535")
    return bytes(out)


def _append_head(out: bytearray, delta: int, length: int):
    if not 0 <= delta <= MAX_OPTION_NUMBER or length > 269 + 0xFFFF:
        raise EncodeError("options out of order, or a number or length out of range")
    out.append(_nibble(delta) << 4 | _nibble(length))
    for value in (delta, length):
        if value >= 269:
            out += (value - 269).to_bytes(2, "big")
        elif value >= 13:
            out.append(value - 13)


def _nibble(value: int) -> int:
    return value if value < 13 else 13 if value < 269 else 14


def decode_options(data: bytes | bytearray | memoryview, start: int = 0) -> tuple:
    """(options, payload) of what follows a token or, in a protected message, the inner code.

    Raises DecodeError: an option running past the end, a reserved nibble, a number over 65535,
    more than MAX_OPTIONS (TooManyOptions), a payload marker without payload.
    """
    data = _as_bytes(data)
    options = []
    number = 0
    end = len(data)
    while start < end:
        head = data[start]
        start += 1
        if head == 0xFF:
            return options, _payload(data, start)
        delta = head >> 4
        length = head & 15
        if delta > 12:
            delta, start = _extended(data, start, delta)
        if length > 12:
            length, start = _extended(data, start, length)
        number += delta
        stop = start + length
        if stop > end or number > MAX_OPTION_NUMBER or len(options) == MAX_OPTIONS:
            raise _beyond_limits(number, stop, end)
        options.append((number, data[start:stop]))
        start = stop
    return options, b""


def _as_bytes(data: bytes | bytearray | memoryview) -> bytes:
    return data if isinstance(data, bytes) else bytes(data)


def _payload(data: bytes, start: int) -> bytes:
    if start == len(data):
        raise DecodeError("payload marker without payload")
    return data[start:]


def _beyond_limits(number: int, stop: int, end: int) -> DecodeError:
    if stop > end:
        return DecodeError("option past the end")
    if number > MAX_OPTION_NUMBER:
        return DecodeError("option number over 65535")
    return TooManyOptions("too many options")


def _extended(data: bytes, start: int, nibble: int) -> tuple:
    """The value and where it ends of an extended delta or length (RFC 7252 section 3.1)."""
    size = nibble - 12
    if nibble == 15 or start + size > len(data):
        raise DecodeError("reserved or cut option head")
    if size == 1:
        return 13 + data[start], start + 1
    return 269 + (data[start] << 8 | data[start + 1]), start + 2
