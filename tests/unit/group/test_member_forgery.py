"""What insiders and strangers send in place of the KDC: nothing is published under it."""

# timeout: 180

import unittest

from leafkey.errors import (
    AuthenticationError,
    DecodeError,
    NoGroupKey,
)
from leafkey.group import labels, messages, path, publication, treemessage
from leafkey.group.material import PubSubMaterial
from leafkey.group.member import (
    IGNORED,
    MISSED,
    NOTHING,
    PENDING,
    SAME,
    TAKEN,
    WANTS_KEY,
)
from leafkey.group.treemessage import JOIN, Cipher, TreeMessage
from tests.unit.group.world import GROUP, PROVIDER, Kdc, group_of, hear


class ForgeryTest(unittest.TestCase):
    """An insider knows its path: with it he can make messages that open."""

    def forged_join(self, insider, kdc: Kdc, num: int, leaf: int) -> bytes:
        """What an insider can send to stay in: a join, whose new root he can compute."""
        cipher = Cipher(PROVIDER, 1, kdc.alg)
        own = path.decode(PROVIDER, kdc.tree.path(insider.leaf).encode())
        message = TreeMessage(num, JOIN, leaf, [])
        root = cipher.step(own._keys[-1][1], num)
        key = kdc.new_key()
        self.stolen = key
        payload = kdc.rekeying()
        payload[labels.KEY] = PubSubMaterial(key).to_cbor()
        payload[labels.NUM] = num
        aad = message.external_aad(GROUP)
        message.sealed = cipher.seal(root, num, aad, messages.encode(payload))
        return message.encode()

    def test_nothing_is_sent_under_a_forged_key(self):
        kdc = Kdc()
        a, b, insider = group_of(3, kdc)
        forged = self.forged_join(insider, kdc, kdc.num + 1, 3)
        self.assertEqual(a.member.hear(forged, 0), PENDING)
        with self.assertRaises(NoGroupKey):
            a.member.publish(b"secret", 0)
        # The KDC knows of no such key: the one before goes on.
        self.assertEqual(a.member.confirm(kdc.confirmation(), 0), SAME)
        sent = a.member.publish(b"secret", 0)
        self.assertEqual(publication.decode(sent).gid, kdc.key.gid)
        self.assertEqual(hear([a, b], kdc.leave(insider.leaf)), [PENDING, PENDING])
        self.assertEqual(a.member.num(), kdc.num)

    def test_forged_before_the_real_eviction(self):
        """The insider hears that he is to go, and is faster."""
        kdc = Kdc()
        a, _b, insider = group_of(3, kdc)
        forged = self.forged_join(insider, kdc, kdc.num + 1, 3)
        real = kdc.leave(insider.leaf)
        self.assertEqual(a.member.hear(forged, 0), PENDING)
        self.assertEqual(a.member.hear(real, 0), IGNORED)
        self.assertEqual(a.member.confirm(kdc.confirmation(), 0), MISSED)
        self.assertEqual(a.member.wants(0), WANTS_KEY)
        with self.assertRaises(NoGroupKey):
            a.member.publish(b"secret", 0)
        self.assertEqual(a.ask(), TAKEN)
        sent = a.member.publish(b"secret", 0)
        with self.assertRaises(NoGroupKey):
            insider.member.receive(sent, 0)
        with self.assertRaises(AuthenticationError):
            publication.decode(sent).open(PROVIDER, self.stolen)

    def test_forged_on_top_of_a_real_one(self):
        kdc = Kdc()
        a, _b, insider = group_of(3, kdc)
        self.assertEqual(a.member.hear(kdc.refresh(), 0), PENDING)
        forged = self.forged_join(insider, kdc, kdc.num + 1, 3)
        self.assertEqual(a.member.hear(forged, 0), PENDING)
        self.assertEqual(a.member.confirm(kdc.confirmation(), 0), MISSED)
        self.assertEqual(a.ask(), TAKEN)
        self.assertTrue(a.member.publish(b"x", 0))

    def test_a_signed_group_takes_no_notice(self):
        kdc = Kdc(True)
        a, _b, insider = group_of(3, kdc)
        forged = self.forged_join(insider, kdc, kdc.num + 1, 3)
        message = treemessage.decode(forged)
        message.sign(GROUP, insider.signer)
        for data in (forged, message.encode()):
            with self.assertRaises(AuthenticationError):
                a.member.hear(data, 0)
        self.assertEqual(a.member.wants(0), NOTHING)
        self.assertTrue(a.member.publish(b"x", 0))
        self.assertEqual(a.member.hear(kdc.leave(insider.leaf), 0), TAKEN)

    def test_garbage_makes_a_member_ask_and_does_not_silence_it(self):
        kdc = Kdc()
        a, _b = group_of(2, kdc)
        garbage = TreeMessage(kdc.num + 1, JOIN, 3, [])
        garbage.sealed = bytes(80)
        ahead = TreeMessage(kdc.num + 9, JOIN, 3, [])
        ahead.sealed = bytes(80)
        for message in (garbage, ahead):
            self.assertEqual(a.member.hear(message.encode(), 0), MISSED)
            self.assertEqual(a.member.wants(0), WANTS_KEY)
            a.member.publish(b"x", 0)
            self.assertEqual(a.ask(), SAME)
            self.assertEqual(a.member.wants(0), NOTHING)

    def test_payloads_that_do_not_belong_there(self):
        kdc = Kdc()
        a, _b, _insider = group_of(3, kdc)
        good = kdc.rekeying()
        for label, value in (
            (labels.NUM, kdc.num + 7),
            (labels.GKTY, 1),
            (labels.KEY, PubSubMaterial(kdc.key).to_cbor()),
            (labels.KEY, {}),
            (labels.EXI, -1),
        ):
            payload = dict(good)
            payload[labels.NUM] = kdc.num + 1
            payload[labels.KEY] = PubSubMaterial(kdc.new_key()).to_cbor()
            payload[label] = value
            step = kdc.tree.refresh(kdc.num + 1, messages.encode(payload))
            self.assertEqual(a.member.hear(step.message, 0), MISSED, str(label))
        self.assertTrue(a.member.publish(b"x", 0))

    def test_two_keys_of_one_num(self):
        kdc = Kdc()
        (a,) = group_of(1, kdc)
        keys = kdc.keys(a.leaf)
        keys[labels.KEY] = PubSubMaterial(kdc.new_key())
        with self.assertRaises(DecodeError):
            a.member.take(keys, 0)

    def test_a_new_key_is_new(self):
        kdc = Kdc()
        (a,) = group_of(1, kdc)
        other = kdc.new_key()
        for gid, key in ((kdc.key.gid, other.key), (other.gid, kdc.key.key), (other.gid, b"")):
            keys = kdc.keys(a.leaf)
            keys[labels.NUM] = kdc.num + 1
            keys[labels.KEY] = PubSubMaterial(kdc.new_key())
            if key:
                keys[labels.KEY].group_key.gid, keys[labels.KEY].group_key.key = gid, key
                with self.assertRaises(DecodeError):
                    a.member.take(keys, 0)
            else:
                self.assertEqual(a.member.take(keys, 0), TAKEN)


if __name__ == "__main__":
    unittest.main()
