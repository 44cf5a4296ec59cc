"""Ranges of slots (SPEC 4.5): what they add to grants, and that they never widen them."""

import unittest

from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, ENDORSEMENT, FORBIDDEN, PAT_DEMAND, PUT
from leafkey.codec import cbor
from leafkey.errors import DecodeError
from leafkey.pat import endorsement, functions, tokens
from leafkey.pat.changes import ratcheted
from leafkey.pat.presenter import LevelDemanded
from leafkey.pat.renewal import Renewal
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, INTEGRITY, POP, UNDEFINED, SlotGrant, SlotRange
from tests.unit.pat.world import PROVIDER, Server, change, presenter, request, server_token

TEMP = [("/temp", 1)]
BOTH = [("/temp", 5), ("/vent", 5)]


def grant(permissions=None, level=POP, **more) -> SlotGrant:
    return SlotGrant(1, 500, level, 0, permissions, **more)


def shared(first=1, last=4, level=None, permissions=None, renewal=None) -> SlotRange:
    return SlotRange(first, last, level, permissions, renewal)


class Case(unittest.TestCase):
    def start(self, slots: dict, *ranges):
        self.st = server_token(slots, slot_ranges=list(ranges))
        self.server = Server(self.st)
        self.clients = {slot: presenter(self.st, slot, level=BEARER) for slot in slots}

    def ask(self, slot=1, path="/temp", level=INTEGRITY, **more) -> Message:
        client = self.clients[slot]
        exchange = client.protect(request(path, **more), level)
        return exchange.unprotect(self.server.answer(exchange.message))

    def may(self, slot=1, path="/temp", **more):
        self.assertEqual(self.ask(slot, path, **more).code, CONTENT)

    def may_not(self, slot=1, path="/temp", **more):
        answer = self.ask(slot, path, **more)
        self.assertEqual((answer.code, answer.option(PAT_DEMAND)), (FORBIDDEN, None))

    def demands(self, demanded, level, slot=1):
        with self.assertRaises(LevelDemanded) as caught:
            self.ask(slot, level=level)
        self.assertEqual(caught.exception.level, demanded)

    def apply(self, token: tokens.ServerToken):
        """As SAM sends it: encoded."""
        data = tokens.encode_server_token(token)
        self.server.verifier.apply(tokens.decode_server_token(data), 0)


class AddedTest(Case):
    def test_permissions_that_a_grant_leaves_out(self):
        self.start({1: grant(), 2: grant(), 3: grant()}, shared(1, 2, permissions=TEMP))
        for slot in (1, 2):
            self.may(slot)
            self.may_not(slot, "/vent")
            self.may_not(slot, code=PUT)
        self.may(3, "/vent")

    def test_no_permissions_at_all(self):
        self.start({1: grant()}, shared(permissions=[]))
        self.may_not()

    def test_the_higher_level(self):
        self.start({1: grant(level=BEARER), 2: grant(level=CONFIDENTIAL)}, shared(level=INTEGRITY))
        self.demands(INTEGRITY, POP)
        self.may(1)
        self.demands(CONFIDENTIAL, INTEGRITY, 2)
        self.may(2, level=CONFIDENTIAL)

    def test_the_stricter_renewal(self):
        rule = Renewal(5, None, 7)
        self.start(
            {1: grant(renewal=Renewal(9, 60, 3)), 2: grant(), 3: grant(renewal=rule)},
            shared(1, 2, renewal=rule),
            shared(3, 3, level=POP),
        )
        found = [self.server.verifier.renewal(slot) for slot in (1, 2, 3, 4)]
        self.assertEqual(found, [Renewal(5, 60, 3), rule, rule, None])

    def test_a_later_grant_in_the_range(self):
        self.start({1: grant()}, shared(2, 3, permissions=TEMP))
        self.apply(change(2, {3: grant()}))
        self.clients[3] = presenter(server_token({3: grant()}), 3)
        self.may(3)
        self.may_not(3, "/vent")

    def test_after_a_restart(self):
        self.start({1: grant()}, shared(level=INTEGRITY, permissions=TEMP))
        self.server.restart()
        self.may()
        self.may_not(path="/vent")


class WideningTest(Case):
    """Nothing that a range says gives a slot more than its own grant."""

    def test_permissions_of_the_grant(self):
        self.start({1: grant(TEMP), 2: grant([])}, shared(permissions=BOTH, level=BEARER))
        self.may(1)
        self.may_not(1, "/vent")
        self.may_not(1, code=PUT)
        self.may_not(2)

    def test_a_lower_level(self):
        self.start({1: grant(level=CONFIDENTIAL)}, shared(level=BEARER))
        self.demands(CONFIDENTIAL, INTEGRITY)

    def test_what_the_endorsement_decides(self):
        self.start({1: grant(UNDEFINED)}, shared(permissions=BOTH))
        answer = self.ask()
        self.assertEqual((answer.code, answer.option(PAT_DEMAND)), (FORBIDDEN, b"\x04"))
        self.show(TEMP)
        self.may()
        self.may_not(path="/vent")

    def test_beside_an_endorsement_both_count(self):
        self.start({1: grant()}, shared(permissions=TEMP, level=INTEGRITY))
        self.show(BOTH)
        self.may()
        self.may_not(code=PUT)
        self.may_not(path="/vent")
        self.demands(INTEGRITY, POP)

    def test_a_slot_without_a_grant(self):
        self.start({1: grant()}, shared(permissions=BOTH))
        self.apply(change(2, {1: None}))
        self.assertIsNone(self.server.verifier.token.grant(1))
        exchange = self.clients[1].protect(request(), POP)
        self.assertIsNone(self.server.answer(exchange.message).option(PAT_DEMAND))
        self.assertEqual(self.server.served, [])

    def show(self, permissions):
        data = endorsement.make(PROVIDER, self.st, 1, 3, grant(permissions))
        message = request()
        message.add(ENDORSEMENT, data)
        exchange = self.clients[1].protect(message, CONFIDENTIAL)
        answer = exchange.unprotect(self.server.answer(exchange.message))
        self.assertEqual(answer.code, CONTENT)


class ChangeTest(Case):
    def setUp(self):
        self.start({1: grant(), 2: grant()}, shared(1, 1, permissions=TEMP), shared(2, 2, POP))

    def test_a_change_replaces_all(self):
        self.apply(change(2, slot_ranges=[shared(2, 2, permissions=TEMP)]))
        self.may(1, "/vent")
        self.may_not(2, "/vent")

    def test_an_empty_one_ends_all(self):
        self.apply(change(2, slot_ranges=[]))
        self.may(1, "/vent")
        self.assertEqual(tokens.decode_server_token(self.server.store.token).grant(1).level, POP)

    def test_other_changes_leave_them(self):
        self.apply(change(2, {2: None}))
        self.may_not(1, "/vent")

    def test_a_whole_token_says_what_there_is(self):
        self.apply(server_token({1: grant(), 2: grant()}, version=2))
        self.may(1, "/vent")

    def test_a_ratchet_leaves_them(self):
        suite = functions.suite(PROVIDER, self.st[tokens.SUITE])
        after = ratcheted(suite, self.st, change(2, {1: grant()}, epoch=2))
        self.assertEqual(after.grant(1).permissions, TEMP)

    def test_what_is_under_way(self):
        exchange = self.clients[1].protect(request(), POP)
        session = self.server.accept(exchange.message)
        self.assertTrue(session.is_current(0))
        self.apply(change(2, slot_ranges=[shared(permissions=[("/vent", 1)])]))
        self.assertFalse(session.is_current(0))

    def test_beyond_n(self):
        before = self.server.store.token
        for refused in (
            change(2, slot_ranges=[shared(1, 5, POP)]),
            change(2, {2: None}, n_clients=1),
        ):
            with self.assertRaises(DecodeError):
                self.apply(refused)
            self.assertEqual(self.server.store.token, before)
        self.may_not(1, "/vent")
        self.apply(change(2, {2: None}, n_clients=1, slot_ranges=[shared(1, 1, POP)]))
        self.may(1, "/vent")


class DecodingTest(unittest.TestCase):
    def test_round_trip(self):
        ranges = [
            shared(1, 1, BEARER),
            shared(2, 3, INTEGRITY, [("/é", 127)], Renewal(5, None, 7)),
            shared(4, 4, permissions=[]),
        ]
        data = tokens.encode_server_token(server_token({}, slot_ranges=ranges))
        token = tokens.decode_server_token(data)
        self.assertEqual(token[tokens.SLOT_RANGES], ranges)
        self.assertEqual(tokens.encode_server_token(token), data)

    def test_limits(self):
        def encoded(ranges):
            return cbor.encode([None, {19: 2, 24: ranges}])

        sixteen = [[n, n, {15: 1}] for n in range(1, 17)]
        tokens.decode_server_token(encoded(sixteen))
        tokens.decode_server_token(encoded([[1, 65535, {16: []}]]))
        for bad in (
            sixteen + [[17, 17, {15: 1}]],
            [[1, 65536, {15: 1}]],
            [[1, 2, {15: 1}], [2, 2, {15: 1}]],
            [[-1, 2, {15: 1}]],
            [[1, None, {15: 1}]],
            [[1, 2, {15: None}]],
            [[1, 2, {14: 1}]],
            [[1, 2, []]],
            {},
        ):
            with self.assertRaises(DecodeError):
                tokens.decode_server_token(encoded(bad))


if __name__ == "__main__":
    unittest.main()
