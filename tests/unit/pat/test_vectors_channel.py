"""Channels by OSCORE against tests/vectors/pat, as C and as S (SPEC 5.8)."""

import unittest

from leafkey.coap.numbers import OBSERVE, PAT
from leafkey.errors import AuthenticationError, DecodeError, UnknownToken
from leafkey.oscore.option import encode_piv
from leafkey.pat import functions, option, oscore
from tests.support.vectors import load, unhex
from tests.unit.pat.vectors_help import PROVIDER, leaf, message, parse, serialize, suite

ERRORS = {
    "AuthenticationError": AuthenticationError,
    "DecodeError": DecodeError,
    "UnknownToken": UnknownToken,
}


def cases():
    for file in ("channel_10", "channel_24"):
        yield from load("pat/" + file)


def context(case: dict, is_server: bool):
    psk = leaf(case).key(functions.PSK)
    return oscore.context(PROVIDER, suite(case), case["aead"], psk, is_server)


def plain(part: dict):
    return message(part["code"], part["options"], part["payload"])


def opened(case: dict, first):
    """What S makes of the first request in a channel, if it knows one AT alone."""
    values = first.options_of(PAT)
    if len(values) != 1:
        raise DecodeError("one PAT option")
    at = option.decode_channel(values[0], case["at_len"])
    if at != leaf(case).at(case["at_len"]):
        raise UnknownToken("another At")
    return context(case, True).unprotect_request(first).request


def blank(opened) -> tuple:
    """Observe's value is between a receiver and its application."""
    options = [(number, b"" if number == OBSERVE else value) for number, value in opened.options]
    return opened.code, options, opened.payload


class ChannelTest(unittest.TestCase):
    def test_ids_and_keys(self):
        for name, case in cases():
            expected, keys = case["context"], context(case, False).keys
            self.assertEqual(leaf(case).key(functions.PSK), unhex(case["psk"]), name)
            self.assertEqual(keys.sender_id, unhex(expected["sender_id"]), name)
            self.assertEqual(keys.recipient_id, unhex(expected["recipient_id"]), name)
            at = leaf(case).at(case["at_len"])
            self.assertEqual(option.encode_channel(at), unhex(case["pat"]), name)

    def test_as_a_client(self):
        for name, case in cases():
            client, pat = context(case, False), unhex(case["pat"])
            for exchange in case["exchanges"]:
                request = exchange["request"]
                outgoing = client.protect_request(plain(request))
                if request["sequence"] == 0:
                    outgoing.message.add(PAT, pat)
                self.assertEqual(serialize(outgoing.message), request["message"], name)
                answer = outgoing.unprotect(parse(exchange["response"]["message"]))
                self.assertEqual(blank(answer), blank(plain(exchange["response"])), name)

    def test_as_a_server(self):
        for name, case in cases():
            server = context(case, True)
            for exchange in case["exchanges"]:
                request, response = exchange["request"], exchange["response"]
                arrived = server.unprotect_request(parse(request["message"])).request
                self.assertEqual(blank(arrived), blank(plain(request)), name)
                piv, own = encode_piv(request["sequence"]), response["sequence"] is not None
                sent = server.protect_response(plain(response), piv, own)
                self.assertEqual(serialize(sent), response["message"], name)

    def test_what_is_refused(self):
        for name, case in load("pat/failure_channel"):
            expected, caught = ERRORS.get(case["expect"]), None
            try:
                opened(case, parse(case["message"]))
            except (AuthenticationError, DecodeError, UnknownToken) as error:
                caught = type(error)
            self.assertEqual(caught, expected, name)


if __name__ == "__main__":
    unittest.main()
