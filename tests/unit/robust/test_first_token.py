"""A server without an ST takes one only as the answer to its own request (SPEC 9.1)."""
# heap: 1m

import unittest

from leafkey.coap.numbers import CHANGED, CONFLICT
from leafkey.codec import cbor
from leafkey.pat import tokens
from tests.unit.robust.house import House

RECORD = "leafkey/st"


class FirstToken(unittest.TestCase):
    def setUp(self):
        self.house = House()
        self.server = self.house.server
        self.server.start()

    def push(self):
        """What SAM gets for its whole ST."""
        return self.house.sam.push(tokens.encode_server_token(self.house.sam.token))

    def test_what_is_pushed_is_not_taken(self):
        answer = self.push()
        self.assertEqual(answer.code, CONFLICT)
        self.assertEqual(cbor.decode(answer.payload), {tokens.EPOCH: 0, tokens.VERSION: 0})
        self.assertEqual(self.server.guard.version, 0)

    def test_it_makes_the_server_ask(self):
        self.assertFalse(self.server.guard.wants_token.is_set())
        self.push()
        self.assertTrue(self.server.guard.wants_token.is_set())

    def test_what_was_asked_for_is_taken(self):
        self.server.ask()
        self.assertEqual(self.server.guard.version, 1)
        self.assertEqual(self.push().code, CHANGED)

    def test_lost_state_is_no_way_back(self):
        self.server.ask()
        old = self.house.sam.token
        damaged = bytearray(self.server.flash.get(RECORD))
        damaged[-1] ^= 1
        self.server.flash.put(RECORD, bytes(damaged))
        self.server.start()
        self.assertEqual(self.push().code, CONFLICT)
        self.server.ask()
        self.assertNotEqual(self.house.sam.token.st, old.st)
        self.assertEqual(self.server.guard.clients.token[tokens.EPOCH], 2)
