"""Windows, the order of checks and changes of an ST against tests/vectors/pat: steps in order."""

import unittest

from leafkey.ace import hints
from leafkey.coap.numbers import PAT
from leafkey.codec import cbor
from leafkey.errors import DecodeError, OutOfStep, Refused, UnknownToken
from leafkey.pat import functions, refusal, tokens, tree
from leafkey.pat.verifier import Verifier
from leafkey.pat.window import Window
from tests.support.vectors import load, unhex
from tests.unit.pat.vectors_help import PROVIDER, message, parse, serialize

DEGREE = 17
ST = bytes(range(32))
OPEN = "open"


class MemoryStore:
    """Keeps what a verifier stores, and the last mark."""

    def __init__(self):
        self.mark = None

    def put_token(self, token: tokens.ServerToken, marks: dict):
        self.marks = dict(marks)

    def put_mark(self, slot: int, mark: int):
        self.mark = mark


def path_text(request) -> str:
    return "/" + "/".join([segment.decode() for segment in request.path()])


class WindowVectorsTest(unittest.TestCase):
    def test_windows(self):
        for name, case in load("pat/window"):
            self.run_case(name, case)

    def run_case(self, name: str, case: dict):
        suite = functions.suite(PROVIDER, functions.SHA256)
        degree = 9 if "k = 9" in case["name"] else 2 * case["window"] + 1
        mark, width = case["first"] - 1, case["window"]

        def started(mark: int) -> Window:
            made = Window(suite, 1, width, degree)
            made.open(1, ST, case["last"], mark)
            return made

        window = started(mark)
        for step in case["steps"]:
            if "event" in step:
                window = started(mark)
                self.assertEqual(window.next_number(1) - 1, step["highest"], name)
                continue
            at = tree.Branch(suite, degree, ST).leaf(step["number"]).at(16)
            found = presented(window, at)
            self.assertEqual(found, step["expect"], name + " number " + str(step["number"]))
            stored = None
            if found == "accepted":
                if step["number"] > mark:
                    mark = stored = step["number"] + width - 1
                window.use(1, step["number"])
            self.assertEqual(stored, step["stored"], name)
            self.assertEqual(window.next_number(1), step["hint"], name)


def presented(window: Window, at: bytes) -> str:
    try:
        slot, leaf = window.find(at)
    except UnknownToken:
        return "UnknownToken"
    return "UsedToken" if window.is_used(slot, leaf.number) else "accepted"


class ServerVectorsTest(unittest.TestCase):
    def test_order_of_checks(self):
        self.play("pat/server")

    def test_ranges_of_slots(self):
        self.play("pat/ranges")

    def test_endorsements(self):
        self.play("pat/endorsed")
        self.play("pat/endorsed_failure")

    def play(self, file: str):
        for name, case in load(file):
            self.case = case
            self.verifier = Verifier(PROVIDER, bytes, MemoryStore(), case["sam"], case["audience"])
            self.verifier.apply(tokens.decode_server_token(unhex(case["server_token"])), 0)
            for step in case["steps"]:
                self.run_step(name + ": " + step["name"], step)

    def run_step(self, name: str, step: dict):
        received = parse(step["message"])
        if received.option(PAT) is None and self.level_of(received) == OPEN:
            self.assertEqual(step["row"], 1, name)
            return
        try:
            session = self.verifier.unprotect(received, self.level_of, 0)
        except Refused as refused:
            self.check_refused(name, step, refused.response)
            return
        self.assertEqual(step["expect"], "answered", name)
        answer = step["answer"]
        sent = session.protect(message(answer["code"], answer["options"], answer["payload"]))
        self.assertEqual(serialize(sent), step["response"], name)

    def level_of(self, request):
        return self.case["resources"].get(path_text(request), 0)

    def check_refused(self, name: str, step: dict, response):
        if step["expect"] == "refused under protection":
            self.assertEqual(serialize(response), step["response"], name)
            return
        self.assertEqual(step["expect"], "refused", name)
        sam, audience, field = hints.decode(response.payload)
        self.assertEqual((sam, audience), (self.case["sam"], self.case["audience"]), name)
        if step["hint"] is None:
            self.assertEqual(field, bytes(24), name)
        else:
            hint = refusal.read(PROVIDER, unhex(step["hint_key"]), field)
            self.assertEqual(hint, step["hint"], name)


class ChangeVectorsTest(unittest.TestCase):
    def test_changes(self):
        for name, case in load("pat/changes"):
            verifier = Verifier(PROVIDER, bytes, MemoryStore(), "", "")
            for step in case["steps"]:
                self.run_step(name + ": " + step["name"], verifier, step)

    def run_step(self, name: str, verifier: Verifier, step: dict):
        try:
            verifier.apply(tokens.decode_server_token(unhex(step["payload"])), 0)
            code = "2.04"
        except OutOfStep:
            code = "4.09"
        except DecodeError:
            code = "4.00"
        self.assertEqual(code, step["expect"], name)
        token = verifier.token
        self.assertEqual((token[tokens.EPOCH], token[tokens.VERSION]),
                         (step["epoch"], step["version"]), name)  # fmt: skip
        if code != "4.00":
            answer = {tokens.EPOCH: token[tokens.EPOCH], tokens.VERSION: token[tokens.VERSION]}
            self.assertEqual(cbor.encode(answer).hex(), step["answer"], name)


if __name__ == "__main__":
    unittest.main()
