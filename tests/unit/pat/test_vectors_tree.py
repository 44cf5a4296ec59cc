"""Functions, tree, traversal, pseudonyms and refusal fields against tests/vectors/pat."""

import unittest

from leafkey.errors import AuthenticationError
from leafkey.pat import functions, refusal, tree
from leafkey.pat.presenter import MAX_AHEAD
from tests.support.vectors import load, unhex
from tests.unit.pat.vectors_help import PROVIDER, suite

KEYS = {
    "verif_key": functions.VERIF_K,
    "psk": functions.PSK,
    "int_key": functions.INT_K,
    "conf_key": functions.CONF_K,
    "probe_key": functions.PROBE,
    "hint_key": functions.HINT,
}


class TreeVectorsTest(unittest.TestCase):
    def test_functions(self):
        for name, case in load("pat/functions"):
            output = suite(case).f(case["label"], unhex(case["key"]), case["index"])
            self.assertEqual(output.hex(), case["output"], name)

    def test_nodes(self):
        for name, case in load("pat/tree"):
            node = tree.derive(suite(case), unhex(case["st"]), case["address"])
            self.assertEqual(node.hex(), case["node"], name)

    def test_pseudonyms(self):
        for name, case in load("pat/pseudonyms"):
            made = tree.pseudonym(suite(case), unhex(case["ct"]), case["number"])
            self.assertEqual(made.hex(), case["pseudonym"], name)

    def test_traversal(self):
        for file in ("pat/traversal_chacha20", "pat/traversal_sha256"):
            for name, case in load(file):
                capacity = tree.capacity(case["depth"], case["degree"])
                self.assertEqual(capacity, case["capacity"], name)
                if "expect" in case:
                    self.assertTrue(case["number"] >= capacity, name)
                else:
                    self.check_at(name, case)

    def check_at(self, name: str, case: dict):
        branch = tree.Branch(suite(case), case["degree"], unhex(case["ct"]))
        leaf = branch.leaf(case["number"])
        self.assertEqual(branch.level, case["level"], name)
        self.assertEqual(branch.parent.hex(), case["parent"], name)
        self.assertEqual(tree.position(case["number"], case["degree"])[1], case["child"], name)
        self.assertEqual(leaf.at(32).hex(), case["at"], name)
        for key, label in KEYS.items():
            self.assertEqual(leaf.key(label).hex(), case[key], name + " " + key)


class RefusalVectorsTest(unittest.TestCase):
    def test_fields(self):
        for name, case in load("pat/refusal"):
            if case["hint"] is None:
                continue
            key, random8 = unhex(case["hint_key"]), unhex(case["random"])
            field = refusal.make(PROVIDER, lambda _, r=random8: r, key, case["hint"])
            self.assertEqual(field.hex(), case["refusal"], name)
            self.assertEqual(refusal.read(PROVIDER, key, field), case["hint"], name)

    def test_what_is_no_hint(self):
        for name, case in load("pat/failure_refusal"):
            self.assertEqual(self.taken(case), case["expect"] == "accepted", name)

    def taken(self, case: dict) -> bool:
        try:
            number = refusal.read(PROVIDER, unhex(case["hint_key"]), unhex(case["refusal"]))
        except AuthenticationError:
            return False
        return case["next"] <= number <= case["next"] + MAX_AHEAD


if __name__ == "__main__":
    unittest.main()
