"""Requests and responses at every level against tests/vectors/pat, good ones and changed ones."""

import unittest

from leafkey.coap.numbers import PAT
from leafkey.errors import AuthenticationError, DecodeError, UnknownToken
from leafkey.pat import option
from leafkey.pat.protection import Protection
from tests.support.vectors import load, unhex
from tests.unit.pat.vectors_help import PROVIDER, leaf, message, parse, serialize

GOOD = (
    "protect_bearer",
    "protect_pop",
    "protect_integrity",
    "protect_confidential_10",
    "protect_confidential_24",
    "observe",
    "observe_confidential",
    "probe",
)
CHANGED_REQUESTS = ("failure_pop", "failure_integrity", "failure_confidential")
CHANGED_RESPONSES = ("failure_response", "failure_response_confidential")
ERRORS = (DecodeError, AuthenticationError, UnknownToken)


def protection(case: dict, level: int) -> Protection:
    return Protection(PROVIDER, case["aead"], level, leaf(case), case["at_len"])


def plain(part: dict):
    return message(part["code"], part["options"], part["payload"])


def receive(case: dict):
    """What S does with a request under the one AT it knows: steps 2 and 3 of SPEC 6.2."""
    received = parse(case["message"])
    values = received.options_of(PAT)
    if len(values) != 1:
        raise DecodeError("one PAT option")
    level, at, mac = option.decode_request(values[0], case["at_len"])
    if at != leaf(case).at(case["at_len"]):
        raise UnknownToken("another At")
    return protection(case, level).unprotect_request(received, mac)


class ProtectionVectorsTest(unittest.TestCase):
    def test_client_side(self):
        for name, case in self.good():
            client = protection(case, case["level"])
            sent = client.protect_request(plain(case["request"]))
            self.assertEqual(serialize(sent), case["request"]["message"], name)
            for response in case.get("responses", ()):
                opened, counter = client.unprotect_response(parse(response["message"]))
                self.assertEqual(counter, response["counter"], name)
                self.assert_same(opened, response, name)

    def test_server_side(self):
        for name, case in self.good():
            received = parse(case["request"]["message"])
            level, at, mac = option.decode_request(received.option(PAT), case["at_len"])
            server = protection(case, level)
            self.assertEqual((level, at), (case["level"], server.at), name)
            self.assert_same(server.unprotect_request(received, mac), case["request"], name)
            for response in case.get("responses", ()):
                sent = server.protect_response(plain(response), response["counter"])
                self.assertEqual(serialize(sent), response["message"], name)

    def good(self):
        for file in GOOD:
            yield from load("pat/" + file)

    def assert_same(self, opened, part: dict, name: str):
        """What came out is what went in, up to options that nothing covers."""
        expected = plain(part)
        self.assertEqual(opened.code, expected.code, name)
        self.assertEqual(opened.payload, expected.payload, name)
        for item in opened.options:
            self.assertIn(item, expected.options, name)
        self.assertEqual(opened.path(), expected.path(), name)


class ChangedVectorsTest(unittest.TestCase):
    def test_requests(self):
        for file in CHANGED_REQUESTS:
            for name, case in load("pat/" + file):
                self.check(name, case, lambda c=case: receive(c))

    def test_responses(self):
        for file in CHANGED_RESPONSES:
            for name, case in load("pat/" + file):
                client = protection(case, case["level"])
                client.tag = unhex(case["request_tag"])
                received = parse(case["message"])
                self.check(name, case, lambda c=client, r=received: c.unprotect_response(r))

    def check(self, name: str, case: dict, act):
        try:
            act()
            result = "accepted"
        except ERRORS as error:
            result = type(error).__name__
        self.assertEqual(result, case["expect"], name)


if __name__ == "__main__":
    unittest.main()
