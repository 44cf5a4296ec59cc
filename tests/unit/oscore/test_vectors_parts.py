"""Keys, nonces and the value of the option against tests/vectors/oscore."""

import unittest
from binascii import hexlify

from leafkey.errors import DecodeError, UnsupportedError
from leafkey.oscore import option
from leafkey.oscore.keys import info, nonce, nonce_base
from tests.support.vectors import load, unhex
from tests.unit.oscore.vectors_help import keys, unhex_or_none
from tests.unit.pat.vectors_help import PROVIDER

DERIVATIONS = ("rfc8613_derivation", "derivation")


class DerivationTest(unittest.TestCase):
    def test_keys(self):
        for file in DERIVATIONS:
            for name, case in load("oscore/" + file):
                derived, made = case["derived"], keys(case["context"])
                self.equal(made.sender_key, derived["sender_key"], name)
                self.equal(made.recipient_key, derived["recipient_key"], name)
                self.equal(made.common_iv, derived["common_iv"], name)

    def test_info(self):
        for file in DERIVATIONS:
            for name, case in load("oscore/" + file):
                derived, made = case["derived"], keys(case["context"])
                aead = PROVIDER.aead(made.alg)
                size = aead.key_size
                place = (made.id_context, made.alg)
                self.equal(info(made.sender_id, *place, "Key", size), derived["sender_info"], name)
                found = info(made.recipient_id, *place, "Key", size)
                self.equal(found, derived["recipient_info"], name)
                self.equal(info(b"", *place, "IV", aead.nonce_size), derived["iv_info"], name)

    def test_nonces_of_the_first_number(self):
        for file in DERIVATIONS:
            for name, case in load("oscore/" + file):
                derived, made = case["derived"], keys(case["context"])
                for id, expected in (
                    (made.sender_id, derived["sender_nonce"]),
                    (made.recipient_id, derived["recipient_nonce"]),
                ):
                    base = nonce_base(made.common_iv, id)
                    self.equal(nonce(base, b"\x00", len(made.common_iv)), expected, name)

    def test_nonces(self):
        for name, case in load("oscore/nonce"):
            common_iv = unhex(case["common_iv"])
            base = nonce_base(common_iv, unhex(case["id"]))
            made = nonce(base, unhex(case["piv"]), len(common_iv))
            self.equal(made, case["nonce"], name)

    def test_no_such_context(self):
        for name, case in load("oscore/derivation_failure"):
            with self.assertRaises((ValueError, UnsupportedError), msg=name):
                keys(case["context"])

    def equal(self, made: bytes, expected: str, name: str):
        self.assertEqual(hexlify(made).decode(), expected, name)


class OptionTest(unittest.TestCase):
    def test_both_ways(self):
        for name, case in load("oscore/option"):
            fields = [unhex_or_none(case[field]) for field in ("piv", "kid_context", "kid")]
            encoded = unhex(case["encoded"])
            self.assertEqual(option.encode(*fields), encoded, name)
            self.assertEqual(list(option.decode(encoded)), fields, name)

    def test_malformed(self):
        for name, case in load("oscore/option_failure"):
            with self.assertRaises(DecodeError, msg=name):
                option.decode(unhex(case["encoded"]))


if __name__ == "__main__":
    unittest.main()
