"""The message format: what is encoded, what is refused and how."""

import unittest

from leafkey.coap import message as codec
from leafkey.coap.message import Message, decode, decode_options, encode, encode_options
from leafkey.coap.numbers import (
    ACK,
    BLOCK1,
    CON,
    CONTENT,
    GET,
    NON,
    OBSERVE,
    PAT,
    POST,
    RST,
    URI_PATH,
    URI_QUERY,
    code_text,
    is_critical,
    is_request,
    is_response,
)
from leafkey.errors import DecodeError, EncodeError, MessageError, TooManyOptions


class EncodingTest(unittest.TestCase):
    def test_a_message_comes_back(self):
        message = Message(POST, [(URI_PATH, b"a"), (OBSERVE, b"")], b"\xffhi", NON, 0x1234, b"tok")
        back = decode(encode(message))
        self.assertEqual(back.options, [(OBSERVE, b""), (URI_PATH, b"a")])
        self.assertEqual((back.code, back.payload, back.type), (POST, b"\xffhi", NON))
        self.assertEqual((back.mid, back.token), (0x1234, b"tok"))

    def test_every_form_of_delta_and_length(self):
        for number in (0, 1, 12, 13, 14, 268, 269, 270, 65535):
            for length in (0, 1, 12, 13, 14, 268, 269, 270, 1034, 2000):
                options = [(number, bytes(length))]
                self.assertEqual(decode_options(encode_options(options)), (options, b""))

    def test_options_are_sorted_and_equal_numbers_keep_their_order(self):
        message = Message(GET)
        for value in (b"1", b"2", b"3"):
            message.add(URI_QUERY, value)
            message.add(URI_PATH, value)
        self.assertEqual(message.path(), (b"1", b"2", b"3"))
        self.assertEqual(message.options_of(URI_QUERY), [b"1", b"2", b"3"])
        self.assertEqual([number for number, _ in message.options], [11, 11, 11, 15, 15, 15])

    def test_what_does_not_fit_is_refused(self):
        for message in (
            Message(GET, mid=None),
            Message(GET, mid=1, token=bytes(9)),
            Message(GET, [(65536, b"")], mid=1),
            Message(GET, [(1, bytes(65805))], mid=1),
        ):
            with self.assertRaises(EncodeError):
                encode(message)

    def test_any_bytes_like_is_decoded(self):
        data = encode(Message(GET, [(URI_PATH, b"x")], b"p", mid=7))
        for like in (bytearray(data), memoryview(data)):
            self.assertEqual(decode(like).payload, b"p")
            self.assertEqual(decode_options(like[4:]), ([(URI_PATH, b"x")], b"p"))


class AccessTest(unittest.TestCase):
    def test_integers(self):
        for value, encoded in ((0, b""), (1, b"\x01"), (255, b"\xff"), (256, b"\x01\x00")):
            message = Message(GET)
            message.add(BLOCK1, value)
            self.assertEqual(message.option(BLOCK1), encoded)
            self.assertEqual(message.uint(BLOCK1), value)
        self.assertIsNone(Message(GET).uint(BLOCK1))
        self.assertEqual(Message(GET, [(BLOCK1, b"\0\0\1")]).uint(BLOCK1), 1)
        with self.assertRaises(DecodeError):
            Message(GET, [(BLOCK1, bytes(5))]).uint(BLOCK1)

    def test_paths(self):
        message = Message(GET)
        for text, path in (("/a/b", (b"a", b"b")), ("a", (b"a",)), ("/", ()), ("", ())):
            message.set_path(text)
            self.assertEqual(message.path(), path)
        self.assertEqual(Message(GET, [(URI_PATH, b"\xff\xfe")]).path(), (b"\xff\xfe",))

    def test_reply_and_copy(self):
        request = Message(GET, [(URI_PATH, b"x")], type=NON, mid=5, token=b"t")
        reply = request.reply(CONTENT, b"22")
        self.assertEqual((reply.code, reply.payload, reply.token), (CONTENT, b"22", b"t"))
        self.assertIsNone(reply.mid)
        copied = request.copy()
        copied.add(URI_PATH, b"y")
        self.assertEqual(request.path(), (b"x",))

    def test_numbers(self):
        self.assertEqual(code_text(0x81), "4.01")
        self.assertEqual(code_text(CONTENT), "2.05")
        self.assertTrue(is_critical(PAT))
        # Safe to forward, and part of the cache key (RFC 7252 section 5.4.6).
        self.assertEqual(PAT & 2, 0)
        self.assertNotEqual(PAT & 0x1E, 0x1C)
        self.assertFalse(is_critical(OBSERVE))
        self.assertEqual([is_request(code) for code in (0, 1, 31, 32)], [False, True, True, False])
        for code, expected in ((0x40, True), (0x80, True), (0xBF, True), (0x20, False), (0xE0, 0)):
            self.assertEqual(is_response(code), bool(expected))


class RefusalTest(unittest.TestCase):
    def refused(self, data: bytes, kind: type = MessageError):
        with self.assertRaises(kind) as caught:
            decode(data)
        return caught.exception

    def test_without_a_header_nothing_is_known(self):
        for data in (b"", b"\x40", b"\x40\x01", b"\x40\x01\x00"):
            self.assertFalse(isinstance(self.refused(data, DecodeError), MessageError))

    def test_other_versions_are_not_ours(self):
        for version in (0, 2, 3):
            data = bytes((version << 6, 1, 0, 1))
            self.assertFalse(isinstance(self.refused(data, DecodeError), MessageError))

    def test_reserved_and_cut_token_lengths(self):
        for length in range(9, 16):
            error = self.refused(bytes((0x40 | length, 1, 0x12, 0x34)) + bytes(20))
            self.assertEqual((error.type, error.mid), (CON, 0x1234))
        for length in range(1, 9):
            self.refused(bytes((0x50 | length, 1, 0, 1)) + bytes(length - 1))

    def test_empty_messages_are_four_bytes(self):
        for head in (CON, NON, ACK, RST):
            self.assertEqual(decode(bytes((0x40 | head << 4, 0, 0, 1))).type, head)
            for rest in (b"\0", b"\xff", b"\xffx", b"\xb1x"):
                self.assertEqual(self.refused(bytes((0x40 | head << 4, 0, 0, 1)) + rest).type, head)
        self.refused(b"\x41\x00\x00\x01\xaa")

    def test_malformed_options(self):
        for options in (
            b"\xf0",  # reserved delta
            b"\x0f",  # reserved length
            b"\xf1x",
            b"\xd0",  # extended delta missing
            b"\xe0\x00",
            b"\x0d",  # extended length missing
            b"\x0e\x00",
            b"\xb4abc",  # value cut
            b"\xbd\xffab",
            b"\xee\xff\xff\xff\xff",
            b"\xe0\xfe\xf3",  # number 65536
            b"\xe0\xfe\xf2\x10",  # number 65535 + 1
            b"\xff",  # payload marker without payload
            b"\xb1a\xff",
        ):
            error = self.refused(b"\x50\x01\xab\xcd" + options)
            self.assertEqual((error.type, error.mid), (NON, 0xABCD))
            with self.assertRaises(DecodeError):
                decode_options(options)
        self.assertEqual(decode_options(b"\xe0\xfe\xf2"), ([(65535, b"")], b""))

    def test_more_options_than_a_node_keeps(self):
        most = codec.MAX_OPTIONS
        self.assertEqual(len(decode(b"\x40\x01\x00\x01" + bytes(most)).options), most)
        error = self.refused(b"\x40\x01\x00\x01" + bytes(most + 1), TooManyOptions)
        self.assertEqual((error.type, error.mid), (CON, 1))
        with self.assertRaises(TooManyOptions):
            decode_options(bytes(most + 1))

    def test_errors_show_nothing_of_the_message(self):
        error = self.refused(b"\x42\x01\x00\x01tk\xb6secret\x7fsecret")
        self.assertFalse("secret" in str(error) + repr(error))


if __name__ == "__main__":
    unittest.main()
