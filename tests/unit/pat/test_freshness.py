"""leafkey.pat.freshness: a request that was held back is not acted on (SPEC 6.4)."""

import unittest

from leafkey.ace import hints
from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, DELETE, ECHO, GET, OBSERVE, PAT, POST, PUT, UNAUTHORIZED
from leafkey.errors import AuthenticationError, OutcomeUnknown, ProtocolError, Refused, Unreachable
from leafkey.pat.dialogue import MAX_ATTEMPTS, Dialogue
from leafkey.pat.freshness import ECHO_LEN, MAX_OUTSTANDING, VALID_MS, Freshness
from leafkey.pat.presenter import EchoDemanded, NotRecognized
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, INTEGRITY, POP, SlotGrant
from tests.unit.pat.world import (
    AUDIENCE,
    SAM,
    Random,
    Server,
    change,
    over_the_air,
    presenter,
    request,
    run,
    server_token,
)

HOUR = 3600 * 1000
LEVELS = (POP, INTEGRITY, CONFIDENTIAL)


def with_echo(message: Message, echo: bytes) -> Message:
    made = message.copy()
    made.add(ECHO, echo)
    return made


class TableTest(unittest.TestCase):
    """The values given out, without any protection."""

    def setUp(self):
        self.fresh = Freshness(Random(3).bytes)

    def challenge(self, peer=1, message=None, now: int = 0) -> bytes:
        answer = self.fresh.check(peer, message or request(), now)
        self.assertEqual((answer.code, answer.payload), (UNAUTHORIZED, b""))
        self.assertEqual([number for number, _ in answer.options], [ECHO])
        return answer.option(ECHO)

    def passes(self, echo: bytes, peer=1, message=None, now: int = 0) -> bool:
        return self.fresh.check(peer, with_echo(message or request(), echo), now) is None

    def test_a_value_counts_once(self):
        echo = self.challenge()
        self.assertEqual(len(echo), ECHO_LEN)
        self.assertTrue(self.passes(echo))
        self.assertFalse(self.passes(echo))

    def test_a_value_ends_on_the_millisecond(self):
        for now, good in ((VALID_MS - 1, True), (VALID_MS, False), (HOUR, False)):
            echo = self.challenge(now=5)
            self.assertEqual(self.passes(echo, now=now + 5), good)

    def test_its_time_can_be_chosen(self):
        self.fresh = Freshness(Random(3).bytes, 100)
        self.assertTrue(self.passes(self.challenge(now=0), now=99))
        self.assertFalse(self.passes(self.challenge(now=100), now=200))

    def test_it_is_bound_to_peer_method_and_path(self):
        mine = request("/lock", POST)
        for peer, message in (
            (2, mine),
            (1, request("/lock", PUT)),
            (1, request("/vent", POST)),
            (1, request("/lock/x", POST)),
            (1, request("/", POST)),
        ):
            echo = self.challenge(1, mine)
            self.assertFalse(self.passes(echo, peer, message))
            self.assertTrue(self.passes(echo, 1, mine))

    def test_several_may_be_out_at_a_time(self):
        echoes = [self.challenge() for _ in range(4)]
        for echo in (echoes[2], echoes[0], echoes[3], echoes[1]):
            self.assertTrue(self.passes(echo))

    def test_what_is_no_echo_of_ours(self):
        echo = self.challenge()
        for bad in (b"", echo[:7], echo + b"x", bytes(ECHO_LEN), bytes(40)):
            self.assertFalse(self.passes(bad))
        self.assertTrue(self.passes(echo))

    def test_of_two_echoes_the_first_counts(self):
        echo = self.challenge()
        twice = with_echo(with_echo(request(), bytes(8)), echo)
        self.assertFalse(self.fresh.check(1, twice, 0) is None)

    def test_the_table_is_bounded_and_empties_with_time(self):
        for i in range(10 * MAX_OUTSTANDING):
            self.challenge(i % 50)
            self.assertTrue(len(self.fresh) <= MAX_OUTSTANDING)
        self.challenge(now=VALID_MS)
        self.assertEqual(len(self.fresh), 1)

    def test_who_asks_most_crowds_out_himself_alone(self):
        others = [(peer, self.challenge(peer)) for peer in range(2, 10)]
        for _ in range(10 * MAX_OUTSTANDING):
            newest = self.challenge(1)
        for peer, echo in others:
            self.assertTrue(self.passes(echo, peer))
        self.assertTrue(self.passes(newest))

    def test_a_restart_forgets_all(self):
        echo = self.challenge()
        self.fresh = Freshness(Random(4).bytes)
        self.assertFalse(self.passes(echo))


class FreshServer(Server):
    """Every resource is fresh; `now` is a clock that the test plays."""

    def __init__(self, token):
        Server.__init__(self, token)
        self.now = 0
        self.demands = POP
        self.fresh = Freshness(self.random.bytes)

    def answer(self, message: Message, now: int = 0) -> Message:
        try:
            session = self.accept(message, self.now)
        except Refused as refused:
            return over_the_air(refused.response)
        challenge = self.fresh.check(session.peer, session.request, self.now)
        if challenge is not None:
            return over_the_air(session.protect(challenge))
        self.served.append(session.request.payload)
        return over_the_air(session.protect(Message(CONTENT, (), b"21.5")))


class Case(unittest.TestCase):
    def setUp(self):
        self.start()

    def start(self, level: int = POP):
        self.st = server_token({1: SlotGrant(1, 900, level), 2: SlotGrant(1, 900, level)})
        self.server = FreshServer(self.st)
        self.client = presenter(self.st)
        self.sent = []
        self.answers = []

    async def send(self, message: Message) -> Message:
        """The network, where a test may lie in wait."""
        self.sent.append(message)
        answer = self.answers.pop(0) if self.answers else None
        if answer is None:
            return self.server.answer(message)
        return answer(message)

    def ask(self, message: Message | None = None, level: int | None = None) -> Message:
        dialogue = Dialogue(self.client, self.send)
        return run(dialogue.request(message or request("/lock", POST), level))[1]

    def held(self, message: Message):
        """The network keeps the message and says nothing."""
        raise Unreachable("no answer")

    def suppressed(self, message: Message) -> Message:
        """The message arrives; C hears what anybody could say."""
        self.server.answer(message)
        return Message(UNAUTHORIZED, (), hints.encode(SAM, AUDIENCE, bytes(24)))


class DialogueTest(Case):
    def test_repeated_by_itself_at_every_level_and_by_every_method(self):
        for level in LEVELS:
            for method in (GET, POST, PUT, DELETE):
                self.start()
                self.assertEqual(self.ask(request("/lock", method), level).payload, b"21.5")
                self.assertEqual((len(self.sent), len(self.server.served)), (2, 1))

    def test_a_body_is_raised_to_its_level_and_repeated(self):
        self.assertEqual(self.ask(request("/lock", PUT, b"open")).payload, b"21.5")
        self.assertEqual((len(self.sent), self.server.served), (3, [b"open"]))

    def test_bearer_finds_its_way(self):
        self.start(BEARER)
        self.assertEqual(self.ask(request("/lock", GET)).payload, b"21.5")
        self.assertEqual(len(self.server.served), 1)

    def test_each_request_has_an_at_and_an_echo_of_its_own(self):
        self.ask()
        self.ask()
        ats = [message.option(PAT)[1:17] for message in self.sent]
        self.assertEqual(len(set(ats)), 4)
        echoes = [message.option(ECHO) for message in self.sent]
        self.assertEqual([echo is None for echo in echoes], [True, False, True, False])
        self.assertNotEqual(echoes[1], echoes[3])

    def test_the_message_of_the_application_is_left_alone(self):
        message = request("/lock", POST)
        self.ask(message)
        self.assertIsNone(message.option(ECHO))

    def test_an_echo_of_the_application_gives_way(self):
        self.assertEqual(self.ask(with_echo(request("/lock", POST), b"old")).payload, b"21.5")
        self.assertEqual(len(self.sent[1].options_of(ECHO)), 1)

    def test_a_late_repetition_is_challenged_again(self):
        def late(message):
            self.server.now += VALID_MS
            return self.server.answer(message)

        self.answers = [None, late]
        self.assertEqual(self.ask().payload, b"21.5")
        self.assertEqual((len(self.sent), len(self.server.served)), (3, 1))

    def test_a_server_that_is_never_content(self):
        self.server.fresh = Freshness(Random(5).bytes, 0)
        with self.assertRaises(ProtocolError):
            self.ask()
        self.assertEqual((len(self.sent), self.server.served), (MAX_ATTEMPTS, []))

    def test_a_suppressed_answer_to_the_repetition_leaves_the_outcome_unknown(self):
        """S acted; C must not act twice."""
        self.answers = [None, self.suppressed]
        with self.assertRaises(OutcomeUnknown):
            self.ask()
        self.assertEqual(len(self.server.served), 1)


class ForgedChallengeTest(Case):
    def challenged(self, level: int):
        exchange = self.client.protect(request("/lock", POST), level)
        return exchange, self.server.answer(exchange.message)

    def test_only_a_protected_echo_counts(self):
        for level in LEVELS:
            self.start()
            exchange, answer = self.challenged(level)
            bare = Message(UNAUTHORIZED, ((ECHO, bytes(8)),))
            with self.assertRaises(NotRecognized):
                exchange.unprotect(bare)
            with self.assertRaises(EchoDemanded) as caught:
                exchange.unprotect(answer)
            self.assertEqual(len(caught.exception.echo), ECHO_LEN)

    def test_an_echo_that_was_changed_does_not_verify(self):
        for level in (POP, INTEGRITY):
            self.start()
            exchange, answer = self.challenged(level)
            changed = answer.copy()
            changed.remove(ECHO)
            with self.assertRaises(AuthenticationError):
                exchange.unprotect(changed)
            changed.add(ECHO, bytes(8))
            with self.assertRaises(AuthenticationError):
                exchange.unprotect(changed)

    def test_at_confidential_the_echo_is_not_seen(self):
        _, answer = self.challenged(CONFIDENTIAL)
        self.assertIsNone(answer.option(ECHO))
        self.ask(level=CONFIDENTIAL)
        self.assertIsNone(self.sent[-1].option(ECHO))

    def test_later_than_the_first_response_it_only_ends_an_observation(self):
        message = request("/lock")
        message.add(OBSERVE, b"")
        exchange = self.client.protect(message)
        session = self.server.accept(exchange.message)
        exchange.unprotect(session.protect(Message(CONTENT, ((OBSERVE, b""),), b"1")))
        last = session.protect(Message(UNAUTHORIZED, ((ECHO, bytes(8)),)), 1)
        self.assertEqual(exchange.unprotect(last).code, UNAUTHORIZED)

    def test_an_echo_no_rfc_knows_is_no_demand(self):
        for echo in (b"", bytes(41)):
            exchange = self.client.protect(request())
            session = self.server.accept(exchange.message)
            answer = session.protect(Message(UNAUTHORIZED, ((ECHO, echo),)))
            self.assertEqual(exchange.unprotect(answer).code, UNAUTHORIZED)


class HeldBackTest(Case):
    """What an attacker on the path can do with requests that he keeps."""

    def hold(self, skip: int = 0) -> Message:
        """C asks; the message after `skip` others is kept, and C is told nothing."""
        self.answers = [None] * skip + [self.held]
        with self.assertRaises(Unreachable):
            self.ask()
        return self.sent[-1]

    def deliver(self, message: Message, hours: int = 1) -> Message:
        self.server.now += hours * HOUR
        before = list(self.server.served)
        answer = self.server.answer(message)
        self.assertEqual(self.server.served, before)
        self.assertEqual(answer.code, UNAUTHORIZED)
        return answer

    def test_without_freshness_it_would_be_acted_on(self):
        """What this is all about: the AT is still in the window after an hour."""
        message = self.hold()
        plain = Server(self.st)
        self.assertEqual(plain.answer(message, HOUR).payload, b"21.5")

    def test_a_request_held_for_an_hour(self):
        self.deliver(self.hold())

    def test_a_repetition_held_for_an_hour(self):
        message = self.hold(1)
        self.assertTrue(message.option(ECHO) is not None)
        self.deliver(message)

    def test_a_repetition_held_for_an_hour_and_over_a_restart(self):
        message = self.hold(1)
        self.server.restart()
        self.server.fresh = Freshness(Random(9).bytes)
        self.deliver(message)

    def test_a_repetition_that_arrives_twice(self):
        self.ask()
        self.deliver(self.sent[-1], 0)

    def test_a_held_request_with_the_echo_of_another(self):
        """The attacker sees an Echo at `pop`, but cannot put it into what he holds."""
        held = self.hold()
        self.answers = [None, self.held]
        with self.assertRaises(Unreachable):
            self.ask()
        forged = held.copy()
        forged.remove(ECHO)
        forged.add(ECHO, self.sent[-1].option(ECHO))
        self.assertIsNone(self.deliver(forged, 0).option(PAT))

    def test_a_held_repetition_for_another_resource(self):
        self.answers = [None, self.held]
        with self.assertRaises(Unreachable):
            self.ask(request("/vent", POST))
        moved = self.sent[-1].copy()
        moved.set_path("/lock")
        self.deliver(moved, 0)

    def test_delivering_it_between_challenge_and_repetition_stops_nobody(self):
        held = self.hold()

        def interleaved(message):
            self.server.answer(held)
            return self.server.answer(message)

        self.answers = [None, interleaved]
        self.assertEqual(self.ask().payload, b"21.5")
        self.assertEqual(len(self.server.served), 1)

    def test_after_a_renewal_nothing_is_left_of_it(self):
        """The next client in the slot cannot use an Echo that was given to the last one."""
        message = self.hold(1)
        grants = {1: SlotGrant(2, 900, POP)}
        self.server.verifier.apply(change(2, grants), 0)
        self.st = server_token({1: grants[1], 2: SlotGrant(1, 900, POP)})
        self.client = presenter(self.st)
        stolen = with_echo(request("/lock", POST), message.option(ECHO))
        exchange = self.client.protect(stolen)
        self.deliver(exchange.message, 0)
        self.deliver(message, 0)

    def test_another_client_cannot_use_it(self):
        message = self.hold(1)
        other = presenter(self.st, 2)
        stolen = with_echo(request("/lock", POST), message.option(ECHO))
        self.deliver(other.protect(stolen).message, 0)


if __name__ == "__main__":
    unittest.main()
