"""leafnode.carrier: what a client does with commands, whatever its server answers (SPEC 9.3)."""
# heap: 1m

import asyncio
import unittest

from leafkey.coap.message import Message
from leafkey.coap.numbers import CHANGED, INTERNAL_SERVER_ERROR, POST, UNAUTHORIZED
from leafkey.errors import ProtocolError, Unreachable
from leafkey.pat import commands
from leafkey.pat.follower import Follower
from leafkey.pat.tokens import POP, SlotGrant
from leafnode.carrier import Carrier
from tests.unit.pat.world import AUDIENCE, PROVIDER, Server, change, server_token

ST = server_token({1: SlotGrant(1, 200, POP)})


def sealed(count: int = 1) -> bytes:
    """A list of so many commands."""
    made = [commands.seal(PROVIDER, ST, commands.CHANGE, change(2 + n)) for n in range(count)]
    return commands.encode_list(made)


class Manager:
    """The uplink of a node, and the node; `reports` is what arrived."""

    def __init__(self, error: Exception | None = None):
        self.uplink = self
        self.reports = []
        self.lines = []
        self._error = error

    def trace(self, number: int, text: str):
        self.lines.append(text)

    async def post(self, send_to, path: str, payload: bytes, content_format: int) -> Message:
        if self._error is not None:
            raise self._error
        self.reports.append((path, payload, content_format))
        return Message(CHANGED)


class CarrierTest(unittest.TestCase):
    def setUp(self):
        self.server = Server(ST)
        self.follower = Follower(PROVIDER, self.server.verifier, self.server.store)
        self.manager = Manager()

    def carry(self, payload: bytes, send):
        asyncio.run(Carrier(self.manager, None).carry(AUDIENCE, payload, send))

    async def deliver(self, message: Message) -> Message:
        """The server."""
        self.assertEqual((message.code, message.path()), (POST, (b"commands",)))
        receipt = self.follower.follow(message.payload, 0)
        return Message(UNAUTHORIZED) if receipt is None else Message(CHANGED, (), receipt)

    def test_there_and_back(self):
        self.carry(sealed(3), self.deliver)
        self.assertEqual(self.server.verifier.token[19], 4)
        path, report, content_format = self.manager.reports[0]
        self.assertEqual((path, content_format), ("/receipt", 60))
        audience, receipt = commands.decode_report(report)
        self.assertEqual((audience, receipt.version), (AUDIENCE, 4))
        self.assertEqual(commands.open_receipt(PROVIDER, ST, receipt), commands.TAKEN)

    def test_garbage_to_carry(self):
        self.carry(b"garbage", self.deliver)
        self.assertEqual(self.manager.reports, [])
        self.assertEqual(self.server.verifier.token[19], 1)

    def test_answers_that_prove_nothing(self):
        answers = [(code, b"") for code in (UNAUTHORIZED, INTERNAL_SERVER_ERROR, CHANGED)]
        answers += [(CHANGED, payload) for payload in (b"\xff", bytes(1000), b"\x83\x01")]
        for code, payload in answers:

            async def answer(message, code=code, payload=payload):
                return Message(code, (), payload)

            self.carry(sealed(), answer)
        self.assertEqual(self.manager.reports, [])

    def test_a_manager_that_is_off(self):
        for error in (Unreachable("off"), ProtocolError("strange")):
            self.manager = Manager(error)
            self.carry(sealed(), self.deliver)
        self.assertEqual(self.server.verifier.token[19], 2)

    def test_a_server_that_is_off(self):
        async def answer(message):
            raise Unreachable("off")

        with self.assertRaises(Unreachable):
            self.carry(sealed(), answer)


if __name__ == "__main__":
    unittest.main()
