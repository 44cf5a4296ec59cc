"""Whom a request on a serial line names, and what becomes of it in a datagram."""

import unittest

from leafkey.coap.destination import addressed, destination, unaddressed
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import GET, NON, PAT, URI_HOST, URI_PATH, URI_PORT
from leafkey.errors import DecodeError, EncodeError

PATH = (URI_PATH, b"temp")


def request(*options) -> bytes:
    return encode(Message(GET, options, b"body", NON, 7, b"token"))


class DestinationTest(unittest.TestCase):
    def test_what_is_named_is_read_back(self):
        for host in ("thermo", "thermo.local", "192.0.2.1", "2001:db8::1", "fe80::1%3", "münchen"):
            for port in (1, 5683, 65535):
                sent = addressed(request(PATH), host, port)
                self.assertEqual(destination(decode(sent)), (host, port))

    def test_how_it_is_written(self):
        def options(host, port):
            return decode(addressed(request(PATH), host, port)).options

        self.assertEqual(options("192.0.2.1", 5683), [(URI_HOST, b"192.0.2.1"), PATH])
        self.assertEqual(
            options("2001:db8::1", 5684),
            [(URI_HOST, b"[2001:db8::1]"), (URI_PORT, b"\x16\x34"), PATH],
        )

    def test_all_else_stays(self):
        pat = (PAT, bytes(25))
        sent = decode(addressed(request(PATH, pat), "thermo", 5684))
        self.assertEqual((sent.type, sent.code, sent.mid, sent.token), (NON, GET, 7, b"token"))
        self.assertEqual((sent.options[2:], sent.payload), ([PATH, pat], b"body"))

    def test_it_takes_the_place_of_what_was_there(self):
        before = request((URI_HOST, b"thermo"), (URI_PORT, b"\x07"), PATH)
        self.assertEqual(
            addressed(before, "192.0.2.1", 5683), addressed(request(PATH), "192.0.2.1", 5683)
        )

    def test_a_datagram_needs_neither_address_nor_port(self):
        for host in ("192.0.2.1", "2001:db8::1", "fe80::1%3"):
            self.assertEqual(unaddressed(addressed(request(PATH), host, 7)), request(PATH))
        named = addressed(request(PATH), "thermo", 7)
        self.assertEqual(unaddressed(named), request((URI_HOST, b"thermo"), PATH))
        self.assertEqual(unaddressed(request(PATH)), request(PATH))

    def test_no_destination(self):
        self.assertEqual(destination(decode(request(PATH))), (None, 5683))
        self.assertEqual(destination(decode(request((URI_PORT, b"\x07")))), (None, 7))

    def test_what_cannot_be_one(self):
        for option in (
            (URI_PORT, b""),
            (URI_PORT, b"\x01\x00\x00"),
            (URI_PORT, bytes(5)),
            (URI_HOST, b""),
            (URI_HOST, b"\xff"),
            (URI_HOST, b"a\x00b"),
            (URI_HOST, b"two words"),
        ):
            with self.assertRaises(DecodeError):
                destination(decode(request(option)))

    def test_a_host_that_is_too_long(self):
        with self.assertRaises(EncodeError):
            addressed(request(PATH), "x" * 70000, 5683)


if __name__ == "__main__":
    unittest.main()
