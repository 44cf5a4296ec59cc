"""Key trees against tests/vectors/group: the KDC's messages, and every member that hears them."""

# timeout: 120

import unittest

from leafkey.group import confirmation, path, treemessage
from leafkey.group.keytree import KeyTree
from leafkey.group.material import PubSubMaterial
from tests.support.vectors import load, unhex
from tests.unit.group.vectors_help import ERRORS, PROVIDER, Draws, group_key


class Story:
    """The KDC of a case, and the paths of all who are members."""

    def __init__(self, test, name: str, case: dict):
        self.test = test
        self.name = name
        self.case = case
        cipher = treemessage.Cipher(PROVIDER, case["suite"], case["alg"])
        signer = PROVIDER.ed25519_key(unhex(case["secret"])) if "secret" in case else None
        self.draws = Draws()
        self.tree = KeyTree(cipher, self.draws, case["group"], signer)
        self.members = {}

    def step(self, step: dict):
        self.draws.left = [unhex(key) for key in step["drawn"]]
        num, payload = step["num"], unhex(step["payload"])
        newcomer = None
        if step["event"] == "join":
            planned = self.tree.join(num, payload)
        elif step["event"] == "leave":
            planned = self.tree.leave(step["leaf"], num, payload)
            del self.members[step["leaf"]]
        else:
            planned = self.tree.refresh(num, payload)
        message = self.tree.take(planned)
        self.test.assertEqual(message, unhex(step["message"]), self.name)
        self.test.assertEqual((planned.leaf, self.draws.left), (step["leaf"], []), self.name)
        if step["event"] == "join":
            newcomer = path.decode(PROVIDER, unhex(step["path"]))
            self.test.assertEqual(self.tree.path(step["leaf"]).encode(), unhex(step["path"]))
        self.hear(message, payload)
        if newcomer is not None:
            self.members[step["leaf"]] = newcomer

    def hear(self, message: bytes, payload: bytes):
        for leaf, member in self.members.items():
            heard = treemessage.decode(message)
            if "public" in self.case:
                heard.verify(PROVIDER, self.case["group"], unhex(self.case["public"]))
            self.members[leaf], found = member.follow(self.case["group"], heard)
            self.test.assertEqual(found, payload, self.name)
            own = self.tree.path(leaf).encode()
            self.test.assertEqual(self.members[leaf].encode(), own, self.name)


class TreeTest(unittest.TestCase):
    def check_story(self, file: str):
        for name, case in load("group/" + file):
            story = Story(self, name, case)
            for step in case["steps"]:
                story.step(step)
                self.assertEqual(story.tree.key(story.tree.root())[1], unhex(step["root"]), name)

    def test_chacha20_and_ccm(self):
        self.check_story("tree_chacha20_10")

    def test_sha256_and_chachapoly(self):
        self.check_story("tree_sha256_24")

    def test_signed(self):
        self.check_story("tree_signed")

    def test_signatures_are_verified(self):
        for name, case in load("group/tree_signed"):
            public = unhex(case["public"])
            message = unhex(case["steps"][4]["message"])
            heard = treemessage.decode(message)
            for group, key in (("another", public), (case["group"], bytes(31) + b"\x01")):
                with self.assertRaises(ERRORS["AuthenticationError"], msg=name):
                    heard.verify(PROVIDER, group, key)
            for change in ("num", "kind", "leaf", "wraps", "sealed", "signature"):
                heard = treemessage.decode(message)
                value = getattr(heard, change)
                setattr(heard, change, value + 1 if isinstance(value, int) else value[:-1])
                with self.assertRaises(ERRORS["AuthenticationError"], msg=change):
                    heard.verify(PROVIDER, case["group"], public)

    def test_what_a_member_follows_and_refuses(self):
        for name, case in load("group/tree_failure"):
            member = path.decode(PROVIDER, unhex(case["path"]))
            message = treemessage.decode(unhex(case["message"]))
            if case["expect"] == "accepted":
                found = member.follow(case["group"], message)[1]
                self.assertEqual(found, unhex(case["payload"]), name)
            else:
                with self.assertRaises(ERRORS[case["expect"]], msg=name):
                    member.follow(case["group"], message)
            self.assertEqual(member.encode(), unhex(case["path"]), name)

    def test_malformed(self):
        for name, case in load("group/tree_malformed"):
            with self.assertRaises(ERRORS[case["expect"]], msg=name):
                treemessage.decode(unhex(case["message"]))

    def test_paths(self):
        for name, case in load("group/path"):
            data = unhex(case["encoded"])
            if case["expect"] == "accepted":
                self.assertEqual(path.decode(PROVIDER, data).encode(), data, name)
            else:
                with self.assertRaises(ERRORS[case["expect"]], msg=name):
                    path.decode(PROVIDER, data)


class ConfirmationTest(unittest.TestCase):
    def test_both_ways(self):
        for name, case in load("group/confirmation"):
            key = PubSubMaterial(group_key(case)).to_cbor()
            made = confirmation.digest(PROVIDER, case["group"], case["num"], 2, key)
            self.assertEqual(made, unhex(case["digest"]), name)
            encoded = unhex(case["encoded"])
            self.assertEqual(confirmation.encode(case["num"], made), encoded, name)
            self.assertEqual(confirmation.decode(encoded), (case["num"], made), name)

    def test_malformed(self):
        for value in (b"", b"\x80", b"\x81\x01", b"\x82\x01\x40", b"\x82\x20\x50" + bytes(16)):
            with self.assertRaises(ERRORS["DecodeError"]):
                confirmation.decode(value)


if __name__ == "__main__":
    unittest.main()
