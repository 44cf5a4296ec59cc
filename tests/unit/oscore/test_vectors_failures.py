"""Messages that must fail against tests/vectors/oscore, and the answers of section 8.2."""

import unittest

from leafkey.coap.numbers import BAD_OPTION, BAD_REQUEST, OSCORE, UNAUTHORIZED
from leafkey.errors import AuthenticationError, DecodeError, Refused
from leafkey.oscore.recipients import Recipients
from tests.support.vectors import load
from tests.unit.oscore.vectors_help import asked_plainly, context, preset
from tests.unit.pat.vectors_help import parse

REQUESTS = ("failure_request_10", "failure_request_24")
RESPONSES = ("failure_response_10", "failure_response_24")


class RequestTest(unittest.TestCase):
    def test_options(self):
        codes = {
            "accepted": None,
            "DecodeError": BAD_OPTION,
            "AuthenticationError": BAD_REQUEST,
            "unknown context": UNAUTHORIZED,
        }
        for name, case in load("oscore/failure_request_option"):
            answer = answered(case)
            self.assertEqual(answer and answer.code, codes[case["expect"]], name)
            self.assertFalse(is_protected(answer), name)

    def test_what_the_context_says(self):
        for name, case in self.sealed():
            if case["expect"] != "nested":
                server, received = context(case["context"]), parse(case["message"])
                found = failure(lambda s=server, r=received: s.unprotect_request(r))
                self.assertEqual(found, case["expect"], name)

    def test_what_the_server_answers(self):
        for name, case in self.sealed():
            answer = answered(case)
            if case["expect"] == "nested":
                self.assertTrue(is_protected(answer), name)
            else:
                # Without a payload there is no COSE object; all else has one that fails.
                code = BAD_OPTION if case["name"] == "no payload" else BAD_REQUEST
                self.assertEqual(answer.code, code, name)
                self.assertFalse(is_protected(answer), name)

    def sealed(self):
        for file in REQUESTS:
            yield from load("oscore/" + file)


class ResponseTest(unittest.TestCase):
    def test_responses(self):
        for file in RESPONSES:
            for name, case in load("oscore/" + file):
                client, received = asked_plainly(case), parse(case["message"])
                found = failure(lambda c=client, r=received: c.unprotect(r))
                # Nobody may act on it, so nobody gets it.
                expected = "DecodeError" if case["expect"] == "nested" else case["expect"]
                self.assertEqual(found, expected, name)


def answered(case: dict):
    """The answer of a server that has this one context; None if nothing is refused."""
    recipients = Recipients()
    recipients.add(preset(case["context"]))
    try:
        recipients.unprotect(parse(case["message"]))
    except Refused as refused:
        return refused.response
    return None


def is_protected(message) -> bool:
    return message is not None and message.option(OSCORE) is not None


def failure(act) -> str:
    try:
        act()
    except AuthenticationError:
        return "AuthenticationError"
    except DecodeError:
        return "DecodeError"
    return "accepted"


if __name__ == "__main__":
    unittest.main()
