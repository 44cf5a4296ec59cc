"""AES-CCM up to the edges of its length fields."""
# heap: 2m

import gc
import unittest
from hashlib import sha256

from tests.support import vectors
from tests.unit.crypto import cases
from tests.unit.crypto.backends import all_backends

SIZES = ("aad_size", "plaintext_size")


class LargeCcm(unittest.TestCase):
    def check(self, aead, name: str, case: dict):
        key, nonce = cases.values(case, ("key", "nonce"))
        parts = [key, nonce] + [bytes(case[field]) for field in SIZES]
        if case["expect"] == "ok":
            sealed = aead.encrypt(*parts)
            self.assertEqual(sha256(sealed).digest(), vectors.unhex(case["sha256"]), name)
        else:
            cases.check_failure(self, name, case["expect"], aead.encrypt, parts)

    def test_vectors(self):
        for backend in all_backends():
            for name, case in vectors.load("crypto/aead_10_large"):
                self.check(backend.aead(10), backend.name + ", " + name, case)
                gc.collect()

    def test_a_ciphertext_that_is_too_long_is_not_authentic(self):
        for backend in all_backends():
            parts = [bytes(16), bytes(13), b"", bytes(65536 + 8)]
            name = backend.name
            cases.check_failure(self, name, "AuthenticationError", backend.aead(10).decrypt, parts)


if __name__ == "__main__":
    unittest.main()
