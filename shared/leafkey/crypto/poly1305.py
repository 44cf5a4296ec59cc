"""Poly1305 (RFC 8439 section 2.5) in big integers."""

from leafkey.compat import const

KEY_SIZE = const(32)
TAG_SIZE = const(16)
_BLOCK_SIZE = const(16)
_PRIME = (1 << 130) - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


def mac(key: bytes, message: bytes) -> bytes:
    """Return the 16-byte tag. The key serves one message; ValueError unless it has 32 bytes."""
    if len(key) != KEY_SIZE:
        raise ValueError("Poly1305 needs a key of 32 bytes, got %d" % len(key))
    r = int.from_bytes(key[:16], "little") & _CLAMP
    accumulator = 0
    for offset in range(0, len(message), _BLOCK_SIZE):
        block = message[offset : offset + _BLOCK_SIZE]
        accumulator += int.from_bytes(block, "little") + (1 << 8 * len(block))
        accumulator = accumulator * r % _PRIME
    accumulator += int.from_bytes(key[16:], "little")
    return (accumulator & ((1 << 128) - 1)).to_bytes(TAG_SIZE, "little")
