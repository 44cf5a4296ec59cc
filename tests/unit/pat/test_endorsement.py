"""leafkey.pat.endorsement: who says what C may do, and all that C could try (SPEC 4.4)."""

import unittest

from leafkey.ace import aif
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BAD_OPTION,
    CONTENT,
    ENDORSEMENT,
    FORBIDDEN,
    GET,
    PAT_DEMAND,
    POST,
    PUT,
    UNAUTHORIZED,
)
from leafkey.codec import cbor
from leafkey.errors import AuthenticationError, DecodeError
from leafkey.pat import endorsement, tokens
from leafkey.pat.dialogue import Dialogue
from leafkey.pat.presenter import EndorsementDemanded
from leafkey.pat.renewal import Renewal
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, INTEGRITY, POP, UNDEFINED, SlotGrant
from tests.unit.pat.world import PROVIDER, Server, change, presenter, request, run, server_token

TEMP = [("/temp", 1)]
BOTH = [("/temp", 1), ("/vent", 4)]


def grant(permissions=UNDEFINED, level=POP, generation=1, last=500, **more):
    return SlotGrant(generation, last, level, 0, permissions, **more)


def endorsed(token, permissions=TEMP, version=3, slot=1, **more):
    """An endorsement that SAM makes for a slot of `token`."""
    generation = token[tokens.SLOTS][slot].generation
    terms = grant(permissions, generation=generation, **more)
    return endorsement.make(PROVIDER, token, slot, version, terms)


class Case(unittest.TestCase):
    def setUp(self):
        self.start()

    def start(self, slots=None, **changes):
        self.st = server_token(slots or {1: grant(), 2: grant()}, **changes)
        self.server = Server(self.st)
        self.client = self.presenter()

    def presenter(self, data=None, slot=1):
        return presenter(self.st, slot, endorsement=data or endorsed(self.st, slot=slot))

    def show(self, data, message=None, level=CONFIDENTIAL, client=None) -> Message:
        """What S answers to a request that shows an endorsement, or none (b"")."""
        message = (message or request()).copy()
        if data:
            message.add(ENDORSEMENT, data)
        exchange = (client or self.client).protect(message, level)
        return exchange.unprotect(self.server.answer(exchange.message))

    def taken(self, data, message=None):
        self.assertEqual(self.show(data, message).code, CONTENT)

    def refused(self, data, message=None):
        answer = self.show(data, message)
        self.assertEqual((answer.code, answer.payload), (FORBIDDEN, b""))
        self.assertIsNone(answer.option(PAT_DEMAND))

    def asked(self, message=None):
        with self.assertRaises(EndorsementDemanded):
            self.show(b"", message)

    def restart(self):
        """S starts anew; C is beyond the numbers that count as used then."""
        self.server.restart()
        for _ in range(8):
            self.client.answered(self.client.protect(request()).number)

    def held(self, slot=1) -> bytes:
        """What S keeps of a slot."""
        token = tokens.decode_server_token(self.server.store.token)
        return token[tokens.SLOTS][slot].endorsement


class DialogueTest(Case):
    def ask(self, message, level=None, client=None):
        self.sent = []

        async def send(sent):
            self.sent.append(sent)
            return self.server.answer(sent)

        return run(Dialogue(client or self.client, send).request(message, level))[1]

    def test_c_shows_it_once_when_it_is_asked(self):
        self.assertEqual(self.ask(request()).payload, b"21.5")
        self.assertEqual(len(self.sent), 2)
        for _ in range(2):
            self.assertEqual(self.ask(request()).payload, b"21.5")
            self.assertEqual(len(self.sent), 1)

    def test_it_never_travels_in_clear(self):
        data = endorsed(self.st)
        for level in (POP, INTEGRITY, CONFIDENTIAL):
            self.start()
            self.ask(request(), level)
            for message in self.sent:
                self.assertIsNone(message.option(ENDORSEMENT))
                self.assertFalse(data in message.payload)

    def test_resources_do_not_see_it(self):
        self.ask(request())
        self.assertEqual(self.server.served, [(GET, (b"temp",), b"")])

    def test_a_post_is_repeated_since_nothing_was_done(self):
        client = self.presenter(endorsed(self.st, [("/vent", 2)]))
        self.assertEqual(self.ask(request("/vent", POST), client=client).payload, b"21.5")
        self.assertEqual(len(self.server.served), 1)

    def test_what_it_does_not_cover(self):
        for message in (request("/vent"), request("/temp", PUT), request("/missing")):
            self.assertEqual(self.ask(message).code, FORBIDDEN)
        self.assertEqual(self.server.served, [])

    def test_a_client_that_has_none(self):
        client = presenter(self.st)
        self.assertEqual(self.ask(request(), client=client).code, FORBIDDEN)
        self.assertEqual(len(self.sent), 1)

    def test_at_bearer_s_asks_under_protection(self):
        self.start({1: grant(level=BEARER)})
        client = presenter(self.st, level=BEARER, endorsement=endorsed(self.st, level=BEARER))
        self.assertEqual(self.ask(request(), client=client).payload, b"21.5")
        self.assertEqual(self.server.served, [(GET, (b"temp",), b"")])
        self.assertEqual(self.ask(request(), BEARER, client).payload, b"21.5")
        self.assertEqual(len(self.sent), 1)

    def test_after_a_restart_c_still_has_it(self):
        states = []
        fresh = presenter(self.st, 1, states.append, endorsement=endorsed(self.st))
        restored = type(fresh).restore(PROVIDER, states[-1], states.append)
        self.assertEqual(self.ask(request(), client=restored).payload, b"21.5")
        self.assertEqual(restored.endorsement, endorsed(self.st))


class ShownTest(Case):
    def test_s_asks_until_it_is_shown(self):
        self.asked()
        self.asked()
        self.taken(endorsed(self.st))
        self.assertEqual(self.show(b"", level=POP).code, CONTENT)

    def test_the_question_comes_after_the_check_and_the_level(self):
        self.server.demands = INTEGRITY
        exchange = self.client.protect(request(), POP)
        answer = self.server.answer(exchange.message)
        self.assertEqual((answer.code, answer.option(PAT_DEMAND)), (UNAUTHORIZED, b"\x02"))

    def test_below_confidential_it_is_no_option(self):
        for level in (POP, INTEGRITY):
            self.assertEqual(self.show(endorsed(self.st), level=level).code, BAD_OPTION)
        self.assertEqual(self.held(), b"")

    def test_twice_in_a_request(self):
        message = request()
        message.add(ENDORSEMENT, endorsed(self.st))
        self.assertEqual(self.show(endorsed(self.st), message).code, BAD_OPTION)

    def test_forged(self):
        good = endorsed(self.st)
        for place in range(len(good)):
            for mask in (1, 128):
                bad = bytearray(good)
                bad[place] ^= mask
                if place % 7 == 0:
                    self.refused(bytes(bad))
                with self.assertRaises((AuthenticationError, DecodeError)):
                    endorsement.verify(PROVIDER, self.st, 1, endorsement.decode(bytes(bad)))
        wider = cbor.decode(good)
        wider[1][tokens.PERMISSIONS] = [["/vent", 127]]
        self.refused(cbor.encode(wider), request("/vent"))
        later = cbor.decode(good)
        later[0] += 1
        self.refused(cbor.encode(later))
        self.refused(good[:-16] + bytes(16))
        self.taken(good)

    def test_swapped(self):
        """What SAM made for somebody, something or sometime else."""
        self.refused(endorsed(self.st, slot=2))
        for other in (
            server_token({1: grant(generation=2)}),
            server_token({1: grant()}, epoch=2),
            server_token({1: grant()}, audience="lamp"),
            server_token({1: grant()}, st=bytes(32)),
            server_token({1: grant()}, suite=2),
        ):
            self.refused(endorsed(other))
        self.assertEqual(self.held(), b"")

    def test_after_a_renewal_the_old_one_is_worth_nothing(self):
        old = endorsed(self.st)
        self.taken(old)
        self.server.verifier.apply(change(2, {1: grant(generation=2)}), 0)
        self.st = server_token({1: grant(generation=2)})
        self.client = self.presenter()
        self.refused(old)
        self.asked()
        self.taken(endorsed(self.st))

    def test_older_than_what_was_seen(self):
        self.taken(endorsed(self.st, TEMP, 4))
        for version in (0, 3):
            self.refused(endorsed(self.st, BOTH, version))
        self.refused(endorsed(self.st, BOTH, 4))
        self.taken(endorsed(self.st, BOTH, 5), request("/vent", PUT))

    def test_older_than_what_was_seen_before_a_restart(self):
        self.taken(endorsed(self.st, TEMP, 4))
        self.restart()
        self.assertEqual(self.show(b"", level=POP).code, CONTENT)
        self.refused(endorsed(self.st, BOTH, 3))
        self.taken(endorsed(self.st, TEMP, 4))

    def test_a_narrowing_raises_the_lowest_version(self):
        self.taken(endorsed(self.st, BOTH, 4))
        self.server.verifier.apply(change(2, {1: grant(lowest=5)}), 0)
        self.asked()
        self.refused(endorsed(self.st, BOTH, 4))
        self.restart()
        self.refused(endorsed(self.st, BOTH, 4))
        self.taken(endorsed(self.st, TEMP, 5))
        self.refused(b"", request("/vent", PUT))

    def test_the_lowest_version_never_falls(self):
        self.server.verifier.apply(change(2, {1: grant(lowest=5)}), 0)
        self.server.verifier.apply(change(3, {1: grant()}), 0)
        self.refused(endorsed(self.st, BOTH, 4))
        self.taken(endorsed(self.st, BOTH, 5))

    def test_other_changes_leave_it(self):
        self.taken(endorsed(self.st, TEMP, 4))
        self.server.verifier.apply(change(2, {2: None}), 0)
        self.server.verifier.apply(change(3, {1: grant(last=400)}), 0)
        self.server.verifier.apply(server_token({1: grant()}, version=4), 0)
        self.assertEqual(self.show(b"", level=POP).code, CONTENT)
        self.refused(endorsed(self.st, BOTH, 3))

    def test_malformed(self):
        good = cbor.decode(endorsed(self.st))
        for value in (None, [], good[:2], good + [1], [-1] + good[1:], [True] + good[1:],
                      [good[0], [], good[2]], [good[0], {}, good[2]], [good[0], good[1], b"x"],
                      [good[0], dict(good[1], x=1), good[2]]):  # fmt: skip
            self.refused(cbor.encode(value))
        self.refused(b"\x83")
        self.refused(bytes(257))

    def test_a_write_that_fails_takes_nothing(self):
        self.asked()
        self.server.store.failing = True
        with self.assertRaises(OSError):
            self.show(endorsed(self.st))
        self.server.store.failing = False
        self.asked()
        self.taken(endorsed(self.st))

    def test_one_write_for_each(self):
        self.asked()
        writes = self.server.store.writes
        for _ in range(4):
            self.taken(endorsed(self.st))
        self.assertEqual(self.server.store.writes, writes + 1)
        self.assertEqual(self.held(), endorsed(self.st))


class IntersectionTest(Case):
    """Both what SAM told S and what it endorsed must allow a request."""

    def test_permissions(self):
        self.start({1: grant(TEMP)})
        self.assertEqual(self.show(b"", level=POP).code, CONTENT)
        self.taken(endorsed(self.st, BOTH))
        self.refused(b"", request("/vent", PUT))
        self.start({1: grant(BOTH)})
        self.taken(endorsed(self.st, TEMP))
        self.refused(b"", request("/vent", PUT))

    def test_implicit_authorization(self):
        self.start({1: grant(None)})
        self.assertEqual(self.show(b"", request("/vent", PUT)).code, CONTENT)
        self.taken(endorsed(self.st, TEMP))
        self.refused(b"", request("/vent", PUT))

    def test_permissions_filled_in_later(self):
        self.asked()
        self.server.verifier.apply(change(2, {1: grant(BOTH)}), 0)
        self.assertEqual(self.show(b"", request("/vent", PUT)).code, CONTENT)
        self.server.verifier.apply(change(3, {1: grant()}), 0)
        self.asked()

    def test_an_endorsement_without_permissions(self):
        self.taken(endorsed(self.st, None), request("/anything", PUT))

    def test_no_permissions_at_all(self):
        self.refused(endorsed(self.st, []))

    def test_level(self):
        self.taken(endorsed(self.st, level=INTEGRITY))
        exchange = self.client.protect(request(), POP)
        answer = self.server.answer(exchange.message)
        self.assertEqual((answer.code, answer.option(PAT_DEMAND)), (UNAUTHORIZED, b"\x02"))

    def test_last_at(self):
        self.taken(endorsed(self.st, last=2))
        self.assertEqual(self.show(b"").code, CONTENT)
        self.assertEqual(self.show(b"").code, CONTENT)
        self.refused(b"")

    def test_renewal(self):
        self.start({1: grant(renewal=Renewal(5, None, None))})
        self.taken(endorsed(self.st, renewal=Renewal(9, 60, None)))
        self.assertEqual(self.server.verifier.renewal(1), Renewal(5, 60, None))

    def test_who_shows_it_starts_no_time(self):
        self.refused(endorsed(self.st, expires_in=60))
        self.start({1: grant(expires_in=60)})
        self.taken(endorsed(self.st, expires_in=3600))
        exchange = self.client.protect(request())
        self.assertEqual(self.server.answer(exchange.message, 60000).code, UNAUTHORIZED)

    def test_an_observation_that_is_not_covered_any_more(self):
        self.taken(endorsed(self.st, BOTH, 3))
        session = self.server.accept(self.client.protect(request()).message)
        self.assertTrue(session.is_current(0))
        self.taken(endorsed(self.st, [("/vent", 4)], 4), request("/vent", PUT))
        self.assertFalse(session.is_current(0))


class EncodingTest(Case):
    def test_c_can_read_it(self):
        rule = Renewal(1, 2, 3)
        data = endorsed(self.st, BOTH, 7, last=99, level=2, expires_in=60, renewal=rule)
        read = endorsement.decode(data)
        terms = read.terms
        self.assertEqual((read.version, terms.permissions), (7, BOTH))
        self.assertEqual((terms.first, terms.last, terms.level), (0, 99, 2))
        self.assertEqual((terms.expires_in, terms.renewal), (60, rule))
        self.assertEqual(read.data, data)

    def test_it_leaves_nothing_undefined(self):
        value = cbor.decode(endorsed(self.st))
        value[1][tokens.PERMISSIONS] = None
        with self.assertRaises(DecodeError):
            endorsement.decode(cbor.encode(value))

    def test_one_that_is_too_long_for_a_datagram(self):
        many = [("/" + "a" * 60 + str(i), 1) for i in range(5)]
        with self.assertRaises(DecodeError):
            endorsement.decode(endorsed(self.st, many))
        self.assertTrue(aif.encode(many))


if __name__ == "__main__":
    unittest.main()
