"""Whatever arrives, an endpoint neither stops nor grows."""

import unittest

from leafkey.coap import parameters
from leafkey.coap.endpoint import RequestEvent
from leafkey.coap.message import Message, encode
from leafkey.coap.numbers import ACK, CON, CONTENT, GET, NON, OBSERVE, PUT, UNAUTHORIZED
from tests.unit.coap.helpers import Bench, content, empty, get

REMOTES = 10000
LIMITS = {
    "requests": parameters.MAX_REQUESTS,
    "exchanges": parameters.MAX_OPEN_EXCHANGES,
    "exchange_bytes": parameters.MAX_OPEN_BYTES,
    "replies": parameters.ACCEPTED_ENTRIES
    + parameters.REFUSED_ENTRIES
    + parameters.RESPONSE_ENTRIES
    + parameters.MAX_OPEN_EXCHANGES,
    "in_flight": parameters.MAX_IN_FLIGHT,
    "waiting": parameters.MAX_WAITING,
    "notifications": parameters.RECENT_NOTIFICATIONS,
    "events": parameters.MAX_EVENTS,
    "outgoing": parameters.MAX_OUTGOING,
}


def stranger(i: int) -> tuple:
    return ("198.51.%d.%d" % (i // 200, i % 200), 1024 + i)


class FloodTest(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()

    def assert_bounded(self):
        usage = self.bench.endpoint.usage()
        for name in usage:
            self.assertTrue(usage[name] <= LIMITS[name], name)

    def flood(self, count: int, payload: bytes = b"", type: int = CON):
        """Requests from ever new remotes, at one per ms; nothing is fetched or sent."""
        for i in range(count):
            message = Message(PUT, (), payload, type, i & 0xFFFF, b"flood")
            self.bench.endpoint.receive_datagram(encode(message), stranger(i), self.bench.now)
            self.bench.now += 1

    def test_requests_that_nobody_answers(self):
        self.flood(REMOTES)
        self.assert_bounded()
        self.assertEqual(len(self.bench.events()), parameters.MAX_OPEN_EXCHANGES)
        self.bench.run_to_silence()
        self.assertEqual(self.bench.endpoint.usage()["exchanges"], 0)

    def test_large_requests_that_nobody_answers(self):
        self.flood(100, bytes(1100), NON)
        self.assert_bounded()
        self.assertTrue(self.bench.endpoint.usage()["exchanges"] >= 7)

    def test_refused_requests_while_an_exchange_is_in_progress(self):
        first = get(1, b"patient")
        self.bench.receive(first)
        patient = self.bench.event().handle
        self.bench.receive(get(2, b"served"))
        served = self.bench.respond(self.bench.event().handle)
        for i in range(REMOTES):
            self.bench.endpoint.receive_datagram(
                encode(get(i & 0xFFFF, b"flood")), stranger(i), self.bench.now
            )
            event = self.bench.event()
            self.assertTrue(isinstance(event, RequestEvent))
            self.bench.respond(event.handle, UNAUTHORIZED, bytes(24), True)
            self.bench.now += 1
        self.assert_bounded()
        self.assertEqual(self.bench.receive(get(2, b"served"))[0].payload, served[0].payload)
        self.assertEqual(len(self.bench.receive(first)), 1)
        self.assertEqual(self.bench.events(), [])
        self.assertEqual(self.bench.respond(patient)[0].token, b"patient")

    def test_responses_pings_and_resets_leave_nothing(self):
        handle, sent = self.bench.request(options=((OBSERVE, b""),))
        for i in range(2000):
            for message in (
                content(b"no%d" % i, i, CON),
                content(b"no%d" % i, i, NON, ((OBSERVE, b"\1"),)),
                empty(CON, i),
                empty(ACK, i),
            ):
                self.bench.receive(message, stranger(i))
        self.assertEqual(self.bench.endpoint.usage()["replies"], 0)
        self.assertEqual(self.bench.events(), [])
        self.bench.receive(content(sent[0].token, sent[0].mid))
        self.assertIs(self.bench.event().handle, handle)

    def test_a_server_that_notifies_faster_than_we_read(self):
        _, sent = self.bench.request(options=((OBSERVE, b""),))
        for i in range(1000):
            notification = content(sent[0].token, i, NON + i % 2, ((OBSERVE, b"\1"),))
            self.bench.endpoint.receive_datagram(
                encode(notification), ("192.0.2.1", 5683), self.bench.now
            )
        self.assert_bounded()
        self.assertEqual(len(self.bench.events()), parameters.MAX_EVENTS)

    def test_an_application_that_asks_faster_than_the_network_carries(self):
        for i in range(500):
            message = Message(GET, type=CON if i % 2 else NON)
            self.bench.endpoint.request(message, stranger(i % 7), self.bench.now)
            self.bench.events()
        self.assert_bounded()
        self.bench.run_to_silence()
        self.assertEqual(
            set(self.bench.endpoint.usage().values()) - {0}, {self.bench.endpoint.usage()["events"]}
        )

    def test_an_honest_client_is_served_through_a_flood(self):
        served = 0
        for i in range(2000):
            self.bench.endpoint.receive_datagram(
                encode(get(i, b"flood")), stranger(i), self.bench.now
            )
            if i % 20 == 0:
                self.bench.receive(get(i, b"honest"))
            for event in self.bench.events():
                if event.message.token == b"honest":
                    served += len(self.bench.respond(event.handle, CONTENT))
                else:
                    self.bench.respond(event.handle, UNAUTHORIZED, b"", True)
        self.assertEqual(served, 100)
        self.assert_bounded()


if __name__ == "__main__":
    unittest.main()
