"""What an application does with a group: publishes, and reads what others have published."""
# heap: 1m

import asyncio
import unittest

import leafnode.group as module
from leafkey.coap.numbers import CONTENT, FORBIDDEN, NOT_FOUND, SERVICE_UNAVAILABLE
from leafkey.codec import cbor
from leafkey.errors import Evicted, NotAllowed, ProtocolError
from leafkey.group import messages
from leafnode.group import Group
from leafnode.response import Response
from tests.unit.node.circle import APPLICATION_ACE_GROUPCOMM_CBOR as GROUPCOMM
from tests.unit.node.circle import ORIGIN, TOPIC, URI, Broker, Kdc, Party, Wire, refused
from tests.unit.robust.flash import Flash

SECONDS = 5


class Feed:
    """What an observation brings, one after the other; then nothing more, or its end."""

    def __init__(self, responses: list):
        self._responses = responses

    def __aiter__(self) -> "Feed":
        return self

    async def __anext__(self) -> Response:
        if not self._responses:
            await asyncio.sleep(SECONDS)
        response = self._responses.pop(0)
        if response is None:
            raise StopAsyncIteration
        return response

    async def __aenter__(self) -> "Feed":
        return self

    async def __aexit__(self, kind, error, trace):
        self.cancel()

    def cancel(self):
        """Want no more."""


class Client(Wire):
    """A Wire whose observations bring what a test has put there, by URI."""

    def __init__(self, name: str, kdc: Kdc, broker: Broker):
        super().__init__(name, kdc, broker)
        self.feeds = {}

    def observe(self, uri: str) -> Feed:
        return Feed(self.feeds.setdefault(uri, []))


class Case(unittest.TestCase):
    is_tree = False

    def setUp(self):
        self.kdc = Kdc(is_tree=self.is_tree)
        self.broker = Broker(self.kdc)
        self.sender = Party("sender", self.kdc, self.broker)
        self.reader = Party("reader", self.kdc, self.broker)
        self.client = self.reader.wire = Client("reader", self.kdc, self.broker)
        for party in (self.sender, self.reader):
            party.begin()

    def play(self, scenario):
        async def main():
            group = Group(self.client, self.reader.membership)
            try:
                return await asyncio.wait_for(scenario(group), SECONDS)
            finally:
                group.close()

        return asyncio.run(main())

    def published(self, value: object, topic: str = TOPIC) -> Response:
        """What the broker shows of a publication."""
        return Response(self.sender.publish(cbor.encode([topic, value])), CONTENT)

    def read(self, *responses: Response, count: int = 1, fresh: bool = False) -> list:
        """The values that a subscription yields of what the broker shows."""
        self.client.feeds[ORIGIN + "/ps/" + TOPIC] = list(responses)

        async def scenario(group):
            seen = []
            async with group.subscribe(TOPIC, fresh) as values:
                async for sender, value in values:
                    self.assertEqual(sender, self.kdc.members["sender"][0])
                    seen.append(value)
                    if len(seen) == count:
                        break
            return seen

        return self.play(scenario)


class SubscriptionTest(Case):
    def test_values_of_every_kind(self):
        values = [21.5, "warm", b"\x00", None, [1, {"a": True}]]
        shown = [self.published(value) for value in values]
        self.assertEqual(self.read(*shown, count=len(values)), values)

    def test_nothing_is_published_yet(self):
        empty = Response(b"", CONTENT)
        self.assertEqual(self.read(empty, self.published(1)), [1])

    def test_what_is_no_publication_of_this_topic_is_left_out(self):
        moved = self.published("open", "floor2/door")
        first = self.published(1)
        bare = Response(self.sender.publish(b"21.5"), CONTENT)
        garbage = Response(b"\x83\x40\xa0\x40", CONTENT)
        last = self.published(2)
        shown = moved, first, first, bare, garbage, last
        self.assertEqual(self.read(*shown, count=2), [1, 2])

    def test_one_under_a_key_that_is_not_known_yet(self):
        old = self.published(1)
        self.kdc.renew()
        self.sender.begin()
        self.assertEqual(self.read(old, self.published(2), count=2), [1, 2])

    def test_the_kdc_is_away_meanwhile(self):
        self.kdc.renew()
        self.sender.begin()
        unknown = self.published(1)
        self.client.is_off = True
        self.kdc.asked = []
        responses = [unknown]
        self.client.feeds[ORIGIN + "/ps/" + TOPIC] = responses

        async def scenario(group):
            values = group.subscribe(TOPIC)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(values.__anext__(), 0.2)

        self.play(scenario)

    def test_who_acts_on_values_gets_none_that_may_be_old(self):
        shown = self.published(1)
        self.reader.begin()
        self.assertEqual(self.read(shown), [1])
        self.reader.begin()
        again = self.published(2)
        self.kdc.renew()
        self.sender.begin()
        self.assertEqual(self.read(again, self.published(3), fresh=True), [3])

    def test_it_ends_with_its_topic(self):
        gone = Response(code=NOT_FOUND)
        self.assertEqual(self.read(self.published(1), gone, count=9), [1])
        with self.assertRaises(ProtocolError):
            self.read(gone)

    def test_a_broker_that_has_no_room_for_a_while(self):
        busy = Response(code=SERVICE_UNAVAILABLE)
        seconds, module.RETRY_SECONDS = module.RETRY_SECONDS, 0
        try:
            self.assertEqual(self.read(busy, None, self.published(1)), [1])
        finally:
            module.RETRY_SECONDS = seconds

    def test_who_wants_no_more_is_not_kept(self):
        async def scenario(group):
            values = group.subscribe(TOPIC)
            values.cancel()
            with self.assertRaises(StopAsyncIteration):
                await values.__anext__()

        self.play(scenario)

    def test_it_ends_with_the_membership(self):
        self.kdc.evict("reader")
        with self.assertRaises(Evicted):
            self.read(Response(code=FORBIDDEN))

    def test_a_broker_that_refuses_a_member(self):
        with self.assertRaises(NotAllowed):
            self.read(Response(code=FORBIDDEN))


class PublicationTest(Case):
    def test_a_value_reaches_the_others(self):
        self.play(lambda group: group.publish(TOPIC, 21.5))
        data = self.broker.topics[TOPIC]
        self.assertEqual(self.sender.receive(data).payload, cbor.encode([TOPIC, 21.5]))

    def test_a_topic_that_there_is_not(self):
        with self.assertRaises(ProtocolError):
            self.play(lambda group: group.publish("nothing", 21.5))

    def test_who_is_no_member_any_more(self):
        self.kdc.evict("reader")
        with self.assertRaises(Evicted):
            self.play(lambda group: group.publish(TOPIC, 21.5))

    def test_who_leaves(self):
        self.play(lambda group: group.leave())
        self.assertEqual(list(self.kdc.members), ["sender"])


class FollowTest(Case):
    def follow(self, uri: str, *updates: Response):
        self.client.feeds[uri] = list(updates)

        async def scenario(_group):
            while self.client.feeds[uri]:
                await asyncio.sleep(0)
            await asyncio.sleep(0)

        self.play(scenario)

    def num(self) -> int:
        return self.reader.membership._member.num()

    def test_another_key(self):
        self.kdc.renew()
        self.follow(URI, Response(messages.encode(self.kdc.stated()), CONTENT, GROUPCOMM))
        self.assertEqual(self.num(), self.kdc.num)

    def test_the_end(self):
        for error_id in (5, 6):
            self.follow(URI, refused(error_id))
            self.assertEqual(self.reader.flash.names("n"), [])
            with self.assertRaises(Evicted):
                self.reader.publish(b"x")
            self.reader.flash = Flash()
            self.reader.begin()

    def test_what_is_not_readable(self):
        num = self.num()
        for payload in (b"", b"\xff", b"\x80", b"\xa0"):
            self.follow(URI, Response(payload, CONTENT, GROUPCOMM))
            self.assertEqual(self.num(), num)


class TreeTest(FollowTest):
    is_tree = True
    TREE = URI + "/tree"

    def message(self, data: object) -> Response:
        return Response(cbor.encode(data), CONTENT, 60)

    def test_another_key(self):
        self.kdc.asked = []
        steps = (
            lambda: None,
            Party("third", self.kdc, self.broker).begin,
            lambda: self.kdc.evict("third"),
        )
        for step in steps:
            step()
            self.follow(self.TREE, self.message(None), self.message(self.kdc.messages[-1]))
            self.assertEqual(self.num(), self.kdc.num)
        asked = [path for name, _, path in self.kdc.asked if name == "reader"]
        self.assertEqual(asked, [URI + "/nodes/reader/confirmation"] * 2)

    def test_one_was_missed(self):
        for name in ("third", "fourth"):
            Party(name, self.kdc, self.broker).begin()
        self.follow(self.TREE, self.message(self.kdc.messages[-1]))
        self.assertEqual(self.num(), self.kdc.num)

    def test_the_end(self):
        self.follow(self.TREE, refused(5))
        with self.assertRaises(Evicted):
            self.reader.publish(b"x")

    def test_what_is_not_readable(self):
        num = self.num()
        for payload in (b"", b"\xff", b"\xa0", b"\x43\x01\x02\x03"):
            self.follow(self.TREE, Response(payload, CONTENT, 60))
            self.assertEqual(self.num(), num)


if __name__ == "__main__":
    unittest.main()
