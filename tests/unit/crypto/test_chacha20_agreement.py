"""The fast ChaCha20 block of this runtime against the portable one, the oracle."""

import unittest
from hashlib import sha256

from leafkey.crypto import chacha20
from tests.unit.crypto.backends import all_backends

RANDOM_INPUTS = 300

# Words at which sums carry, left shifts overflow and signs turn.
EDGES = (
    b"\x00\x00\x00\x00",
    b"\x01\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\xfe\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x80",
    b"\xff\xff\xff\x3f",
    b"\x00\x00\x00\x40",
    b"\xff\xff\x00\x00",
    b"\x00\x00\xff\xff",
)


def random_bytes(seed: int, label: bytes) -> bytes:
    """Return 32 bytes that look random and never change."""
    return sha256(label + seed.to_bytes(4, "big")).digest()


def pick(seed: int, count: int) -> bytes:
    """Return `count` words, each an edge or, one in three, random."""
    draw = random_bytes(seed, b"pick")
    words = random_bytes(seed, b"words")
    picked = []
    for i in range(count):
        word = words[4 * i % 32 : 4 * i % 32 + 4] if draw[i] % 3 == 0 else None
        picked.append(word or EDGES[draw[i] % len(EDGES)])
    return b"".join(picked)


class Agreement(unittest.TestCase):
    def setUp(self):
        self.fast = all_backends()[0].chacha20_block

    def check(self, key: bytes, nonce16: bytes):
        self.assertEqual(self.fast(key, nonce16), chacha20.block(key, nonce16))

    def test_random_inputs(self):
        for seed in range(RANDOM_INPUTS):
            self.check(random_bytes(seed, b"key"), random_bytes(seed, b"nonce")[:16])

    def test_inputs_of_edge_words(self):
        for seed in range(RANDOM_INPUTS):
            words = pick(seed, 12)
            self.check(words[:32], words[32:])

    def test_every_word_at_every_edge(self):
        for edge in EDGES:
            self.check(edge * 8, edge * 4)
            for word in range(12):
                state = bytearray(48)
                state[4 * word : 4 * word + 4] = edge
                self.check(bytes(state[:32]), bytes(state[32:]))

    def test_a_counter_that_wraps_its_words(self):
        for counter in ((1 << 32) - 1, 1 << 32, (1 << 63) - 1, (1 << 64) - 1):
            self.check(bytes(range(32)), counter.to_bytes(8, "little") + bytes(8))

    def test_a_chain_of_blocks(self):
        fast = slow = bytes(32)
        for index in range(100):
            nonce16 = index.to_bytes(8, "little") + bytes(8)
            fast = self.fast(fast, nonce16)[:32]
            slow = chacha20.block(slow, nonce16)[:32]
        self.assertEqual(fast, slow)

    def test_arguments_stay_as_they_are(self):
        key, nonce16 = bytearray(range(32)), bytearray(range(16))
        self.fast(key, nonce16)
        self.assertEqual((key, nonce16), (bytearray(range(32)), bytearray(range(16))))


if __name__ == "__main__":
    unittest.main()
