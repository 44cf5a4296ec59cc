"""SHA-512 (FIPS 180-4) in big integers, because MicroPython's `hashlib` has none.

Slow: it serves Ed25519 alone, which is slower by far.
"""

from binascii import unhexlify

from leafkey.compat import const

_BLOCK_SIZE = const(128)
_ROUNDS = const(80)
_MASK = (1 << 64) - 1
# Section 5.3.5, and section 4.2.3: one constant a round, 8 bytes each.
_INITIAL = unhexlify(
    "6a09e667f3bcc908bb67ae8584caa73b3c6ef372fe94f82ba54ff53a5f1d36f1510e527fade682d1"
    "9b05688c2b3e6c1f1f83d9abfb41bd6b5be0cd19137e2179"
)
_CONSTANTS = unhexlify(
    "428a2f98d728ae227137449123ef65cdb5c0fbcfec4d3b2fe9b5dba58189dbbc3956c25bf348b538"
    "59f111f1b605d019923f82a4af194f9bab1c5ed5da6d8118d807aa98a303024212835b0145706fbe"
    "243185be4ee4b28c550c7dc3d5ffb4e272be5d74f27b896f80deb1fe3b1696b19bdc06a725c71235"
    "c19bf174cf692694e49b69c19ef14ad2efbe4786384f25e30fc19dc68b8cd5b5240ca1cc77ac9c65"
    "2de92c6f592b02754a7484aa6ea6e4835cb0a9dcbd41fbd476f988da831153b5983e5152ee66dfab"
    "a831c66d2db43210b00327c898fb213fbf597fc7beef0ee4c6e00bf33da88fc2d5a79147930aa725"
    "06ca6351e003826f142929670a0e6e7027b70a8546d22ffc2e1b21385c26c9264d2c6dfc5ac42aed"
    "53380d139d95b3df650a73548baf63de766a0abb3c77b2a881c2c92e47edaee692722c851482353b"
    "a2bfe8a14cf10364a81a664bbc423001c24b8b70d0f89791c76c51a30654be30d192e819d6ef5218"
    "d69906245565a910f40e35855771202a106aa07032bbd1b819a4c116b8d2d0c81e376c085141ab53"
    "2748774cdf8eeb9934b0bcb5e19b48a8391c0cb3c5c95a634ed8aa4ae3418acb5b9cca4f7763e373"
    "682e6ff3d6b2b8a3748f82ee5defb2fc78a5636f43172f6084c87814a1f0ab728cc702081a6439ec"
    "90befffa23631e28a4506cebde82bde9bef9a3f7b2c67915c67178f2e372532bca273eceea26619c"
    "d186b8c721c0c207eada7dd6cde0eb1ef57d4f7fee6ed17806f067aa72176fba0a637dc5a2c898a6"
    "113f9804bef90dae1b710b35131c471b28db77f523047d8432caab7b40c724933c9ebe0a15c9bebc"
    "431d67c49c100d4c4cc5d4becb3e42b6597f299cfc657e2a5fcb6fab3ad6faec6c44198c4a475817"
)


def sha512(data: bytes) -> bytes:
    """Return the 64-byte digest of `data`."""
    state = [_word(_INITIAL, i) for i in range(8)]
    padded = bytes(data) + b"\x80" + bytes(-(len(data) + 17) % _BLOCK_SIZE)
    padded += (8 * len(data)).to_bytes(16, "big")
    for offset in range(0, len(padded), _BLOCK_SIZE):
        state = _compressed(state, _schedule(padded, offset // 8))
    return b"".join([word.to_bytes(8, "big") for word in state])


def _word(data: bytes, index: int) -> int:
    return int.from_bytes(data[8 * index : 8 * index + 8], "big")


def _schedule(data: bytes, first: int) -> list:
    """Return the words of one block, expanded to one a round (section 6.4.2 step 1)."""
    words = [_word(data, first + i) for i in range(16)]
    for i in range(16, _ROUNDS):
        # A word beside itself rotates by a shift.
        a, b = words[i - 15] << 64 | words[i - 15], words[i - 2] << 64 | words[i - 2]
        mixed = (a >> 1 ^ a >> 8) & _MASK ^ a >> 71
        mixed += (b >> 19 ^ b >> 61) & _MASK ^ b >> 70
        words.append((words[i - 16] + words[i - 7] + mixed) & _MASK)
    return words


def _compressed(state: list, words: list) -> list:
    """Return the state after one block (section 6.4.2 steps 2 to 4)."""
    a, b, c, d, e, f, g, h = state
    for i in range(_ROUNDS):
        ee, aa = e << 64 | e, a << 64 | a
        first = h + ((ee >> 14 ^ ee >> 18 ^ ee >> 41) & _MASK) + (e & f ^ (_MASK ^ e) & g)
        first += _word(_CONSTANTS, i) + words[i]
        second = ((aa >> 28 ^ aa >> 34 ^ aa >> 39) & _MASK) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = first + second & _MASK, a, b, c, d + first & _MASK, e, f, g
    return [(x + y) & _MASK for x, y in zip(state, (a, b, c, d, e, f, g, h))]
