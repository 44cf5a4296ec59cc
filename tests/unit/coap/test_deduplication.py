"""Duplicates get the bytes the first one got; the memory for that is bounded."""

import unittest

from leafkey.coap.deduplication import ReplyCache
from leafkey.coap.message import encode
from leafkey.coap.numbers import ACK, CON, EMPTY, NON, OBSERVE, UNAUTHORIZED
from leafkey.coap.parameters import (
    ACCEPTED_BYTES,
    ACCEPTED_ENTRIES,
    EXCHANGE_LIFETIME,
    PROCESSING_DELAY,
    REFUSED_ENTRIES,
    RESPONSE_ENTRIES,
)
from tests.unit.coap.helpers import OTHER, PEER, Bench, content, empty, get, heads


class DuplicateTest(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()

    def answer(self, request, payload: bytes = b"ok", refused: bool = False) -> bytes:
        """Give a request, answer it, return the datagram."""
        self.assertEqual(self.bench.receive(request), [])
        handle = self.bench.event().handle
        message = request.reply(UNAUTHORIZED if refused else 0x45, payload)
        self.bench.endpoint.respond(handle, message, self.bench.now, refused)
        return self.bench.sent_bytes()[0]

    def again(self, request, remote: tuple = PEER) -> list:
        self.bench.endpoint.receive_datagram(encode(request), remote, self.bench.now)
        return self.bench.sent_bytes()

    def test_the_same_bytes_get_the_cached_response(self):
        for type in (CON, NON):
            for refused in (False, True):
                request = get(5 + type + 2 * refused, type=type)
                first = self.answer(request, b"22.5", refused)
                for _ in range(3):
                    self.assertEqual(self.again(request), [first])
                self.assertEqual(self.bench.events(), [])

    def test_a_reused_message_id_with_other_bytes_is_a_new_message(self):
        first = self.answer(get(5, b"one"), b"1")
        second = self.answer(get(5, b"two"), b"2")
        self.assertNotEqual(first, second)
        self.assertEqual(self.again(get(5, b"one")), [first])
        self.assertEqual(self.again(get(5, b"two")), [second])

    def test_another_remote_is_another_message(self):
        self.answer(get(5))
        self.assertEqual(self.again(get(5), OTHER), [])
        self.assertEqual(self.bench.event().remote, OTHER)

    def test_after_a_separate_response_a_duplicate_is_acknowledged(self):
        self.bench.receive(get(5))
        self.bench.wait(PROCESSING_DELAY)
        self.bench.respond(self.bench.event().handle)
        self.assertEqual(heads(self.bench.receive(get(5))), [(ACK, EMPTY, 5, b"")])
        self.assertEqual(self.bench.events(), [])

    def test_after_its_lifetime_it_is_a_new_message(self):
        self.answer(get(5))
        self.bench.now += EXCHANGE_LIFETIME - 1
        self.assertEqual(len(self.again(get(5))), 1)
        self.bench.now += 1
        self.answer(get(5), b"new")
        self.assertEqual(self.bench.endpoint.usage()["replies"], 1)

    def test_an_exchange_given_up_stays_known(self):
        self.bench.receive(get(5, type=NON))
        self.bench.wait(EXCHANGE_LIFETIME)
        self.bench.events()
        self.assertEqual(self.bench.receive(get(5, type=NON)), [])
        self.assertEqual(self.bench.events(), [])

    def test_refusals_do_not_push_out_accepted_requests(self):
        first = self.answer(get(1, b"good"))
        for i in range(3 * ACCEPTED_ENTRIES):
            self.answer(get(i, b"bad"), refused=True)
        self.assertEqual(self.again(get(1, b"good")), [first])
        self.assertEqual(self.bench.endpoint.usage()["replies"], 1 + REFUSED_ENTRIES)

    def test_the_oldest_replies_go_first(self):
        replies = [self.answer(get(i)) for i in range(ACCEPTED_ENTRIES + 1)]
        self.assertEqual(self.again(get(1)), [replies[1]])
        self.answer(get(0))
        self.assertEqual(self.bench.endpoint.usage()["replies"], ACCEPTED_ENTRIES)

    def test_notifications_are_taken_once(self):
        handle, sent = self.bench.request(options=((OBSERVE, b""),))
        first = content(sent[0].token, sent[0].mid, ACK, ((OBSERVE, b"\1"),))
        notification = content(sent[0].token, 9, CON, ((OBSERVE, b"\2"),))
        unreliable = content(sent[0].token, 10, NON, ((OBSERVE, b"\3"),))
        for message in (first, first, notification, notification, unreliable, unreliable, first):
            answer = self.bench.receive(message)
            self.assertEqual(len(answer), 1 if message.type == CON else 0)
        self.assertEqual([event.handle for event in self.bench.events()], [handle] * 3)

    def test_responses_to_us_are_not_pushed_out_by_requests(self):
        _, sent = self.bench.request()
        response = content(sent[0].token, 9, CON)
        acknowledged = self.bench.receive(response)
        self.bench.events()
        for i in range(2 * ACCEPTED_ENTRIES):
            self.answer(get(i))
            self.answer(get(i, b"bad"), refused=True)
        self.assertEqual(heads(self.bench.receive(response)), heads(acknowledged))
        self.assertEqual(self.bench.receive(empty(ACK, 1)), [])


class CacheTest(unittest.TestCase):
    def test_bytes_are_bounded_too(self):
        cache = ReplyCache()
        size = ACCEPTED_BYTES // 4
        for i in range(10):
            cache.accepted.keep((PEER, bytes((i,)) * size), b"", i)
            self.assertTrue(cache.accepted.bytes <= ACCEPTED_BYTES)
        self.assertEqual(len(cache), 4)
        self.assertIsNone(cache.find((PEER, b"\5" * size), 10))
        self.assertEqual(cache.find((PEER, b"\6" * size), 10), b"")

    def test_rings_do_not_mix(self):
        cache = ReplyCache()
        for i in range(3 * RESPONSE_ENTRIES):
            cache.responses.keep((PEER, bytes((i,))), b"r", i)
            cache.refused.keep((OTHER, bytes((i,))), b"x", i)
        self.assertEqual(len(cache), RESPONSE_ENTRIES + REFUSED_ENTRIES)
        self.assertEqual(cache.responses.count, RESPONSE_ENTRIES)
        cache.responses.drop_expired(EXCHANGE_LIFETIME + 3 * RESPONSE_ENTRIES)
        self.assertEqual((cache.responses.count, cache.responses.bytes), (0, 0))
        self.assertEqual(len(cache), REFUSED_ENTRIES)


if __name__ == "__main__":
    unittest.main()
