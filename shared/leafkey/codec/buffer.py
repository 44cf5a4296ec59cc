"""Bounds-checked reading of bytes that came from outside."""

from leafkey.errors import DecodeError


class Reader:
    """Reads `data` (bytes-like) from front to back; what it returns are copies.

    Every length is compared with what is left before anything is allocated; all methods that read
    raise DecodeError when the data is too short.
    """

    def __init__(self, data: bytes | bytearray | memoryview):
        self._view = memoryview(data)
        self._position = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        start = self._advance(count)
        return bytes(self._view[start : self._position])

    def uint(self, count: int) -> int:
        """Return the next `count` bytes as one unsigned big-endian integer; 0 bytes are 0."""
        start = self._advance(count)
        return int.from_bytes(self._view[start : self._position], "big")

    def left(self) -> int:
        """Return how many bytes have not been read."""
        return len(self._view) - self._position

    def rest(self) -> bytes:
        """Return everything that has not been read."""
        return self.take(self.left())

    def end(self) -> None:
        """Raise DecodeError unless everything has been read."""
        if self.left():
            raise DecodeError("bytes after the end")

    def position(self) -> int:
        """Return the number of bytes read so far, for `since`."""
        return self._position

    def since(self, position: int) -> bytes:
        """Return the bytes read since `position`, which an earlier `position()` gave."""
        return bytes(self._view[position : self._position])

    def _advance(self, count: int) -> int:
        start = self._position
        if count < 0 or count > len(self._view) - start:
            raise DecodeError("data too short")
        self._position = start + count
        return start
