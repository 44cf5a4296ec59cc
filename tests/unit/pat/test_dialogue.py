"""leafkey.pat.dialogue between a presenter and a server, with somebody in between (SPEC 7.2)."""

import unittest

from leafkey.ace import hints
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    CONTENT,
    DELETE,
    GET,
    PAT,
    PAT_DEMAND,
    PATCH,
    POST,
    PUT,
    UNAUTHORIZED,
)
from leafkey.errors import OutcomeUnknown, ProtocolError, TokensExhausted, Unreachable
from leafkey.pat.dialogue import MAX_ATTEMPTS, Dialogue
from leafkey.pat.presenter import NotRecognized, Presenter
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, INTEGRITY, POP, SlotGrant
from tests.unit.pat.world import (
    AUDIENCE,
    PROVIDER,
    SAM,
    WIDTH,
    Random,
    Server,
    change,
    presenter,
    request,
    run,
    server_token,
)

# What the network does with a message: SUPPRESS lets it arrive and spoofs the answer.
PASS, EAT, DROP_ANSWER, SPOOF, SUPPRESS = range(5)


def spoofed() -> Message:
    """A refusal that anybody can send."""
    return Message(UNAUTHORIZED, (), hints.encode(SAM, AUDIENCE, bytes(24)))


class Case(unittest.TestCase):
    def setUp(self):
        self.start()

    def start(self, level: int = POP, last: int = 900):
        self.st = server_token({1: SlotGrant(1, last, level)})
        self.server = Server(self.st)
        self.saves = []
        self.client = presenter(self.st, 1, self.saves.append)
        self.plan = []
        self.sent = []

    async def send(self, message: Message) -> Message:
        """The network: what the plan says, then it lets everything pass."""
        self.sent.append(message)
        what = self.plan.pop(0) if self.plan else PASS
        if not isinstance(what, int):
            return what
        if what == SPOOF:
            return spoofed()
        if what == EAT:
            raise Unreachable("no answer")
        answer = self.server.answer(message)
        if what == DROP_ANSWER:
            raise Unreachable("no answer")
        return spoofed() if what == SUPPRESS else answer

    def ask(self, message: Message | None = None, level: int | None = None):
        dialogue = Dialogue(self.client, self.send)
        return run(dialogue.request(message or request(), level))[1]

    def fails(self, error, message: Message | None = None):
        with self.assertRaises(error) as caught:
            self.ask(message)
        return caught.exception

    def served(self, code: int) -> int:
        return len([item for item in self.server.served if item[0] == code])


class PlainTest(Case):
    def test_one_message_there_and_back(self):
        for level in (None, POP, INTEGRITY, CONFIDENTIAL):
            self.assertEqual(self.ask(level=level).payload, b"21.5")
        self.assertEqual(len(self.sent), 4)

    def test_a_long_run(self):
        for _ in range(50):
            self.assertEqual(self.ask().code, CONTENT)
        self.assertEqual(len(self.sent), 50)


class LevelTest(Case):
    def test_raised_once_and_right(self):
        for level in (INTEGRITY, CONFIDENTIAL):
            self.start()
            self.server.demands = level
            self.assertEqual(self.ask().payload, b"21.5")
            self.assertEqual(len(self.sent), 2)

    def test_a_post_may_be_repeated_at_its_level(self):
        """A protected refusal says that S did nothing."""
        self.assertEqual(self.ask(request("/temp", POST, b"x")).payload, b"21.5")
        self.assertEqual(self.served(POST), 1)

    def test_bearer_finds_its_way_up(self):
        self.start(level=BEARER)
        self.server.demands = INTEGRITY
        self.assertEqual(self.ask().payload, b"21.5")

    def test_a_server_that_never_has_enough(self):
        self.server.answer = self.never_enough
        self.fails(ProtocolError)
        self.assertEqual(len(self.sent), MAX_ATTEMPTS)

    def never_enough(self, message: Message) -> Message:
        session = self.server.accept(message)
        return session.protect(Message(UNAUTHORIZED, ((PAT_DEMAND, bytes((POP,))),)))


class LossTest(Case):
    def test_lost_requests_lock_nobody_out(self):
        for lost in range(1, 4 * WIDTH):
            self.start()
            for _ in range(lost):
                self.plan.append(EAT)
                self.fails(Unreachable)
            self.assertEqual(self.ask().payload, b"21.5", str(lost))

    def test_lost_answers_lock_nobody_out(self):
        for lost in range(1, 4 * WIDTH):
            self.start()
            for _ in range(lost):
                self.plan.append(DROP_ANSWER)
                self.fails(Unreachable)
            self.assertEqual(self.ask().payload, b"21.5", str(lost))

    def test_a_lost_answer_then_the_same_bytes(self):
        """S acted and a refusal was spoofed: the second copy is used, and a fresh AT follows."""
        self.plan = [SUPPRESS]
        self.assertEqual(self.ask().payload, b"21.5")
        self.assertEqual(self.sent[0].options, self.sent[1].options)
        self.assertEqual((len(self.sent), self.served(GET)), (3, 2))

    def test_a_spoofed_refusal_alone(self):
        self.plan = [SPOOF]
        self.assertEqual(self.ask().payload, b"21.5")
        self.assertEqual(self.sent[0].options, self.sent[1].options)
        self.assertEqual((len(self.sent), self.served(GET)), (2, 1))

    def test_an_answer_that_does_not_verify(self):
        self.plan = [Message(CONTENT, ((PAT, bytes(8)),), b"99")]
        self.assertEqual(self.ask().payload, b"21.5")
        self.plan = [Message(CONTENT, (), b"99"), Message(CONTENT, ((PAT, b""),), b"99")]
        self.fails(ProtocolError)
        self.assertEqual(self.ask().payload, b"21.5")


class JammerTest(Case):
    def test_spoofed_refusals_never_end_a_token(self):
        for spoofs in range(1, 12):
            self.start()
            self.plan = [SPOOF] * spoofs
            for _ in range(spoofs + 1):
                try:
                    self.assertEqual(self.ask().payload, b"21.5")
                except NotRecognized as refused:
                    self.assertFalse(refused.hinted)
            self.assertEqual(self.ask().payload, b"21.5")

    def test_eating_and_spoofing_for_long(self):
        random = Random(11)
        for _ in range(150):
            self.sent, self.saves[:-1] = [], []
            self.plan = [random.below(5) for _ in range(4)]
            try:
                self.ask()
            except (Unreachable, NotRecognized):
                pass
            if random.below(10) == 0:
                self.server.restart()
            if random.below(10) == 0:
                self.client = Presenter.restore(PROVIDER, self.saves[-1], self.saves.append)
        self.plan = []
        self.assertEqual(self.ask().payload, b"21.5")

    def test_unhinted_means_ask_for_a_ticket(self):
        self.plan = [SPOOF] * 4
        self.assertFalse(self.fails(NotRecognized).hinted)
        self.assertEqual(len(self.sent), 4)
        self.assertEqual(self.ask().payload, b"21.5")

    def test_no_number_is_burnt_by_spoofing_alone(self):
        self.plan = [SPOOF] * 4
        self.fails(NotRecognized)
        self.assertEqual(self.client.left, 900)


class RestartTest(Case):
    def test_the_server(self):
        self.ask()
        self.server.restart()
        self.assertEqual(self.ask().payload, b"21.5")
        self.assertEqual(len(self.sent), 3)

    def test_the_client(self):
        self.ask()
        self.client = Presenter.restore(PROVIDER, self.saves[-1], self.saves.append)
        self.assertEqual(self.ask().payload, b"21.5")
        self.assertEqual(len(self.sent), 3)

    def test_both_again_and_again(self):
        for _ in range(20):
            self.assertEqual(self.ask().payload, b"21.5")
            self.server.restart()
            self.client = Presenter.restore(PROVIDER, self.saves[-1], self.saves.append)

    def test_a_slot_that_moved_on(self):
        self.server.verifier.apply(change(2, {1: SlotGrant(2, 900, POP)}), 0)
        self.assertFalse(self.fails(NotRecognized).hinted)

    def test_the_end_of_a_grant(self):
        self.start(last=3)
        for _ in range(4):
            self.ask()
        self.fails(TokensExhausted)


class EffectTest(Case):
    """A request with an effect is not made twice behind the application's back."""

    def test_a_post_whose_answer_was_suppressed(self):
        for code in (POST, PATCH):
            self.start()
            message = request("/vent", code)
            self.plan = [SUPPRESS]
            self.fails(OutcomeUnknown, message)
            self.assertEqual(self.served(code), 1)

    def test_a_post_after_a_restart_of_the_server(self):
        self.ask()
        self.server.restart()
        self.fails(OutcomeUnknown, request("/vent", POST))
        self.assertEqual(self.served(POST), 0)
        self.assertEqual(self.ask(request("/vent", POST)).payload, b"21.5")

    def test_a_post_that_was_only_jammed(self):
        self.plan = [SPOOF]
        self.assertEqual(self.ask(request("/vent", POST)).payload, b"21.5")
        self.assertEqual(self.served(POST), 1)

    def test_where_twice_is_as_once(self):
        self.ask()
        for code in (PUT, DELETE, GET):
            self.server.restart()
            self.assertEqual(self.ask(request("/vent", code)).payload, b"21.5")

    def test_never_twice_however_it_goes(self):
        random = Random(23)
        for round in range(120):
            self.sent, self.saves[:-1], self.server.served = [], [], []
            self.plan = [random.below(5) for _ in range(3)]
            try:
                self.ask(request("/vent", POST))
            except (Unreachable, NotRecognized, OutcomeUnknown):
                pass
            self.assertTrue(self.served(POST) <= 1, str(round))
            if random.below(6) == 0:
                self.server.restart()


if __name__ == "__main__":
    unittest.main()
