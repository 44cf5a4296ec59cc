"""leafkey.ace and leafkey.pat.ticket: permissions, hints, tickets and their refusals."""

import unittest

from leafkey.ace import aif, hints, labels
from leafkey.ace.token import TokenErrorResponse, decode_error, encode_error
from leafkey.coap import numbers
from leafkey.codec import cbor
from leafkey.errors import DecodeError
from leafkey.pat import ticket, tokens
from tests.unit.pat.world import ST, client_token, server_token

ID = bytes(range(8))


class AifTest(unittest.TestCase):
    def test_round_trip(self):
        permissions = [("/temp", 5), ("/", 1), ("/a/b", 127)]
        self.assertEqual(aif.decode(aif.encode(permissions)), permissions)

    def test_covers_path_and_method(self):
        permissions = [("/temp", 1 | 4), ("/a/b", 2)]
        self.assertTrue(aif.permits(permissions, (b"temp",), numbers.GET))
        self.assertTrue(aif.permits(permissions, (b"temp",), numbers.PUT))
        self.assertTrue(aif.permits(permissions, (b"a", b"b"), numbers.POST))
        self.assertFalse(aif.permits(permissions, (b"temp",), numbers.POST))
        self.assertFalse(aif.permits(permissions, (b"a", b"b"), numbers.GET))

    def test_segments_are_compared_one_by_one(self):
        permissions = [("/a/b", 127), ("/c", 127)]
        for path in ((b"a/b",), (b"a",), (b"a", b"b", b""), (b"a", b"b", b"c"), (b"", b"c"),
                     (b"C",), (b"c", b""), (b"/c",), (), (b"",)):  # fmt: skip
            self.assertFalse(aif.permits(permissions, path, numbers.GET), repr(path))

    def test_the_root_is_no_wildcard(self):
        self.assertTrue(aif.permits([("/", 1)], (), numbers.GET))
        self.assertFalse(aif.permits([("/", 1)], (b"a",), numbers.GET))
        self.assertFalse(aif.permits([("/", 1)], (b"",), numbers.GET))

    def test_segments_that_are_not_utf8(self):
        self.assertFalse(aif.permits([("/a", 127)], (b"\xff\xfe",), numbers.GET))
        self.assertFalse(aif.permits([("/a", 127)], (b"\xc1\xa1",), numbers.GET))

    def test_each_method_has_its_bit(self):
        codes = (numbers.GET, numbers.POST, numbers.PUT, numbers.DELETE, numbers.FETCH,
                 numbers.PATCH, numbers.IPATCH)  # fmt: skip
        for place, code in enumerate(codes):
            self.assertEqual(aif.method_bit(code), 1 << place)

    def test_codes_without_a_bit_are_never_covered(self):
        for code in (0, 8, 31, 64, 255):
            self.assertEqual(aif.method_bit(code), 0)
            self.assertFalse(aif.permits([("/a", 127)], (b"a",), code))

    def test_nothing_granted_permits_nothing(self):
        self.assertFalse(aif.permits([], (b"a",), numbers.GET))

    def test_arithmetic(self):
        self.assertEqual(aif.joined([("/a", 1), ("/a", 4)], [("/b", 2)]), [("/a", 5), ("/b", 2)])
        self.assertEqual(aif.minus([("/a", 5), ("/b", 1)], [("/a", 1), ("/a", 2)]),
                         [("/a", 4), ("/b", 1)])  # fmt: skip
        self.assertEqual(aif.minus([("/a", 5)], [("/a", 1), ("/a", 4)]), [])
        self.assertEqual(aif.common([("/a", 5), ("/b", 1)], [("/a", 6), ("/c", 1)]), [("/a", 4)])

    def test_what_is_refused(self):
        for value in (None, {}, "x", [1], ["/a"], [["/a"]], [["/a", 1, 2]], [[b"/a", 1]],
                      [["a", 1]], [["", 1]], [["a/b", 1]], [["/a", True]], [["/a", 1.0]],
                      [["/a", -1]], [["/a", 128]],
                      [["/" + "x" * 128, 1]], [["/a", 1]] * 33):  # fmt: skip
            with self.assertRaises(DecodeError):
                aif.from_cbor(value)

    def test_text(self):
        self.assertEqual(aif.text([("/temp", 5), ("/x", 64)]), "GET,PUT /temp, iPATCH /x")


class HintsTest(unittest.TestCase):
    def test_round_trip(self):
        field = bytes(24)
        self.assertEqual(
            hints.decode(hints.encode("coap://m", "t", field)), ("coap://m", "t", field)
        )

    def test_other_members_are_ignored(self):
        data = cbor.encode({labels.AS: "a", labels.AUDIENCE: "b", 9: "scope", 39: b"n"})
        self.assertEqual(hints.decode(data), ("a", "b", None))

    def test_a_refusal_that_is_no_bytes(self):
        data = cbor.encode({labels.AS: "a", labels.AUDIENCE: "b", labels.REFUSAL: "x" * 24})
        self.assertIsNone(hints.decode(data)[2])

    def test_what_is_refused(self):
        for value in (None, 1, [], "x", {}, {1: "a"}, {5: "b"}, {1: b"a", 5: "b"}, {1: "a", 5: 5}):
            with self.assertRaises(DecodeError):
                hints.decode(cbor.encode(value))
        for data in (b"", b"\xff", b"\xa2\x01", b"\xbf"):
            with self.assertRaises(DecodeError):
                hints.decode(data)


class RequestTest(unittest.TestCase):
    def fields(self) -> dict:
        asked = ticket.TokenRequest("thermo", [("/temp", 1)], ID, "me")
        return cbor.decode(ticket.encode_request(asked))

    def refused(self, fields: object) -> int:
        with self.assertRaises(TokenErrorResponse) as caught:
            ticket.decode_request(cbor.encode(fields))
        return caught.exception.error

    def test_round_trip(self):
        decoded = ticket.decode_request(cbor.encode(self.fields()))
        self.assertEqual((decoded.audience, decoded.request_id), ("thermo", ID))
        self.assertEqual((decoded.scope, decoded.client_id), ([("/temp", 1)], "me"))

    def test_not_cbor(self):
        for data in (b"", b"\xff\x00", b"hello", b"\xa1", bytes(300), b"\x9f\xff",
                     b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff", b"\x81" * 1000):  # fmt: skip
            with self.assertRaises(TokenErrorResponse) as caught:
                ticket.decode_request(data)
            self.assertEqual(caught.exception.error, labels.INVALID_REQUEST)

    def test_not_a_map(self):
        for value in (None, [], 1, "x", [self.fields()]):
            self.assertEqual(self.refused(value), labels.INVALID_REQUEST)

    def test_each_field(self):
        for label, bad, error in (
            (labels.ACE_PROFILE, (2, None, "coap_pat", -65536), labels.INCOMPATIBLE_ACE_PROFILES),
            (labels.AUDIENCE, (b"thermo", 1, None), labels.INVALID_REQUEST),
            (labels.REQUEST_ID, (b"", bytes(7), bytes(9), "x" * 8, 1), labels.INVALID_REQUEST),
            (labels.CLIENT_ID, (b"me", 1, [], "", "x" * 65), labels.INVALID_REQUEST),
            (labels.SAM, (b"coap://", 1, [], "", "x" * 256), labels.INVALID_REQUEST),
            (
                labels.SCOPE,
                ("GET", 1, b"", b"\xff", b"\x80\x80", [["/a", 1]]),
                labels.INVALID_SCOPE,
            ),
        ):
            for value in bad:
                fields = self.fields()
                fields[label] = value
                self.assertEqual(self.refused(fields), error, repr((label, value)))

    def test_missing(self):
        for label in (labels.ACE_PROFILE, labels.AUDIENCE, labels.REQUEST_ID, labels.SCOPE):
            fields = self.fields()
            del fields[label]
            self.refused(fields)


class ResponseTest(unittest.TestCase):
    def fields(self) -> dict:
        token = client_token(server_token({1: tokens.SlotGrant(1, 99, 1)}), 1)
        return cbor.decode(ticket.encode_response(token, [("/temp", 1)], bytes(16)))

    def refused(self, fields: object):
        with self.assertRaises(DecodeError):
            ticket.decode_response(cbor.encode(fields))

    def test_commands_to_deliver(self):
        fields = self.fields()
        self.assertEqual(ticket.decode_commands(cbor.encode(fields)), b"")
        fields[labels.COMMANDS] = b"sealed"
        self.assertEqual(ticket.decode_commands(cbor.encode(fields)), b"sealed")
        for bad in (None, 0, "sealed", [b"sealed"], {}):
            fields[labels.COMMANDS] = bad
            with self.assertRaises(DecodeError):
                ticket.decode_commands(cbor.encode(fields))

    def test_round_trip(self):
        token, scope = ticket.decode_response(cbor.encode(self.fields()))
        self.assertEqual((len(token.ct), scope), (32, [("/temp", 1)]))

    def test_cai(self):
        plain = cbor.encode(self.fields())
        self.assertIsNone(ticket.decode_cai(plain))
        narrowed = ticket.with_cai(plain, [("/temp", 1)])
        self.assertEqual(ticket.decode_cai(narrowed), [("/temp", 1)])
        self.assertEqual(ticket.decode_response(narrowed)[1], [("/temp", 1)])
        self.assertEqual(ticket.decode_cai(ticket.with_cai(plain, [])), [])

    def test_cai_that_is_none(self):
        for value in (None, "", [], [["/temp", 1]], b"", b"\xff", b"\x81\x01", 1):
            fields = self.fields()
            fields[labels.CAI] = value
            with self.assertRaises(DecodeError):
                ticket.decode_cai(cbor.encode(fields))
        for data in (b"", b"\x80", b"\xff"):
            with self.assertRaises(DecodeError):
                ticket.with_cai(data, [])

    def test_end(self):
        token = client_token(server_token({1: tokens.SlotGrant(1, 99, 1)}), 1, expires_in=60)
        fields = cbor.decode(ticket.encode_response(token, [], bytes(16)))
        self.assertEqual(fields[labels.EXPIRES_IN], 60)

    def test_what_is_refused(self):
        for label, bad in (
            (labels.ACE_PROFILE, (2, None)),
            (labels.CNF, (None, 1, {}, {1: None}, {1: {1: 2, -1: ST}}, {1: {1: 4, -1: ST[1:]}})),
            (labels.SCOPE, (None, "x", b"\xff")),
            (labels.PARAMS_C, (None, {}, [], {2: 1})),
        ):
            for value in bad:
                fields = self.fields()
                fields[label] = value
                self.refused(fields)
        for value in (None, [], 1):
            self.refused(value)

    def test_errors(self):
        error = decode_error(encode_error(labels.INVALID_SCOPE, "no"))
        self.assertEqual((error.error, str(error)), (6, "invalid_scope"))
        self.assertEqual(decode_error(encode_error(99)).error, 99)
        for data in (b"", b"\xa0", b"\x80", b"\xa1\x18\x1e\x61x"):
            with self.assertRaises(DecodeError):
                decode_error(data)


if __name__ == "__main__":
    unittest.main()
