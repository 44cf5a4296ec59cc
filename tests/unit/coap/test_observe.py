"""Observation (RFC 7641): freshness, the registry, notifications through the endpoint."""

import unittest

from leafkey.coap.endpoint import RESET, TIMEOUT, FailureEvent
from leafkey.coap.message import Message
from leafkey.coap.numbers import ACK, CON, CONTENT, EMPTY, GET, NON, OBSERVE, RST
from leafkey.coap.observe import (
    DEREGISTER,
    FRESHNESS_SPAN,
    REGISTER,
    Observation,
    Registry,
    is_fresh,
)
from leafkey.coap.parameters import RECENT_NOTIFICATIONS
from tests.unit.coap.helpers import PEER, Bench, content, empty, get, heads

WATCH = ((OBSERVE, b""),)


class FreshnessTest(unittest.TestCase):
    def test_newer_values_modulo_24_bits(self):
        for last, value, fresh in (
            (1, 2, True),
            (2, 1, False),
            (5, 5, False),
            (0, 0x7FFFFF, True),
            (0, 0x800000, False),
            (0xFFFFFF, 0, True),
            (0xFFFFFF, 0x7FFFFE, True),
            (0, 0xFFFFFF, False),
            (0x800001, 0, True),
        ):
            self.assertEqual(is_fresh(last, 0, value, FRESHNESS_SPAN), fresh)

    def test_after_128_seconds_everything_is_newer(self):
        self.assertTrue(is_fresh(9, 1000, 1, 1000 + FRESHNESS_SPAN + 1))


def added(registry: Registry, peer: str, resource: str, handle: str) -> Observation:
    """Register where there must be room."""
    observation = registry.add(peer, resource, handle)
    if observation is None:
        raise AssertionError("no room")
    return observation


class RegistryTest(unittest.TestCase):
    def test_an_observation_is_found_and_removed(self):
        registry = Registry()
        first = added(registry, "a", "/t", "h1")
        other = registry.add("a", "/u", "h2")
        registry.add("b", "/t", "h3")
        handles = sorted(found.handle for found in registry.of("/t"))
        self.assertEqual(handles, ["h1", "h3"])
        self.assertIs(registry.find("a", "/u"), other)
        registry.remove("h1")
        self.assertEqual([found.handle for found in registry.of("/t")], ["h3"])
        self.assertIsNone(first.replaced)
        self.assertEqual(registry.remove_peer("a"), ["h2"])
        self.assertEqual(len(registry), 1)

    def test_registering_again_replaces_and_goes_on_counting(self):
        registry = Registry()
        observation = added(registry, "a", "/t", "h1")
        self.assertEqual([observation.next_value() for _ in range(3)], [1, 2, 3])
        again = added(registry, "a", "/t", "h2")
        self.assertIs(again, observation)
        self.assertEqual((again.handle, again.replaced), ("h2", "h1"))
        self.assertEqual(again.next_value(), 4)
        registry.remove("h1")
        self.assertEqual(len(registry), 1)

    def test_a_full_list_takes_nobody_and_loses_nobody(self):
        registry = Registry(2)
        registry.add("a", "/t", "h1")
        registry.add("b", "/t", "h2")
        self.assertIsNone(registry.add("c", "/t", "h3"))
        self.assertIs(registry.add("a", "/t", "h4"), registry.find("a", "/t"))
        self.assertEqual(len(registry), 2)

    def test_values_are_fresh(self):
        observation = added(Registry(), "a", "/t", "h")
        values = [observation.next_value() for _ in range(4)]
        self.assertTrue(is_fresh(values[2], 0, values[3], 0))


class ObserverTest(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.handle, sent = self.bench.request(options=WATCH)
        self.token = sent[0].token
        self.bench.receive(content(self.token, sent[0].mid, ACK, ((OBSERVE, b"\1"),)))

    def test_notifications_come_until_cancelled(self):
        self.assertIsNone(self.bench.endpoint.next_timeout(self.bench.now))
        for i in range(2, 40):
            self.bench.now += 1000000
            self.bench.receive(content(self.token, i, NON + i % 2, ((OBSERVE, bytes((i,))),)))
            self.bench.receive(content(self.token, 100 + i, CON, ((OBSERVE, bytes((i,))),)))
        events = self.bench.events()
        self.assertEqual({event.handle for event in events}, {self.handle})
        self.assertTrue(len(events) > 40)
        self.bench.endpoint.cancel(self.handle)
        for type in (CON, NON):
            sent = self.bench.receive(content(self.token, 300, type, ((OBSERVE, b"\x99"),)))
            self.assertEqual(heads(sent), [(RST, EMPTY, 300, b"")])

    def test_a_final_response_ends_the_observation(self):
        self.bench.receive(Message(0x84, (), b"", CON, 5, self.token))
        self.assertEqual(len(self.bench.events()), 2)
        self.assertEqual(self.bench.endpoint.usage()["requests"], 0)

    def test_deregistering_uses_the_token_of_the_observation(self):
        message = Message(GET)
        message.add(OBSERVE, DEREGISTER)
        self.bench.events()
        last = self.bench.endpoint.request(message, PEER, self.bench.now, self.handle.token)
        sent = self.bench.sent()
        self.assertEqual((sent[0].token, sent[0].uint(OBSERVE)), (self.token, 1))
        self.bench.receive(content(self.token, sent[0].mid))
        self.assertEqual([event.handle for event in self.bench.events()], [last])
        self.assertEqual(self.bench.endpoint.usage()["requests"], 0)


class NotifierTest(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.receive(get(1, b"watcher", options=WATCH))
        event = self.bench.event()
        self.assertEqual(event.message.uint(OBSERVE), REGISTER)
        self.handle = event.handle
        self.bench.respond(self.handle)

    def notify(self, payload: bytes, type: int = CON) -> list:
        message = Message(CONTENT, ((OBSERVE, b"\2"),), payload, type)
        self.bench.endpoint.notify(self.handle, message, self.bench.now)
        return self.bench.sent()

    def test_both_kinds_carry_the_token(self):
        for type in (CON, NON):
            sent = self.notify(b"1", type)
            self.assertEqual((sent[0].type, sent[0].token), (type, b"watcher"))
            self.bench.receive(empty(ACK, sent[0].mid))
        self.assertEqual(self.bench.run_to_silence(), [])

    def test_a_reset_ends_it_for_both_kinds(self):
        for type in (CON, NON):
            sent = self.notify(b"1", type)
            self.bench.receive(empty(RST, sent[0].mid))
            self.assertEqual(self.bench.events(), [FailureEvent(self.handle, RESET)])
            self.assertEqual(self.bench.receive(empty(RST, sent[0].mid)), [])
            self.assertEqual(self.bench.events(), [])
        self.assertEqual(self.bench.endpoint.usage()["notifications"], 0)

    def test_an_observer_that_is_gone_is_reported(self):
        self.notify(b"1")
        self.assertEqual(len(self.bench.run_to_silence()), 4)
        self.assertEqual(self.bench.events(), [FailureEvent(self.handle, TIMEOUT)])

    def test_only_the_newest_waits_for_the_acknowledgement(self):
        first = self.notify(b"1")[0]
        self.assertEqual(self.notify(b"2"), [])
        self.assertEqual(self.notify(b"3", NON), [])
        sent = self.bench.receive(empty(ACK, first.mid))
        self.assertEqual([message.payload for message in sent], [b"3"])
        self.assertEqual(sent[0].type, CON)
        self.bench.receive(empty(ACK, sent[0].mid))
        self.assertEqual(self.bench.run_to_silence(), [])
        self.assertEqual(len(self.notify(b"4")), 1)

    def test_the_newest_takes_over_the_retransmissions(self):
        first = self.notify(b"1")[0]
        self.notify(b"2")
        again = [message for _, message in self.bench.run_to_silence()]
        self.assertEqual([message.payload for message in again], [b"2"] * 4)
        self.assertNotEqual(again[0].mid, first.mid)
        self.assertEqual(self.bench.events(), [FailureEvent(self.handle, TIMEOUT)])

    def test_cancelling_stops_what_is_under_way(self):
        sent = self.notify(b"1", NON) + self.notify(b"2")
        self.bench.endpoint.cancel(self.handle)
        for message in sent:
            self.bench.receive(empty(RST, message.mid))
        self.assertEqual((self.bench.events(), self.bench.run_to_silence()), ([], []))

    def test_unreliable_notifications_are_remembered_within_bounds(self):
        for i in range(3 * RECENT_NOTIFICATIONS):
            self.notify(b"%d" % i, NON)
        usage = self.bench.endpoint.usage()
        self.assertEqual(usage["notifications"], RECENT_NOTIFICATIONS)

    def test_an_observer_with_a_notification_waiting_behind_a_request(self):
        self.bench.request()
        self.assertEqual(self.notify(b"1"), [])
        self.assertEqual(self.notify(b"2"), [])
        sent = [message for _, message in self.bench.run_to_silence()]
        self.assertEqual([message.payload for message in sent[4:]], [b"2"] * 5)


if __name__ == "__main__":
    unittest.main()
