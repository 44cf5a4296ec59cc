"""leafkey.pat.commands and follower: what carriers and strangers may try (SPEC 9.3)."""
# timeout: 120

import unittest

from leafkey.codec import cbor
from leafkey.errors import AuthenticationError, DecodeError, OutOfStep, Refused
from leafkey.pat import commands, tokens
from leafkey.pat.commands import CHANGE, RATCHET
from leafkey.pat.follower import Follower
from leafkey.pat.tokens import POP, SlotGrant
from tests.unit.pat.world import PROVIDER, Random, Server, change, presenter, request, server_token

GRANTS = {1: SlotGrant(1, 200, POP), 2: SlotGrant(5, 200, POP)}


def seal(st, version: int, slots: dict | None = None, kind: int = CHANGE, **more) -> bytes:
    """A command of SAM."""
    return commands.seal(PROVIDER, st, kind, change(version, slots, **more))


def flipped(data: bytes, bit: int) -> bytes:
    """One bit of it turned over."""
    turned = bytearray(data)
    turned[bit // 8] ^= 1 << bit % 8
    return bytes(turned)


class Case(unittest.TestCase):
    st = server_token(dict(GRANTS))

    def setUp(self):
        self.server = Server(self.st)
        self.clients = {slot: presenter(self.st, slot) for slot in GRANTS}
        self.start()

    def start(self):
        store = self.server.store
        self.follower = Follower(PROVIDER, self.server.verifier, store, store.last)

    def restart(self):
        self.server.restart()
        self.start()

    def carry(self, *sealed: bytes, now: int = 0):
        """What S answers: a receipt, or None."""
        return self.follower.follow(commands.encode_list(list(sealed)), now)

    def version(self) -> tuple:
        token = self.server.verifier.token
        return token[tokens.EPOCH], token[tokens.VERSION]

    def state(self) -> tuple:
        store = self.server.store
        return store.token, dict(store.marks), store.last, store.writes

    def refused(self, payload: bytes):
        """Nothing changes, neither in memory nor in the store."""
        before = self.state(), self.version()
        self.assertIsNone(self.follower.follow(payload, 0))
        self.assertEqual((self.state(), self.version()), before)

    def works(self, slot: int, now: int = 0) -> bool:
        exchange = self.clients[slot].protect(request(), POP)
        try:
            self.server.accept(exchange.message, now)
        except Refused:
            return False
        self.clients[slot].answered(exchange.number)
        return True


class TakenTest(Case):
    def test_a_revoked_client_is_refused_at_once(self):
        self.assertTrue(self.works(2))
        self.assertTrue(self.carry(seal(self.st, 2, {2: None})))
        self.assertFalse(self.works(2))
        self.assertTrue(self.works(1))

    def test_a_renewed_client_needs_its_new_ct(self):
        self.carry(seal(self.st, 2, {2: SlotGrant(6, 200, POP)}))
        self.assertFalse(self.works(2))
        self.clients[2] = presenter(self.server.verifier.token, 2)
        self.assertTrue(self.works(2))

    def test_one_write_a_command(self):
        writes = self.server.store.writes
        self.carry(seal(self.st, 2), seal(self.st, 3), seal(self.st, 4))
        self.assertEqual(self.server.store.writes - writes, 3)

    def test_marks_go_on(self):
        self.works(1)
        marks = dict(self.server.store.marks)
        self.carry(seal(self.st, 2, {2: None}))
        self.assertEqual(self.server.store.marks, marks)

    def test_after_a_change_in_the_channel(self):
        first = seal(self.st, 2, {2: None})
        receipt = self.carry(first)
        self.server.verifier.apply(change(3), 0)
        self.assertEqual(self.version(), (1, 3))
        self.assertEqual(self.carry(first), receipt)
        self.assertTrue(self.carry(seal(self.st, 4)))

    def test_a_change_in_the_channel_that_a_command_brought_changes_nothing(self):
        self.carry(seal(self.st, 2, {2: None}))
        writes = self.server.store.writes
        self.server.verifier.apply(change(2, {1: None}), 0)
        self.assertEqual(self.server.store.writes, writes)
        self.assertTrue(self.works(1))

    def test_with_the_other_suite_and_aead(self):
        st = server_token(dict(GRANTS), suite=2, aead=24)
        self.server = Server(st)
        self.start()
        receipt = self.carry(seal(st, 2, {2: None}))
        self.assertEqual(commands.open_receipt(PROVIDER, st, commands.decode(receipt)), 0)


class AttackTest(Case):
    def test_an_old_command_again(self):
        opened = seal(self.st, 2, {3: SlotGrant(1, 200, POP)})
        self.carry(opened)
        self.carry(seal(self.st, 3, {3: None}))
        self.refused(commands.encode_list([opened]))
        self.assertIsNone(self.server.verifier.token[tokens.SLOTS].get(3))

    def test_the_last_command_again_is_acted_on_once(self):
        last = seal(self.st, 2, {2: None})
        receipt = self.carry(last)
        state = self.state()
        for _ in range(3):
            self.assertEqual(self.carry(last), receipt)
        self.assertEqual(self.state(), state)

    def test_another_content_under_a_version_taken(self):
        self.carry(seal(self.st, 2, {2: None}))
        self.refused(commands.encode_list([seal(self.st, 2, {1: None})]))

    def test_of_another_server(self):
        other = server_token(dict(GRANTS), audience="lamp")
        self.refused(commands.encode_list([seal(other, 2, {2: None})]))
        other = server_token(dict(GRANTS), st=bytes(32))
        self.refused(commands.encode_list([seal(other, 2, {2: None})]))

    def test_of_another_epoch(self):
        for epoch in (0, 2):
            other = server_token(dict(GRANTS), epoch=epoch)
            sealed = seal(other, 2, {2: None})
            self.refused(commands.encode_list([sealed]))
            moved = cbor.encode([1] + cbor.decode(sealed)[1:])
            self.refused(commands.encode_list([moved]))

    def test_an_epoch_of_the_past_does_not_come_back(self):
        before = seal(self.st, 3, {2: SlotGrant(6, 200, POP)})
        self.carry(seal(self.st, 2, kind=RATCHET))
        self.refused(commands.encode_list([before]))
        fresh = server_token({}, epoch=9, version=3, st=bytes(range(1, 33)))
        self.server.verifier.apply(fresh, 0)
        self.refused(commands.encode_list([before]))

    def test_every_bit(self):
        payload = commands.encode_list([seal(self.st, 2, {2: None})])
        for bit in range(8 * len(payload)):
            self.refused(flipped(payload, bit))
        self.assertTrue(self.follower.follow(payload, 0))

    def test_every_length(self):
        payload = commands.encode_list([seal(self.st, 2, {2: None})])
        for size in range(len(payload)):
            self.refused(payload[:size])
        self.refused(payload + b"\x00")

    def test_in_the_wrong_order(self):
        first, second = seal(self.st, 2), seal(self.st, 3, {2: None})
        self.refused(commands.encode_list([second]))
        self.refused(commands.encode_list([second, first]))
        self.assertTrue(self.carry(first, second))

    def test_the_second_is_bad(self):
        first = seal(self.st, 2, {2: None})
        bad = flipped(seal(self.st, 3, {1: None}), 100)
        receipt = self.carry(first, bad, seal(self.st, 4, {1: None}))
        self.assertEqual(commands.decode(receipt)[:2], (1, 2))
        self.assertEqual(self.version(), (1, 2))
        self.assertTrue(self.works(1))

    def test_long_lists(self):
        sealed = [seal(self.st, version) for version in range(2, 11)]
        self.refused(commands.encode_list(sealed))
        self.assertTrue(self.carry(*sealed[:8]))
        self.assertEqual(self.version(), (1, 9))
        self.refused(cbor.encode([]))

    def test_lists_that_claim_much(self):
        for payload in (
            b"\x9a\xff\xff\xff\xff",
            b"\x81\x9b" + bytes(8),
            b"\x81\x83\x01\x02\x5a\xff",
            b"\x81" * 300,
            b"\x81\x83\x01\x02\xf6",
            b"\xa1\x01\x02",
            b"",
        ):
            self.refused(payload)

    def test_garbage(self):
        random = Random(11)
        good = commands.encode_list([seal(self.st, 2, {2: None}), seal(self.st, 3)])
        for _ in range(300):
            self.refused(random.bytes(random.below(64)))
            spoilt = bytearray(good)
            spoilt[random.below(len(good) // 2)] ^= 1 + random.below(255)
            self.refused(bytes(spoilt))

    def test_what_sam_would_be_refused_in_the_channel_too(self):
        for slots, more in (
            ({2: SlotGrant(4, 200, POP)}, {}),
            ({9: SlotGrant(1, 9, POP)}, {}),
            ({}, {"suite": 2}),
            ({}, {"audience": "lamp"}),
            ({}, {"n_clients": 1}),
        ):
            self.refused(commands.encode_list([seal(self.st, 2, slots, **more)]))

    def test_a_closed_generation_does_not_come_back(self):
        self.carry(seal(self.st, 2, {2: None}))
        self.restart()
        self.refused(commands.encode_list([seal(self.st, 3, {2: GRANTS[2]})]))
        self.assertTrue(self.carry(seal(self.st, 3, {2: SlotGrant(6, 200, POP)})))

    def test_a_server_without_an_st(self):
        self.server = Server()
        self.start()
        self.assertIsNone(self.carry(seal(self.st, 2)))


class RatchetTest(Case):
    def ratchet(self, version: int, slots: dict | None = None, **more) -> bytes:
        return seal(self.server.verifier.token, version, slots, RATCHET, **more)

    def test_all_cts_are_dead(self):
        held = {slot: self.clients[slot].protect(request(), POP).message for slot in GRANTS}
        self.assertTrue(self.carry(self.ratchet(2)))
        self.assertEqual(self.version(), (2, 2))
        for message in held.values():
            with self.assertRaises(Refused):
                self.server.accept(message)

    def test_the_next_st_is_the_one_that_sam_derives(self):
        sealed = self.ratchet(2, {1: SlotGrant(1, 200, POP)})
        kind, made = commands.unseal(PROVIDER, self.st, commands.decode(sealed))
        expected = commands.followed(PROVIDER, self.st, kind, made)
        self.carry(sealed)
        self.assertEqual(self.server.store.token, tokens.encode_server_token(expected))
        self.clients = {1: presenter(expected, 1)}
        self.assertTrue(self.works(1))

    def test_generations_start_anew(self):
        self.carry(seal(self.st, 2, {2: None}))
        self.carry(self.ratchet(3))
        self.assertFalse(tokens.CLOSED in self.server.verifier.token.params)
        self.assertTrue(self.carry(seal(self.server.verifier.token, 4, {2: SlotGrant(1, 9, POP)})))

    def test_marks_start_anew(self):
        self.works(1)
        self.carry(self.ratchet(2, {1: SlotGrant(1, 200, POP)}))
        self.assertEqual(self.server.store.marks, {})

    def test_the_receipt_outlives_its_epoch(self):
        sealed = self.ratchet(2)
        receipt = self.carry(sealed)
        self.restart()
        self.assertEqual(self.carry(sealed), receipt)
        self.assertEqual(commands.open_receipt(PROVIDER, self.st, commands.decode(receipt)), 0)

    def test_over_two_epochs_in_one_message(self):
        first = self.ratchet(2)
        middle = commands.followed(PROVIDER, self.st, RATCHET, change(2))
        second = seal(middle, 3, None, RATCHET)
        self.assertTrue(self.carry(first, second))
        self.assertEqual(self.version(), (3, 3))

    def test_it_leads_to_the_next_epoch_alone(self):
        for epoch in (0, 1, 3):
            self.refused(commands.encode_list([self.ratchet(2, epoch=epoch)]))
        last = server_token(dict(GRANTS), epoch=tokens.MAX_UINT)
        self.server = Server(last)
        self.start()
        self.refused(commands.encode_list([seal(last, 2, None, RATCHET)]))


class ReceiptTest(Case):
    def opened(self, receipt: bytes, st=None) -> int:
        return commands.open_receipt(PROVIDER, st or self.st, commands.decode(receipt))

    def test_nobody_else_makes_one(self):
        receipt = self.carry(seal(self.st, 2))
        self.assertEqual(self.opened(receipt), commands.TAKEN)
        for bit in range(8 * len(receipt)):
            with self.assertRaises(Exception) as caught:
                self.opened(flipped(receipt, bit))
            known = (AuthenticationError, DecodeError, OutOfStep)
            self.assertTrue(isinstance(caught.exception, known))

    def test_of_another_server_or_version(self):
        receipt = self.carry(seal(self.st, 2))
        for other in (server_token({}, audience="lamp"), server_token({}, st=bytes(32))):
            with self.assertRaises(AuthenticationError):
                self.opened(receipt, other)
        epoch, _, ciphertext = cbor.decode(receipt)
        with self.assertRaises(AuthenticationError):
            self.opened(cbor.encode([epoch, 3, ciphertext]))
        with self.assertRaises(OutOfStep):
            self.opened(receipt, server_token({}, epoch=2))

    def test_a_command_is_no_receipt(self):
        with self.assertRaises(AuthenticationError):
            self.opened(seal(self.st, 2))

    def test_reports_of_what_is_none(self):
        receipt = self.carry(seal(self.st, 2))
        for bad in (b"", b"\x00", receipt + b"\x00", receipt[:-1], bytes(65),
                    cbor.encode([1, 2, bytes(64)]), cbor.encode([-1, 2, b""])):  # fmt: skip
            with self.assertRaises(DecodeError):
                commands.encode_report("thermo", bad)
        for bad in (b"", receipt, cbor.encode([b"thermo", [1, 2, b""]]), cbor.encode(["a", [1, 2]]),
                    cbor.encode(["a", [1, True, b""]]), cbor.encode(["a"])):  # fmt: skip
            with self.assertRaises(DecodeError):
                commands.decode_report(bad)


class Stop(Exception):
    """The power goes."""


class StoppingStore:
    """Stops before or after the write number `left` becomes durable."""

    def __init__(self, store, left: int, durable: bool):
        self.store, self.left, self.durable = store, left, durable

    def put_command(self, token, marks, last):
        self.left -= 1
        if self.left == 0 and not self.durable:
            raise Stop()
        self.store.put_command(token, marks, last)
        if self.left == 0:
            raise Stop()


class StopTest(Case):
    def test_a_stop_at_every_write(self):
        ratchet = seal(self.st, 3, {1: SlotGrant(1, 9, POP)}, RATCHET)
        middle = commands.followed(PROVIDER, self.st, CHANGE, change(2, {2: None}))
        middle = commands.followed(PROVIDER, middle, RATCHET, change(3, {1: SlotGrant(1, 9, POP)}))
        sealed = [seal(self.st, 2, {2: None}), ratchet, seal(middle, 4, {1: None})]
        undisturbed = [self.carry(*sealed[: n + 1]) for n in range(3)]
        for stop in range(1, 4):
            for durable in (False, True):
                self.setUp()
                self.stopped(sealed, stop, durable)
                taken = stop if durable else stop - 1
                self.assertEqual(self.version()[1], 1 + taken)
                if taken:
                    self.assertEqual(self.carry(sealed[taken - 1]), undisturbed[taken - 1])
                self.assertEqual(self.carry(*sealed), undisturbed[2])
                self.assertEqual(self.version(), (2, 4))

    def stopped(self, sealed: list, stop: int, durable: bool):
        self.follower._store = StoppingStore(self.server.store, stop, durable)
        with self.assertRaises(Stop):
            self.carry(*sealed)
        self.restart()

    def test_a_full_store_takes_nothing(self):
        sealed = seal(self.st, 2, {2: None})
        self.server.store.failing = True
        with self.assertRaises(OSError):
            self.carry(sealed)
        self.assertEqual(self.version(), (1, 1))
        self.assertTrue(self.server.verifier.token[tokens.SLOTS].get(2) is not None)
        self.server.store.failing = False
        self.assertTrue(self.carry(sealed))
        self.assertFalse(self.works(2))


class TimeTest(Case):
    """Who carries a command chooses the moment: he must not win time by it."""

    st = server_token({1: SlotGrant(1, 200, POP, expires_in=60), 2: GRANTS[2]})

    def test_a_slot_with_an_end_stays_shut_until_sam_is_heard(self):
        timed = SlotGrant(6, 200, POP, expires_in=60)
        self.carry(seal(self.st, 2, {2: timed}), now=1000)
        self.clients[2] = presenter(self.server.verifier.token, 2)
        exchange = self.clients[2].protect(request(), POP)
        with self.assertRaises(Refused):
            self.server.accept(exchange.message, 1000)
        whole = server_token({1: SlotGrant(1, 200, POP, expires_in=60), 2: timed}, version=2)
        self.server.verifier.apply(whole, 2000)
        self.server.accept(exchange.message, 2000)

    def test_a_grant_that_goes_on_gets_no_more_time(self):
        later = SlotGrant(1, 200, POP, expires_in=600)
        self.carry(seal(self.st, 2, {1: later}), now=50000)
        self.assertTrue(self.works(1, 59999))
        self.assertFalse(self.works(1, 60000))

    def test_but_it_may_get_less(self):
        sooner = SlotGrant(1, 200, POP, expires_in=1)
        self.carry(seal(self.st, 2, {1: sooner}), now=1000)
        self.assertTrue(self.works(1, 1999))
        self.assertFalse(self.works(1, 2000))

    def test_not_after_a_restart(self):
        self.restart()
        self.carry(seal(self.st, 2, {1: SlotGrant(1, 200, POP, expires_in=60)}))
        self.assertFalse(self.works(1))

    def test_a_grant_without_an_end_needs_no_word_of_sam(self):
        self.carry(seal(self.st, 2, {1: SlotGrant(1, 200, POP)}))
        self.assertTrue(self.works(1, 10**9))

    def test_an_end_for_a_grant_that_had_none(self):
        self.carry(seal(self.st, 2, {2: SlotGrant(5, 200, POP, expires_in=1)}), now=1000)
        self.assertTrue(self.works(2, 1999))
        self.assertFalse(self.works(2, 2000))

    def test_a_ratchet_gives_no_time_either(self):
        self.carry(seal(self.st, 2, {1: SlotGrant(1, 200, POP, expires_in=60)}, RATCHET))
        self.clients[1] = presenter(self.server.verifier.token, 1)
        self.assertFalse(self.works(1))

    def test_when_the_next_grant_ends(self):
        verifier = self.server.verifier
        self.assertEqual(verifier.next_end(0), 60000)
        self.assertIsNone(verifier.next_end(60000))
        self.carry(seal(self.st, 2, {1: None}))
        self.assertIsNone(verifier.next_end(0))


if __name__ == "__main__":
    unittest.main()
