"""Echo values against tests/vectors/pat/freshness: what S asks for, and what it acts on."""

import unittest

from leafkey.pat import tokens
from leafkey.pat.freshness import Freshness
from leafkey.pat.verifier import Verifier
from tests.support.vectors import load, unhex
from tests.unit.pat.vectors_help import PROVIDER, message, parse, serialize
from tests.unit.pat.world import Store


class FreshnessVectorsTest(unittest.TestCase):
    def test_steps(self):
        for name, case in load("pat/freshness"):
            self.verifier = Verifier(PROVIDER, bytes, Store(), "", "")
            self.verifier.apply(tokens.decode_server_token(unhex(case["server_token"])), 0)
            self.drawn = b""
            self.freshness = Freshness(lambda size: self.drawn)
            for step in case["steps"]:
                self.run_step(name + ": " + step["name"], step, case["resources"])

    def run_step(self, name: str, step: dict, resources: dict):
        session = self.verifier.unprotect(
            parse(step["message"]), lambda r: resources["/" + r.path()[0].decode()], step["time"]
        )
        self.drawn = unhex(step.get("echo", ""))
        response = self.freshness.check(session.peer, session.request, step["time"])
        asked = response is not None
        self.assertEqual(asked, step["expect"] == "refused under protection", name)
        answer = step["answer"]
        expected = message(answer["code"], answer["options"], answer["payload"])
        sent = session.protect(response if response is not None else expected)
        self.assertEqual(serialize(sent), step["response"], name)


if __name__ == "__main__":
    unittest.main()
