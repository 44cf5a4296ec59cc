"""Deterministic CBOR against tests/vectors/codec, its limits, and seeded mutations."""

import struct
import unittest

from leafkey.codec import cbor, utf8
from leafkey.errors import DecodeError, EncodeError
from tests.support import vectors


def value_of(described: object) -> object:
    """Return the value that a vector describes (tests/vectors/README.md, "CBOR values")."""
    if isinstance(described, list):
        return [value_of(element) for element in described]
    if not isinstance(described, dict):
        return described
    if "bytes" in described:
        return vectors.unhex(described["bytes"])
    if "float" in described:
        return struct.unpack(">d", vectors.unhex(described["float"]))[0]
    if "tag" in described:
        return cbor.Tag(described["tag"][0], value_of(described["tag"][1]))
    return {value_of(key): value_of(element) for key, element in described["map"]}


def holds_doubles() -> bool:
    """Say whether this runtime's floats have double precision: many boards' do not."""
    return 1.0 + 2.0**-40 != 1.0


class Generator:
    """A linear congruential generator: the same numbers on every runtime."""

    def __init__(self, seed: int):
        self._state = seed

    def below(self, limit: int) -> int:
        self._state = (self._state * 69069 + 1) & 0xFFFFFFFF
        return (self._state >> 8) % limit


class VectorTest(unittest.TestCase):
    def test_encodes(self):
        for name, case in vectors.load("codec/cbor"):
            if holds_doubles() or "fb" not in case["encoded"]:
                encoded = cbor.encode(value_of(case["value"]))
                self.assertEqual(encoded, vectors.unhex(case["encoded"]), name)

    def test_decodes(self):
        for name, case in vectors.load("codec/cbor"):
            decoded = cbor.decode(vectors.unhex(case["encoded"]))
            expected = value_of(case["value"])
            if expected != expected:
                self.assertTrue(decoded != decoded, name)
            else:
                self.assertEqual(decoded, expected, name)
                self.assertEqual(type(decoded), type(expected), name)

    def test_refuses(self):
        for name, case in vectors.load("codec/cbor_failure"):
            try:
                cbor.decode(vectors.unhex(case["encoded"]))
                answer = "accepted"
            except DecodeError:
                answer = "DecodeError"
            self.assertEqual(answer, case["expect"], name)


class LenientTest(unittest.TestCase):
    def test_maps_need_not_be_sorted(self):
        data = vectors.unhex("a3 02 a2 20 00 01 00 01 f6 41 00 80")
        expected = {2: {-1: 0, 1: 0}, 1: None, b"\x00": []}
        self.assertEqual(cbor.decode(data, lenient=True), expected)

    def test_forms_may_be_longer(self):
        data = vectors.unhex("98 02 19 00 01 58 01 ff")
        self.assertEqual(cbor.decode(data, lenient=True), [1, b"\xff"])

    def test_keys_do_not_repeat(self):
        for text in ("a2 01 00 01 01", "a3 01 00 02 00 01 00", "a2 01 00 18 01 00"):
            with self.assertRaises(DecodeError, msg=text):
                cbor.decode(vectors.unhex(text), lenient=True)

    def test_limits_stay(self):
        self.assertEqual(cbor.decode(b"\x83\x01\x02\x03", max_items=4, lenient=True), [1, 2, 3])
        with self.assertRaises(DecodeError):
            cbor.decode(b"\x83\x01\x02\x03", max_items=3, lenient=True)


class LimitTest(unittest.TestCase):
    def test_depth_is_the_callers(self):
        data = b"\x81\x81\x00"
        self.assertEqual(cbor.decode(data, max_depth=2), [[0]])
        with self.assertRaises(DecodeError):
            cbor.decode(data, max_depth=1)
        with self.assertRaises(DecodeError):
            cbor.decode(b"\xc1\x00", max_depth=0)

    def test_items_are_the_callers_and_keys_count(self):
        data = b"\xa2\x00\x00\x01\x00"
        self.assertEqual(cbor.decode(data, max_items=5), {0: 0, 1: 0})
        with self.assertRaises(DecodeError):
            cbor.decode(data, max_items=4)
        data = b"\x99\x01\x00" + bytes(256)
        self.assertEqual(cbor.decode(data, max_items=257), [0] * 256)

    def test_depth_1000_ends_at_the_limit(self):
        for opening in (b"\x81", b"\xa1\x00", b"\xc1"):
            with self.assertRaises(DecodeError):
                cbor.decode(opening * 1000 + b"\x00")

    def test_cut_anywhere_is_refused(self):
        data = cbor.encode({1: [b"abc", "d", 1.5, {"k": None}], -7: cbor.Tag(16, 70000)})
        for end in range(len(data)):
            with self.assertRaises(DecodeError):
                cbor.decode(data[:end])


class EncodeTest(unittest.TestCase):
    def test_takes_what_is_bytes_or_a_sequence(self):
        self.assertEqual(cbor.encode(bytearray(b"a")), b"\x41a")
        self.assertEqual(cbor.encode(memoryview(b"xab")[1:]), b"\x42ab")
        self.assertEqual(cbor.encode((1, (2,))), b"\x82\x01\x81\x02")

    def test_booleans_are_no_numbers(self):
        self.assertEqual(cbor.encode([True, False, 1, 0]), b"\x84\xf5\xf4\x01\x00")

    def test_order_of_insertion_does_not_matter(self):
        self.assertEqual(cbor.encode({2: 0, -1: 0, 1: 0}), cbor.encode({-1: 0, 1: 0, 2: 0}))

    def test_refuses_what_has_no_form(self):
        endless = []
        endless.append(endless)
        for value in (
            1 << 64,
            -(1 << 64) - 1,
            object(),
            {True: 0},
            {None: 0},
            {1.5: 0},
            {(1,): 0},
            cbor.Tag(-1, 0),
            cbor.Tag(True, 0),
            cbor.Tag(1 << 64, 0),
            "\ud800",
            {"\udfff": 0},
            endless,
        ):
            with self.assertRaises(EncodeError):
                cbor.encode(value)

    def test_a_float_that_is_out_of_range_here_does_not_crash(self):
        decoded = cbor.decode(b"\xfb\x7e\x37\xe4\x3c\x88\x00\x75\x9c")
        self.assertTrue(isinstance(decoded, float) and decoded > 1e37)
        cbor.encode(decoded)


class MutationTest(unittest.TestCase):
    """Any bytes either are the one encoding of a value or raise DecodeError, nothing else."""

    def check(self, data: bytes) -> None:
        try:
            value = cbor.decode(data)
        except DecodeError:
            return
        if holds_doubles() or b"\xfb" not in data:
            self.assertEqual(cbor.encode(value), data)

    def test_mutated_messages(self):
        seeds = [vectors.unhex(case["encoded"]) for _, case in vectors.load("codec/cbor")]
        seeds.append(cbor.encode({1: [b"abc", "\u6c34", 1.5, {"k": None}], -7: cbor.Tag(16, 9)}))
        generator = Generator(7)
        for _ in range(3000):
            data = bytearray(seeds[generator.below(len(seeds))])
            for _ in range(1 + generator.below(3)):
                data[generator.below(len(data))] = generator.below(256)
            self.check(bytes(data[: 1 + generator.below(len(data) + 4)]))

    def test_arbitrary_bytes(self):
        generator = Generator(11)
        for _ in range(3000):
            self.check(bytes([generator.below(256) for _ in range(generator.below(12))]))


class Utf8Test(unittest.TestCase):
    def test_every_border_of_the_table(self):
        good = b"\x00 \x7f \xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf"
        self.assertTrue(utf8.is_valid(good + b" \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"))

    def test_empty(self):
        self.assertEqual(utf8.decode(b""), "")


if __name__ == "__main__":
    unittest.main()
