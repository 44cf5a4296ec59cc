"""HMAC-SHA-256 (RFC 2104), because MicroPython has no `hmac`."""

from hashlib import sha256

from leafkey.compat import const

_BLOCK_SIZE = const(64)
_INNER_PAD = int.from_bytes(b"\x36" * 64, "little")
_OUTER_PAD = int.from_bytes(b"\x5c" * 64, "little")


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Return the 32-byte MAC of `data`; keys of any size."""
    if len(key) > _BLOCK_SIZE:
        key = sha256(key).digest()
    # A little-endian integer is padded with zeros at the end of the key, as the RFC pads it.
    number = int.from_bytes(key, "little")
    inner = sha256((number ^ _INNER_PAD).to_bytes(_BLOCK_SIZE, "little"))
    inner.update(data)
    outer = sha256((number ^ _OUTER_PAD).to_bytes(_BLOCK_SIZE, "little"))
    outer.update(inner.digest())
    return outer.digest()
