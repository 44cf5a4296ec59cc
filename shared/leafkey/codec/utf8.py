"""UTF-8 checked by hand (RFC 3629): MicroPython's decoder takes overlong and surrogate forms."""

from leafkey.compat import const
from leafkey.errors import DecodeError

LAST_CODE_POINT = const(0x10FFFF)


def decode(data: bytes) -> str:
    """Return the text of `data`; DecodeError unless it is well-formed (RFC 3629 section 4)."""
    if not is_valid(data):
        raise DecodeError("text is not UTF-8")
    return str(data, "utf-8")


def is_valid(data: bytes) -> bool:
    """Say whether `data` is well-formed: shortest forms only, no surrogates, none past U+10FFFF."""
    position = 0
    while position < len(data):
        size = _sequence_size(data[position])
        if size == 0 or position + size > len(data):
            return False
        if size > 1 and not _is_character(data, position, size):
            return False
        position += size
    return True


def _sequence_size(first: int) -> int:
    """Return how many bytes a character has that starts with `first`; 0 where none may."""
    if first < 0x80:
        return 1
    if first < 0xC2:
        return 0
    if first < 0xE0:
        return 2
    if first < 0xF0:
        return 3
    return 4 if first < 0xF5 else 0


def _is_character(data: bytes, position: int, size: int) -> bool:
    point = data[position] & (0x7F >> size)
    for index in range(position + 1, position + size):
        if data[index] & 0xC0 != 0x80:
            return False
        point = point << 6 | data[index] & 0x3F
    if size == 3:
        return point >= 0x800 and not 0xD800 <= point <= 0xDFFF
    return size == 2 or 0x10000 <= point <= LAST_CODE_POINT
