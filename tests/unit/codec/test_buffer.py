"""Bounds of leafkey.codec.buffer."""

import unittest

from leafkey.codec.buffer import Reader
from leafkey.errors import DecodeError


class ReaderTest(unittest.TestCase):
    def setUp(self):
        self.reader = Reader(b"\x01\x02\x03\x04\x05")

    def test_reads_front_to_back(self):
        self.assertEqual(self.reader.take(2), b"\x01\x02")
        self.assertEqual(self.reader.uint(2), 0x0304)
        self.assertEqual(self.reader.left(), 1)
        self.assertEqual(self.reader.rest(), b"\x05")
        self.reader.end()

    def test_takes_nothing(self):
        self.assertEqual(self.reader.take(0), b"")
        self.assertEqual(self.reader.uint(0), 0)
        self.assertEqual(self.reader.left(), 5)

    def test_refuses_more_than_is_left_and_stays_where_it_was(self):
        self.reader.take(3)
        for count in (3, 1 << 31, 1 << 63, -1):
            with self.assertRaises(DecodeError):
                self.reader.take(count)
            with self.assertRaises(DecodeError):
                self.reader.uint(count)
        self.assertEqual(self.reader.rest(), b"\x04\x05")

    def test_end_refuses_what_is_left(self):
        with self.assertRaises(DecodeError):
            self.reader.end()

    def test_since_returns_what_was_read(self):
        self.reader.take(1)
        start = self.reader.position()
        self.reader.take(2)
        self.assertEqual(self.reader.since(start), b"\x02\x03")

    def test_copies_what_it_returns(self):
        data = bytearray(b"ab")
        taken = Reader(data).take(2)
        data[0] = 0
        self.assertEqual(taken, b"ab")
        self.assertTrue(isinstance(taken, bytes))


if __name__ == "__main__":
    unittest.main()
