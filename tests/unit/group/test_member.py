"""Members: who joins, and who reads whom."""

# timeout: 180

import unittest

from leafkey.errors import (
    AuthenticationError,
    DecodeError,
    NoGroupKey,
    ReplayError,
    UnknownSender,
    UnsupportedError,
)
from leafkey.group import labels, publication
from leafkey.group.material import Signing
from leafkey.group.member import (
    NOTHING,
    Member,
)
from tests.unit.group.world import GROUP, PROVIDER, Kdc, Store, group_of, hear

KINDS = ((False, 10), (False, 24), (True, 10), (True, 24))


class TalkingTest(unittest.TestCase):
    def test_members_read_each_other(self):
        for is_signed, alg in KINDS:
            a, b, c = group_of(3, Kdc(is_signed, alg))
            for number in range(3):
                sent = a.member.publish(b"21.5", 0)
                for reader in (b, c):
                    found = reader.member.receive(sent, 0)
                    self.assertEqual(found, (b"\x01", number, b"21.5", True))
            self.assertEqual(b.member.wants(0), NOTHING)

    def test_each_publication_counts_once(self):
        a, b = group_of(2, Kdc())
        sent = [a.member.publish(b"x", 0) for _ in range(3)]
        for data in (sent[2], sent[0]):
            b.member.receive(data, 0)
            with self.assertRaises(ReplayError):
                b.member.receive(data, 0)
        self.assertEqual(b.member.receive(sent[1], 0).number, 1)

    def test_own_publications_are_dropped(self):
        (a,) = group_of(1, Kdc())
        with self.assertRaises(ReplayError):
            a.member.receive(a.member.publish(b"x", 0), 0)

    def test_a_reader_does_not_publish(self):
        kdc = Kdc()
        a = group_of(1, kdc)[0]
        leaf, message, _ = kdc.join()
        hear([a], message)
        reader = Member(PROVIDER, Store(), GROUP)
        reader.join(kdc.response(leaf, None), 0)
        self.assertEqual(reader.receive(a.member.publish(b"x", 0), 0).payload, b"x")
        with self.assertRaises(NoGroupKey):
            reader.publish(b"x", 0)
        self.assertEqual(reader.wants(0), NOTHING)

    def test_who_is_no_member_can_do_nothing(self):
        stranger = Member(PROVIDER, Store(), GROUP)
        a = group_of(1, Kdc())[0]
        for attempt in (
            lambda: stranger.publish(b"x", 0),
            lambda: stranger.receive(a.member.publish(b"x", 0), 0),
            lambda: stranger.hear(a.kdc.refresh(), 0),
            lambda: stranger.take(a.kdc.keys(a.leaf), 0),
            lambda: stranger.wants(0),
            stranger.num,
        ):
            with self.assertRaises(NoGroupKey):
                attempt()

    def test_members_without_signatures_can_impersonate_each_other(self):
        """Said plainly in SPEC-GROUP section 1, and seen here."""
        kdc = Kdc()
        _a, b, _insider = group_of(3, kdc)
        forged = publication.seal(PROVIDER, kdc.key, b"\x01", 7, b"from a")
        found = b.member.receive(forged, 0)
        self.assertEqual((found.sender, found.payload), (b"\x01", b"from a"))

    def test_members_who_sign_cannot(self):
        kdc = Kdc(True)
        a, b, insider = group_of(3, kdc)
        arguments = (kdc.key, b"\x01", 7, b"from a", insider.signer, labels.EDDSA)
        forged = publication.seal_signed(PROVIDER, *arguments)
        with self.assertRaises(AuthenticationError):
            b.member.receive(forged, 0)
        # It has not used up the number.
        for _ in range(8):
            sent = a.member.publish(b"really", 0)
        self.assertEqual(b.member.receive(sent, 0).number, 7)

    def test_a_sender_whose_credential_is_not_there_yet(self):
        kdc = Kdc(True)
        a, b = group_of(2, kdc)
        public = kdc.public_keys.pop(b"\x01")
        sent = a.member.publish(b"x", 0)
        with self.assertRaises(UnknownSender):
            b.member.receive(sent, 0)
        kdc.public_keys[b"\x01"] = public
        self.assertEqual(b.member.receive(sent, 0).payload, b"x")

    def test_senders_that_were_forgotten_are_marked(self):
        kdc = Kdc()
        (b,) = group_of(1, kdc)
        first = [publication.seal(PROVIDER, kdc.key, b"s%d" % i, 0, b"") for i in range(40)]
        fresh = [b.member.receive(data, 0).is_fresh for data in first]
        # The 33rd one makes the table forget: it could itself be one that was forgotten.
        self.assertEqual(fresh, [True] * 32 + [False] * 8)
        self.assertFalse(b.member.receive(first[0], 0).is_fresh)
        with self.assertRaises(ReplayError):
            b.member.receive(first[39], 0)


class JoinTest(unittest.TestCase):
    def test_profile_and_key_agree(self):
        for is_signed in (False, True):
            kdc = Kdc(is_signed)
            leaf = group_of(1, kdc)[0].leaf
            for profile in (1, 2, -65537, None):
                response = kdc.response(leaf, b"\x07")
                right = response[labels.ACE_GROUPCOMM_PROFILE]
                response[labels.ACE_GROUPCOMM_PROFILE] = profile
                key = PROVIDER.ed25519_key(bytes(32))
                member = Member(PROVIDER, Store(), GROUP, key, kdc.public_keys.get)
                if profile == right:
                    member.join(response, 0)
                else:
                    with self.assertRaises(DecodeError):
                        member.join(response, 0)

    def test_signatures_that_are_not_there(self):
        kdc = Kdc(True)
        leaf = group_of(1, kdc)[0].leaf
        key = PROVIDER.ed25519_key(bytes(32))
        find = kdc.public_keys.get
        response = kdc.response(leaf, b"\x07")
        for signer, public_of in ((None, find), (key, None)):
            with self.assertRaises(UnsupportedError):
                Member(PROVIDER, Store(), GROUP, signer, public_of).join(response, 0)
        # Who only reads needs no key to sign with.
        Member(PROVIDER, Store(), GROUP, None, find).join(kdc.response(leaf, None), 0)
        response[labels.KEY].signing = Signing(labels.KCCS, -7, [[2], [2, 1]])
        with self.assertRaises(UnsupportedError):
            Member(PROVIDER, Store(), GROUP, key, find).join(response, 0)

    def test_an_oscore_group_is_none(self):
        (a,) = group_of(1, Kdc())
        response = a.kdc.response(a.leaf, b"\x07")
        response[labels.KEY] = {2: bytes(16), 6: b"g"}
        with self.assertRaises(DecodeError):
            a.member.join(response, 0)

    def test_who_was_a_member_before_cannot_tell_old_from_new(self):
        kdc = Kdc()
        a, b = group_of(2, kdc)
        for is_new in (True, False):
            again = Member(PROVIDER, Store(), GROUP)
            again.join(kdc.response(b.leaf, b"\x30"), 0, None, None, is_new)
            sent = a.member.publish(b"x", 0)
            self.assertEqual(again.receive(sent, 0).is_fresh, is_new)

    def test_joining_again_under_the_same_key_loses_no_window(self):
        kdc = Kdc()
        a, b = group_of(2, kdc)
        sent = a.member.publish(b"x", 0)
        b.member.receive(sent, 0)
        first = b.member.publish(b"1", 0)
        b.member.join(kdc.response(b.leaf, b"\x30"), 0)
        with self.assertRaises(ReplayError):
            b.member.receive(sent, 0)
        again = publication.decode(b.member.publish(b"2", 0))
        self.assertEqual((again.sender, again.number), (b"\x30", 0))
        # A KDC that gives the same Sender ID again, which it must not, makes no number repeat.
        b.member.join(kdc.response(b.leaf, b"\x30"), 0)
        self.assertEqual(publication.decode(b.member.publish(b"3", 0)).number, 1)
        self.assertEqual(publication.decode(first).sender, b"\x02")

    def test_no_repr_shows_a_key(self):
        kdc = Kdc()
        (a,) = group_of(1, kdc)
        secret = kdc.key.key.hex()
        for thing in (a.member, a.member._current, kdc.tree, kdc.keys(a.leaf)[labels.KEY]):
            self.assertFalse(secret in repr(thing))


if __name__ == "__main__":
    unittest.main()
