"""Ed25519 of every backend against tests/vectors/crypto, and SHA-512 of the portable one."""

# timeout: 120

import unittest

from leafkey.crypto.sha512 import sha512
from leafkey.errors import AuthenticationError
from tests.support import vectors
from tests.unit.crypto import cases
from tests.unit.crypto.backends import all_backends


class Ed25519Test(unittest.TestCase):
    def test_sha512(self):
        cases.check(self, "portable", "sha512", sha512, ("data",), ("digest",))

    def test_sign(self):
        for backend in all_backends():

            def sign(secret: bytes, message: bytes) -> bytes:
                return backend.ed25519_key(secret).sign(message)  # noqa: B023

            cases.check(
                self,
                backend.name,
                "ed25519_sign",
                sign,
                ("secret", "message"),
                ("signature", "public"),
            )

    def test_public_keys(self):
        for backend in all_backends():
            for name, case in vectors.load("crypto/ed25519_sign"):
                if case["expect"] == "ok":
                    secret, public = cases.values(case, ("secret", "public"))
                    self.assertEqual(backend.ed25519_key(secret).public, public, name)

    def check_verify(self, suite: str):
        for backend in all_backends():
            verify = backend.ed25519_verify
            for name, case in vectors.load("crypto/" + suite):
                name = backend.name + ", " + name
                arguments = cases.values(case, ("public", "signature", "message"))
                if case["expect"] == "ok":
                    self.assertIsNone(verify(*arguments), name)
                else:
                    cases.check_failure(self, name, case["expect"], verify, arguments)

    def test_verify(self):
        self.check_verify("ed25519_verify")

    def test_verify_with_odd_keys(self):
        self.check_verify("ed25519_odd_keys")

    def test_both_outcomes_are_there_for_odd_keys(self):
        """Else the vectors would not tell an implementation with cofactor from one without."""
        found = set()
        for name, case in vectors.load("crypto/ed25519_odd_keys"):
            for kind in ("order 8", "mixed"):
                if kind in name:
                    found.add((kind, case["expect"]))
        self.assertEqual(len(found), 4)

    def test_any_bytes_like_argument(self):
        for backend in all_backends():
            key = backend.ed25519_key(bytes(range(32)))
            signature = key.sign(b"text")
            views = [memoryview(b"x" + part)[1:] for part in (key.public, signature, b"text")]
            backend.ed25519_verify(*views)
            self.assertEqual(key.sign(views[2]), signature, backend.name)
            with self.assertRaises(AuthenticationError, msg=backend.name):
                backend.ed25519_verify(bytearray(key.public), bytearray(signature), b"texts")

    def test_no_repr_shows_a_secret(self):
        for backend in all_backends():
            key = backend.ed25519_key(b"\x5a" * 32)
            self.assertFalse("5a5a" in repr(key) or "ZZ" in repr(key), backend.name)


if __name__ == "__main__":
    unittest.main()
