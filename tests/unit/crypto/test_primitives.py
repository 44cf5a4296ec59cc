"""The parts below the providers: streams, Poly1305, HKDF's first step, comparison, XOR."""

import unittest

from leafkey.crypto import chacha20
from leafkey.crypto.compare import equal
from leafkey.crypto.hkdf import extract
from leafkey.crypto.poly1305 import mac
from leafkey.crypto.portable import PortableProvider
from leafkey.crypto.xor import xor
from leafkey.errors import UnsupportedError
from tests.support import vectors
from tests.unit.crypto import cases
from tests.unit.crypto.backends import all_backends


class Stream(unittest.TestCase):
    def test_vectors_over_every_block(self):
        for backend in all_backends():
            cases.check(
                self,
                backend.name,
                "chacha20_stream",
                lambda *inputs: chacha20.xor(backend.chacha20_block, *inputs),  # noqa: B023
                ("key", "nonce16", "data"),
                ("result",),
            )

    def test_no_block_is_made_for_data_that_is_too_long(self):
        made = []
        nonce16 = b"\xfe\xff\xff\xff" + bytes(12)
        arguments = [made.append, bytes(32), nonce16, bytes(129)]
        cases.check_failure(self, "129 bytes", "EncodeError", chacha20.xor, arguments)
        self.assertEqual(made, [])

    def test_sizes(self):
        for key, nonce16 in ((bytes(31), bytes(16)), (bytes(32), bytes(12))):
            arguments = [chacha20.block, key, nonce16, b""]
            cases.check_failure(self, "sizes", "ValueError", chacha20.xor, arguments)


class Parts(unittest.TestCase):
    def test_poly1305(self):
        cases.check(self, "portable", "poly1305", mac, ("key", "message"), ("tag",))

    def test_hkdf_extract(self):
        for name, case in vectors.load("crypto/hkdf_sha256"):
            if case["expect"] == "ok":
                salt, ikm, prk = cases.values(case, ("salt", "ikm", "prk"))
                self.assertEqual(extract(salt, ikm), prk, name)

    def test_equal(self):
        self.assertTrue(equal(b"", b""))
        self.assertTrue(equal(b"abc", bytearray(b"abc")))
        self.assertTrue(equal(memoryview(b"abc"), b"abc"))
        self.assertFalse(equal(b"abc", b"abd"))
        self.assertFalse(equal(b"abc", b"bbc"))
        self.assertFalse(equal(b"abc", b"ab"))
        self.assertFalse(equal(b"", b"a"))

    def test_equal_looks_at_every_byte(self):
        looked = []

        class Watched:
            def __len__(self):
                return 4

            def __getitem__(self, index):
                looked.append(index)
                return 0

        watched: object = Watched()
        self.assertFalse(equal(watched, b"\xff\xff\xff\xff"))  # pyright: ignore[reportArgumentType]
        self.assertEqual(looked, [0, 1, 2, 3])

    def test_xor(self):
        self.assertEqual(xor(b"", b""), b"")
        self.assertEqual(xor(b"\x00\xff\x0f", b"\x00\x0f\xff"), b"\x00\xf0\xf0")

    def test_portable_without_aes_has_no_ccm(self):
        with self.assertRaises(UnsupportedError):
            PortableProvider().aead(10)


if __name__ == "__main__":
    unittest.main()
