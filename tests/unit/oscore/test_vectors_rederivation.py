"""Contexts made anew (RFC 8613 appendix B.2) against tests/vectors/oscore, at both ends."""

import asyncio
import unittest
from binascii import hexlify

from leafkey.coap.numbers import OSCORE
from leafkey.errors import AuthenticationError, DecodeError, Refused
from leafkey.oscore import option
from leafkey.oscore.association import Association
from leafkey.oscore.material import Material
from tests.support.vectors import load, unhex
from tests.unit.oscore.vectors_help import keys, mirrored, plain
from tests.unit.pat.vectors_help import PROVIDER, parse, serialize


class Drawn:
    """Gives the random strings of a vector in the order in which an end needs them, then zeros."""

    def __init__(self, *texts: str):
        self._left = [unhex(text) for text in texts]

    def __call__(self, size: int) -> bytes:
        return self._left.pop(0)[:size] if self._left else bytes(size)


def association(fields: dict, *drawn: str) -> Association:
    """One end, with its `context` and what it draws."""
    ids = unhex(fields["sender_id"]), unhex(fields["recipient_id"])
    material = Material(fields["alg"], unhex(fields["master_secret"]), *ids)
    return Association(PROVIDER, Drawn(*drawn), material, asyncio.Lock())


def received(server: Association, text: str):
    """What comes of a request: an Incoming, None, or an error."""
    message = parse(text)
    return server.receive(message, option.decode(message.option(OSCORE)))


class RederivationTest(unittest.TestCase):
    def test_keys(self):
        for name, case in load("oscore/rederivation"):
            for part in case["contexts"]:
                made, derived = keys(part["context"]), part["derived"]
                for field in ("sender_key", "recipient_key", "common_iv"):
                    value = hexlify(getattr(made, field)).decode()
                    self.assertEqual(value, derived[field], name)

    def test_server(self):
        for name, case in load("oscore/rederivation"):
            server = association(mirrored(case["context"]), case["k_hmac"], case["s2"])
            with self.assertRaises(Refused) as caught:
                received(server, case["request_1"]["message"])
            answer = caught.exception.response
            self.assertEqual(serialize(answer), case["response_1"]["message"], name)
            incoming = received(server, case["request_2"]["message"])
            self.assertEqual(incoming.request.path(), (b"light",), name)
            answer = incoming.protect(plain(case["response_2"]))
            self.assertEqual(serialize(answer), case["response_2"]["message"], name)
            later = received(server, case["request_3"]["message"])
            self.assertEqual(later.request.payload, b"on", name)

    def test_client(self):
        for name, case in load("oscore/rederivation"):
            client = association(case["context"], "00" * 32, case["r1"], case["r3"])
            sent = []

            async def send(message, sent=sent, case=case):
                sent.append(serialize(message))
                return parse(case["response_1" if len(sent) == 1 else "response_2"]["message"])

            request = plain(case["request_2"])
            _, response = asyncio.run(client.request(request, send))
            self.assertEqual(response.payload, b"on", name)
            expected = [case[which]["message"] for which in ("request_1", "request_2")]
            self.assertEqual(sent, expected, name)

    def test_the_kid_context_goes_until_the_first_answer_alone(self):
        for name, case in load("oscore/rederivation"):
            client = association(case["context"], "00" * 32, case["r1"], case["r3"])
            sent = []

            async def send(message, sent=sent, case=case):
                sent.append(serialize(message))
                if len(sent) == 3:
                    raise DecodeError("nothing more comes")
                return parse(case["response_1" if len(sent) == 1 else "response_2"]["message"])

            async def twice(client=client, case=case, send=send):
                await client.request(plain(case["request_2"]), send)
                await client.request(plain(case["request_3"]), send)

            with self.assertRaises(DecodeError):
                asyncio.run(twice())
            self.assertEqual(sent[2], case["request_3"]["message"], name)


class FailureTest(unittest.TestCase):
    def test_nothing_of_it_ends_in_a_context(self):
        for name, case in load("oscore/rederivation_failure"):
            server = association(mirrored(case["context"]), case["k_hmac"], case["s2"])
            try:
                outcome = received(server, case["message"])
                self.assertIsNone(outcome, name)
                outcome = "unknown context"
            except AuthenticationError:
                outcome = "AuthenticationError"
            except DecodeError:
                outcome = "DecodeError"
            self.assertEqual(outcome, case["expect"], name)

    def test_request_2_is_taken_once(self):
        for name, case in load("oscore/rederivation"):
            server = association(mirrored(case["context"]), case["k_hmac"], case["s2"])
            self.assertTrue(received(server, case["request_2"]["message"]) is not None, name)
            server.drop()
            self.assertIsNone(received(server, case["request_2"]["message"]), name)


if __name__ == "__main__":
    unittest.main()
