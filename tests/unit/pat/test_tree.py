"""leafkey.pat.functions and leafkey.pat.tree: section 5.1.1 of the draft, and what lies behind."""

import unittest

from leafkey.crypto.provider import default_provider
from leafkey.errors import TokenTooOld, UnsupportedError
from leafkey.pat import functions, tree

PROVIDER = default_provider()
CT = bytes(range(1, 33))
NUMBERS = (functions.CHACHA20, functions.SHA256)
KEYS = (functions.VERIF_K, functions.PSK, functions.INT_K, functions.CONF_K)


def suites() -> list:
    return [functions.suite(PROVIDER, number) for number in NUMBERS]


def drafted(suite, ct: bytes, degree: int, depth: int) -> list:
    """Every AT in order, as the draft's section 5.1.1 tells it, with nothing but G."""
    ats = []
    parent = ct
    for _ in range(depth):
        ats.extend([suite.f(functions.G, parent, child) for child in range(1, degree)])
        parent = suite.f(functions.G, parent, degree)
    return ats


class FunctionsTest(unittest.TestCase):
    def test_known_suites(self):
        for number in NUMBERS:
            self.assertEqual(functions.suite(PROVIDER, number).number, number)
        self.assertEqual(functions.SUITES, {"chacha20": 1, "sha256": 2})

    def test_unknown_suites(self):
        for number in (0, 3, -1):
            with self.assertRaises(UnsupportedError):
                functions.suite(PROVIDER, number)

    def test_chacha20_is_half_a_block(self):
        suite = functions.suite(PROVIDER, functions.CHACHA20)
        nonce16 = b"\x02\x01" + bytes(6) + b"\x09" + bytes(7)
        self.assertEqual(suite.f(9, CT, 0x102), PROVIDER.chacha20_block(CT, nonce16)[:32])

    def test_sha256_is_one_hash(self):
        suite = functions.suite(PROVIDER, functions.SHA256)
        data = CT + b"\x09" + bytes(7) + b"\x02\x01" + bytes(6)
        self.assertEqual(suite.f(9, CT, 0x102), PROVIDER.sha256(data))

    def test_label_key_and_index_all_count(self):
        for suite in suites():
            seen = {suite.f(label, key, index).hex()
                    for label in (0, 1, 2, 5, 9, 10)
                    for key in (CT, bytes(32))
                    for index in (1, 2, 256, 1 << 32, (1 << 63) + 1)}  # fmt: skip
            self.assertEqual(len(seen), 6 * 2 * 5)

    def test_output_is_32_bytes(self):
        for suite in suites():
            self.assertEqual(len(suite.f(0, CT, 1)), 32)
            self.assertTrue(isinstance(suite.f(0, CT, 1), bytes))


class TraversalTest(unittest.TestCase):
    def test_every_at_is_where_the_draft_has_it(self):
        for suite in suites():
            for degree, depth in ((2, 3), (3, 4), (5, 3), (17, 2)):
                ats = drafted(suite, CT, degree, depth)
                self.assertEqual(len(ats), tree.capacity(depth, degree))
                branch = tree.Branch(suite, degree, CT)
                for number, at in enumerate(ats):
                    self.assertEqual(branch.leaf(number).at(32), at)

    def test_random_access_agrees(self):
        suite = suites()[0]
        ats = drafted(suite, CT, 5, 8)
        for number in (31, 0, 4, 17, 30, 3):
            self.assertEqual(tree.Branch(suite, 5, CT).leaf(number).at(32), ats[number])

    def test_address_is_that_of_the_specification(self):
        suite = suites()[0]
        ct = tree.derive(suite, CT, (3, 2))
        self.assertEqual(tree.address(3, 2, 9, 5), (3, 2, 5, 5, 2))
        at = tree.derive(suite, CT, tree.address(3, 2, 9, 5))
        self.assertEqual(tree.Branch(suite, 5, ct).leaf(9).at(32), at)

    def test_position(self):
        self.assertEqual(tree.position(0, 5), (0, 1))
        self.assertEqual(tree.position(3, 5), (0, 4))
        self.assertEqual(tree.position(4, 5), (1, 1))
        self.assertEqual(tree.position((1 << 30) - 1, 3), ((1 << 29) - 1, 2))

    def test_the_empty_address_is_the_root(self):
        self.assertEqual(tree.derive(suites()[0], CT, ()), CT)

    def test_at_is_cut_to_its_length(self):
        leaf = tree.Branch(suites()[0], 5, CT).leaf(2)
        self.assertEqual(leaf.at(8), leaf.at(32)[:8])

    def test_no_right_most_child_is_presented(self):
        suite = suites()[0]
        parents = {tree.derive(suite, CT, (5,) * level) for level in range(5)}
        for at in drafted(suite, CT, 5, 4):
            self.assertFalse(at in parents)

    def test_keys_do_not_come_from_at(self):
        for suite in suites():
            leaf = tree.Branch(suite, 5, CT).leaf(2)
            for label in KEYS:
                self.assertEqual(leaf.key(label), suite.f(label, CT, 3))
                self.assertNotEqual(leaf.key(label), suite.f(label, leaf.at(32), 3))


class BehindTest(unittest.TestCase):
    """What C was captured with says nothing about where it has been (SPEC 3.2, 12)."""

    def test_a_level_that_was_left_is_gone(self):
        branch = tree.Branch(suites()[0], 5, CT)
        branch.leaf(4)
        for number in (0, 3):
            with self.assertRaises(TokenTooOld):
                branch.leaf(number)

    def test_within_a_level_numbers_stay(self):
        branch = tree.Branch(suites()[0], 5, CT)
        branch.leaf(7)
        self.assertEqual(branch.leaf(4).number, 4)

    def test_nothing_reachable_derives_what_lies_behind(self):
        for suite in suites():
            behind = set(drafted(suite, CT, 5, 2))
            behind.add(CT)
            behind.add(suite.f(functions.G, CT, 5))
            branch = tree.Branch(suite, 5, CT)
            branch.leaf(0)
            branch.leaf(8)
            held = [value for value in branch.__dict__.values() if isinstance(value, bytes)]
            self.assertEqual(len(held), 1)
            for secret in held:
                for found in [secret] + drafted(suite, secret, 5, 3):
                    self.assertFalse(found in behind)

    def test_a_copy_moves_alone(self):
        branch = tree.Branch(suites()[0], 5, CT)
        copied = branch.copy()
        copied.advance(40)
        self.assertEqual((branch.level, branch.parent), (0, CT))
        self.assertEqual(copied.leaf(40).at(32), branch.leaf(40).at(32))

    def test_going_on_from_a_stored_parent(self):
        suite = suites()[0]
        branch = tree.Branch(suite, 5, CT)
        branch.advance(13)
        resumed = tree.Branch(suite, 5, branch.parent, branch.level)
        self.assertEqual(resumed.leaf(14).at(32), drafted(suite, CT, 5, 4)[14])


class PseudonymTest(unittest.TestCase):
    def test_pseudonyms_derive_from_psk_and_not_from_each_other(self):
        for suite in suites():
            psk = suite.f(functions.PSEUDONYM, CT, 1)
            self.assertEqual(tree.pseudonym(suite, CT), suite.f(functions.PSEUDONYM, psk, 1))
            self.assertEqual(tree.pseudonym(suite, CT, 4), suite.f(functions.PSEUDONYM, psk, 4))
            self.assertNotEqual(tree.pseudonym(suite, CT, 1), tree.pseudonym(suite, CT, 2))


if __name__ == "__main__":
    unittest.main()
