"""Every backend of this runtime against tests/vectors/crypto (made with pyca/cryptography)."""

import unittest

from leafkey.crypto.provider import default_provider
from leafkey.errors import UnsupportedError
from tests.support import vectors
from tests.unit.crypto import cases
from tests.unit.crypto.backends import all_backends

PARTS = ("key", "nonce", "aad")


def unaligned(data: bytes) -> memoryview:
    """Return `data` as a view that begins one byte behind where objects begin."""
    return memoryview(b"x" + data)[1:]


class Conformance(unittest.TestCase):
    def setUp(self):
        self.backends = all_backends()

    def test_two_backends_and_the_default_is_the_fast_one(self):
        self.assertEqual(len(self.backends), 2)
        self.assertEqual(default_provider().name, self.backends[0].name)

    def test_chacha20_block(self):
        for backend in self.backends:
            cases.check(
                self,
                backend.name,
                "chacha20_block",
                backend.chacha20_block,
                ("key", "nonce16"),
                ("block",),
            )

    def test_hmac_sha256(self):
        for backend in self.backends:
            cases.check(
                self, backend.name, "hmac_sha256", backend.hmac_sha256, ("key", "data"), ("mac",)
            )

    def test_hkdf_sha256(self):
        for backend in self.backends:
            cases.check(
                self,
                backend.name,
                "hkdf_sha256",
                backend.hkdf_sha256,
                ("salt", "ikm", "info", "length"),
                ("okm", "prk"),
            )

    def test_sha256(self):
        abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        for backend in self.backends:
            self.assertEqual(backend.sha256(b"abc"), vectors.unhex(abc), backend.name)

    def test_unknown_algorithms(self):
        for backend in self.backends:
            for alg in (0, 1, -1, 11, 25):
                with self.assertRaises(UnsupportedError, msg=backend.name):
                    backend.aead(alg)

    def test_any_bytes_like_argument(self):
        key, nonce = bytes(range(32)), bytes(range(16))
        for backend in self.backends:
            block = backend.chacha20_block
            self.assertEqual(block(unaligned(key), unaligned(nonce)), block(key, nonce))
            self.assertEqual(block(bytearray(key), bytearray(nonce)), block(key, nonce))
            self.assertEqual(
                backend.hmac_sha256(unaligned(key), unaligned(nonce)),
                backend.hmac_sha256(key, nonce),
            )

    def test_results_are_bytes(self):
        for backend in self.backends:
            self.assertIs(type(backend.chacha20_block(bytes(32), bytes(16))), bytes)
            for alg in (10, 24):
                aead = backend.aead(alg)
                key, nonce = bytes(aead.key_size), bytes(aead.nonce_size)
                sealed = aead.encrypt(key, nonce, b"", b"text")
                self.assertIs(type(sealed), bytes)
                self.assertIs(type(aead.decrypt(key, nonce, b"", sealed)), bytes)


class AeadConformance(unittest.TestCase):
    def check_suite(self, aead, name: str, suite: str):
        known = ("name", "expect", "plaintext", "ciphertext") + PARTS
        for label, case in vectors.load("crypto/" + suite):
            label = name + ", " + label
            self.assertEqual([field for field in case if field not in known], [], label)
            if case["expect"] == "ok":
                self.check_good(aead, label, case)
            else:
                self.check_bad(aead, label, case)

    def check_good(self, aead, label: str, case: dict):
        plaintext, ciphertext = cases.values(case, ("plaintext", "ciphertext"))
        parts = cases.values(case, PARTS)
        self.assertEqual(aead.encrypt(*parts, plaintext), ciphertext, label)
        self.assertEqual(aead.decrypt(*parts, ciphertext), plaintext, label)
        views = [unaligned(part) for part in parts]
        self.assertEqual(aead.encrypt(*views, unaligned(plaintext)), ciphertext, label)
        self.assertEqual(aead.decrypt(*views, unaligned(ciphertext)), plaintext, label)

    def check_bad(self, aead, label: str, case: dict):
        arguments = cases.values(case, PARTS + ("ciphertext",))
        cases.check_failure(self, label, case["expect"], aead.decrypt, arguments)
        if case["expect"] == "ValueError":
            cases.check_failure(self, label, case["expect"], aead.encrypt, arguments)

    def check_all(self, alg: int, sizes: tuple):
        for backend in all_backends():
            aead = backend.aead(alg)
            self.assertEqual((aead.key_size, aead.nonce_size, aead.tag_size), sizes, backend.name)
            self.check_suite(aead, backend.name, "aead_%d" % alg)

    def test_aes_ccm_16_64_128(self):
        self.check_all(10, (16, 13, 8))

    def test_chacha20_poly1305(self):
        self.check_all(24, (32, 12, 16))


if __name__ == "__main__":
    unittest.main()
