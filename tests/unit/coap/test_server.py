"""The server's role: piggybacked and separate responses, refusals, bad input."""

import unittest

from leafkey.coap.endpoint import BUSY, RESET, TIMEOUT, FailureEvent, RequestEvent
from leafkey.coap.message import MAX_OPTIONS, Message
from leafkey.coap.numbers import (
    ACK,
    BAD_OPTION,
    BLOCK1,
    CON,
    CONTENT,
    EMPTY,
    GET,
    IF_MATCH,
    NON,
    PROXY_URI,
    PROXYING_NOT_SUPPORTED,
    REQUEST_ENTITY_TOO_LARGE,
    RST,
    URI_PATH,
)
from leafkey.coap.parameters import (
    EXCHANGE_LIFETIME,
    MAX_DATAGRAM,
    MAX_IN_FLIGHT,
    PROCESSING_DELAY,
)
from leafkey.errors import EncodeError
from tests.unit.coap.helpers import OTHER, PEER, Bench, empty, get, heads


class ResponseTest(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()

    def opened(self, message: Message):
        self.assertEqual(self.bench.receive(message), [])
        event = self.bench.event()
        self.assertTrue(isinstance(event, RequestEvent))
        return event.handle

    def test_a_quick_response_is_piggybacked(self):
        self.bench.receive(get(7, b"abc"))
        event = self.bench.event()
        self.assertEqual((event.remote, event.message.path()), (PEER, (b"x",)))
        sent = self.bench.respond(event.handle)
        self.assertEqual(heads(sent), [(ACK, CONTENT, 7, b"abc")])
        self.assertEqual(sent[0].payload, b"ok")
        self.assertEqual(self.bench.run_to_silence(), [])

    def test_a_slow_response_is_separate_and_confirmable(self):
        handle = self.opened(get(7, b"abc"))
        self.assertEqual(self.bench.endpoint.next_timeout(self.bench.now), PROCESSING_DELAY)
        self.assertEqual(self.bench.wait(PROCESSING_DELAY - 1), [])
        self.assertEqual(heads(self.bench.wait(1)), [(ACK, EMPTY, 7, b"")])
        sent = self.bench.respond(handle)
        self.assertEqual((sent[0].type, sent[0].code, sent[0].token), (CON, CONTENT, b"abc"))
        self.assertEqual(self.bench.receive(empty(ACK, sent[0].mid)), [])
        self.assertEqual(self.bench.run_to_silence(), [])
        self.assertEqual(self.bench.events(), [])

    def test_a_duplicate_before_the_response_is_acknowledged_once_each(self):
        handle = self.opened(get(7))
        for _ in range(2):
            self.assertEqual(heads(self.bench.receive(get(7))), [(ACK, EMPTY, 7, b"")])
        self.assertEqual(self.bench.events(), [])
        self.assertEqual(self.bench.wait(PROCESSING_DELAY), [])
        self.assertEqual(self.bench.respond(handle)[0].type, CON)

    def test_a_non_request_gets_a_non_response(self):
        handle = self.opened(get(7, b"abc", NON))
        self.assertEqual(self.bench.wait(10 * PROCESSING_DELAY), [])
        sent = self.bench.respond(handle)
        self.assertEqual((sent[0].type, sent[0].token), (NON, b"abc"))

    def test_a_separate_response_nobody_acknowledges_fails(self):
        handle = self.opened(get())
        self.bench.wait(PROCESSING_DELAY)
        first = self.bench.respond(handle)
        self.assertEqual(len(first + self.bench.run_to_silence()), 5)
        self.assertEqual(self.bench.events(), [FailureEvent(handle, TIMEOUT)])

    def test_a_separate_response_that_is_reset_fails(self):
        handle = self.opened(get())
        self.bench.wait(PROCESSING_DELAY)
        sent = self.bench.respond(handle)
        self.assertEqual(self.bench.receive(empty(RST, sent[0].mid)), [])
        self.assertEqual(self.bench.events(), [FailureEvent(handle, RESET)])
        self.assertEqual(self.bench.run_to_silence(), [])

    def test_only_the_first_answer_counts(self):
        handle = self.opened(get())
        self.assertEqual(len(self.bench.respond(handle)), 1)
        self.assertEqual(self.bench.respond(handle), [])

    def test_an_answer_that_does_not_fit_leaves_the_exchange_open(self):
        handle = self.opened(get())
        with self.assertRaises(EncodeError):
            self.bench.endpoint.respond(handle, Message(CONTENT, [(70000, b"")]), self.bench.now)
        self.assertEqual(len(self.bench.respond(handle)), 1)

    def test_an_exchange_ends_when_nobody_can_be_waiting(self):
        handle = self.opened(get())
        self.bench.wait(PROCESSING_DELAY)
        self.bench.wait(EXCHANGE_LIFETIME)
        self.assertEqual(self.bench.respond(handle), [])
        self.assertEqual(self.bench.endpoint.usage()["exchanges"], 0)

    def test_a_cancelled_exchange_is_forgotten(self):
        self.bench.endpoint.cancel(self.opened(get()))
        self.assertEqual(self.bench.endpoint.usage()["exchanges"], 0)
        self.assertEqual(self.bench.run_to_silence(), [])
        self.opened(get())

    def test_separate_responses_are_bounded(self):
        handles = []
        for i in range(MAX_IN_FLIGHT + 1):
            handle = self.opened(get(i))
            self.bench.wait(PROCESSING_DELAY)
            handles.append((handle, len(self.bench.respond(handle))))
            self.bench.now -= PROCESSING_DELAY
        self.assertEqual([sent for _, sent in handles], [1] * MAX_IN_FLIGHT + [0])
        self.assertEqual(self.bench.events(), [FailureEvent(handles[-1][0], BUSY)])


class RefusalTest(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()

    def tearDown(self):
        self.assertEqual(self.bench.events(), [])
        # Refusals keep no state, and the next request is served.
        self.assertEqual(set(self.bench.endpoint.usage().values()), {0})
        self.bench.receive(get(999))
        self.assertEqual(len(self.bench.respond(self.bench.event().handle)), 1)

    def test_unknown_critical_options(self):
        for option, code in (
            ((IF_MATCH, b"x"), BAD_OPTION),
            ((65003, b""), BAD_OPTION),
            ((PROXY_URI, b"coap://h/"), PROXYING_NOT_SUPPORTED),
            ((BLOCK1, bytes(4)), BAD_OPTION),
            ((URI_PATH, bytes(1990)), BAD_OPTION),
        ):
            sent = self.bench.receive(get(3, b"abcd", options=(option,)))
            self.assertEqual(heads(sent), [(ACK, code, 3, b"abcd")])
            sent = self.bench.receive(get(3, b"abcd", NON, (option,)))
            self.assertEqual(heads(sent), [(RST, EMPTY, 3, b"")])

    def test_more_options_than_a_node_keeps(self):
        tail = bytes(MAX_OPTIONS + 1)
        sent = self.bench.receive_bytes(b"\x42\x01\x00\x05ab" + tail)
        self.assertEqual(heads(sent), [(ACK, BAD_OPTION, 5, b"ab")])
        self.assertEqual(
            heads(self.bench.receive_bytes(b"\x50\x01\x00\x05" + tail)), [(RST, EMPTY, 5, b"")]
        )
        self.assertEqual(
            heads(self.bench.receive_bytes(b"\x40\x45\x00\x05" + tail)), [(RST, EMPTY, 5, b"")]
        )
        self.assertEqual(self.bench.receive_bytes(b"\x60\x45\x00\x05" + tail), [])

    def test_datagrams_that_are_too_long(self):
        tail = b"\xff" + bytes(MAX_DATAGRAM)
        sent = self.bench.receive_bytes(b"\x42\x03\x00\x05ab" + tail)
        self.assertEqual(heads(sent), [(ACK, REQUEST_ENTITY_TOO_LARGE, 5, b"ab")])
        for head in (b"\x50\x03\x00\x05", b"\x40\x45\x00\x05", b"\x4f\x01\x00\x05"):
            self.assertEqual(heads(self.bench.receive_bytes(head + tail)), [(RST, EMPTY, 5, b"")])
        for head in (b"\x60\x45\x00\x05", b"\x70\x00\x00\x05", b"\x80\x01\x00\x05"):
            self.assertEqual(self.bench.receive_bytes(head + tail), [])
        self.assertEqual(len(self.bench.receive_bytes(bytearray(b"\x40\x03\x00\x05" + tail))), 1)

    def test_malformed_messages(self):
        for rest in (b"\xf0", b"\xb4abc", b"\xff", b"\x0f", b"\xe0\xff\xff\xe0\xff\xff"):
            sent = self.bench.receive_bytes(b"\x40\x01\x00\x06" + rest)
            self.assertEqual(heads(sent), [(RST, EMPTY, 6, b"")])
            for head in (b"\x50\x01", b"\x60\x45", b"\x70\x01"):
                self.assertEqual(self.bench.receive_bytes(head + b"\x00\x06" + rest), [])

    def test_reserved_token_lengths(self):
        for size in range(9, 16):
            data = bytes((0x40 | size, GET, 0, 8)) + bytes(20)
            self.assertEqual(heads(self.bench.receive_bytes(data)), [(RST, EMPTY, 8, b"")])
            data = bytes((0x50 | size, GET, 0, 8)) + bytes(20)
            self.assertEqual(self.bench.receive_bytes(data), [])

    def test_what_is_no_coap_message_is_ignored(self):
        for data in (b"", b"\x40", b"\x40\x01", b"\x40\x01\x00"):
            self.assertEqual(self.bench.receive_bytes(data), [])
        for version in (0, 2, 3):
            self.assertEqual(self.bench.receive_bytes(bytes((version << 6, 1, 0, 1))), [])

    def test_empty_messages(self):
        self.assertEqual(heads(self.bench.receive(empty(CON, 9))), [(RST, EMPTY, 9, b"")])
        for type in (NON, ACK, RST):
            self.assertEqual(self.bench.receive(empty(type, 9)), [])
        sent = self.bench.receive_bytes(b"\x40\x00\x00\x09\xff")
        self.assertEqual(heads(sent), [(RST, EMPTY, 9, b"")])
        self.assertEqual(heads(self.bench.receive_bytes(b"\x41\x00\x00\x09a")), heads(sent))

    def test_reserved_code_classes(self):
        for code in (0x20, 0x3F, 0x60, 0x7F, 0xC0, 0xE1, 0xFF):
            self.assertEqual(
                heads(self.bench.receive_bytes(bytes((0x40, code, 0, 4)))), [(RST, EMPTY, 4, b"")]
            )
            for head in (0x50, 0x60, 0x70):
                self.assertEqual(self.bench.receive_bytes(bytes((head, code, 0, 4))), [])

    def test_a_request_in_an_ack_or_reset_is_ignored(self):
        for type in (ACK, RST):
            self.assertEqual(self.bench.receive(get(1, b"t", type)), [])


class OddRequestTest(unittest.TestCase):
    def test_paths_need_not_be_utf8_and_methods_need_not_be_known(self):
        bench = Bench()
        bench.receive(Message(31, [(URI_PATH, b"\xff\xfe\x00")], b"\xff", CON, 5))
        event = bench.event()
        self.assertEqual((event.message.code, event.message.path()), (31, (b"\xff\xfe\x00",)))
        self.assertEqual(bench.respond(event.handle)[0].type, ACK)

    def test_unknown_elective_options_reach_the_application(self):
        bench = Bench()
        bench.receive(get(options=((65000, b"keep"),)), OTHER)
        self.assertEqual(bench.event().message.option(65000), b"keep")


if __name__ == "__main__":
    unittest.main()
