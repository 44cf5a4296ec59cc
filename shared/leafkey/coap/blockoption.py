"""The value of Block1 and Block2: number, more, size exponent (RFC 7959 section 2.2)."""

from leafkey.coap.message import Message
from leafkey.compat import const
from leafkey.errors import DecodeError

# 2^(6+4) = 1024 bytes; 7 is reserved.
MAX_SZX = const(6)
MAX_NUM = const(0xFFFFF)


def block_size(szx: int) -> int:
    """Bytes in a block with this size exponent."""
    return 16 << szx


def encode_block(num: int, more: bool, szx: int) -> int:
    """The option's value for Message.add."""
    return num << 4 | (8 if more else 0) | szx


def decode_block(message: Message, number: int) -> tuple | None:
    """(num, more, szx) of option `number`, None if there is none; DecodeError if reserved."""
    value = message.uint(number)
    if value is None:
        return None
    if value > MAX_NUM << 4 | 15 or value & 7 > MAX_SZX:
        raise DecodeError("block option out of range")
    return value >> 4, value & 8 != 0, value & 7
