"""leafkey.pat.refusal: a hint for one client, noise for everybody else."""

import unittest

from leafkey.errors import AuthenticationError
from leafkey.pat import refusal
from tests.unit.pat.world import PROVIDER, Random

KEY = bytes(range(32))
NUMBERS = (0, 1, 255, 1 << 29, (1 << 30) - 1, 1 << 30, (1 << 62) + 3, (1 << 64) - 1)


def make(number: int, key: bytes = KEY, seed: int = 1) -> bytes:
    return refusal.make(PROVIDER, Random(seed).bytes, key, number)


class RefusalTest(unittest.TestCase):
    def test_round_trip(self):
        for number in NUMBERS:
            field = make(number)
            self.assertEqual(len(field), 24)
            self.assertEqual(refusal.read(PROVIDER, KEY, field), number)

    def test_only_under_its_key(self):
        for place in range(32):
            key = bytearray(KEY)
            key[place] ^= 1
            with self.assertRaises(AuthenticationError):
                refusal.read(PROVIDER, bytes(key), make(7))

    def test_every_bit_counts(self):
        field = make(7)
        for bit in range(8 * 24):
            changed = bytearray(field)
            changed[bit // 8] ^= 1 << bit % 8
            with self.assertRaises(AuthenticationError):
                refusal.read(PROVIDER, KEY, bytes(changed))

    def test_other_sizes_and_nothing(self):
        field = make(7)
        for other in (None, b"", field[:23], field + b"\x00", bytes(24)):
            with self.assertRaises(AuthenticationError):
                refusal.read(PROVIDER, KEY, other)

    def test_the_number_does_not_show(self):
        """The same number twice, and two numbers under the same R, have nothing in common."""
        first, second = make(7, seed=1), make(7, seed=2)
        self.assertNotEqual(first[8:16], second[8:16])
        self.assertNotEqual(first[16:], second[16:])
        other = make(8, seed=1)
        self.assertEqual(first[:8], other[:8])
        self.assertNotEqual(first[8:16], other[8:16])
        masked = bytes([a ^ b for a, b in zip(first[8:16], other[8:16])])
        self.assertNotEqual(masked, b"\x0f" + bytes(7))

    def test_looks_random(self):
        """Bits of many hints under one key, counted: each within six deviations of a half."""
        rounds = 200
        counts = [0] * (8 * 24)
        random = Random(3)
        for number in range(rounds):
            field = refusal.make(PROVIDER, random.bytes, KEY, number)
            for bit in range(8 * 24):
                counts[bit] += field[bit // 8] >> bit % 8 & 1
        for count in counts:
            self.assertTrue(abs(2 * count - rounds) < 6 * 15, str(count))


if __name__ == "__main__":
    unittest.main()
