"""COSE_Encrypt0 and COSE_Key against tests/vectors/codec (made with pyca/cryptography)."""

import unittest

from leafkey.codec import cbor, cose
from leafkey.errors import AuthenticationError, DecodeError
from tests.support import vectors


class RecordedAead:
    """Answers exactly what the vectors recorded: the codec's own bytes are what is tested."""

    def __init__(self):
        self.nonce_size = 13
        self._sealed = {}
        self._opened = {}

    def record(self, case: dict) -> None:
        key, nonce, aad = [vectors.unhex(case[name]) for name in ("key", "nonce", "aad")]
        plaintext, ciphertext = vectors.unhex(case["plaintext"]), vectors.unhex(case["ciphertext"])
        self.nonce_size = len(nonce)
        self._sealed[key, nonce, aad, plaintext] = ciphertext
        self._opened[key, nonce, aad, ciphertext] = plaintext

    def encrypt(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        return self._sealed[key, nonce, aad, plaintext]

    def decrypt(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        if (key, nonce, aad, ciphertext) not in self._opened:
            raise AuthenticationError("tag")
        return self._opened[key, nonce, aad, ciphertext]


def recorded(case: dict) -> RecordedAead:
    aead = RecordedAead()
    aead.record(case)
    return aead


def given_nonce(case: dict) -> bytes | None:
    return None if case["nonce_in_message"] else vectors.unhex(case["nonce"])


def header(text: str) -> dict:
    decoded = cbor.decode(vectors.unhex(text)) if text else {}
    return decoded if isinstance(decoded, dict) else {}


class Encrypt0Test(unittest.TestCase):
    def test_encrypts(self):
        for name, case in vectors.load("codec/cose_encrypt0"):
            encoded = cose.encrypt0(
                recorded(case),
                vectors.unhex(case["key"]),
                vectors.unhex(case["nonce"]),
                vectors.unhex(case["plaintext"]),
                header(case["protected"]),
                header(case["unprotected"]),
                vectors.unhex(case["external_aad"]),
                case["tagged"],
            )
            self.assertEqual(encoded, vectors.unhex(case["encoded"]), name)

    def test_decrypts(self):
        for name, case in vectors.load("codec/cose_encrypt0"):
            plaintext = cose.decrypt0(
                recorded(case),
                vectors.unhex(case["key"]),
                vectors.unhex(case["encoded"]),
                given_nonce(case),
                vectors.unhex(case["external_aad"]),
            )
            self.assertEqual(plaintext, vectors.unhex(case["plaintext"]), name)

    def test_structure_of_the_aad(self):
        for name, case in vectors.load("codec/cose_encrypt0"):
            protected, external = vectors.unhex(case["protected"]), case["external_aad"]
            aad = cose.enc_structure(protected, vectors.unhex(external))
            self.assertEqual(aad, vectors.unhex(case["aad"]), name)

    def test_headers_can_be_read_before_a_key_is_chosen(self):
        for name, case in vectors.load("codec/cose_encrypt0"):
            message = cose.decode_encrypt0(vectors.unhex(case["encoded"]))
            self.assertEqual(message.ciphertext, vectors.unhex(case["ciphertext"]), name)
            if case["protected"]:
                self.assertEqual(message.headers[cose.ALG], case["alg"], name)

    def test_failures(self):
        aead = RecordedAead()
        for _, case in vectors.load("codec/cose_encrypt0"):
            if case["alg"] == 10:
                aead.record(case)
        for name, case in vectors.load("codec/cose_failure"):
            nonce = vectors.unhex(case["nonce"]) if case["nonce"] else None
            external = vectors.unhex(case["external_aad"])
            key, encoded = vectors.unhex(case["key"]), vectors.unhex(case["encoded"])
            answer = "accepted"
            try:
                plaintext = cose.decrypt0(aead, key, encoded, nonce, external)
                self.assertEqual(plaintext, vectors.unhex(case["plaintext"]), name)
            except DecodeError:
                answer = "DecodeError"
            except AuthenticationError:
                answer = "AuthenticationError"
            self.assertEqual(answer, case["expect"], name)


class KeyTest(unittest.TestCase):
    def test_encoding(self):
        key = cose.symmetric_key(b"\x01\x02")
        self.assertEqual(cbor.encode(key), b"\xa2\x01\x04\x20\x42\x01\x02")
        named = cose.symmetric_key(b"\x01", b"n")
        self.assertEqual(cbor.encode(named), b"\xa3\x01\x04\x02\x41n\x20\x41\x01")

    def test_value_comes_back(self):
        self.assertEqual(cose.key_bytes(cose.symmetric_key(b"k")), b"k")
        self.assertEqual(cose.key_bytes({1: 4, -1: b"k", 3: 24}, 24), b"k")
        self.assertEqual(cose.key_bytes({1: 4, -1: b"k"}, 10), b"k")

    def test_refuses_every_other_object(self):
        for key in (
            None,
            [],
            {},
            {1: 4},
            {-1: b"k"},
            {1: 2, -1: b"k"},
            {1: 4.0, -1: b"k"},
            {1: "Symmetric", -1: b"k"},
            {1: 4, -1: b""},
            {1: 4, -1: "k"},
        ):
            with self.assertRaises(DecodeError):
                cose.key_bytes(key)

    def test_refuses_a_key_of_another_algorithm(self):
        with self.assertRaises(DecodeError):
            cose.key_bytes({1: 4, -1: b"k", 3: 24}, 10)


if __name__ == "__main__":
    unittest.main()
