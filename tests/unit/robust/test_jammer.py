"""Somebody between client and server who eats, holds back, doubles and invents messages for long.

Nothing gets in twice, flash is hardly written, and when he is gone the client gets through.
"""
# heap: 2m
# timeout: 240

import unittest

from leafkey.ace import hints
from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, GET, PAT, UNAUTHORIZED
from leafkey.errors import AccessError, Unreachable
from tests.unit.pat.world import AUDIENCE, Random, request
from tests.unit.robust.house import ORIGIN, URI, House

REQUESTS = 1000


def refusal(field: bytes, sam: str = URI + "/token", audience: str = AUDIENCE) -> Message:
    """A refusal as anybody can make it."""
    return Message(UNAUTHORIZED, (), hints.encode(sam, audience, field))


class Case(unittest.TestCase):
    def setUp(self):
        self.house = House()
        self.house.boot()
        self.house.served()
        self.random = Random(3)

    def suffer(self, network, count: int = REQUESTS):
        """Ask that many times; returns how often something was answered."""
        self.house.network = network
        answered = 0
        for _ in range(count):
            try:
                answer = self.house.client.ask(request("/temp", GET))
                self.assertEqual(answer.payload, b"21.5")
                answered += 1
            except AccessError:
                pass
        self.house.network = None
        return answered

    def writes(self) -> tuple:
        return self.house.server.flash.writes, self.house.client.flash.writes


class EatingTest(Case):
    def eat_requests(self, message, deliver):
        raise Unreachable("eaten")

    def eat_answers(self, message, deliver):
        deliver(message)
        raise Unreachable("eaten")

    def check(self, eat):
        generation, before = self.house.sam.generation, self.writes()
        self.assertEqual(self.suffer(eat), 0)
        for after, start in zip(self.writes(), before):
            self.assertTrue(after - start <= 3, str(after - start))
        self.house.served()
        self.assertEqual(self.house.sam.generation, generation)

    def test_requests(self):
        self.check(self.eat_requests)

    def test_answers(self):
        self.check(self.eat_answers)

    def test_until_both_have_restarted(self):
        for eat in (self.eat_requests, self.eat_answers):
            for _ in range(30):
                self.suffer(eat, 5)
                self.house.server.boot()
                self.suffer(eat, 5)
                self.house.client.boot()
        self.check(self.eat_answers)

    def test_for_ever_and_a_restart_a_day(self):
        """Restarts alone use no AT up: nothing is stored until something is accepted."""
        left = self.house.client.access._grants[ORIGIN].presenter.left
        for _ in range(50):
            self.suffer(self.eat_requests, 2)
            self.house.server.boot()
            self.house.client.boot()
        self.house.served()
        self.assertTrue(left - self.house.client.access._grants[ORIGIN].presenter.left < 12)


class SpoofingTest(Case):
    def check(self, spoof, count: int = 200):
        """At most one new ticket, since no time passes, and then the client gets through."""
        generation = self.house.sam.generation
        self.suffer(spoof, count)
        self.assertTrue(self.house.sam.generation <= generation + 2)
        self.house.served()

    def test_refusals(self):
        for make in (
            lambda: Message(UNAUTHORIZED),
            lambda: Message(UNAUTHORIZED, (), self.random.bytes(40)),
            lambda: refusal(bytes(24)),
            lambda: refusal(self.random.bytes(24)),
            lambda: refusal(self.random.bytes(24), "coap://198.51.100.1/token"),
        ):
            self.setUp()
            self.check(lambda message, deliver, make=make: make())

    def test_refusals_after_the_server_acted(self):
        def spoof(message, deliver):
            deliver(message)
            return refusal(self.random.bytes(24))

        self.check(spoof)

    def test_hints_that_were_meant_for_other_requests(self):
        """True ones, of this client's earlier ATs."""
        kept = []

        def keep(message, deliver):
            answer = deliver(message)
            if answer.code == UNAUTHORIZED and answer.option(PAT) is None:
                kept.append(answer)
            return answer

        for _ in range(4):
            self.house.server.boot()
            self.suffer(keep, 3)
        self.assertTrue(len(kept) >= 4)
        self.check(lambda message, deliver: kept[self.random.below(len(kept))])

    def test_answers_nobody_protected(self):
        for code in (CONTENT, 0x84, 0xA0):
            self.check(lambda message, deliver, code=code: Message(code, (), b"99"), 60)

    def test_now_and_then(self):
        """He must refuse each try of a request to stop it."""

        def spoof(message, deliver):
            return deliver(message) if self.random.below(2) else refusal(self.random.bytes(24))

        self.assertTrue(self.suffer(spoof, 200) > 150)


class EverythingTest(Case):
    """Eats, spoofs, doubles, holds back and delivers later, with restarts in between."""

    def setUp(self):
        super().setUp()
        self.held = []

    def meddle(self, message, deliver):
        what = self.random.below(7)
        if what == 0:
            raise Unreachable("eaten")
        if what == 1:
            deliver(message)
            raise Unreachable("eaten")
        if what == 2:
            deliver(message)
        if what == 3:
            self.held.append(message)
            raise Unreachable("held back")
        if what == 4 and self.held:
            deliver(self.held.pop(self.random.below(len(self.held))))
        if what == 5:
            return refusal(self.random.bytes(24))
        return deliver(message)

    def test_a_thousand_requests(self):
        answered = 0
        for _ in range(REQUESTS // 10):
            answered += self.suffer(self.meddle, 10)
            self.house.now += 3000
            victim = self.random.below(8)
            if victim == 0:
                self.house.server.boot()
            if victim == 1:
                self.house.client.boot()
            if victim == 2:
                self.house.replay()
                self.house.forget()
                self.held.clear()
        self.assertTrue(answered > 200, str(answered))
        self.house.served()


if __name__ == "__main__":
    unittest.main()
