"""leafkey.pat.verifier: the order of checks of SPEC 6.2, row by row; refusals are alike."""

import unittest

from leafkey.ace import labels
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BAD_OPTION,
    CONTENT,
    CONTENT_FORMAT,
    DELETE,
    FETCH,
    FORBIDDEN,
    GET,
    PAT,
    PAT_DEMAND,
    POST,
    PUT,
    UNAUTHORIZED,
)
from leafkey.codec import cbor
from leafkey.errors import AuthenticationError, Refused
from leafkey.pat import refusal, tokens
from leafkey.pat.presenter import LevelDemanded, NotRecognized
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, INTEGRITY, POP
from tests.unit.pat.world import (
    AUDIENCE,
    PROVIDER,
    SAM,
    Server,
    change,
    over_the_air,
    presenter,
    refusal_field,
    request,
    server_token,
)


def grants(level: int = BEARER, permissions: list | None = None, **more) -> dict:
    return {1: tokens.SlotGrant(1, 500, level, 0, permissions, **more)}


class Case(unittest.TestCase):
    def setUp(self):
        self.start()

    def start(self, level: int = BEARER, permissions: list | None = None, **changes):
        self.st = server_token(grants(level, permissions), **changes)
        self.server = Server(self.st)
        self.client = presenter(self.st)

    def refused(self, message: Message, now: int = 0) -> Message:
        with self.assertRaises(Refused) as caught:
            self.server.accept(message, now)
        return over_the_air(caught.exception.response)

    def refused_plainly(self, message: Message, now: int = 0):
        """Refused as everybody is: nothing in it for anyone."""
        response = self.refused(message, now)
        self.assertEqual(response.code, UNAUTHORIZED)
        self.assertEqual(response.options, [(CONTENT_FORMAT, b"\x13")])
        return response

    def refused_with_hint(self, exchange, number: int):
        response = self.refused_plainly(exchange.message)
        hint = refusal.read(PROVIDER, exchange._hint_key, refusal_field(response))
        self.assertEqual(hint, number)

    def refused_without_hint(self, exchange, message: Message | None = None, now: int = 0):
        response = self.refused_plainly(message or exchange.message, now)
        with self.assertRaises(AuthenticationError):
            refusal.read(PROVIDER, exchange._hint_key, refusal_field(response))

    def unused(self, exchange):
        """The AT of an exchange is accepted: nothing before used it."""
        self.assertTrue(self.server.accept(exchange.message))


class UnknownTest(Case):
    """Row 2."""

    def test_no_option(self):
        self.refused_plainly(request())

    def test_no_token_at_all(self):
        server = Server()
        for message in (request(), self.client.protect(request()).message):
            with self.assertRaises(Refused) as caught:
                server.accept(message)
            self.assertEqual(len(refusal_field(caught.exception.response)), 24)

    def test_malformed_options(self):
        exchange = self.client.protect(request(), POP)
        value = exchange.message.option(PAT)
        for changed in (b"", b"\x01", value[:-1], value + b"\x00", value[:17], b"\x04" + value[1:],
                        b"\xff" + value[1:], bytes(1000)):  # fmt: skip
            message = request()
            message.add(PAT, changed)
            self.refused_without_hint(exchange, message)
        self.unused(exchange)

    def test_two_options(self):
        exchange = self.client.protect(request(), POP)
        message = exchange.message.copy()
        message.add(PAT, message.option(PAT))
        self.refused_without_hint(exchange, message)
        self.unused(exchange)

    def test_at_of_another_server(self):
        other = server_token(grants(), st=bytes(32))
        self.refused_without_hint(presenter(other).protect(request(), POP))

    def test_at_past_the_window(self):
        exchanges = [self.client.protect(request(), POP) for _ in range(7)]
        far = self.client.probe()
        self.refused_with_hint(far, 8)
        self.client.answered(7)
        ahead = [self.client.protect(request(), POP) for _ in range(7)]
        self.server.accept(ahead[-1].message)
        self.client.answered(ahead[-1].number)
        self.refused_without_hint(exchanges[0])

    def test_a_closed_slot(self):
        exchange = self.client.protect(request(), POP)
        self.server.verifier.apply(change(2, {1: None}), 0)
        self.refused_without_hint(exchange)


class CheckTest(Case):
    """Row 3, and that a failed check uses no AT."""

    def test_wrong_mac(self):
        for level in (POP, INTEGRITY):
            exchange = self.client.protect(request(), level)
            message = exchange.message.copy()
            value = message.option(PAT)
            message.remove(PAT)
            message.add(PAT, value[:-1] + bytes((value[-1] ^ 1,)))
            self.refused_without_hint(exchange, message)
            self.unused(exchange)

    def test_wrong_tag(self):
        exchange = self.client.protect(request(), CONFIDENTIAL)
        for payload in (b"", b"x", exchange.message.payload[:-1], exchange.message.payload + b"x"):
            message = exchange.message.copy()
            message.payload = payload
            self.refused_without_hint(exchange, message)
        self.unused(exchange)

    def test_used_and_wrong(self):
        exchange = self.client.protect(request(), POP)
        self.server.accept(exchange.message)
        message = exchange.message.copy()
        message.code = DELETE
        self.refused_without_hint(exchange, message)


class UsedTest(Case):
    """Rows 4 and 5."""

    def test_bearer_without_hint(self):
        exchange = self.client.protect(request())
        self.server.accept(exchange.message)
        self.refused_without_hint(exchange)

    def test_other_levels_with_hint(self):
        for level in (POP, INTEGRITY, CONFIDENTIAL):
            exchange = self.client.protect(request(), level)
            self.server.accept(exchange.message)
            self.refused_with_hint(exchange, exchange.number + 1)
            self.refused_with_hint(exchange, exchange.number + 1)

    def test_used_comes_before_what_is_demanded(self):
        exchange = self.client.protect(request(), POP)
        self.server.accept(exchange.message)
        self.server.demands = CONFIDENTIAL
        self.refused_with_hint(exchange, 1)


class ProbeTest(Case):
    """Row 6."""

    def test_uses_its_number_and_hints(self):
        probe = self.client.probe()
        self.assertEqual(probe.number, 7)
        self.refused_with_hint(probe, 8)
        self.refused_with_hint(probe, 8)

    def test_again_after_a_restart(self):
        probe = self.client.probe()
        self.refused_with_hint(probe, 8)
        self.server.restart()
        self.refused_with_hint(self.client.probe(), 15)

    def test_leaves_the_numbers_it_passed(self):
        exchange = self.client.protect(request(), POP)
        self.refused_with_hint(self.client.probe(), 8)
        self.unused(exchange)

    def test_is_stored_first(self):
        self.server.store.failing = True
        with self.assertRaises(OSError):
            self.server.accept(self.client.probe().message)
        self.server.store.failing = False
        self.refused_with_hint(self.client.probe(), 8)

    def test_a_stripped_probe_is_no_bearer(self):
        probe = self.client.probe()
        message = Message(GET, ((PAT, b"\x00" + probe.message.option(PAT)[1:17]),))
        self.server.demands = POP
        self.refused_without_hint(probe, message)


class DemandedTest(Case):
    """Rows 7 and 9: the highest of grant, resource, method and payload."""

    def stripped(self, exchange) -> Message:
        message = request()
        message.add(PAT, b"\x00" + exchange.message.option(PAT)[1:17])
        return message

    def demanded(self, exchange) -> int:
        response = self.refused(exchange.message)
        with self.assertRaises(LevelDemanded) as caught:
            exchange.unprotect(response)
        return caught.exception.level

    def test_stripped_mac_is_no_bearer(self):
        for demands, level in ((POP, BEARER), (BEARER, POP)):
            self.start(level=level)
            self.server.demands = demands
            for shown in (POP, INTEGRITY, CONFIDENTIAL):
                exchange = self.client.protect(request(), shown)
                self.refused_without_hint(exchange, self.stripped(exchange))
                self.server.demands = shown
                self.unused(exchange)
                self.server.demands = demands

    def test_bearer_is_refused_and_not_used(self):
        for message in (request("/temp", POST), request("/temp", PUT), request("/temp", DELETE),
                        request("/temp", FETCH, b"x"), request("/temp", GET, b"x")):  # fmt: skip
            exchange = self.client.protect(message, BEARER)
            self.refused_without_hint(exchange)
            self.assertFalse(self.server.verifier._window.is_used(1, exchange.number))

    def test_bearer_where_it_is_enough(self):
        for code in (GET, FETCH):
            self.unused(self.client.protect(request("/temp", code), BEARER))

    def test_the_resource_demands(self):
        for demands in (INTEGRITY, CONFIDENTIAL):
            self.server.demands = demands
            exchange = self.client.protect(request(), POP)
            self.assertEqual(self.demanded(exchange), demands)
            self.refused_with_hint(exchange, exchange.number + 1)

    def test_the_grant_demands(self):
        self.start(level=INTEGRITY)
        lax = presenter(self.st, level=POP)
        self.assertEqual(self.demanded(lax.protect(request(), POP)), INTEGRITY)

    def test_a_payload_demands_integrity(self):
        for code in (POST, PUT, FETCH):
            exchange = self.client.protect(request("/temp", code, b"x"), POP)
            self.assertEqual(self.demanded(exchange), INTEGRITY)

    def test_the_answer_names_the_level(self):
        self.server.demands = CONFIDENTIAL
        exchange = self.client.protect(request(), INTEGRITY)
        response = self.refused(exchange.message)
        self.assertEqual(response.option(PAT_DEMAND), b"\x03")
        self.assertEqual(response.payload, b"")


class InnerOptionTest(Case):
    def test_a_critical_option_inside_is_not_ignored(self):
        for level in (POP, CONFIDENTIAL):
            message = request()
            message.add(9999, b"x")
            exchange = self.client.protect(message, level)
            response = exchange.unprotect(self.refused(exchange.message))
            self.assertEqual(response.code, BAD_OPTION)

    def test_an_elective_one_is(self):
        message = request()
        message.add(9998, b"x")
        exchange = self.client.protect(message, CONFIDENTIAL)
        self.assertEqual(self.server.accept(exchange.message).request.option(9998), b"x")


class PermissionTest(Case):
    """Row 10."""

    def forbidden(self, exchange):
        response = self.refused(exchange.message)
        plain = exchange.unprotect(response)
        self.assertEqual((plain.code, plain.options, plain.payload), (FORBIDDEN, [], b""))
        self.refused_with_hint(exchange, exchange.number + 1)

    def test_not_covered(self):
        self.start(permissions=[("/temp", 1)])
        for path, code in (("/other", GET), ("/temp", POST), ("/temp/x", GET), ("/", GET)):
            for level in (POP, INTEGRITY, CONFIDENTIAL):
                self.forbidden(self.client.protect(request(path, code), level))
                self.client.answered(self.client._next - 1)

    def test_nothing_permitted(self):
        self.start(permissions=[])
        self.forbidden(self.client.protect(request(), POP))

    def test_level_comes_first(self):
        self.start(permissions=[])
        self.server.demands = CONFIDENTIAL
        exchange = self.client.protect(request(), POP)
        with self.assertRaises(LevelDemanded):
            exchange.unprotect(self.refused(exchange.message))

    def test_bearer_gets_a_plain_403(self):
        self.start(permissions=[])
        self.assertEqual(self.refused(self.client.protect(request()).message).code, FORBIDDEN)

    def test_the_inner_path_counts(self):
        self.start(permissions=[("/temp", 1)])
        exchange = self.client.protect(request("/other"), CONFIDENTIAL)
        for segment in (b"temp",):
            exchange.message.add(11, segment)
        self.forbidden(exchange)


class AnswerTest(Case):
    """Row 11, and what a session says."""

    def test_accepted_and_answered(self):
        for level in (BEARER, POP, INTEGRITY, CONFIDENTIAL):
            exchange = self.client.protect(request(), level)
            response = exchange.unprotect(self.server.answer(exchange.message))
            self.assertEqual((response.code, response.payload), (CONTENT, b"21.5"))

    def test_refusals_are_alike(self):
        """Up to the 24 bytes, and for existing and missing resources (SPEC 6.2)."""
        used = self.client.protect(request(), POP)
        self.server.accept(used.message)
        bearer = self.client.protect(request("/nowhere", POST), BEARER)
        wrong = self.client.protect(request(), POP).message
        wrong.code = DELETE
        messages = [request(), request("/nowhere"), used.message, bearer.message, wrong,
                    self.client.probe().message]  # fmt: skip
        shapes = set()
        for message in messages:
            response = self.refused(message)
            payload = cbor.decode(response.payload)
            self.assertEqual(len(payload.pop(labels.REFUSAL)), 24)
            self.assertEqual(payload, {labels.AS: SAM, labels.AUDIENCE: AUDIENCE})
            shapes.add((response.code, tuple(response.options), len(response.payload)))
        self.assertEqual(len(shapes), 1)

    def test_refusal_fields_never_repeat(self):
        used = self.client.protect(request(), POP)
        self.server.accept(used.message)
        fields = [refusal_field(self.refused(used.message)) for _ in range(10)]
        fields += [refusal_field(self.refused(request())) for _ in range(10)]
        self.assertEqual(len(set(fields)), 20)

    def test_peer_and_pseudonym(self):
        session = self.server.accept(self.client.protect(request(), POP).message)
        self.assertEqual((session.slot, session.generation, session.level), (1, 1, POP))
        before = session.pseudonym()
        self.assertEqual(len(before), 32)
        again = self.server.accept(self.client.protect(request(), POP).message)
        self.assertEqual((again.peer, again.pseudonym()), (session.peer, before))

    def test_a_session_stays_with_its_client(self):
        """Whoever gets the slot meanwhile is somebody else."""
        session = self.server.accept(self.client.protect(request(), POP).message)
        before = session.pseudonym()
        self.assertTrue(session.is_current(0))
        self.server.verifier.apply(change(2, {1: tokens.SlotGrant(2, 500, 0)}), 0)
        self.assertFalse(session.is_current(0))
        self.assertEqual(session.pseudonym(), before)
        fresh = server_token(grants(), epoch=2, st=bytes(32))
        self.server.verifier.apply(fresh, 0)
        self.assertFalse(session.is_current(0))
        self.assertEqual(session.pseudonym(), before)
        other = self.server.accept(presenter(fresh).protect(request(), POP).message)
        self.assertNotEqual(other.peer, session.peer)
        self.assertNotEqual(other.pseudonym(), before)

    def test_nothing_secret_in_errors(self):
        exchange = self.client.protect(request(), POP)
        self.server.accept(exchange.message)
        with self.assertRaises(Refused) as refused:
            self.server.accept(exchange.message)
        with self.assertRaises(NotRecognized) as unknown:
            exchange.unprotect(refused.exception.response)
        for error in (refused.exception, unknown.exception):
            self.assertEqual(len(error.args), 1)
            self.assertTrue(isinstance(error.args[0], str))
            self.assertFalse(AUDIENCE in repr(error))


if __name__ == "__main__":
    unittest.main()
