"""Messages on a serial line: slipmux frames (draft-bormann-t2trg-slipmux), made and taken apart.

A frame is END, its first byte, content, END, with END and ESC escaped as in SLIP (RFC 1055). The
first byte says what the content is: diagnostics, or a CoAP message as it would be in a datagram,
with the FCS of RFC 1662. Everything else on the line is noise and ignored: half frames, the prompt
of an interpreter, packets.
"""

from leafkey.coap.parameters import MAX_DATAGRAM
from leafkey.compat import const

DIAGNOSTIC = const(0x0A)
COAP = const(0xA9)

END = b"\xc0"
ESC = b"\xdb"
_END = const(0xC0)
_ESC = const(0xDB)
_ESCAPED_END = const(0xDC)
_ESCAPED_ESC = const(0xDD)
_FCS_SIZE = const(2)
# RFC 1662 section C.2: where the register starts, and where it ends over data and a good FCS.
_FCS_START = const(0xFFFF)
_FCS_GOOD = const(0xF0B8)


def encode(message: bytes) -> bytes:
    """The frame of one CoAP message."""
    body = bytes((COAP,)) + message
    register = fcs(body, len(body)) ^ 0xFFFF
    return _framed(body + bytes((register & 0xFF, register >> 8)))


def encode_diagnostic(line: str) -> bytes:
    """The frame of one line of text, to be shown to a person; without its line end."""
    return _framed(bytes((DIAGNOSTIC,)) + line.encode() + b"\n")


def fcs(data: bytes | bytearray | memoryview, size: int) -> int:
    """The register of RFC 1662's 16-bit FCS after the first `size` bytes, before the final XOR."""
    register = _FCS_START
    for i in range(size):
        register ^= data[i]
        # Half a byte at a time: the table of 16 entries that this takes is i * 0x1081.
        register = register >> 4 ^ (register & 15) * 0x1081
        register = register >> 4 ^ (register & 15) * 0x1081
    return register


class Decoder:
    """Takes a line's bytes in pieces of any size, and holds one frame at most."""

    def __init__(self, limit: int = MAX_DATAGRAM):
        """`limit`: the longest content in bytes; a longer frame is dropped whole."""
        self._buffer = bytearray(1 + limit + _FCS_SIZE)
        self._size = 0
        self._is_escaped = False
        # What is left of this frame is of no use.
        self._is_broken = False

    def feed(self, data: bytes | bytearray) -> list:
        """[(DIAGNOSTIC or COAP, content)] of the frames that end in `data`; never raises."""
        frames = []
        view = memoryview(data)
        start = 0
        end = data.find(END)
        while end >= 0:
            self._take(data, view, start, end)
            frame = self._finish()
            if frame is not None:
                frames.append(frame)
            start = end + 1
            end = data.find(END, start)
        self._take(data, view, start, len(data))
        return frames

    def _take(self, data: bytes | bytearray, view: memoryview, start: int, end: int):
        """Bytes of a frame, none of which is END."""
        while start < end and not self._is_broken:
            if self._is_escaped:
                self._unescape(data[start])
                start += 1
            stop = data.find(ESC, start, end)
            self._is_escaped = stop >= 0
            self._append(view, start, stop if self._is_escaped else end)
            start = stop + 1 if self._is_escaped else end

    def _unescape(self, byte: int):
        if self._size == len(self._buffer) or byte not in (_ESCAPED_END, _ESCAPED_ESC):
            self._is_broken = True
            return
        self._buffer[self._size] = _END if byte == _ESCAPED_END else _ESC
        self._size += 1

    def _append(self, view: memoryview, start: int, end: int):
        size = self._size + end - start
        if size > len(self._buffer):
            self._is_broken = True
            return
        self._buffer[self._size : size] = view[start:end]
        self._size = size

    def _finish(self) -> tuple | None:
        """The frame that ends here, if it is one; ESC before END takes it back."""
        size = self._size
        is_lost = self._is_broken or self._is_escaped or not size
        self._size = 0
        self._is_broken = self._is_escaped = False
        if is_lost:
            return None
        buffer = self._buffer
        if buffer[0] == DIAGNOSTIC:
            return DIAGNOSTIC, bytes(buffer[1:size])
        if buffer[0] == COAP and size > _FCS_SIZE and fcs(buffer, size) == _FCS_GOOD:
            return COAP, bytes(buffer[1 : size - _FCS_SIZE])
        return None


def _framed(body: bytes) -> bytes:
    return END + body.replace(ESC, b"\xdb\xdd").replace(END, b"\xdb\xdc") + END
