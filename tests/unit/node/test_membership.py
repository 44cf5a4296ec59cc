"""Members of groups as nodes keep themselves: joins, rekeying, restarts, evictions."""
# heap: 1m
# timeout: 120

import unittest

from leafkey.errors import (
    DecodeError,
    Evicted,
    NoGroupKey,
    NotAllowed,
    ProtocolError,
    ReplayError,
    Unreachable,
)
from leafkey.group.labels import READ
from leafnode.membership import Membership
from tests.unit.node.circle import URI, Broker, Kdc, Node, Party, Wire, run
from tests.unit.robust.flash import Flash


class Case(unittest.TestCase):
    is_signed = False
    is_tree = False

    def setUp(self):
        self.kdc = Kdc(self.is_signed, self.is_tree)
        self.broker = Broker(self.kdc)
        self.a = self.party("a")
        self.b = self.party("b")

    def party(self, name: str, *roles) -> Party:
        return Party(name, self.kdc, self.broker, roles or ("publish", "read"))

    def join(self):
        for party in (self.a, self.b):
            party.begin()

    def heard(self, party: Party, sealed: bytes) -> bytes:
        return party.receive(sealed).payload


class JoinTest(Case):
    def test_members_exchange_publications(self):
        self.join()
        self.assertEqual(self.heard(self.b, self.a.publish(b"21.5")), b"21.5")
        self.assertEqual(self.heard(self.a, self.b.publish(b"22")), b"22")

    def test_the_sender_is_named_and_a_repetition_is_not_taken(self):
        self.join()
        sealed = self.a.publish(b"21.5")
        self.assertEqual(self.b.receive(sealed).sender, self.kdc.members["a"][0])
        with self.assertRaises(ReplayError):
            self.b.receive(sealed)
        with self.assertRaises(ReplayError):
            self.a.receive(sealed)

    def test_who_only_reads_has_nothing_to_publish_with(self):
        self.kdc.allowed["a"] = READ
        with self.assertRaises(NotAllowed):
            self.a.begin()
        self.assertEqual(self.kdc.members, {})
        self.party("a", "read").begin()

    def test_roles_and_uris_that_there_are_not(self):
        wire = Wire("a", self.kdc, self.broker)
        for uri, roles in (
            (URI, ("admin",)),
            ("coap://manager", ("read",)),
            ("coap://manager/", ("read",)),
            ("http://manager/ace-group/x", ("read",)),
        ):
            with self.assertRaises(DecodeError):
                Membership(wire, Node(Flash()), uri, roles)

    def test_without_a_kdc(self):
        self.a.wire.is_off = True
        with self.assertRaises(Unreachable):
            self.a.begin()

    def test_an_answer_that_is_none(self):
        self.join()
        self.kdc.broken = b"\xff"
        self.a.boot()
        with self.assertRaises(ProtocolError):
            run(self.a.membership.begin())


class RekeyTest(Case):
    def test_a_new_key_is_fetched_when_a_publication_needs_it(self):
        self.join()
        self.kdc.renew()
        run(self.b.membership.check())
        sealed = self.b.publish(b"new")
        self.assertEqual(self.heard(self.a, sealed), b"new")
        self.assertEqual(self.a.membership._member.num(), self.kdc.num)

    def test_the_kdc_is_not_asked_again_and_again(self):
        self.join()
        sealed = self.a.publish(b"old")
        self.kdc.renew()
        run(self.b.membership.check())
        asked = len(self.kdc.asked)
        for _ in range(5):
            with self.assertRaises(NoGroupKey):
                self.b.receive(sealed)
        self.assertTrue(len(self.kdc.asked) <= asked + 1)

    def test_the_last_key_is_good_for_nothing(self):
        self.join()
        self.a.publish(b"old")
        self.kdc.renew()
        run(self.b.membership.check())
        self.assertEqual(self.b.membership._member.num(), self.kdc.num)
        self.assertTrue(any("rekeyed" in line for line in self.b.wire.lines))


class EvictionTest(Case):
    def test_the_evicted_one_hears_of_it_and_forgets_its_keys(self):
        self.join()
        before = self.a.publish(b"before")
        self.kdc.evict("b")
        run(self.a.membership.check())
        after = self.a.publish(b"after")
        with self.assertRaises(Evicted):
            self.b.receive(after)
        for attempt in (lambda: self.b.receive(before), lambda: self.b.publish(b"x")):
            with self.assertRaises(Evicted):
                attempt()
        self.assertEqual(self.b.flash.names("n"), [])

    def test_it_cannot_read_on_with_what_it_had(self):
        self.join()
        member = self.b.membership._member
        self.kdc.evict("b")
        run(self.a.membership.check())
        after = self.a.publish(b"after")
        with self.assertRaises(NoGroupKey):
            member.receive(after, 0)

    def test_it_may_come_back_where_the_owner_lets_it(self):
        self.join()
        self.kdc.evict("b")
        self.b.begin()
        run(self.a.membership.check())
        self.assertEqual(self.heard(self.b, self.a.publish(b"again")), b"again")
        self.kdc.evict("b")
        self.kdc.allowed["b"] = 0
        with self.assertRaises(NotAllowed):
            self.b.begin()

    def test_who_leaves_is_none_any_more(self):
        self.join()
        run(self.b.membership.leave())
        self.assertEqual(list(self.kdc.members), ["a"])
        with self.assertRaises(Evicted):
            self.b.publish(b"x")
        run(self.a.membership.check())
        self.a.publish(b"alone")


class RestartTest(Case):
    def test_numbers_go_on_and_no_nonce_comes_twice(self):
        self.join()
        for value in range(5):
            self.a.begin()
            self.assertEqual(self.heard(self.b, self.a.publish(b"%d" % value)), b"%d" % value)
        self.assertEqual(len([path for _, _, path in self.kdc.asked if path == URI]), 2)

    def test_nothing_is_published_before_the_kdc_was_heard(self):
        self.join()
        self.a.wire.is_off = True
        self.a.boot()
        with self.assertRaises(Unreachable):
            run(self.a.membership.begin())
        self.a.wire.is_off = False
        self.kdc.renew()
        self.a.begin()
        sealed = self.a.publish(b"new")
        self.assertEqual(self.heard(self.b, sealed), b"new")

    def test_what_may_be_old_is_marked(self):
        self.join()
        sealed = self.a.publish(b"once")
        self.assertTrue(self.b.receive(sealed).is_fresh)
        self.b.begin()
        self.assertFalse(self.b.receive(sealed).is_fresh)
        self.kdc.renew()
        for party in (self.a, self.b):
            run(party.membership.check())
        self.assertTrue(self.b.receive(self.a.publish(b"new")).is_fresh)

    def test_lost_numbers_make_another_sender(self):
        self.join()
        first = self.kdc.members["a"][0]
        self.a.publish(b"1")
        for name in self.a.flash.names("n"):
            if name.endswith("-numbers"):
                self.a.flash.put("n/" + name, b"damaged")
        self.a.begin()
        self.assertEqual(self.heard(self.b, self.a.publish(b"2")), b"2")
        self.assertTrue(self.kdc.members["a"][0] != first)

    def test_a_lost_state_makes_a_new_join(self):
        self.join()
        for name in self.a.flash.names("n"):
            self.a.flash.put("n/" + name, b"damaged")
        self.a.begin()
        self.assertEqual(self.heard(self.b, self.a.publish(b"2")), b"2")
        self.assertEqual(len(self.kdc.members), 2)


class SignedTest(Case):
    is_signed = True

    def test_members_know_who_spoke(self):
        self.join()
        sealed = self.a.publish(b"21.5")
        self.assertEqual(self.b.receive(sealed).sender, self.kdc.members["a"][0])
        self.b.begin()
        self.assertEqual(self.heard(self.a, self.b.publish(b"22")), b"22")


class TreeTest(Case):
    is_tree = True

    def test_path_is_kept_over_a_restart(self):
        self.join()
        run(self.a.membership.check())
        self.a.begin()
        self.assertEqual(self.heard(self.b, self.a.publish(b"21.5")), b"21.5")

    def test_a_message_for_all_is_followed_and_confirmed(self):
        self.join()
        c = self.party("c")
        c.begin()
        for message in self.kdc.messages[1:]:
            self.a.membership.hear(message)
            self.b.membership.hear(message)
        self.kdc.evict("c")
        for party in (self.a, self.b):
            party.membership.hear(self.kdc.messages[-1])
        sealed = self.a.publish(b"without c")
        self.assertTrue(any(path.endswith("/confirmation") for _, _, path in self.kdc.asked))
        self.assertEqual(self.heard(self.b, sealed), b"without c")
        with self.assertRaises(Evicted):
            self.heard(c, sealed)


if __name__ == "__main__":
    unittest.main()
