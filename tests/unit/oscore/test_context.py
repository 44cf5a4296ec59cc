"""What a security context keeps to by itself: nonces, notifications, sequence numbers."""

import unittest

from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, GET, NOT_FOUND, OBSERVE, OSCORE
from leafkey.errors import DecodeError, EncodeError, ReplayError, SequenceExhausted
from leafkey.oscore import option
from leafkey.oscore.context import Context
from leafkey.oscore.keys import derive
from leafkey.oscore.replay import ReplayWindow
from leafkey.oscore.sequence import BLOCK, MAX_NUMBER, Sequence
from tests.unit.pat.vectors_help import PROVIDER

SECRET = bytes(range(16))
GET_LIGHT = Message(GET, ((11, b"light"),))
REGISTER = Message(GET, ((OBSERVE, b""), (11, b"light")))


def ends(server_sequence: int = 0, lost: bool = False) -> tuple:
    """(client, server) of one context."""
    client = Context(PROVIDER, derive(PROVIDER, SECRET, b"c", b"s"), Sequence(), ReplayWindow())
    keys = derive(PROVIDER, SECRET, b"s", b"c")
    return client, Context(PROVIDER, keys, Sequence(server_sequence), ReplayWindow(lost))


def exchange(request: Message, **more) -> tuple:
    """(Outgoing, Incoming) of a request that has arrived."""
    client, server = ends(**more)
    outgoing = client.protect_request(request)
    return outgoing, server.unprotect_request(outgoing.message)


def notification(text: bytes) -> Message:
    return Message(CONTENT, ((OBSERVE, b"\x07"),), text)


def piv(message: Message) -> bytes | None:
    return option.decode(message.option(OSCORE)).piv


class NonceTest(unittest.TestCase):
    def test_the_nonce_of_a_request_serves_one_response(self):
        _, incoming = exchange(GET_LIGHT)
        sent = [incoming.protect(Message(CONTENT, (), b"on")) for _ in range(3)]
        self.assertEqual([piv(message) for message in sent], [None, b"\x00", b"\x01"])

    def test_a_request_that_may_be_old_has_no_nonce_to_give(self):
        _, incoming = exchange(GET_LIGHT, server_sequence=5, lost=True)
        self.assertEqual(piv(incoming.protect(Message(CONTENT))), b"\x05")

    def test_a_request_that_may_be_old_is_answered_once(self):
        client, server = ends(lost=True)
        sent = [client.protect_request(GET_LIGHT).message for _ in range(2)]
        for message in (sent[1], sent[0]):
            server.unprotect_request(message)
        for message in sent:
            with self.assertRaises(ReplayError):
                server.unprotect_request(message)

    def test_what_ends_an_observation_is_newer_than_what_it_ends(self):
        outgoing, incoming = exchange(REGISTER)
        for number in range(3):
            sent = incoming.protect(notification(b"%d" % number))
            self.assertEqual(outgoing.unprotect(sent).payload, b"%d" % number)
        gone = incoming.protect(Message(NOT_FOUND))
        self.assertEqual(piv(gone), b"\x03")
        self.assertEqual(outgoing.unprotect(gone).code, NOT_FOUND)


class NotificationTest(unittest.TestCase):
    def test_order_is_that_of_partial_ivs(self):
        outgoing, incoming = exchange(REGISTER, server_sequence=255)
        sent = [incoming.protect(notification(b"%d" % number)) for number in range(3)]
        shown = outgoing.unprotect(sent[0]).uint(OBSERVE), outgoing.unprotect(sent[2]).uint(OBSERVE)
        self.assertEqual(shown, (255, 257))

    def test_repeated_and_late_ones_are_dropped(self):
        outgoing, incoming = exchange(REGISTER)
        sent = [incoming.protect(notification(b"%d" % number)) for number in range(3)]
        outgoing.unprotect(sent[2])
        for message in (sent[2], sent[1], sent[0]):
            with self.assertRaises(ReplayError):
                outgoing.unprotect(message)

    def test_one_without_partial_iv_is_the_oldest(self):
        client, server = ends()
        outgoing = client.protect_request(REGISTER)
        first = server.protect_response(notification(b"on"), b"\x00", False)
        self.assertEqual(outgoing.unprotect(first).uint(OBSERVE), 0)
        second = server.protect_response(notification(b"off"), b"\x00", True)
        self.assertEqual(outgoing.unprotect(second).payload, b"off")
        with self.assertRaises(ReplayError):
            outgoing.unprotect(first)

    def test_none_is_taken_that_was_not_asked_for(self):
        outgoing, incoming = exchange(GET_LIGHT)
        with self.assertRaises(DecodeError):
            outgoing.unprotect(incoming.protect(notification(b"on")))

    def test_it_is_one_response_even_so(self):
        outgoing, incoming = exchange(GET_LIGHT)
        sent = incoming.protect(Message(CONTENT, (), b"on"))
        outgoing.unprotect(sent)
        with self.assertRaises(ReplayError):
            outgoing.unprotect(sent)


class NestedTest(unittest.TestCase):
    def test_nothing_is_protected_twice(self):
        outgoing, incoming = exchange(GET_LIGHT)
        with self.assertRaises(EncodeError):
            ends()[0].protect_request(outgoing.message)
        with self.assertRaises(EncodeError):
            incoming.protect(Message(CONTENT, ((OSCORE, b""),), b"on"))


class SequenceTest(unittest.TestCase):
    def test_numbers_are_reserved_before_they_are_used(self):
        bounds = []
        sequence = Sequence(0, bounds.append)
        self.assertEqual([sequence.take() for _ in range(BLOCK + 1)], list(range(BLOCK + 1)))
        self.assertEqual(bounds, [BLOCK, 2 * BLOCK])

    def test_a_number_that_cannot_be_reserved_is_not_used(self):
        def full(_bound: int):
            raise OSError("no space")

        sequence = Sequence(7, full)
        for _ in range(2):
            with self.assertRaises(OSError):
                sequence.take()

    def test_it_ends(self):
        sequence = Sequence(MAX_NUMBER)
        self.assertEqual(sequence.take(), MAX_NUMBER)
        for _ in range(2):
            with self.assertRaises(SequenceExhausted):
                sequence.take()


if __name__ == "__main__":
    unittest.main()
