"""leafkey.pat.presenter: no AT shown twice, whatever stops, fails or lies (SPEC section 7)."""

import unittest

from leafkey.ace import hints
from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, GET, OBSERVE, PAT, PAT_DEMAND, UNAUTHORIZED
from leafkey.codec import cbor
from leafkey.errors import (
    AuthenticationError,
    DecodeError,
    StateError,
    TokensExhausted,
    TokenTooFar,
)
from leafkey.pat import functions, refusal, tokens, tree
from leafkey.pat.presenter import MAX_AHEAD, NotRecognized, Presenter
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, INTEGRITY, POP, SlotGrant
from tests.unit.pat.world import (
    AUDIENCE,
    PROVIDER,
    SAM,
    WIDTH,
    Random,
    Server,
    client_token,
    presenter,
    request,
    server_token,
)


class Saves:
    """A store for one presenter's state; `failing` makes a write fail."""

    def __init__(self):
        self.states = []
        self.failing = False

    def __call__(self, state: bytes):
        if self.failing:
            raise OSError(28)
        self.states.append(state)

    def restored(self) -> Presenter:
        return Presenter.restore(PROVIDER, self.states[-1], self)


class Case(unittest.TestCase):
    def setUp(self):
        self.start()

    def start(self, level: int = POP, last: int = 500, first: int = 0, **changes):
        self.st = server_token({1: SlotGrant(1, last, level, first)}, **changes)
        self.server = Server(self.st)
        self.saves = Saves()
        self.client = presenter(self.st, 1, self.saves)

    def ask(self, level: int | None = None):
        """One answered request."""
        exchange = self.client.protect(request(), level)
        exchange.unprotect(self.server.answer(exchange.message))
        return exchange

    def refused(self, exchange, response: Message) -> NotRecognized:
        with self.assertRaises(NotRecognized) as caught:
            exchange.unprotect(response)
        return caught.exception

    def hint(self, exchange, number: int) -> Message:
        """A refusal that only S can make."""
        key = exchange._hint_key
        field = refusal.make(PROVIDER, Random(1).bytes, key, number)
        return Message(UNAUTHORIZED, (), hints.encode(SAM, AUDIENCE, field))


class ReservationTest(Case):
    def test_stored_before_the_first(self):
        self.assertEqual(len(self.saves.states), 1)
        self.assertEqual(self.client.protect(request()).number, 0)
        self.assertEqual(len(self.saves.states), 2)

    def test_what_is_stored(self):
        """a, R and the parent of the number that a restart goes on at."""
        self.client.protect(request())
        self.assertEqual(cbor.decode(self.saves.states[-1])[1:4], [-1, WIDTH, 0])
        self.start(degree=17)
        for _ in range(20):
            self.ask()
        acked, reserved, level = cbor.decode(self.saves.states[-1])[1:4]
        self.assertEqual(reserved, acked + WIDTH + 1)
        self.assertEqual(level, (acked + WIDTH) // 16)

    def test_numbers_count_up(self):
        self.assertEqual([self.ask().number for _ in range(40)], list(range(40)))
        self.assertTrue(len(self.saves.states) <= 2 + 40 // (WIDTH - 1) + 1)

    def test_a_first_above_zero(self):
        self.start(first=33)
        self.assertEqual([self.ask().number for _ in range(20)], list(range(33, 53)))

    def test_w_less_one_unanswered_requests(self):
        for _ in range(WIDTH - 1):
            self.assertFalse(self.client.must_probe())
            self.client.protect(request())
        self.assertTrue(self.client.must_probe())
        with self.assertRaises(TokenTooFar):
            self.client.protect(request())
        self.assertEqual(self.client.probe().number, WIDTH - 1)

    def test_a_save_that_fails_shows_nothing_and_reserves_nothing(self):
        self.saves.failing = True
        for _ in range(3):
            with self.assertRaises(OSError):
                self.client.protect(request())
            with self.assertRaises(OSError):
                self.client.probe()
        self.saves.failing = False
        self.assertEqual(self.client.protect(request()).number, 0)
        self.assertEqual(self.shown_by_restored(), [WIDTH - 1])

    def shown_by_restored(self) -> list:
        restored = self.saves.restored()
        if restored.must_probe():
            return [restored.probe().number]
        return [restored.protect(request()).number]

    def test_no_number_is_shown_again_after_a_restart(self):
        """Whatever was answered meanwhile: a restart goes on past every number shown."""
        for answered in range(30):
            self.start()
            for _ in range(answered):
                self.ask()
            unanswered = [self.client.protect(request()).number for _ in range(3)]
            self.assertTrue(self.shown_by_restored()[0] > unanswered[-1] - 1)
            again = self.saves.restored()
            if not again.must_probe():
                self.assertTrue(again.protect(request()).number > unanswered[-1])

    def test_restart_before_the_first(self):
        restored = self.saves.restored()
        self.assertFalse(restored.must_probe())
        self.assertEqual(restored.protect(request()).number, 0)

    def test_restarts_alone_move_nothing(self):
        self.ask()
        for _ in range(20):
            self.client = self.saves.restored()
        self.assertEqual(self.client.probe().number, WIDTH - 1)

    def test_restart_and_go_on(self):
        numbers = []
        for _ in range(20):
            numbers.append(self.ask().number)
            self.client = self.saves.restored()
            self.assertTrue(self.client.must_probe())
            probe = self.client.probe()
            self.assertTrue(self.refused(probe, self.server.answer(probe.message)).hinted)
        self.assertEqual(sorted(set(numbers)), numbers)

    def test_left(self):
        self.start(last=9)
        self.assertEqual(self.client.left, 10)
        self.ask()
        self.assertEqual(self.client.left, 9)


class WipingTest(Case):
    """What is held, in RAM or in the store, derives nothing that lies behind (SPEC 7.1)."""

    def test_no_state_contains_ct_once_its_level_is_left(self):
        self.start(degree=17)
        ct = client_token(self.st, 1).ct
        for _ in range(40):
            self.ask()
        late = self.saves.states[-1]
        self.assertFalse(ct in late)
        suite = functions.suite(PROVIDER, functions.CHACHA20)
        self.assertFalse(tree.derive(suite, ct, (17,)) in late)
        self.assertTrue(tree.derive(suite, ct, (17, 17)) in late)

    def test_nothing_held_is_ct(self):
        ct = client_token(self.st, 1).ct
        for _ in range(40):
            exchange = self.ask()
        self.assertFalse(self.reaches(self.client, ct, 4))
        self.assertFalse(self.reaches(exchange, ct, 4))

    def test_an_exchange_holds_no_parent(self):
        exchange = self.client.protect(request(), CONFIDENTIAL)
        parent = self.client._branch.parent
        for held in (exchange._protection, exchange.message):
            self.assertFalse(self.reaches(held, parent, 3))

    def reaches(self, held: object, secret: bytes, depth: int) -> bool:
        """Look through attributes, lists, tuples and dicts for bytes that contain a secret."""
        if isinstance(held, bytes):
            return secret in held
        if depth == 0:
            return False
        parts = []
        if isinstance(held, dict):
            parts = list(held.values())
        elif isinstance(held, (list, tuple)):
            parts = list(held)
        elif isinstance(held, (tree.Branch, Presenter)) or hasattr(held, "message"):
            parts = [part for name, part in held.__dict__.items() if name != "_save"]
        return any(self.reaches(part, secret, depth - 1) for part in parts)


class HintTest(Case):
    def test_in_reach(self):
        exchange = self.client.protect(request())
        self.assertTrue(self.refused(exchange, self.hint(exchange, 1)).hinted)
        self.assertEqual(self.client.protect(request()).number, 1)
        exchange = self.client.protect(request())
        self.assertTrue(self.refused(exchange, self.hint(exchange, 100)).hinted)
        self.assertEqual(self.client.protect(request()).number, 100)

    def test_limits(self):
        for number, taken in (
            (0, False), (1, False), (2, True), (2 + MAX_AHEAD, True), (3 + MAX_AHEAD, False),
            (1 << 30, False), ((1 << 64) - 1, False),
        ):  # fmt: skip
            self.start()
            self.ask()
            exchange = self.client.protect(request())
            self.assertEqual(self.refused(exchange, self.hint(exchange, number)).hinted, taken)
            expected = number if taken else 2
            if expected <= 500:
                self.assertEqual(self.client.protect(request()).number, expected)

    def test_past_the_grant(self):
        exchange = self.client.protect(request())
        self.assertTrue(self.refused(exchange, self.hint(exchange, 501)).hinted)
        for show in (lambda: self.client.protect(request()), self.client.probe):
            with self.assertRaises(TokensExhausted):
                show()
        self.assertEqual(self.client.left, 0)

    def test_for_another_number(self):
        first, second = self.client.protect(request()), self.client.protect(request())
        self.assertFalse(self.refused(first, self.hint(second, 50)).hinted)
        self.assertEqual(self.client.protect(request()).number, 2)

    def test_what_anybody_can_send(self):
        exchange = self.client.protect(request())
        payloads = [hints.encode(SAM, AUDIENCE, field) for field in (b"", bytes(24), bytes(25))]
        payloads.append(hints.encode("other", "server", b"x"))
        for payload in [b"", b"\xff", b"\xa0", b"x" * 500] + payloads:
            refused = self.refused(exchange, Message(UNAUTHORIZED, (), payload))
            self.assertFalse(refused.hinted)
        self.assertEqual((refused.sam, refused.audience), ("other", "server"))
        self.assertEqual(self.client.protect(request()).number, 1)

    def test_durable_before_it_is_used(self):
        exchange = self.client.protect(request())
        self.refused(exchange, self.hint(exchange, 100))
        self.assertEqual(self.client.protect(request()).number, 100)
        restored = self.saves.restored()
        self.assertTrue(restored.must_probe())
        self.assertEqual(restored.probe().number, 99 + WIDTH)

    def test_a_probe_again(self):
        self.ask()
        first = self.client.probe()
        self.server.answer(first.message)
        second = self.client.probe()
        self.assertEqual(second.message.options, first.message.options)
        self.assertTrue(self.refused(second, self.server.answer(second.message)).hinted)
        self.assertEqual(self.client.protect(request()).number, first.number + 1)

    def test_late_hints_do_not_go_back(self):
        probe = self.client.probe()
        answer = self.server.answer(probe.message)
        self.refused(probe, answer)
        self.ask()
        self.assertFalse(self.refused(probe, answer).hinted)


class ExhaustionTest(Case):
    def test_every_number_and_no_more(self):
        self.start(last=20)
        self.assertEqual([self.ask().number for _ in range(21)], list(range(21)))
        for _ in range(3):
            with self.assertRaises(TokensExhausted):
                self.client.protect(request())
        self.assertEqual(self.client.left, 0)
        self.assertTrue(len(self.saves.restored().audience) > 0)

    def test_a_grant_of_one(self):
        self.start(last=30, first=30)
        self.assertEqual(self.ask().number, 30)
        with self.assertRaises(TokensExhausted):
            self.client.protect(request())

    def test_at_the_end_of_the_branch(self):
        self.start(degree=17, depth=2, last=31)
        numbers = [self.ask().number for _ in range(32)]
        self.assertEqual(numbers[-1], 31)


class LevelTest(Case):
    def test_the_higher_of_grant_and_wish(self):
        for granted in (BEARER, POP, INTEGRITY, CONFIDENTIAL):
            self.start(level=granted)
            for wish in (None, BEARER, POP, INTEGRITY, CONFIDENTIAL):
                exchange = self.client.protect(request(), wish)
                self.assertEqual(exchange.level, max(granted, wish or 0))
                self.client.answered(exchange.number)

    def test_a_confidential_grant_never_shows_a_path(self):
        self.start(level=CONFIDENTIAL)
        exchange = self.client.protect(request("/secret"), POP)
        self.assertEqual([number for number, _ in exchange.message.options], [PAT])


class ResponseTest(Case):
    def test_unprotected_answers_are_ignored(self):
        for level in (POP, INTEGRITY, CONFIDENTIAL):
            exchange = self.client.protect(request(), level)
            with self.assertRaises(AuthenticationError):
                exchange.unprotect(Message(CONTENT, (), b"99"))
            self.assertEqual(exchange.unprotect(self.server.answer(exchange.message)).payload,
                             b"21.5")  # fmt: skip

    def test_only_answers_that_verify_move_the_window(self):
        exchange = self.client.protect(request())
        with self.assertRaises(AuthenticationError):
            exchange.unprotect(Message(CONTENT, ((PAT, bytes(8)),), b"99"))
        self.assertEqual(self.client._acked, -1)

    def test_notifications_increase(self):
        registration = Message(GET, ((OBSERVE, b""),))
        registration.set_path("/temp")
        for level in (POP, INTEGRITY, CONFIDENTIAL):
            exchange = self.client.protect(registration, level)
            session = self.server.accept(exchange.message)
            sent = [session.protect(Message(CONTENT, (), b"%d" % n), n) for n in range(5)]
            for number in (0, 2, 3):
                self.assertEqual(exchange.unprotect(sent[number]).payload, b"%d" % number)
            for number in (0, 1, 2, 3):
                with self.assertRaises(DecodeError):
                    exchange.unprotect(sent[number])
            self.assertEqual(exchange.unprotect(sent[4]).payload, b"4")

    def test_bearer_answers_prove_nothing(self):
        self.start(level=BEARER)
        exchange = self.client.protect(request())
        forged = Message(UNAUTHORIZED, ((PAT, bytes(8)), (PAT_DEMAND, b"\x03")))
        self.assertFalse(self.refused(exchange, forged).hinted)
        self.assertEqual(self.client._acked, -1)


class StateTest(Case):
    def test_round_trip(self):
        self.start(level=INTEGRITY, first=5)
        for _ in range(20):
            self.ask()
        restored = self.saves.restored()
        self.assertEqual((restored.audience, restored.level), (AUDIENCE, INTEGRITY))

    def test_damaged(self):
        self.ask()
        good = self.saves.states[-1]
        for data in (b"", b"\xff", good[:-1], good + b"\x00", cbor.encode([]), cbor.encode({}),
                     cbor.encode([1, 2, 3, 4, 5, 6])):  # fmt: skip
            with self.assertRaises(StateError):
                Presenter.restore(PROVIDER, data, self.saves)

    def test_a_place_that_cannot_be(self):
        self.ask()
        good = cbor.decode(self.saves.states[-1])
        for place in (1, 2, 3):
            for value in ("x", b"", None, True, 1.0, -2, 1000, 1 << 40, [], {}):
                fields = list(good)
                fields[place] = value
                with self.assertRaises(StateError):
                    Presenter.restore(PROVIDER, cbor.encode(fields), self.saves)

    def test_a_psk_that_is_none(self):
        good = cbor.decode(self.saves.states[-1])
        for value in (b"", bytes(31), bytes(33), "x" * 32, None, 5):
            fields = list(good)
            fields[4] = value
            with self.assertRaises(StateError):
                Presenter.restore(PROVIDER, cbor.encode(fields), self.saves)

    def test_its_pseudonym_is_the_one_s_tells_and_outlives_ct(self):
        ct = client_token(self.st, 1).ct
        for _ in range(40):
            self.ask()
        session = self.server.accept(self.client.protect(request()).message)
        for client in (self.client, self.saves.restored()):
            self.assertEqual(client.pseudonym(), session.pseudonym())
            self.assertEqual(client.pseudonym(7), tree.pseudonym(client._suite, ct, 7))
        self.assertFalse(ct in self.saves.states[-1])

    def test_every_changed_byte_is_refused_or_harmless(self):
        """No change of a stored byte makes anything but StateError, or another place ahead."""
        self.ask()
        good = self.saves.states[-1]
        for place in range(len(good)):
            changed = bytearray(good)
            changed[place] ^= 0x11
            try:
                Presenter.restore(PROVIDER, bytes(changed), self.saves)
            except StateError:
                pass

    def test_nothing_secret_is_shown(self):
        exchange = self.client.protect(request(), CONFIDENTIAL)
        shown = repr(self.client) + repr(exchange) + repr(exchange._protection)
        shown += repr(self.client._branch)
        for secret in (self.client._branch.parent, exchange._hint_key):
            self.assertFalse(repr(secret)[2:-1] in shown)

    def test_params_survive(self):
        token = client_token(self.st, 1, expires_in=60, permissions=[("/temp", 1)], sam=SAM)
        self.client = Presenter(PROVIDER, token, self.saves)
        self.ask()
        params = cbor.decode(self.saves.states[-1])[0]
        self.assertEqual(params[tokens.PERMISSIONS], [["/temp", 1]])
        self.assertEqual((params[tokens.EXPIRES_IN], params[tokens.SAM]), (60, SAM))


if __name__ == "__main__":
    unittest.main()
