"""New keys: confirmed, missed, late, expired."""

# timeout: 180

import unittest

from leafkey.errors import (
    NoGroupKey,
    ReplayError,
)
from leafkey.group import labels
from leafkey.group.material import PubSubMaterial
from leafkey.group.member import (
    IGNORED,
    MISSED,
    NOTHING,
    PENDING,
    SAME,
    TAKEN,
    TAKEN_AFTER_GAP,
    WANTS_CONFIRMATION,
    WANTS_KEY,
)
from tests.unit.group.world import LIFETIME, Kdc, group_of, hear


class RekeyingTest(unittest.TestCase):
    def test_a_leave_without_signatures(self):
        for alg in (10, 24):
            a, b, gone = group_of(3, Kdc(False, alg))
            old = a.kdc.key
            message = a.kdc.leave(gone.leaf)
            for node in (a, b):
                self.assertEqual(node.member.hear(message, 0), PENDING)
                self.assertEqual(node.member.wants(0), WANTS_CONFIRMATION)
                with self.assertRaises(NoGroupKey):
                    node.member.publish(b"not yet", 0)
            self.assertEqual(a.member.confirm(a.kdc.confirmation(), 0), TAKEN)
            # b has no confirmation yet, and receives under the new key at once.
            sent = a.member.publish(b"new", 0)
            self.assertEqual(b.member.receive(sent, 0).payload, b"new")
            self.assertEqual(b.member.confirm(a.kdc.confirmation(), 0), TAKEN)
            with self.assertRaises(ReplayError):
                b.member.receive(sent, 0)
            self.check_gone(gone, message, sent)
            self.assertFalse(a.kdc.key.is_same(old))

    def check_gone(self, gone, message: bytes, sent: bytes):
        self.assertEqual(gone.member.hear(message, 0), MISSED)
        self.assertEqual(gone.member.wants(0), WANTS_KEY)
        with self.assertRaises(NoGroupKey):
            gone.member.receive(sent, 0)

    def test_a_leave_that_the_kdc_signed(self):
        a, b, gone = group_of(3, Kdc(True))
        message = a.kdc.leave(gone.leaf)
        self.assertEqual([node.member.hear(message, 0) for node in (a, b)], [TAKEN, TAKEN])
        sent = a.member.publish(b"new", 0)
        self.assertEqual(b.member.receive(sent, 0).payload, b"new")
        self.check_gone(gone, message, sent)
        # The KDC said so: who is not in it any more does not go on.
        with self.assertRaises(NoGroupKey):
            gone.member.publish(b"still here", 0)

    def test_numbers_begin_anew(self):
        a, b = group_of(2, Kdc())
        for _ in range(5):
            b.member.receive(a.member.publish(b"", 0), 0)
        self.assertEqual(hear([a, b], a.kdc.refresh()), [PENDING, PENDING])
        self.assertEqual(b.member.receive(a.member.publish(b"", 0), 0)[1], 0)

    def test_point_to_point(self):
        a, b = group_of(2, Kdc())
        a.kdc.refresh()
        self.assertEqual([node.ask() for node in (a, b)], [TAKEN, TAKEN])
        self.assertEqual([node.ask() for node in (a, b)], [SAME, SAME])
        self.assertEqual(b.member.receive(a.member.publish(b"x", 0), 0).payload, b"x")
        # The path came with it.
        self.assertEqual(hear([a, b], a.kdc.refresh()), [PENDING, PENDING])
        self.assertEqual(a.member.num(), a.kdc.num)

    def test_old_and_repeated_messages_are_ignored(self):
        a, _b = group_of(2, Kdc())
        first, keys = a.kdc.refresh(), a.kdc.keys(a.leaf)
        hear([a], first)
        second = a.kdc.refresh()
        hear([a], second)
        writes = a.store.writes
        for message in (first, second):
            self.assertEqual(a.member.hear(message, 0), IGNORED)
        self.assertEqual(a.member.take(keys, 0), IGNORED)
        self.assertEqual(a.member.confirm(a.kdc.confirmation(), 0), IGNORED)
        self.assertEqual((a.store.writes, a.member.wants(0)), (writes, NOTHING))

    def test_a_member_that_missed_one(self):
        for is_signed in (False, True):
            a, _b = group_of(2, Kdc(is_signed))
            a.kdc.refresh()
            message = a.kdc.refresh()
            self.assertEqual(a.member.hear(message, 0), MISSED)
            self.assertEqual(a.member.wants(0), WANTS_KEY)
            self.assertEqual(a.ask(), TAKEN_AFTER_GAP)
            self.assertEqual(a.member.wants(0), NOTHING)
            self.assertEqual(a.member.num(), a.kdc.num)

    def test_a_member_without_a_path_asks(self):
        kdc = Kdc()
        a = group_of(1, kdc)[0]
        keys = kdc.keys(a.leaf)
        keys[labels.NUM] = kdc.num + 1
        keys[labels.KEY] = PubSubMaterial(kdc.new_key())
        del keys[labels.MGT_KEY_MATERIAL]
        self.assertEqual(a.member.take(keys, 0), TAKEN)
        kdc.num += 1
        self.assertEqual(a.member.hear(kdc.refresh(), 0), MISSED)
        self.assertEqual(a.ask(), TAKEN)

    def test_two_in_a_row_before_a_confirmation(self):
        a, _b = group_of(2, Kdc())
        for _ in range(2):
            self.assertEqual(a.member.hear(a.kdc.refresh(), 0), PENDING)
        self.assertEqual(a.member.confirm(a.kdc.confirmation(), 0), TAKEN)
        self.assertEqual(hear([a], a.kdc.refresh()), [PENDING])
        self.assertEqual(a.member.num(), a.kdc.num)

    def test_the_kdc_is_ahead_of_what_is_pending(self):
        a, _b = group_of(2, Kdc())
        a.member.hear(a.kdc.refresh(), 0)
        a.kdc.refresh()
        self.assertEqual(a.member.confirm(a.kdc.confirmation(), 0), MISSED)
        with self.assertRaises(NoGroupKey):
            a.member.publish(b"x", 0)
        self.assertEqual(a.member.wants(0), WANTS_KEY)
        self.assertEqual(a.ask(), TAKEN_AFTER_GAP)

    def test_the_key_itself_confirms(self):
        a, b = group_of(2, Kdc())
        self.assertEqual(a.member.hear(a.kdc.refresh(), 0), PENDING)
        b.ask()
        sent = b.member.publish(b"x", 0)
        a.member.receive(sent, 0)
        self.assertEqual(a.ask(), TAKEN)
        self.assertEqual(a.member.wants(0), NOTHING)
        # What was received while it was pending stays received.
        with self.assertRaises(ReplayError):
            a.member.receive(sent, 0)

    def test_the_old_key_is_taken_for_the_expiration_delta(self):
        for delta in (0, 30):
            a, b = group_of(2, Kdc(delta=delta))
            late = [a.member.publish(b"late", 100) for _ in range(2)]
            hear([b], a.kdc.refresh(), 100)
            if delta:
                self.assertEqual(b.member.receive(late[0], 100 + delta).payload, b"late")
            with self.assertRaises(NoGroupKey):
                b.member.receive(late[1], 101 + delta)

    def test_expiry(self):
        a, b = group_of(2, Kdc(delta=30))
        sent = [a.member.publish(b"x", LIFETIME - 1) for _ in range(2)]
        with self.assertRaises(NoGroupKey):
            a.member.publish(b"x", LIFETIME)
        self.assertEqual(a.member.wants(LIFETIME), WANTS_KEY)
        b.member.receive(sent[0], LIFETIME + 29)
        with self.assertRaises(NoGroupKey):
            b.member.receive(sent[1], LIFETIME + 30)
        self.assertEqual(a.ask(LIFETIME), SAME)
        a.member.publish(b"x", LIFETIME + 10)

    def test_who_knows_the_time_goes_by_it(self):
        (a,) = group_of(1, Kdc())
        keys = a.kdc.keys(a.leaf)
        keys[labels.EXP] = 1000
        a.member.take(keys, 50, 990)
        a.member.publish(b"x", 59)
        with self.assertRaises(NoGroupKey):
            a.member.publish(b"x", 60)


if __name__ == "__main__":
    unittest.main()
