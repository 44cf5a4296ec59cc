"""C's side of the OSCORE profile: what an AS and an RS may say, and what they may not."""

import unittest

from leafkey.ace import aif, labels, osc
from leafkey.ace.client import Posting, decode_response, encode_request, encode_update
from leafkey.codec import cbor
from leafkey.errors import DecodeError, UnsupportedError
from tests.unit.ace.world import PROVIDER

SCOPE = [("/temp", 1)]
MATERIAL = {0: b"\x01", 2: bytes(16), 5: b"salt"}


def response(**changes) -> bytes:
    """A token response, changed by name; None leaves a parameter out."""
    fields = {"token": b"token", "cnf": {labels.OSC: MATERIAL}}
    fields.update(changes)
    names = {
        "token": labels.ACCESS_TOKEN,
        "cnf": labels.CNF,
        "scope": labels.SCOPE,
        "profile": labels.ACE_PROFILE,
        "type": labels.TOKEN_TYPE,
        "lasts": labels.EXPIRES_IN,
    }
    return cbor.encode({names[name]: value for name, value in fields.items() if value is not None})


def held(previous=None, **changes):
    return decode_response(response(**changes), "thermo", SCOPE, 1000, previous)


def drawn(size: int) -> bytes:
    return bytes(range(size))


class RequestTest(unittest.TestCase):
    def test_what_is_asked(self):
        self.assertEqual(
            cbor.decode(encode_request("thermo", SCOPE)),
            {labels.AUDIENCE: "thermo", labels.SCOPE: aif.encode(SCOPE)},
        )
        asked = cbor.decode(encode_request("thermo", SCOPE, b"nonce", b"\x01"))
        self.assertEqual(asked[labels.CNONCE], b"nonce")
        self.assertEqual(asked[labels.REQ_CNF], {labels.KID: b"\x01"})


class ResponseTest(unittest.TestCase):
    def test_what_is_held(self):
        found = held(lasts=60, profile=2, type=2, scope=aif.encode([("/vent", 1)]))
        self.assertEqual((found.audience, found.access_token), ("thermo", b"token"))
        self.assertEqual((found.permissions, found.end), ([("/vent", 1)], 61000))
        self.assertFalse(found.is_over(60999))
        self.assertTrue(found.is_over(61000))
        self.assertFalse(found.is_update)

    def test_what_an_as_need_not_say(self):
        found = held()
        self.assertEqual((found.permissions, found.end), (SCOPE, None))
        self.assertFalse(found.is_over(1 << 40))

    def test_a_lifetime_that_is_not_counted_to_its_end(self):
        self.assertEqual(held(lasts=1 << 50).end, 1000 + 1000 * (1 << 30))

    def test_the_key_of_before(self):
        before = held()
        found = held(before, cnf=None)
        self.assertIs(found.material, before.material)
        self.assertTrue(found.is_update)

    def test_another_key_than_before(self):
        before = held()
        found = held(before)
        self.assertTrue(found.material is not before.material)
        self.assertFalse(found.is_update)

    def test_what_is_refused(self):
        for changes in (
            {"token": None},
            {"token": "text"},
            {"cnf": None},
            {"cnf": {}},
            {"cnf": {3: b"\x01"}},
            {"cnf": {labels.OSC: {0: b"\x01"}}},
            {"cnf": {labels.OSC: {0: b"\x01", 2: bytes(16), 99: 1}}},
            {"profile": 1},
            {"profile": labels.COAP_PAT},
            {"type": labels.BEARER},
            {"scope": "read"},
            {"scope": b"\xff"},
            {"lasts": -1},
        ):
            with self.assertRaises(DecodeError, msg=str(changes)):
                held(**changes)
        for data in (b"", b"\xff", cbor.encode([1])):
            with self.assertRaises(DecodeError):
                decode_response(data, "thermo", SCOPE, 0)


class PostingTest(unittest.TestCase):
    def test_what_is_posted(self):
        posting = Posting(held(), drawn, lambda id: True)
        self.assertEqual(
            cbor.decode(posting.payload),
            {
                labels.ACCESS_TOKEN: b"token",
                labels.NONCE1: drawn(8),
                labels.ACE_CLIENT_RECIPIENTID: drawn(2),
            },
        )
        self.assertEqual(cbor.decode(encode_update(held())), {labels.ACCESS_TOKEN: b"token"})

    def test_an_id_that_is_in_use(self):
        left = [b"12345678", b"ab", b"cd"]
        posting = Posting(held(), lambda size: left.pop(0), lambda id: id != b"ab")
        self.assertEqual(cbor.decode(posting.payload)[labels.ACE_CLIENT_RECIPIENTID], b"cd")

    def test_a_context(self):
        found = held()
        posting = Posting(found, drawn, lambda id: True)
        posting.accepted(PROVIDER, cbor.encode({42: b"nonce2", 44: b"S"}))
        other = osc.context(
            PROVIDER, found.material, (drawn(8), b"nonce2"), drawn(2), b"S"
        )  # as the RS has it
        self.assertEqual(found.context.keys.sender_key, other.keys.recipient_key)
        self.assertEqual(found.context.keys.recipient_key, other.keys.sender_key)

    def test_what_an_rs_may_not_say(self):
        for said, kind in (
            ({}, DecodeError),
            ({42: b"nonce2"}, DecodeError),
            ({44: b"S"}, DecodeError),
            ({42: b"", 44: b"S"}, DecodeError),
            ({42: bytes(65), 44: b"S"}, DecodeError),
            ({42: "nonce2", 44: b"S"}, DecodeError),
            # Both would have one key (section 4.3).
            ({42: b"nonce2", 44: drawn(2)}, ValueError),
            ({42: b"nonce2", 44: bytes(8)}, ValueError),
        ):
            found = held()
            posting = Posting(found, drawn, lambda id: True)
            with self.assertRaises(kind, msg=str(said)):
                posting.accepted(PROVIDER, cbor.encode(said))
            self.assertIsNone(found.context)

    def test_an_algorithm_that_there_is_none_of(self):
        material = dict(MATERIAL)
        material[4] = 1
        posting = Posting(held(cnf={labels.OSC: material}), drawn, lambda id: True)
        with self.assertRaises(UnsupportedError):
            posting.accepted(PROVIDER, cbor.encode({42: b"nonce2", 44: b"S"}))


if __name__ == "__main__":
    unittest.main()
