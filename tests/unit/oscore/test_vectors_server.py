"""Windows, the order of checks and restarts against tests/vectors/oscore: steps in order."""

import unittest

from leafkey.coap.numbers import OSCORE
from leafkey.errors import Refused
from leafkey.oscore.recipients import Recipients
from leafkey.oscore.replay import SIZE, ReplayWindow
from tests.support.vectors import load, unhex
from tests.unit.oscore.vectors_help import plain, preset
from tests.unit.pat.vectors_help import parse, serialize


class WindowTest(unittest.TestCase):
    def test_windows(self):
        for name, case in load("oscore/window"):
            self.assertEqual(case["window"], SIZE)
            window = ReplayWindow()
            for step in case["steps"]:
                number = step["number"]
                fresh = window.is_fresh(number)
                if fresh:
                    window.accept(number)
                place = name + " number " + str(number)
                self.assertEqual(fresh, step["expect"] == "accepted", place)


class ServerTest(unittest.TestCase):
    def test_steps(self):
        for name, case in load("oscore/server"):
            recipients, presets = Recipients(), {}
            for peer, fields in case["contexts"].items():
                presets[peer] = preset(fields)
                self.assertTrue(recipients.add(presets[peer]), name)
            for step in case["steps"]:
                self.check(recipients, presets, step, name + ", " + step["name"])

    def check(self, recipients: Recipients, presets: dict, step: dict, place: str):
        try:
            found, incoming = recipients.unprotect(parse(step["message"]))
        except Refused as refused:
            answer = refused.response
            self.assertEqual(answer.option(OSCORE) is not None, step["expect"] == "nested", place)
            if step["expect"] != "nested":
                self.assertEqual(answer.code, step["code"], place)
            return
        self.assertEqual(step["expect"], "accepted", place)
        self.assertIs(found, presets[step["peer"]], place)
        expected = plain(step["request"])
        self.assertEqual(incoming.request.code, expected.code, place)
        self.assertEqual(incoming.request.options, expected.options, place)
        self.assertEqual(incoming.request.payload, expected.payload, place)


class RestartTest(unittest.TestCase):
    def test_steps(self):
        for name, case in load("oscore/restart"):
            recipients = Recipients()
            echo = unhex(case["echo"])
            recipients.add(preset(case["context"], case["sequence"], True, echo))
            for step in case["steps"]:
                outcome, answer = self.outcome(recipients, step)
                place = name + ", " + step["name"]
                self.assertEqual(outcome, step["expect"], place)
                if outcome == "challenged":
                    self.assertEqual(serialize(answer), step["response"], place)

    def outcome(self, recipients: Recipients, step: dict) -> tuple:
        try:
            recipients.unprotect(parse(step["message"]))
        except Refused as refused:
            protected = refused.response.option(OSCORE) is not None
            return "challenged" if protected else "replayed", refused.response
        return "accepted", None


if __name__ == "__main__":
    unittest.main()
