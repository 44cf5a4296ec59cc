"""leafkey.oscore.association: two ends that keep nothing, on a network that does what it wants."""
# heap: 1m

import asyncio
import unittest

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    OSCORE,
    POST,
    SERVICE_UNAVAILABLE,
    UNAUTHORIZED,
)
from leafkey.errors import ProtocolError, Refused, Unreachable
from leafkey.oscore.association import MAX_CONTEXTS, Association, NotKnown
from leafkey.oscore.material import Material
from leafkey.oscore.recipients import NOT_FOUND, REPLAYED, UNDECIPHERABLE, unprotect
from tests.support.nonces import Nonces
from tests.unit.pat.world import PROVIDER, Random, over_the_air, run

MATERIAL = Material(10, bytes(range(32)), b"node", b"mana")
OTHER = Material(10, bytes(range(1, 33)), b"node", b"mana")


class End:
    """A node or a manager: asks, and answers with what it was asked."""

    def __init__(self, network: "Network", material: Material, seed: int):
        self._network = network
        self._random = Random(seed)
        self._material = material
        self.acted = []
        self.start()

    def start(self):
        """Begin with what provisioning gave it, and nothing else."""
        random = self._random.bytes
        self.end = Association(self._network.nonces, random, self._material, asyncio.Lock())

    def answer(self, message: Message) -> Message:
        try:
            alike = [self.end]
            _, incoming = unprotect(message, lambda kid: alike if kid == self.end.kid else [])
        except Refused as refused:
            return refused.response
        self.acted.append(incoming.request.payload)
        return incoming.protect(Message(CONTENT, (), incoming.request.payload))

    async def ask(self, payload: bytes) -> bytes:
        """Return what comes back."""
        request = Message(POST, (), payload)
        return (await self.end.request(request, self._network.sender(self)))[1].payload


class Network:
    """Both ends and what is between them: `meddle(message, deliver)`, if it is anything."""

    def __init__(self, material: Material = MATERIAL, other: Material | None = None):
        self.nonces = Nonces(PROVIDER)
        self.node = End(self, material, 1)
        self.manager = End(self, (other or material).mirrored(), 2)
        self.meddle = None
        self.heard = []

    def sender(self, who: End):
        """What carries a message to the other end, and its answer back."""
        to = self.manager if who is self.node else self.node

        async def send(message: Message) -> Message:
            message = over_the_air(message)
            self.heard.append((to, message))

            def deliver(sent: Message) -> Message:
                return over_the_air(to.answer(sent))

            return deliver(message) if self.meddle is None else self.meddle(message, deliver)

        return send

    def say_again(self) -> list:
        """Deliver all that was ever said; returns the codes of the answers."""
        return [to.answer(message).code for to, message in list(self.heard)]


class Case(unittest.TestCase):
    def setUp(self):
        self.net = Network()
        self.node, self.manager = self.net.node, self.net.manager

    def asks(self, who: End, payload: bytes = b"x"):
        self.assertEqual(run(who.ask(payload)), payload)

    def names(self) -> tuple:
        return self.node.end.id_context, self.manager.end.id_context


class ContextsTest(Case):
    def test_both_directions_in_one_context(self):
        for who in (self.node, self.manager, self.node):
            self.asks(who)
        self.assertEqual(self.names()[0], self.names()[1])
        self.assertEqual(len(self.net.heard), 4)

    def test_the_manager_may_begin(self):
        self.asks(self.manager)
        name = self.names()[0]
        self.asks(self.node)
        self.assertEqual(self.names(), (name, name))

    def test_either_end_restarts_or_both(self):
        seen = set()
        for restarting in ((self.node,), (self.manager,), (self.node, self.manager)) * 4:
            for end in restarting:
                end.start()
            for who in (self.node, self.manager):
                self.asks(who)
            seen.add(self.manager.end.id_context)
        self.assertEqual(len(seen), 12)
        self.assertEqual(self.net.nonces.reused, 0)

    def test_nothing_that_was_said_is_acted_on_again(self):
        for _ in range(3):
            for who in (self.node, self.manager):
                self.asks(who)
            acted = len(self.node.acted), len(self.manager.acted)
            self.net.say_again()
            self.assertEqual((len(self.node.acted), len(self.manager.acted)), acted)
            self.node.start()
            self.net.say_again()
            self.manager.start()
            self.net.say_again()
            self.assertEqual((len(self.node.acted), len(self.manager.acted)), acted)
        self.assertEqual(self.net.nonces.reused, 0)

    def test_no_more_than_two_contexts(self):
        for _ in range(10):
            self.node.start()
            self.asks(self.node)
            self.assertTrue(len(self.manager.end._contexts) <= MAX_CONTEXTS)
            self.assertTrue(len(self.manager.end._introductions) <= MAX_CONTEXTS)

    def test_a_dropped_context_is_made_anew(self):
        self.asks(self.node)
        for dropping, asking in (
            (self.manager, self.node),
            (self.node, self.manager),
            (self.node, self.node),
            (self.manager, self.manager),
        ):
            before = self.names()
            dropping.end.drop()
            self.assertIsNone(dropping.end.id_context)
            self.asks(asking)
            self.asks(self.node)
            self.asks(self.manager)
            self.assertTrue(dropping.end.id_context not in before)
        self.assertEqual(self.net.nonces.reused, 0)

    def test_what_is_under_way_ends_in_the_context_it_began_in(self):
        self.asks(self.node)

        def rotate(message, deliver):
            answer = deliver(message)
            self.manager.end.drop()
            self.node.end.drop()
            return answer

        self.net.meddle = rotate
        self.asks(self.node)


class NetworkTest(Case):
    def test_doubled_and_late(self):
        kept = []

        def double(message, deliver):
            kept.append(message)
            answer = deliver(message)
            deliver(message)
            for old in kept:
                deliver(old)
            return answer

        self.net.meddle = double
        for number in range(12):
            self.asks(self.node, bytes([number]))
            if number % 4 == 3:
                self.manager.start()
        self.assertEqual(self.manager.acted, [bytes([number]) for number in range(12)])
        self.assertEqual(self.net.nonces.reused, 0)

    def test_lost_answers(self):
        """Each message in turn gets no answer; whoever asks then asks again."""
        for lost in range(4):
            self.net = Network()
            self.node, self.manager = self.net.node, self.net.manager
            count = [0]

            def lose(message, deliver, count=count, lost=lost):
                count[0] += 1
                answer = deliver(message)
                if count[0] == lost + 1:
                    raise Unreachable("lost")
                return answer

            self.net.meddle = lose
            for _ in range(3):
                try:
                    self.asks(self.node)
                except Unreachable:
                    self.asks(self.node)
            self.asks(self.manager)
            self.assertEqual(self.net.nonces.reused, 0)

    def test_lost_requests(self):
        for lost in range(4):
            self.net = Network()
            self.node, self.manager = self.net.node, self.net.manager
            count = [0]

            def lose(message, deliver, count=count, lost=lost):
                count[0] += 1
                if count[0] == lost + 1:
                    raise Unreachable("lost")
                return deliver(message)

            self.net.meddle = lose
            for _ in range(3):
                try:
                    self.asks(self.node)
                except Unreachable:
                    self.asks(self.node)
            self.asks(self.manager)

    def test_both_begin_at_once(self):
        """Each asks for the first time while the other does."""
        done = []

        def meet(message, deliver):
            if not done:
                done.append(True)
                self.asks(self.manager, b"from the manager")
            return deliver(message)

        self.net.meddle = meet
        self.asks(self.node)
        for who in (self.manager, self.node):
            self.asks(who)

    def test_requests_at_once_make_one_context(self):
        async def main():
            async def slow(payload):
                async def send(message):
                    await asyncio.sleep(0.001)
                    return await plainly(message)

                plainly = self.net.sender(self.node)
                request = Message(POST, (), payload)
                return (await self.node.end.request(request, send))[1].payload

            tasks = [asyncio.create_task(slow(bytes([i]))) for i in range(8)]
            return await asyncio.gather(*tasks)

        for _ in range(2):
            self.net.heard = []
            answers = asyncio.run(main())
            self.assertEqual(list(answers), [bytes([i]) for i in range(8)])
            self.assertEqual(len(self.net.heard), 9)
            self.manager.end.drop()
            self.node.start()
        self.assertEqual(self.net.nonces.reused, 0)


class HostileTest(Case):
    def forge(self, answers: list, who: End):
        """The first messages get these answers; the others are delivered, and get theirs."""
        left = list(answers)

        def meddle(message, deliver):
            return left.pop(0) if left else deliver(message)

        self.net.meddle = meddle
        self.asks(who)
        self.net.meddle = None

    def test_forged_refusals_do_no_harm(self):
        for who in (self.node, self.manager):
            self.asks(who)
            for code, text in (
                (UNAUTHORIZED, b""),
                (UNAUTHORIZED, NOT_FOUND),
                (UNAUTHORIZED, REPLAYED),
                (BAD_REQUEST, UNDECIPHERABLE),
            ):
                for count in (1, 2, 3):
                    self.forge([Message(code, (), text)] * count, who)
                    self.asks(self.node)
                    self.asks(self.manager)
        self.assertEqual(self.net.nonces.reused, 0)

    def test_who_is_refused_for_ever_is_told(self):
        self.asks(self.node)
        self.net.meddle = lambda message, deliver: Message(UNAUTHORIZED)
        with self.assertRaises(NotKnown):
            self.asks(self.node)
        self.net.meddle = None
        self.asks(self.node)

    def test_a_peer_without_time_is_not_one_that_forgot(self):
        self.asks(self.node)
        name = self.node.end.id_context
        self.net.meddle = lambda message, deliver: Message(SERVICE_UNAVAILABLE)
        with self.assertRaises(Unreachable):
            self.asks(self.node)
        self.assertEqual(self.node.end.id_context, name)

    def test_answers_that_do_not_verify(self):
        for made in (False, True):
            if made:
                self.asks(self.node)

            def spoil(message, deliver):
                answer = deliver(message)
                answer.payload = answer.payload[:-1] + bytes([answer.payload[-1] ^ 1])
                return answer

            self.net.meddle = spoil
            with self.assertRaises(ProtocolError):
                self.asks(self.node)
            self.net.meddle = None
            self.asks(self.node)

    def test_an_answer_that_was_heard_before(self):
        heard = []

        def record(message, deliver):
            heard.append(deliver(message))
            return heard[-1]

        self.net.meddle = record
        self.asks(self.node)
        for old in heard:
            self.net.meddle = lambda message, deliver, old=old: old
            with self.assertRaises(ProtocolError):
                self.asks(self.node)
        self.net.meddle = None
        self.asks(self.node)

    def test_a_stranger_with_the_right_kid(self):
        net = Network(MATERIAL, OTHER)
        for who in (net.node, net.manager):
            with self.assertRaises(NotKnown):
                run(who.ask(b"x"))
        self.assertEqual((net.node.acted, net.manager.acted), ([], []))

    def test_a_flood_of_first_requests_is_kept_nowhere(self):
        self.node.start()
        self.asks(self.node)
        first, _ = self.net.heard
        for _ in range(50):
            answer = self.manager.answer(first[1])
            self.assertEqual(answer.code, CHANGED)
            self.assertTrue(answer.option(OSCORE) is not None)
        self.assertEqual(len(self.manager.end._contexts), 1)
        self.assertEqual(self.net.nonces.reused, 0)
        before = len(self.net.heard)
        self.asks(self.node)
        self.assertEqual(len(self.net.heard), before + 1)

    def test_a_reflected_request(self):
        def reflect(message, deliver):
            return over_the_air(self.node.answer(message))

        self.net.meddle = reflect
        with self.assertRaises(ProtocolError):
            self.asks(self.node)
        self.assertEqual(self.node.acted, [])


if __name__ == "__main__":
    unittest.main()
