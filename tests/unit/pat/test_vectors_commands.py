"""Sealed commands and receipts against tests/vectors/pat, on both sides."""

import unittest

from leafkey.codec import cbor
from leafkey.pat import commands, tokens
from leafkey.pat.follower import Follower
from leafkey.pat.verifier import Verifier
from tests.support.vectors import load, unhex
from tests.unit.pat.vectors_help import PROVIDER, parameters

TAKEN = ("taken", "accepted")


class MemoryStore:
    """Keeps what a verifier stores."""

    def put_token(self, token: tokens.ServerToken, marks: dict):
        self.token = token

    def put_command(self, token: tokens.ServerToken, marks: dict, last: bytes):
        self.token = token


def started(case: dict) -> tuple:
    """A verifier with the ST of a case, and what follows commands for it."""
    store = MemoryStore()
    verifier = Verifier(PROVIDER, bytes, store, "", "")
    verifier.apply(tokens.decode_server_token(unhex(case["server_token"])), 0)
    return verifier, Follower(PROVIDER, verifier, store)


def in_force(verifier: Verifier) -> tuple:
    return verifier.token[tokens.EPOCH], verifier.token[tokens.VERSION]


class CommandVectorsTest(unittest.TestCase):
    def test_sealed_and_taken(self):
        for name, case in load("pat/command"):
            token = tokens.decode_server_token(unhex(case["server_token"]))
            change = tokens.ServerToken(None, parameters(case["parameters"]))
            sealed = commands.seal(PROVIDER, token, case["kind"], change)
            self.assertEqual(sealed.hex(), case["command"]["encoded"], name)
            verifier, follower = started(case)
            receipt = follower.follow(commands.encode_list([sealed]), 0)
            self.assertEqual(receipt.hex(), case["receipt"]["encoded"], name)
            opened = commands.open_receipt(PROVIDER, token, commands.decode(receipt))
            self.assertEqual(opened, commands.TAKEN, name)
            if "next_st" in case:
                self.assertEqual(verifier.token.st.hex(), case["next_st"], name)
                self.assertEqual(verifier.token[tokens.EPOCH], case["next_epoch"], name)

    def test_what_is_refused_changes_nothing(self):
        for name, case in load("pat/failure_command"):
            verifier, follower = started(case)
            before = tokens.encode_server_token(verifier.token)
            receipt = follower.follow(unhex(case["payload"]), 0)
            self.assertEqual(receipt is not None, case["expect"] in TAKEN, name)
            if receipt is None:
                self.assertEqual(tokens.encode_server_token(verifier.token), before, name)

    def test_sequences(self):
        for name, case in load("pat/commands"):
            verifier, follower = started(case)
            for step in case["steps"]:
                receipt = follower.follow(unhex(step["payload"]), 0)
                about = name + ": " + step["name"]
                self.assertEqual(receipt is not None, step["expect"] in TAKEN, about)
                self.assertEqual((receipt or b"").hex(), step["receipt"], about)
                self.assertEqual(in_force(verifier), (step["epoch"], step["version"]), about)

    def test_reports(self):
        for name, case in load("pat/command"):
            receipt = unhex(case["receipt"]["encoded"])
            report = commands.encode_report("lamp", receipt)
            self.assertEqual(report, cbor.encode(["lamp", cbor.decode(receipt)]), name)
            audience, decoded = commands.decode_report(report)
            self.assertEqual((audience, decoded), ("lamp", commands.decode(receipt)), name)


if __name__ == "__main__":
    unittest.main()
