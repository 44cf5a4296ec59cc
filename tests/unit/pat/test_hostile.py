"""Changed and invented messages against verifier and presenter: nothing but the defined errors."""

# timeout: 120

import unittest

from leafkey.coap import message as coap
from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, GET, PAT, POST, PUT
from leafkey.errors import AuthenticationError, DecodeError, Refused
from leafkey.pat import tokens
from leafkey.pat.presenter import LevelDemanded, NotRecognized
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, INTEGRITY, POP, SlotGrant
from tests.unit.pat.world import Random, Server, over_the_air, presenter, request, server_token

DEFINED = (NotRecognized, LevelDemanded, AuthenticationError, DecodeError)
LEVELS = (BEARER, POP, INTEGRITY, CONFIDENTIAL)
ROUNDS = 250


def wire(message: Message) -> bytes:
    return coap.pack(message.type, message.code, 1, b"", message)


def mutated(data: bytes, random: Random) -> bytes:
    """A datagram near another one: bits flipped, bytes cut, put in or doubled."""
    changed = bytearray(data)
    for _ in range(1 + random.below(3)):
        place = random.below(len(changed)) if changed else 0
        what = random.below(5)
        if what == 0 or not changed:
            changed = changed[:place] + random.bytes(1 + random.below(4)) + changed[place:]
        elif what == 1:
            changed[place] ^= 1 << random.below(8)
        elif what == 2:
            changed[place] = random.below(256)
        elif what == 3:
            changed = changed[:place] + changed[place + 1 + random.below(4) :]
        else:
            changed = changed[:place] + changed[place : place + 9] + changed[place:]
    return bytes(changed)


class Case(unittest.TestCase):
    def world(self, at_len: int = 16, aead: int = 10, level: int = BEARER):
        grant = SlotGrant(1, 100000, level, permissions=[("/temp", 127)])
        self.st = server_token({1: grant}, at_len=at_len, aead=aead, depth=10000)
        self.server = Server(self.st)
        self.client = presenter(self.st)

    def shown(self, exchange) -> Message | None:
        """What the resource sees of a datagram; None for a refusal. Any other error is a bug."""
        return self.accepted(wire(exchange.message))

    def accepted(self, data: bytes) -> Message | None:
        try:
            return self.server.accept(coap.decode(data)).request
        except (Refused, DecodeError):
            return None


class MutationTest(Case):
    def test_requests(self):
        for aead in (10, 24):
            self.world(aead=aead)
            random = Random(aead)
            for round in range(ROUNDS):
                self.check_request(random, LEVELS[round % 4])

    def check_request(self, random: Random, level: int):
        """What is accepted after a change is, in all that its level covers, what was sent."""
        original = request("/temp", PUT if level > POP else GET, b"abc" if level > POP else b"")
        exchange = self.client.protect(original, level)
        self.client.answered(exchange.number)
        inner = self.accepted(mutated(wire(exchange.message), random))
        if inner is None or level == BEARER:
            return
        self.assertEqual((inner.code, inner.path()), (original.code, (b"temp",)))
        if level > POP:
            self.assertEqual(inner.payload, b"abc")

    def test_at_len_8_and_32(self):
        for at_len in (8, 32):
            self.world(at_len=at_len, level=POP)
            random = Random(at_len)
            for _ in range(ROUNDS // 2):
                self.check_request(random, POP)

    def test_probes(self):
        self.world()
        random = Random(77)
        for _ in range(ROUNDS):
            self.assertIsNone(self.accepted(mutated(wire(self.client.probe().message), random)))

    def test_responses(self):
        self.world()
        random = Random(5)
        for round in range(ROUNDS):
            exchange = self.client.protect(request(), LEVELS[round % 4])
            self.server.served = []
            answer = wire(self.server.answer(exchange.message))
            self.client.answered(exchange.number)
            self.check_response(exchange, mutated(answer, random))

    def check_response(self, exchange, data: bytes):
        try:
            opened = exchange.unprotect(coap.decode(data))
        except DEFINED:
            return
        if exchange.level > BEARER:
            self.assertEqual(opened.code, CONTENT)
        if exchange.level > POP:
            self.assertEqual(opened.payload, b"21.5")

    def test_refusals(self):
        self.world()
        random = Random(6)
        for round in range(ROUNDS):
            exchange = self.client.protect(request(), POP)
            self.client.answered(exchange.number)
            answer = wire(self.server.answer(Message(GET)))
            before = self.client.left
            self.check_response(exchange, mutated(answer, random))
            self.assertEqual(self.client.left, before, str(round))


class InventedTest(Case):
    def test_options(self):
        self.world()
        random = Random(9)
        for _ in range(ROUNDS):
            message = Message(random.below(256), (), random.bytes(random.below(30)))
            for _ in range(random.below(3)):
                message.add(random.below(70), random.bytes(random.below(14)))
            for _ in range(random.below(3)):
                message.add(PAT, random.bytes(random.below(50)))
            self.assertIsNone(self.accepted(wire(message)))

    def test_every_at_that_a_listener_can_make(self):
        """A listener has seen an AT, and knows no key."""
        self.world(level=POP)
        exchange = self.client.protect(request(), POP)
        at = exchange.message.option(PAT)[1:17]
        random = Random(10)
        for level in (0, 1, 2, 3, 7):
            for size in (0, 8):
                for code in (GET, POST, 0, 31, 69):
                    message = Message(code, (), random.bytes(random.below(40)))
                    message.add(PAT, bytes((level,)) + at + random.bytes(size))
                    self.assertIsNone(self.accepted(wire(message)))
        self.assertTrue(self.shown(exchange))

    def test_empty_and_huge(self):
        self.world()
        exchange = self.client.protect(request(), CONFIDENTIAL)
        for payload in (b"", b"\x00", bytes(7), bytes(8), bytes(9), bytes(1024)):
            message = exchange.message.copy()
            message.payload = payload
            self.assertIsNone(self.accepted(wire(message)))
        message = request()
        message.add(PAT, bytes(1000))
        self.assertIsNone(self.accepted(wire(message)))
        self.assertTrue(self.shown(exchange))

    def test_the_state_does_not_grow(self):
        self.world()
        verifier = self.server.verifier
        before = (len(verifier.__dict__), len(verifier._marks), len(verifier._deadlines))
        random = Random(12)
        for _ in range(100):
            message = Message(GET)
            message.add(PAT, b"\x01" + random.bytes(24))
            self.assertIsNone(self.accepted(wire(message)))
        after = (len(verifier.__dict__), len(verifier._marks), len(verifier._deadlines))
        self.assertEqual(after, before)
        self.assertEqual(self.server.store.writes, 1)


class ReplayTest(Case):
    def test_everything_said_before_is_refused(self):
        """Requests, probes, over restarts, generations and epochs."""
        self.world(level=POP)
        said = []
        for round in range(12):
            exchange = self.client.protect(request(), (POP, INTEGRITY, CONFIDENTIAL)[round % 3])
            said.append(exchange.message)
            exchange.unprotect(self.server.answer(exchange.message))
        probe = self.client.probe()
        self.server.answer(probe.message)
        said.append(probe.message)
        for step in (self.nothing, self.server.restart, self.new_generation, self.new_epoch):
            step()
            for message in said:
                self.assertIsNone(self.accepted(wire(message)))

    def nothing(self):
        """The server as it is."""

    def new_generation(self):
        token = tokens.ServerToken(
            None, {tokens.VERSION: 2, tokens.SLOTS: {1: SlotGrant(2, 100000, POP)}}
        )
        self.server.verifier.apply(token, 0)

    def new_epoch(self):
        grants = {1: SlotGrant(1, 1000, POP)}
        self.server.verifier.apply(server_token(grants, epoch=2, st=bytes(32)), 0)

    def test_answers_of_one_request_do_not_answer_another(self):
        self.world()
        first = self.client.protect(request(), POP)
        second = self.client.protect(request(), POP)
        answer = self.server.answer(first.message)
        with self.assertRaises(AuthenticationError):
            second.unprotect(answer)
        self.assertEqual(first.unprotect(answer).payload, b"21.5")

    def test_a_request_sent_back_is_no_answer(self):
        self.world()
        for level in (POP, INTEGRITY, CONFIDENTIAL):
            exchange = self.client.protect(request(), level)
            with self.assertRaises((AuthenticationError, DecodeError)):
                exchange.unprotect(over_the_air(exchange.message))
            self.client.answered(exchange.number)


if __name__ == "__main__":
    unittest.main()
