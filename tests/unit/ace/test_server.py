"""The resource server: whose place is taken, what is fresh, what a restart leaves, bad luck."""

import unittest

from leafkey.ace import cwt, labels, osc
from leafkey.ace.accesses import MAX_ACCESSES, MAX_UNPROVEN
from leafkey.ace.lifetime import MAX_KNOWN
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BAD_REQUEST,
    CONTENT_FORMAT,
    CREATED,
    FORBIDDEN,
    GET,
    METHOD_NOT_ALLOWED,
    PUT,
    UNAUTHORIZED,
)
from leafkey.codec import cbor
from leafkey.errors import DecodeError, Refused
from leafkey.oscore.preset import Preset
from tests.unit.ace.world import AS, AUDIENCE, Store, World

MINUTE = 60000


def secret(number: int) -> bytes:
    return bytes([number]) * 16


class HintsTest(unittest.TestCase):
    def said(self, world: World) -> dict:
        answer = world.server.hints(world.now)
        self.assertEqual(answer.code, UNAUTHORIZED)
        self.assertEqual(answer.uint(CONTENT_FORMAT), 19)
        return cbor.decode(answer.payload)

    def test_without_a_clock_there_is_a_cnonce(self):
        said = self.said(World())
        self.assertEqual((said[labels.AS], said[labels.AUDIENCE]), (AS, AUDIENCE))
        self.assertEqual(len(said[labels.CNONCE]), 8)

    def test_with_one_there_is_none(self):
        self.assertFalse(labels.CNONCE in self.said(World(clock=lambda: 1700000000)))

    def test_with_one_that_is_not_set_there_is(self):
        self.assertIn(labels.CNONCE, self.said(World(clock=lambda: None)))

    def test_they_come_with_a_token_that_is_not_good(self):
        world = World()
        answer = world.post(world.counted(1)[:-1] + b"\0")
        self.assertEqual(answer.code, UNAUTHORIZED)
        self.assertIn(labels.CNONCE, cbor.decode(answer.payload))


class CnonceTest(unittest.TestCase):
    """exp and iat are of a clock that this server does not have."""

    def setUp(self):
        self.world = World()

    def cnonce(self) -> bytes:
        return cbor.decode(self.world.server.hints(self.world.now).payload)[labels.CNONCE]

    def token(self, lifetime: int = 300, **more) -> bytes:
        claims = {cwt.IAT: 1700000000, cwt.EXP: 1700000000 + lifetime}
        claims[cwt.CNF] = {labels.OSC: osc.InputMaterial(b"\x01", bytes(16), b"salt").fields()}
        names = {"cnonce": cwt.CNONCE, "iat": cwt.IAT}
        for name, value in more.items():
            claims[names[name]] = value
        return self.world.token(claims)

    def test_a_fresh_one(self):
        self.world.now = 90000
        context = self.world.context(self.world.post(self.token(cnonce=self.cnonce())))
        # It was given out in a minute that began 30 s before.
        self.world.now = MINUTE + 299999
        self.assertTrue(self.world.is_known(context))
        self.world.now = MINUTE + 300000
        self.assertFalse(self.world.is_known(context))

    def test_none(self):
        self.assertEqual(self.world.post(self.token()).code, UNAUTHORIZED)

    def test_a_stale_one(self):
        cnonce = self.cnonce()
        self.world.now = 10 * MINUTE - 1
        self.assertEqual(self.world.post(self.token(3600, cnonce=cnonce)).code, CREATED)
        self.world.now = 10 * MINUTE
        self.assertEqual(self.world.post(self.token(3600, cnonce=cnonce)).code, UNAUTHORIZED)

    def test_one_that_was_never_given(self):
        for cnonce in (b"", bytes(8), self.cnonce()[:7], self.cnonce() + b"\0"):
            self.assertEqual(self.world.post(self.token(cnonce=cnonce)).code, UNAUTHORIZED)

    def test_one_of_before_a_restart(self):
        cnonce = self.cnonce()
        self.world.start()
        self.assertEqual(self.world.post(self.token(cnonce=cnonce)).code, UNAUTHORIZED)

    def test_a_token_that_was_fresh_may_come_again(self):
        token = self.token(3600, cnonce=self.cnonce())
        self.assertEqual(self.world.post(token).code, CREATED)
        self.world.now = 59 * MINUTE
        self.assertEqual(self.world.post(token).code, CREATED)
        self.world.now = 60 * MINUTE
        self.assertEqual(self.world.post(token).code, UNAUTHORIZED)

    def test_without_iat(self):
        payload = {cwt.EXP: 1700000000, cwt.CNONCE: self.cnonce()}
        payload[cwt.CNF] = {labels.OSC: osc.InputMaterial(b"\x01", bytes(16)).fields()}
        self.assertEqual(self.world.post(self.world.token(payload)).code, BAD_REQUEST)

    def test_over_before_it_was_made(self):
        token = self.token(-1, cnonce=self.cnonce())
        self.assertEqual(self.world.post(token).code, UNAUTHORIZED)


class PlacesTest(unittest.TestCase):
    def setUp(self):
        self.world = World()

    def client(self, number: int):
        """A token of its own, posted; and C's context."""
        id = number.to_bytes(1, "big")
        token = self.world.counted(number, 1000, id, secret(number))
        return token, self.world.context(self.world.post(token), id, secret(number))

    def test_one_token_over_and_over_takes_no_other_place(self):
        clients = [self.client(number)[1] for number in range(MAX_UNPROVEN - 1)]
        token = self.world.counted(100, 1000, b"x", secret(100))
        for _ in range(3 * MAX_UNPROVEN):
            last = self.world.post(token)
        self.assertEqual(len(self.world.recipients), MAX_UNPROVEN)
        for context in clients:
            self.assertTrue(self.world.is_known(context))
        self.assertTrue(self.world.is_known(self.world.context(last, b"x", secret(100))))

    def test_the_oldest_of_the_unproven_makes_room(self):
        clients = [self.client(number)[1] for number in range(MAX_UNPROVEN + 2)]
        self.assertEqual(len(self.world.recipients), MAX_UNPROVEN)
        known = [self.world.is_known(context) for context in clients]
        self.assertEqual(known, [False] * 2 + [True] * MAX_UNPROVEN)

    def test_the_proven_one_heard_least_recently_makes_room(self):
        contexts = []
        for number in range(MAX_ACCESSES):
            contexts.append(self.client(number)[1])
            self.world.ask(contexts[-1])
        self.world.ask(contexts[0])
        late = self.client(MAX_ACCESSES)[1]
        self.world.ask(late)
        self.assertEqual(len(self.world.recipients), MAX_ACCESSES)
        self.assertFalse(self.world.is_known(contexts[1]))
        self.assertTrue(self.world.is_known(contexts[0]))
        self.assertTrue(self.world.is_known(late))

    def test_whoever_posts_a_recorded_token_ends_nothing(self):
        token, context = self.client(1)
        access = self.world.ask(context)
        for _ in range(2 * MAX_UNPROVEN):
            self.world.post(token, b"evil")
        self.assertIs(self.world.ask(context), access)

    def test_a_proof_keeps_who_it_is(self):
        token, context = self.client(1)
        access = self.world.ask(context)
        again = self.world.context(self.world.post(token), b"\x01", secret(1))
        self.assertIs(self.world.ask(again), access)
        self.assertFalse(self.world.is_known(context))

    def test_another_key_by_the_same_name_ends_the_first(self):
        _, context = self.client(1)
        access = self.world.ask(context)
        token = self.world.counted(2, 1000, b"\x01", secret(2))
        other = self.world.ask(self.world.context(self.world.post(token), b"\x01", secret(2)))
        self.assertTrue(other is not access)
        self.assertFalse(access.is_current(self.world.now))
        self.assertFalse(self.world.is_known(context))

    def test_an_unproven_context_whose_token_is_over_ends_nothing(self):
        first = self.client(1)[1]
        access = self.world.ask(first)
        short = self.world.counted(2, 10, b"\x01", secret(1))
        late = self.world.context(self.world.post(short), b"\x01", secret(1))
        self.world.now = 10000
        self.assertFalse(self.world.is_known(late))
        self.assertIs(self.world.ask(first), access)
        self.assertEqual(len(self.world.recipients), 1)

    def test_who_is_not_from_here(self):
        context = self.client(1)[1]
        stranger = Preset(context, bytes)
        self.assertIsNone(self.world.server.accesses.received(stranger, 0))

    def test_wrong_requests_prove_nothing(self):
        _, context = self.client(1)
        message = context.protect_request(Message(GET)).message
        message.payload = message.payload[:-1] + b"\0"
        with self.assertRaises(Refused):
            self.world.receive(message)
        self.assertIsNone(self.world.server.accesses.next_end())

    def test_when_the_next_one_ends(self):
        for number, seconds in ((1, 70), (2, 50), (3, 60)):
            id = bytes([number])
            token = self.world.counted(number, seconds, id, secret(number))
            answer = self.world.post(token)
            if number != 2:
                self.world.ask(self.world.context(answer, id, secret(number)))
        self.assertEqual(self.world.server.accesses.next_end(), 60000)
        self.world.now = 70000
        self.world.server.accesses.close_ended(self.world.now)
        self.assertIsNone(self.world.server.accesses.next_end())
        self.assertEqual(len(self.world.recipients), 0)


class IdsTest(unittest.TestCase):
    def setUp(self):
        self.world = World()

    def test_the_client_s_own_is_not_taken(self):
        self.world.random.drawn = [bytes(8), b"ab", b"cd"]
        answer = self.world.post(self.world.counted(1), b"ab")
        self.assertEqual(cbor.decode(answer.payload)[labels.ACE_SERVER_RECIPIENTID], b"cd")

    def test_nor_one_that_is_in_use(self):
        self.world.random.drawn = [bytes(8), b"ab"]
        self.world.post(self.world.counted(1))
        self.world.random.drawn = [bytes(8), b"ab", b"cd"]
        answer = self.world.post(self.world.counted(1))
        self.assertEqual(cbor.decode(answer.payload)[labels.ACE_SERVER_RECIPIENTID], b"cd")

    def test_the_longest_and_the_shortest(self):
        for id1 in (b"", b"1234567"):
            answer = self.world.post(self.world.counted(1), id1)
            self.assertTrue(self.world.is_known(self.world.context(answer, id1=id1)))


class StorageTest(unittest.TestCase):
    def test_one_write_for_each_token_with_a_higher_number(self):
        world = World()
        for number in (5, 5, 3, 7, 7, 6):
            self.assertEqual(world.post(world.counted(number)).code, CREATED)
        self.assertEqual((world.store.writes, world.store.number), (2, 7))

    def test_what_is_refused_writes_nothing(self):
        world = World()
        world.post(world.counted(5)[:-1] + b"\0")
        world.post(world.counted(5), bytes(8))
        self.assertEqual(world.store.writes, 0)

    def test_a_write_that_fails_accepts_nothing(self):
        world = World()
        world.store.fails = True
        with self.assertRaises(OSError):
            world.post(world.counted(5))
        self.assertEqual(len(world.recipients), 0)
        world.store.fails = False
        self.assertEqual(world.post(world.counted(5)).code, CREATED)

    def test_more_tokens_than_are_remembered(self):
        world = World()
        for number in range(1, MAX_KNOWN + 2):
            world.now = number * 1000
            self.assertEqual(world.post(world.counted(number, 1000)).code, CREATED)
        # Nobody knows any more when the first one came.
        self.assertEqual(world.post(world.counted(1, 1000)).code, UNAUTHORIZED)
        self.assertEqual(world.post(world.counted(2, 1000)).code, CREATED)

    def test_a_number_that_is_not_used_up_by_a_lower_start(self):
        world = World(store=Store(9))
        self.assertEqual(world.post(world.counted(9)).code, UNAUTHORIZED)
        self.assertEqual(world.post(world.counted(10)).code, CREATED)

    def test_endless_is_not_for_ever(self):
        world = World()
        context = world.context(world.post(world.counted(1, 1 << 52)))
        world.ask(context)
        self.assertEqual(world.server.accesses.next_end(), (1 << 30) * 1000)


class UpdateTest(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.context = self.world.context(self.world.post(self.world.counted(1)))
        self.access = self.world.ask(self.context)
        self.changes = []
        self.world.server.accesses.on_change = lambda: self.changes.append(self.world.now)

    def update(self, claims: dict) -> int:
        filled = {cwt.EXI: 500, cwt.CTI: b"thermo\x02", cwt.CNF: {labels.KID: b"\x01"}}
        filled.update(claims)
        payload = cbor.encode({labels.ACCESS_TOKEN: self.world.token(filled)})
        return self.world.server.update(self.access, payload, self.world.now).code

    def test_somebody_is_told(self):
        self.assertEqual(self.update({}), CREATED)
        self.assertEqual(self.changes, [0])
        self.assertEqual(self.world.server.accesses.next_end(), 500000)

    def test_of_a_refused_one_nobody_is(self):
        self.assertEqual(self.update({cwt.AUD: "lamp"}), FORBIDDEN)
        self.assertEqual(self.update({cwt.CNF: {labels.KID: b"\x02"}}), UNAUTHORIZED)
        self.assertEqual(self.changes, [])
        self.assertEqual(self.world.server.accesses.next_end(), 100000)

    def test_it_narrows_too(self):
        self.assertEqual(self.update({cwt.SCOPE: cbor.encode([["/other", 1]])}), CREATED)
        message = Message(GET)
        message.set_path("/temp")
        _, code = self.world.receive(self.context.protect_request(message).message)
        self.assertEqual(code, FORBIDDEN)


class KdcTest(unittest.TestCase):
    def test_what_is_said_beside_nonce_and_id(self):
        asked = []

        def more(request, claims):
            asked.append((request.get(labels.SIGN_INFO, 0), claims[cwt.AUD]))
            return {labels.KDCCHALLENGE: b"challenge"}

        world = World(more=more)
        payload = {labels.ACCESS_TOKEN: world.counted(1), labels.NONCE1: b"nonce 1!",
                   labels.ACE_CLIENT_RECIPIENTID: b"C", labels.SIGN_INFO: None}  # fmt: skip
        answer = world.server.post(cbor.encode(payload), 0)
        said = cbor.decode(answer.payload)
        self.assertEqual(said[labels.KDCCHALLENGE], b"challenge")
        self.assertEqual(asked, [(None, AUDIENCE)])
        self.assertTrue(world.is_known(world.context(answer)))


class DenialTest(unittest.TestCase):
    def test_method_and_path(self):
        world = World()
        context = world.context(world.post(world.counted(1)))
        for code, path, expected in (
            (GET, "/temp", 0),
            (PUT, "/temp", METHOD_NOT_ALLOWED),
            (GET, "/temp/a", FORBIDDEN),
            (PUT, "/", FORBIDDEN),
        ):
            message = Message(code)
            message.set_path(path)
            found = world.receive(context.protect_request(message).message)[1]
            self.assertEqual(found, expected, path)


class HostileTest(unittest.TestCase):
    def test_no_mutation_is_taken_for_another_token(self):
        world = World()
        good = {labels.ACCESS_TOKEN: world.counted(1), labels.NONCE1: b"nonce 1!",
                labels.ACE_CLIENT_RECIPIENTID: b"C"}  # fmt: skip
        payload = cbor.encode(good)
        token_end = payload.index(good[labels.ACCESS_TOKEN]) + len(good[labels.ACCESS_TOKEN])
        for place in range(len(payload)):
            for mask in (1, 0x80):
                changed = bytearray(payload)
                changed[place] ^= mask
                answer = world.server.post(bytes(changed), 0)
                self.assertIn(answer.code, (BAD_REQUEST, UNAUTHORIZED, CREATED), str(place))
                if place < token_end:
                    self.assertNotEqual(answer.code, CREATED, str(place))
        for size in range(len(payload)):
            self.assertEqual(world.server.post(payload[:size], 0).code, BAD_REQUEST, str(size))
        self.assertTrue(len(world.recipients) <= MAX_UNPROVEN)

    def test_claims_of_every_type(self):
        world = World()
        for label in range(1, 41):
            for value in (None, True, -1, 0, 1 << 60, 1.5, b"", "", [], {}, {4: 1}, {4: {}}):
                claims = {cwt.EXI: 100, cwt.CTI: b"thermo\x01"}
                claims[label] = value
                claims.setdefault(cwt.CNF, {labels.OSC: {0: b"\x01", 2: bytes(16), 5: b""}})
                answer = world.post(world.token(claims))
                self.assertIn(answer.code, (CREATED, BAD_REQUEST, UNAUTHORIZED, FORBIDDEN))
        self.assertTrue(len(world.recipients) <= MAX_UNPROVEN)

    def test_a_token_of_other_bytes_is_no_token(self):
        with self.assertRaises(DecodeError):
            cwt.unprotect(None, World().authority.key, bytes(cwt.MAX_TOKEN + 1))


if __name__ == "__main__":
    unittest.main()
