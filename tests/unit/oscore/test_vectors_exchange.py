"""Protected requests and responses against tests/vectors/oscore, as client and as server."""

import unittest

from leafkey.coap.numbers import OBSERVE, PROXY_SCHEME, PROXY_URI
from leafkey.oscore.option import encode_piv
from tests.support.vectors import load
from tests.unit.oscore.vectors_help import (
    asked_plainly,
    context,
    mirrored,
    plain,
    unhex_or_none,
)
from tests.unit.pat.vectors_help import parse, serialize

FILES = (
    "rfc8613",
    "exchange_10",
    "exchange_24",
    "sequence_10",
    "sequence_24",
    "options",
    "observe_10",
    "observe_24",
    "blockwise",
)


# Of no use behind a proxy: the endpoint refuses them before anything is opened.
FOR_PROXIES = (PROXY_URI, PROXY_SCHEME)


def cases():
    for file in FILES:
        yield from load("oscore/" + file)


def asked(case: dict):
    """The Outgoing of a case's request."""
    request = case["request"]
    client = context(case["context"], request["sequence"])
    return client.protect_request(plain(request), unhex_or_none(request.get("kid_context")))


def parts(message) -> tuple:
    return message.code, message.options, message.payload


def unnumbered(message) -> tuple:
    """The same with Observe blank: its value is between a receiver and its application."""
    options = [(number, b"" if number == OBSERVE else value) for number, value in message.options]
    return message.code, options, message.payload


class ClientTest(unittest.TestCase):
    def test_requests(self):
        for name, case in cases():
            self.assertEqual(serialize(asked(case).message), case["request"]["message"], name)

    def test_responses(self):
        for name, case in cases():
            outgoing = asked(case)
            observes = plain(case["request"]).option(OBSERVE) is not None
            for response in case["responses"]:
                if not observes:
                    # These are alternatives: there is one response to a request.
                    outgoing = asked(case)
                opened = outgoing.unprotect(parse(response["message"]))
                self.assertEqual(unnumbered(opened), unnumbered(plain(response)), name)


class ServerTest(unittest.TestCase):
    def test_requests(self):
        for name, case in cases():
            server = context(mirrored(case["context"]))
            opened = server.unprotect_request(parse(case["request"]["message"])).request
            expected = plain(case["request"])
            expected.options = [item for item in expected.options if item[0] not in FOR_PROXIES]
            self.assertEqual(parts(opened), parts(expected), name)

    def test_responses(self):
        for name, case in cases():
            piv = encode_piv(case["request"]["sequence"])
            for response in case["responses"]:
                number = response["sequence"]
                server = context(mirrored(case["context"]), number or 0)
                sent = server.protect_response(plain(response), piv, number is not None)
                self.assertEqual(serialize(sent), response["message"], name)


class ProxyTest(unittest.TestCase):
    def test_requests(self):
        for name, case in load("oscore/outer_request"):
            opened = context(case["context"]).unprotect_request(parse(case["message"])).request
            self.assertEqual(parts(opened), parts(plain(case["opened"])), name)

    def test_responses(self):
        for name, case in load("oscore/outer_response"):
            opened = asked_plainly(case).unprotect(parse(case["message"]))
            self.assertEqual(parts(opened), parts(plain(case["opened"])), name)


if __name__ == "__main__":
    unittest.main()
