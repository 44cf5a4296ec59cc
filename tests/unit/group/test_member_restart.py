"""Members that lose their memory, or their power in the middle of a write."""

# timeout: 180

import unittest

from leafkey.errors import (
    DecodeError,
    NoGroupKey,
    ReplayError,
    StateError,
)
from leafkey.group import publication
from leafkey.group.member import (
    NOTHING,
    PENDING,
    SAME,
    TAKEN,
    WANTS_KEY,
    WANTS_SENDER_ID,
    Member,
)
from leafkey.oscore.sequence import BLOCK
from tests.unit.group.world import GROUP, PROVIDER, Kdc, Store, group_of, hear


class RestartTest(unittest.TestCase):
    def test_numbers_go_on(self):
        for is_signed in (False, True):
            a, _b = group_of(2, Kdc(is_signed))
            numbers = set()
            for _ in range(3):
                for _ in range(3):
                    numbers.add(publication.decode(a.member.publish(b"x", 0)).number)
                a.restart()
                with self.assertRaises(NoGroupKey):
                    a.member.publish(b"before the KDC has spoken", 0)
                self.assertEqual(a.member.wants(0), WANTS_KEY)
                self.assertEqual(a.ask(), SAME)
            self.assertEqual(len(numbers), 9)
            self.assertEqual(max(numbers), 2 * BLOCK + 2)

    def test_a_restart_costs_one_write_in_64(self):
        (a,) = group_of(1, Kdc())
        writes = a.store.writes
        for _ in range(BLOCK + 1):
            a.member.publish(b"x", 0)
        self.assertEqual(a.store.writes, writes + 2)

    def test_what_was_received_before_is_marked(self):
        a, b = group_of(2, Kdc())
        sent = a.member.publish(b"open", 0)
        self.assertTrue(b.member.receive(sent, 0).is_fresh)
        b.restart()
        self.assertFalse(b.member.receive(sent, 0).is_fresh)
        with self.assertRaises(ReplayError):
            b.member.receive(sent, 0)
        self.assertFalse(b.member.receive(a.member.publish(b"x", 0), 0).is_fresh)
        b.ask()
        hear([a, b], a.kdc.refresh())
        self.assertTrue(b.member.receive(a.member.publish(b"x", 0), 0).is_fresh)

    def test_a_key_that_was_missed_meanwhile(self):
        a, b = group_of(2, Kdc())
        hear([b], a.kdc.refresh())
        a.restart()
        self.assertEqual(a.ask(), TAKEN)
        self.assertEqual(publication.decode(a.member.publish(b"x", 0)).number, 0)

    def test_the_path_survives(self):
        for is_signed in (False, True):
            a, b, c = group_of(3, Kdc(is_signed))
            a.restart()
            self.assertEqual(a.ask(), SAME)
            expected = TAKEN if is_signed else PENDING
            self.assertEqual(hear([a, b], a.kdc.leave(c.leaf)), [expected] * 2)
            self.assertEqual(a.member.num(), a.kdc.num)

    def test_lost_numbers_need_another_sender_id(self):
        a, _b = group_of(2, Kdc())
        a.member.publish(b"x", 0)
        good = a.store.bound or b""
        for bound in (None, b"", b"\xff", good[:-1], good + b"\x00", b"\x83\x02\x41\x01\x00"):
            a.store.bound = bound
            a.restart()
            self.assertEqual(a.ask(), SAME)
            self.assertEqual(a.member.wants(0), WANTS_SENDER_ID)
            with self.assertRaises(NoGroupKey):
                a.member.publish(b"x", 0)
        a.member.change_sender_id(b"\x44")
        found = publication.decode(a.member.publish(b"x", 0))
        self.assertEqual((found.sender, found.number), (b"\x44", 0))
        self.assertEqual(a.member.wants(0), NOTHING)
        with self.assertRaises(DecodeError):
            a.member.change_sender_id(bytes(8))

    def test_numbers_of_an_earlier_key_say_that_none_was_used(self):
        a, b = group_of(2, Kdc())
        a.member.publish(b"x", 0)
        hear([a, b], a.kdc.refresh())
        a.restart()
        self.assertEqual(a.ask(), SAME)
        self.assertEqual(publication.decode(a.member.publish(b"x", 0)).number, 0)
        a.member.change_sender_id(b"\x44")
        a.restart()
        a.ask()
        found = publication.decode(a.member.publish(b"x", 0))
        self.assertEqual((found.sender, found.number), (b"\x44", 0))

    def test_right_after_a_join(self):
        (a,) = group_of(1, Kdc())
        a.restart()
        self.assertEqual(a.ask(), SAME)
        self.assertEqual(publication.decode(a.member.publish(b"x", 0)).number, 0)

    def test_a_rekeying_costs_one_write(self):
        a, b = group_of(2, Kdc())
        a.member.publish(b"x", 0)
        writes = a.store.writes
        hear([a, b], a.kdc.refresh())
        self.assertEqual(a.store.writes, writes + 1)

    def test_a_sender_id_beside_the_key(self):
        (a,) = group_of(1, Kdc())
        a.member.take(a.kdc.keys(a.leaf, b"\x55"), 0)
        self.assertEqual(publication.decode(a.member.publish(b"x", 0)).sender, b"\x55")

    def test_state_that_is_none(self):
        (a,) = group_of(1, Kdc())
        good = a.store.state or b""
        for state in (b"", b"\xa0", good[:-1], good.replace(b"greenhouse", b"greenmouse")):
            with self.assertRaises(StateError):
                Member(PROVIDER, Store(), GROUP).restore(state, a.store.bound, 0)

    def test_power_goes_at_any_write(self):
        """No nonce repeats, whichever write is the one that is not done."""
        for cut in range(40):
            self.check_cut(cut)

    def check_cut(self, cut: int):
        kdc = Kdc(seed=cut)
        a, _b = group_of(2, kdc)
        # By Gid and Sender ID: the last number. They only grow, so none is used twice.
        last = {}
        count = 0

        def publish():
            if a.member.wants(0) == WANTS_SENDER_ID:
                a.member.change_sender_id(kdc.new_sender(b""))
            sealed = publication.decode(a.member.publish(b"x", 0))
            whose = (sealed.gid, sealed.sender)
            self.assertTrue(sealed.number > last.get(whose, -1), str(cut))
            last[whose] = sealed.number

        a.store.fails_in = cut
        for round in range(12):
            try:
                for _ in range(BLOCK // 3):
                    publish()
                    count += 1
                message = kdc.refresh()
                if round % 3 == 0:
                    a.ask()
                elif round % 3 == 1:
                    a.member.change_sender_id(kdc.new_sender(b""))
                hear([a], message)
            except OSError:
                if round % 2:
                    # It goes on without a restart: the write failed, and nothing has changed.
                    self.go_on(a, publish)
                a.restart()
                a.ask()
        self.assertTrue(count > 100)

    def go_on(self, a, publish):
        try:
            publish()
        except NoGroupKey:
            # A key is pending, or in force at the KDC alone.
            self.assertNotEqual(a.member.wants(0), NOTHING)


if __name__ == "__main__":
    unittest.main()
