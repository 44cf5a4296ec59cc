"""leafkey.pat.changes through Verifier.apply: what SAM may change, and what not (SPEC 9.1)."""

import unittest

from leafkey.errors import DecodeError, OutOfStep, Refused, UnsupportedError
from leafkey.pat import functions, tokens
from leafkey.pat.tokens import BEARER, INTEGRITY, POP, SlotGrant
from leafkey.pat.verifier import Verifier
from tests.unit.pat.world import (
    AUDIENCE,
    PROVIDER,
    SAM,
    ST,
    Server,
    Store,
    change,
    presenter,
    request,
    server_token,
)

GRANTS = {1: SlotGrant(1, 200, BEARER), 2: SlotGrant(5, 200, POP)}


class Case(unittest.TestCase):
    def setUp(self):
        self.st = server_token(dict(GRANTS))
        self.server = Server(self.st)
        self.clients = {slot: presenter(self.st, slot) for slot in GRANTS}

    def apply(self, token: tokens.ServerToken):
        """As SAM sends it: encoded."""
        data = tokens.encode_server_token(token)
        self.server.verifier.apply(tokens.decode_server_token(data), 0)

    def refused(self, token: tokens.ServerToken, error=DecodeError):
        before = (self.server.store.token, dict(self.server.store.marks))
        version = self.version()
        with self.assertRaises(error):
            self.apply(token)
        self.assertEqual((self.server.store.token, self.server.store.marks), before)
        self.assertEqual(self.version(), version)
        self.assertTrue(self.works(1))

    def version(self) -> tuple:
        token = self.server.verifier.token
        return token[tokens.EPOCH], token[tokens.VERSION]

    def works(self, slot: int) -> bool:
        exchange = self.clients[slot].protect(request(), POP)
        try:
            self.server.accept(exchange.message)
        except Refused:
            return False
        self.clients[slot].answered(exchange.number)
        return True

    def exchange(self, slot: int):
        return self.clients[slot].protect(request(), POP)

    def accepts(self, exchange) -> bool:
        try:
            self.server.accept(exchange.message)
        except Refused:
            return False
        return True


class OrderTest(Case):
    def test_next(self):
        self.apply(change(2))
        self.assertEqual(self.version(), (1, 2))
        self.apply(change(3, epoch=1))
        self.assertEqual(self.version(), (1, 3))

    def test_again_and_older_change_nothing(self):
        self.apply(change(2, {2: None}))
        writes = self.server.store.writes
        for version in (2, 1, 0):
            self.apply(change(version, {1: None}))
        self.apply(server_token({}, version=1))
        self.assertEqual(self.server.store.writes, writes)
        self.assertTrue(self.works(1))

    def test_out_of_step(self):
        for version in (3, 4, 1 << 29):
            self.refused(change(version, {1: None}), OutOfStep)

    def test_another_epoch(self):
        for epoch in (0, 2):
            self.refused(change(2, {1: None}, epoch=epoch), OutOfStep)

    def test_a_change_to_nothing(self):
        server = Server()
        with self.assertRaises(OutOfStep):
            server.verifier.apply(change(1), 0)
        self.assertIsNone(server.verifier.token)

    def test_a_later_whole_token(self):
        self.apply(server_token(dict(GRANTS), version=9))
        self.assertEqual(self.version(), (1, 9))
        self.assertTrue(self.works(1))

    def test_an_older_epoch(self):
        self.apply(server_token(dict(GRANTS), epoch=0, version=99, st=bytes(32)))
        self.assertEqual(self.version(), (1, 1))


class ContradictionTest(Case):
    def test_what_is_fixed(self):
        for name, value in (("suite", 2), ("degree", 33), ("at_len", 17), ("aead", 24),
                            ("audience", "other"), ("window", 4)):  # fmt: skip
            self.refused(change(2, **{name: value}))
            self.refused(server_token(dict(GRANTS), version=2, **{name: value}))

    def test_another_secret_in_the_epoch(self):
        self.refused(server_token(dict(GRANTS), version=2, st=bytes(32)))

    def test_a_generation_falls(self):
        self.refused(change(2, {2: SlotGrant(4, 200, POP)}))
        self.refused(server_token({1: GRANTS[1], 2: SlotGrant(4, 200, POP)}, version=2))

    def test_a_closed_generation_never_comes_back(self):
        self.apply(change(2, {2: None}))
        for generation in (4, 5):
            self.refused(change(3, {2: SlotGrant(generation, 200, POP)}))
        whole = {1: GRANTS[1], 2: SlotGrant(5, 200, POP)}
        self.refused(server_token(whole, version=3))
        self.apply(change(3, {2: SlotGrant(6, 200, POP)}))

    def test_a_closed_generation_is_remembered_over_restarts(self):
        self.apply(server_token({1: GRANTS[1]}, version=2))
        self.server.restart()
        self.refused_after_restart(change(3, {2: SlotGrant(5, 200, POP)}))
        self.apply(change(3))
        self.server.restart()
        self.refused_after_restart(change(4, {2: SlotGrant(5, 200, POP)}))

    def refused_after_restart(self, token):
        with self.assertRaises(DecodeError):
            self.apply(token)

    def test_numbers_past_the_capacity(self):
        self.refused(change(2, {1: SlotGrant(1, 64 * 16, BEARER)}))
        self.refused(change(2, depth=2))

    def test_slots_past_n(self):
        self.refused(change(2, {5: SlotGrant(1, 9, POP)}))
        self.refused(change(2, n_clients=1))

    def test_bearer_with_short_ats(self):
        self.refused(change(2, at_len=8))


class SlotsTest(Case):
    def test_closed(self):
        exchange = self.exchange(2)
        self.apply(change(2, {2: None}))
        self.assertFalse(self.accepts(exchange))
        self.assertFalse(2 in self.server.store.marks)
        self.assertTrue(self.works(1))

    def test_missing_in_a_whole_token_is_closed(self):
        exchange = self.exchange(2)
        self.apply(server_token({1: GRANTS[1]}, version=2))
        self.assertFalse(self.accepts(exchange))

    def test_null_for_what_was_never_open(self):
        self.apply(change(2, {3: None}))
        self.apply(change(3, {3: None}))
        self.assertTrue(self.works(1))

    def test_a_new_generation_starts_anew(self):
        old = [self.exchange(2) for _ in range(4)]
        self.accepts(old[0])
        self.apply(change(2, {2: SlotGrant(6, 200, POP)}))
        for exchange in old:
            self.assertFalse(self.accepts(exchange))
        self.assertFalse(2 in self.server.store.marks)
        fresh = presenter(self.server.verifier.token, 2)
        self.assertTrue(self.accepts(fresh.protect(request(), POP)))

    def test_a_new_generation_with_a_first(self):
        self.apply(change(2, {2: SlotGrant(6, 200, POP, first=100)}))
        fresh = presenter(self.server.verifier.token, 2)
        exchange = fresh.protect(request(), POP)
        self.assertEqual(exchange.number, 100)
        self.assertTrue(self.accepts(exchange))

    def test_used_stays_used_in_the_generation(self):
        used, unused = self.exchange(1), self.exchange(1)
        self.assertTrue(self.accepts(used))
        self.apply(change(2, {1: SlotGrant(1, 300, POP)}))
        self.assertFalse(self.accepts(used))
        self.assertTrue(self.accepts(unused))

    def test_used_stays_used_under_a_whole_token(self):
        used = self.exchange(1)
        self.accepts(used)
        for version in (1, 2, 7):
            self.apply(server_token(dict(GRANTS), version=version))
            self.assertFalse(self.accepts(used))
            self.assertEqual(self.server.store.marks, {1: 7})

    def test_last_up_and_down(self):
        client = presenter(self.st, 1, last=500)
        exchanges = [client.protect(request(), POP) for _ in range(6)]
        self.apply(change(2, {1: SlotGrant(1, 3, POP)}))
        self.assertFalse(self.accepts(exchanges[4]))
        self.assertTrue(self.accepts(exchanges[3]))
        self.apply(change(3, {1: SlotGrant(1, 4, POP)}))
        self.assertTrue(self.accepts(exchanges[4]))
        self.assertFalse(self.accepts(exchanges[5]))

    def test_permissions_and_level_at_once(self):
        first, second = self.exchange(1), self.exchange(1)
        self.apply(change(2, {1: SlotGrant(1, 200, POP, permissions=[])}))
        with self.assertRaises(Refused):
            self.server.accept(first.message)
        self.apply(change(3, {1: SlotGrant(1, 200, INTEGRITY)}))
        with self.assertRaises(Refused):
            self.server.accept(second.message)

    def test_depth_grows(self):
        self.apply(change(2, {1: SlotGrant(1, 1100, POP)}, depth=128))
        self.assertTrue(self.works(1))


class SizeTest(Case):
    def test_n_up(self):
        used, unused = self.exchange(1), self.exchange(1)
        self.accepts(used)
        self.apply(change(2, {9: SlotGrant(1, 50, POP)}, n_clients=16))
        self.assertFalse(self.accepts(used))
        self.assertTrue(self.accepts(unused))
        self.assertFalse(self.accepts(unused))
        self.clients[9] = presenter(self.server.verifier.token, 9)
        for slot in (1, 2, 9):
            self.assertTrue(self.works(slot))

    def test_n_changes_while_many_requests_are_under_way(self):
        for turn in range(40):
            # Beyond a level of the tree, and out of order.
            waiting = [self.exchange(1) for _ in range(3)]
            self.assertTrue(self.accepts(waiting[2]))
            self.apply(change(turn + 2, n_clients=2 + turn % 5))
            self.assertTrue(self.accepts(waiting[0]))
            self.assertFalse(self.accepts(waiting[2]))
            self.assertTrue(self.accepts(waiting[1]))
            self.clients[1].answered(waiting[2].number)

    def test_a_slot_that_changes_with_n(self):
        old = self.exchange(1), self.exchange(2)
        grants = {1: SlotGrant(2, 200, BEARER), 2: SlotGrant(5, 3, POP)}
        self.apply(change(2, grants, n_clients=16))
        self.assertFalse(self.accepts(old[0]))
        self.assertTrue(self.accepts(old[1]))
        self.clients[1] = presenter(self.server.verifier.token, 1)
        self.assertTrue(self.works(1))

    def test_n_down_and_up(self):
        self.apply(change(2, {2: None}, n_clients=1))
        self.assertTrue(self.works(1))
        self.apply(change(3, n_clients=4))
        self.refused_reopening()
        self.apply(change(4, {2: SlotGrant(6, 200, POP)}))

    def refused_reopening(self):
        with self.assertRaises(DecodeError):
            self.apply(change(4, {2: SlotGrant(5, 200, POP)}))

    def test_n_down_by_a_whole_token(self):
        exchange = self.exchange(2)
        self.apply(server_token({1: GRANTS[1]}, version=2, n_clients=1))
        self.assertFalse(self.accepts(exchange))


class EpochTest(Case):
    def test_a_fresh_secret_ends_everything(self):
        old = [self.exchange(slot) for slot in (1, 2)]
        self.accepts(old[0])
        fresh = server_token(dict(GRANTS), epoch=2, version=1, st=bytes(32), suite=2, aead=24)
        self.apply(fresh)
        for exchange in old:
            self.assertFalse(self.accepts(exchange))
        self.assertEqual(self.server.store.marks, {})
        self.clients[1] = presenter(fresh, 1)
        self.assertTrue(self.works(1))
        self.server.restart()
        self.assertEqual(self.version(), (2, 1))
        for exchange in old:
            self.assertFalse(self.accepts(exchange))


class StoreTest(Case):
    def test_a_store_that_fails_changes_nothing(self):
        self.server.store.failing = True
        for token in (
            change(2, {1: None}),
            change(2, n_clients=16),
            server_token({}, epoch=2, st=bytes(32)),
        ):
            with self.assertRaises(OSError):
                self.apply(token)
            self.assertEqual(self.version(), (1, 1))
        self.server.store.failing = False
        self.assertTrue(self.works(1))

    def test_one_write(self):
        writes = self.server.store.writes
        self.apply(change(2, {1: SlotGrant(2, 9, POP), 2: None}, n_clients=16))
        self.assertEqual(self.server.store.writes, writes + 1)

    def test_what_is_stored_is_whole_and_current(self):
        self.apply(change(2, {2: None, 3: SlotGrant(1, 9, POP)}))
        stored = tokens.decode_server_token(self.server.store.token)
        self.assertTrue(stored.is_whole())
        self.assertEqual(stored[tokens.VERSION], 2)
        self.assertEqual(sorted(stored[tokens.SLOTS]), [1, 3])

    def test_an_aead_that_is_missing_is_found_at_once(self):
        class Poor:
            """A build without ChaCha20/Poly1305."""

            sha256 = PROVIDER.sha256
            hmac_sha256 = PROVIDER.hmac_sha256
            chacha20_block = PROVIDER.chacha20_block

            def aead(self, number: int):
                if number == tokens.CHACHA20_POLY1305:
                    raise UnsupportedError("not in this build")
                return PROVIDER.aead(number)

        store = Store()
        verifier = Verifier(Poor(), bytes, store, SAM, AUDIENCE)
        with self.assertRaises(UnsupportedError):
            verifier.apply(server_token({}, aead=24), 0)
        self.assertEqual((store.writes, verifier.token), (0, None))
        verifier.apply(server_token({}, aead=10), 0)

    def test_the_secret_stays(self):
        self.apply(change(2))
        self.assertEqual(self.server.verifier.token.st, ST)
        self.assertEqual(self.server.verifier.token[tokens.SUITE], functions.CHACHA20)


if __name__ == "__main__":
    unittest.main()
