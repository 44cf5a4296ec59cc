"""The published CoAP vectors (tests/vectors/coap)."""

import unittest

from leafkey import errors
from leafkey.coap.message import Message, decode, encode
from tests.support import vectors


class VectorTest(unittest.TestCase):
    def check(self, suite: str):
        for name, case in vectors.load(suite):
            encoded = vectors.unhex(case["encoded"])
            options = [(number, vectors.unhex(value)) for number, value in case["options"]]
            payload, token = vectors.unhex(case["payload"]), vectors.unhex(case["token"])
            made = Message(case["code"], options, payload, case["type"], case["mid"], token)
            self.assertEqual(encode(made), encoded, name)
            read = decode(encoded)
            self.assertEqual(read.options, options, name)
            self.assertEqual((read.type, read.code, read.mid), (made.type, made.code, made.mid))
            self.assertEqual((read.token, read.payload), (token, payload), name)

    def test_the_examples_of_the_rfc(self):
        self.check("coap/rfc7252")

    def test_messages(self):
        self.check("coap/messages")

    def test_failures(self):
        for name, case in vectors.load("coap/failure"):
            with self.assertRaises(getattr(errors, case["expect"])) as caught:
                decode(vectors.unhex(case["encoded"]))
            self.assertEqual(type(caught.exception).__name__, case["expect"], name)


if __name__ == "__main__":
    unittest.main()
