"""Which messages an endpoint refuses for their options (RFC 7252 section 5.4)."""

import unittest

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BAD_OPTION,
    BLOCK2,
    CONTENT_FORMAT,
    GET,
    IF_MATCH,
    IF_NONE_MATCH,
    MAX_AGE,
    OBSERVE,
    PAT,
    PROXY_SCHEME,
    PROXY_URI,
    PROXYING_NOT_SUPPORTED,
    URI_HOST,
    URI_PATH,
    URI_PORT,
)
from leafkey.coap.options import SUPPORTED, screen


def screened(*options) -> tuple:
    """(code, options that are left)."""
    message = Message(GET, options)
    return screen(message, SUPPORTED), message.options


class ScreenTest(unittest.TestCase):
    def test_what_is_understood_passes(self):
        options = [
            (URI_HOST, b"h"),
            (OBSERVE, b""),
            (URI_PATH, b"a"),
            (URI_PATH, b"a"),
            (PAT, b"x"),
        ]
        self.assertEqual(screened(*options), (0, sorted(options)))

    def test_unknown_critical_options(self):
        for number in (IF_MATCH, IF_NONE_MATCH, 65003, 65535):
            self.assertEqual(screened((URI_PATH, b"x"), (number, b""))[0], BAD_OPTION)

    def test_options_for_a_proxy(self):
        for number in (PROXY_URI, PROXY_SCHEME):
            self.assertEqual(screened((number, b"coap://x"))[0], PROXYING_NOT_SUPPORTED)

    def test_unknown_elective_options_stay_for_whoever_checks_a_mac(self):
        option = (65000, bytes(2000))
        self.assertEqual(screened(option), (0, [option]))

    def test_lengths_out_of_range(self):
        for option in ((URI_PATH, bytes(2000)), (URI_PORT, bytes(3)), (BLOCK2, bytes(4))):
            self.assertEqual(screened(option)[0], BAD_OPTION)
        self.assertEqual(screened((URI_HOST, b""))[0], BAD_OPTION)
        for option in ((OBSERVE, bytes(4)), (CONTENT_FORMAT, bytes(3)), (MAX_AGE, bytes(2000))):
            self.assertEqual(screened((URI_PATH, b"x"), option), (0, [(URI_PATH, b"x")]))

    def test_surplus_repetitions(self):
        self.assertEqual(screened((BLOCK2, b""), (BLOCK2, b""))[0], BAD_OPTION)
        self.assertEqual(screened((PAT, b"1"), (PAT, b"2"))[0], BAD_OPTION)
        self.assertEqual(screened((OBSERVE, b""), (OBSERVE, b"\1")), (0, [(OBSERVE, b"")]))

    def test_an_unfit_elective_option_hides_no_critical_one(self):
        self.assertEqual(screened((OBSERVE, bytes(4)), (13, b""))[0], BAD_OPTION)


if __name__ == "__main__":
    unittest.main()
