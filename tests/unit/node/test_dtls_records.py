"""leafnode.dtls_records: which datagrams reach Mbed TLS."""

import os
import unittest

from leafkey.errors import DecodeError
from leafnode.dtls import at_of, identity
from leafnode.dtls_records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    MAX_HANDSHAKE,
    is_client_hello,
    kinds_of,
    refusal,
)


def record(kind: int, body: bytes, epoch: int = 0, version: bytes = b"\xfe\xfd") -> bytes:
    """A record whose length is right."""
    header = bytes((kind,)) + version + bytes((0, epoch)) + bytes(6)
    return header + bytes((len(body) >> 8, len(body) & 0xFF)) + body


def message(kind: int, body: bytes, claimed: int | None = None) -> bytes:
    """A handshake message; its header may claim another length than that of the fragment."""
    claimed = len(body) if claimed is None else claimed
    start = bytes((kind, claimed >> 16, claimed >> 8 & 0xFF, claimed & 0xFF))
    return start + bytes(5) + bytes((0, len(body) >> 8, len(body) & 0xFF)) + body


HELLO = record(HANDSHAKE, message(1, bytes(70)))


class RecordsTest(unittest.TestCase):
    def test_what_a_handshake_and_a_session_consist_of(self):
        finished = record(CHANGE_CIPHER_SPEC, b"\x01") + record(HANDSHAKE, bytes(40), 1)
        self.assertEqual(kinds_of(HELLO), [(HANDSHAKE, 0)])
        self.assertEqual(kinds_of(finished), [(CHANGE_CIPHER_SPEC, 0), (HANDSHAKE, 1)])
        self.assertEqual(kinds_of(record(APPLICATION_DATA, bytes(30), 1)), [(APPLICATION_DATA, 1)])
        self.assertEqual(kinds_of(refusal()), [(ALERT, 0)])

    def test_a_hello_of_dtls_1_0_may_ask_for_1_2_inside(self):
        self.assertTrue(kinds_of(record(HANDSHAKE, message(1, bytes(70)), 0, b"\xfe\xff")))

    def test_garbage_is_not_worth_taking(self):
        for size in range(100):
            self.assertEqual(kinds_of(bytes(size)), [])
        self.assertEqual(kinds_of(b"\x40\x01\x00\x01\xb4temp"), [])
        for kind in (0, 19, 24, 25, 255):
            self.assertEqual(kinds_of(record(kind, bytes(20))), [])
        self.assertEqual(kinds_of(record(HANDSHAKE, bytes(20), 0, b"\x03\x03")), [])

    def test_records_must_fill_the_datagram(self):
        for end in range(len(HELLO)):
            self.assertEqual(kinds_of(HELLO[:end]), [])
        self.assertEqual(kinds_of(HELLO + b"\x00"), [])
        self.assertEqual(kinds_of(HELLO + HELLO[:20]), [])

    def test_a_long_message_is_not_taken_however_little_of_it_is_here(self):
        for claimed in (MAX_HANDSHAKE + 1, 16384, 0xFFFFFF):
            self.assertEqual(kinds_of(record(HANDSHAKE, message(1, bytes(10), claimed))), [])
        self.assertTrue(kinds_of(record(HANDSHAKE, message(1, bytes(10), MAX_HANDSHAKE))))
        second = message(16, bytes(10)) + message(16, bytes(10), 16384)
        self.assertEqual(kinds_of(record(HANDSHAKE, second)), [])

    def test_a_fragment_must_be_as_long_as_it_says(self):
        self.assertEqual(kinds_of(record(HANDSHAKE, message(1, bytes(10))[:-1])), [])
        self.assertEqual(kinds_of(record(HANDSHAKE, message(1, bytes(10)) + b"\x00")), [])

    def test_what_is_encrypted_has_no_header_to_look_at(self):
        self.assertEqual(kinds_of(record(HANDSHAKE, os.urandom(40), 1)), [(HANDSHAKE, 1)])

    def test_a_client_hello(self):
        self.assertTrue(is_client_hello(HELLO))
        self.assertFalse(is_client_hello(record(HANDSHAKE, message(16, bytes(34)))))
        self.assertFalse(is_client_hello(record(HANDSHAKE, b"\x01" + bytes(40), 1)))
        self.assertFalse(is_client_hello(record(HANDSHAKE, b"")))
        self.assertFalse(is_client_hello(record(ALERT, b"\x01\x00")))


class IdentityTest(unittest.TestCase):
    def test_both_ways(self):
        at = bytes(range(200, 232))
        self.assertEqual(identity(at), b"c8c9cacbcccdcecfd0d1d2d3d4d5d6d7")
        self.assertEqual(at_of(identity(at)), at[:16])

    def test_what_is_none(self):
        good = identity(bytes(range(16)))
        for bad in (
            b"",
            good[:-1],
            good + b"0",
            good.upper().replace(b"0", b"A"),
            good[:-1] + b"\x00",
            good[:-1] + b" ",
            bytes(32),
            b"g" * 32,
            b"\xff" * 32,
            b"0" * 300,
        ):
            with self.assertRaises(DecodeError):
                at_of(bad)
