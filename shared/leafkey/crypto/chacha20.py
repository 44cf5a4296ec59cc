"""ChaCha20 (RFC 8439 sections 2.1 to 2.4) in plain Python: the oracle of every faster block."""

import struct

from leafkey.compat import const
from leafkey.crypto.xor import xor as xor_bytes
from leafkey.errors import EncodeError

KEY_SIZE = const(32)
NONCE_SIZE = const(16)
BLOCK_SIZE = const(64)
_MASK = const(0xFFFFFFFF)
_SIGMA = b"expand 32-byte k"


def block(key: bytes, nonce16: bytes) -> bytes:
    """Return the 64 bytes of one block: a key of 32 bytes, a nonce of 16, else ValueError.

    The nonce is state words 12 to 15: RFC 8439's 32-bit counter and 96-bit nonce, or the original
    64-bit counter and 64-bit nonce, little endian.
    """
    check_sizes(key, nonce16)
    initial = struct.unpack("<16I", _SIGMA + key + nonce16)
    state = list(initial)
    for _ in range(10):
        _quarter_round(state, 0, 4, 8, 12)
        _quarter_round(state, 1, 5, 9, 13)
        _quarter_round(state, 2, 6, 10, 14)
        _quarter_round(state, 3, 7, 11, 15)
        _quarter_round(state, 0, 5, 10, 15)
        _quarter_round(state, 1, 6, 11, 12)
        _quarter_round(state, 2, 7, 8, 13)
        _quarter_round(state, 3, 4, 9, 14)
    return struct.pack("<16I", *[(state[i] + initial[i]) & _MASK for i in range(16)])


def xor(block, key: bytes, nonce16: bytes, data: bytes) -> bytes:
    """Return `data` XOR the key stream of `block` (RFC 8439 section 2.4).

    The first 4 bytes of the nonce are the counter of the first block. EncodeError if the data would
    carry the counter past 32 bits and so repeat key stream.
    """
    check_sizes(key, nonce16)
    counter = int.from_bytes(nonce16[:4], "little")
    if counter + (len(data) + BLOCK_SIZE - 1) // BLOCK_SIZE > 1 << 32:
        raise EncodeError("the data is longer than the ChaCha20 counter can count")
    out = bytearray(len(data))
    for offset in range(0, len(out), BLOCK_SIZE):
        piece = data[offset : offset + BLOCK_SIZE]
        stream = block(key, counter.to_bytes(4, "little") + nonce16[4:])
        out[offset : offset + BLOCK_SIZE] = xor_bytes(piece, stream[: len(piece)])
        counter += 1
    return bytes(out)


def check_sizes(key: bytes, nonce16: bytes):
    """Raise ValueError, naming sizes only, unless the key has 32 and the nonce 16 bytes."""
    if len(key) != KEY_SIZE or len(nonce16) != NONCE_SIZE:
        sizes = (len(key), len(nonce16))
        raise ValueError("ChaCha20 needs a key of 32 and a nonce of 16 bytes, got %d, %d" % sizes)


def _quarter_round(x: list, a: int, b: int, c: int, d: int):
    x[a] = (x[a] + x[b]) & _MASK
    x[d] = _rotate_left(x[d] ^ x[a], 16)
    x[c] = (x[c] + x[d]) & _MASK
    x[b] = _rotate_left(x[b] ^ x[c], 12)
    x[a] = (x[a] + x[b]) & _MASK
    x[d] = _rotate_left(x[d] ^ x[a], 8)
    x[c] = (x[c] + x[d]) & _MASK
    x[b] = _rotate_left(x[b] ^ x[c], 7)


def _rotate_left(word: int, count: int) -> int:
    return (word << count | word >> (32 - count)) & _MASK
