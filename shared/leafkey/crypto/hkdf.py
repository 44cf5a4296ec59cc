"""HKDF with SHA-256 (RFC 5869)."""

from leafkey.compat import const
from leafkey.crypto.hmac import hmac_sha256

_HASH_SIZE = const(32)
_MAX_SIZE = const(8160)


def hkdf_sha256(salt: bytes, ikm: bytes, info: bytes, length: int) -> bytes:
    """Return `length` bytes of output keying material; ValueError unless 1 to 8160."""
    check_length(length)
    return expand(extract(salt, ikm), info, length)


def check_length(length: int):
    """Raise ValueError unless HKDF-SHA-256 can give `length` bytes (section 2.3)."""
    if not 1 <= length <= _MAX_SIZE:
        raise ValueError("HKDF-SHA-256 gives 1 to 8160 bytes, not %d" % length)


def extract(salt: bytes, ikm: bytes) -> bytes:
    """Return the pseudorandom key, 32 bytes (section 2.2); an empty salt counts as zeros."""
    return hmac_sha256(salt, ikm)


def expand(prk: bytes, info: bytes, length: int) -> bytes:
    """Return `length` bytes from a pseudorandom key (section 2.3)."""
    block = out = b""
    for counter in range(1, (length + _HASH_SIZE - 1) // _HASH_SIZE + 1):
        block = hmac_sha256(prk, block + info + bytes([counter]))
        out += block
    return out[:length]
