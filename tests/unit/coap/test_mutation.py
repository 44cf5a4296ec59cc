"""Random and mutated datagrams: decode raises DecodeError alone, an endpoint raises nothing."""

# Bodies of both directions, of random sizes, beside the test's own code.
# heap: 320k

import unittest

from leafkey.coap.assembler import Assembler
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import ACK, BLOCK1, BLOCK2, CON, CONTENT, NON, OBSERVE, PUT, RST, SIZE1
from leafkey.coap.transfer import Transfer
from leafkey.errors import DecodeError, ProtocolError
from tests.unit.coap.helpers import PEER, Bench, content, empty, get
from tests.unit.coap.network import Generator
from tests.unit.coap.test_flood import LIMITS

ROUNDS = 3000


def mutate(chance: Generator, data: bytes) -> bytes:
    """The datagram with a few bytes changed, cut, doubled or added."""
    changed = bytearray(data)
    for _ in range(1 + chance.below(3)):
        if not changed:
            return b""
        at = chance.below(len(changed))
        kind = chance.below(4)
        if kind == 0:
            changed[at] = chance.below(256)
        elif kind == 1:
            changed[at] ^= 1 << chance.below(8)
        elif kind == 2:
            changed = changed[:at]
        else:
            changed = changed[:at] + chance.bytes(chance.below(20)) + changed[at:]
    return bytes(changed)


class MutationTest(unittest.TestCase):
    def setUp(self):
        self.chance = Generator(20)
        self.bench = Bench()
        self.handles = []

    def seeds(self) -> list:
        """Datagrams of every kind, those that match a request and an observation included."""
        for handle in self.handles:
            self.bench.endpoint.cancel(handle)
        self.bench.sent()
        first, sent = self.bench.request()
        second, watch = self.bench.request(NON, ((OBSERVE, b""),))
        self.handles = [first, second]
        seen = ((OBSERVE, b"\1"),)
        messages = [
            get(1),
            get(2, b"12345678", NON, ((OBSERVE, b""), (BLOCK2, b"\x06"))),
            Message(
                PUT, ((BLOCK1, b"\x0e"), (SIZE1, b"\x10\x00"), (65001, bytes(30))), b"x" * 40, mid=3
            ),
            content(sent[0].token, sent[0].mid),
            content(sent[0].token, 77, CON),
            content(watch[0].token, 78, NON, seen),
            content(watch[0].token, 79, CON, seen),
            empty(ACK, sent[0].mid),
            empty(RST, sent[0].mid),
            empty(CON, 9),
        ]
        return [encode(message) for message in messages]

    def test_decode(self):
        for data in self.seeds():
            for _ in range(ROUNDS // 10):
                changed = mutate(self.chance, data)
                try:
                    message = decode(changed)
                except DecodeError:
                    continue
                self.assertEqual(decode(encode(message)).options, message.options)

    def test_an_endpoint(self):
        seeds = self.seeds()
        for round in range(ROUNDS):
            data = seeds[self.chance.below(len(seeds))]
            if round % 50 == 0:
                seeds = self.seeds()
            data = self.chance.bytes(round % 40) if round % 7 == 0 else mutate(self.chance, data)
            self.bench.endpoint.receive_datagram(data, PEER, self.bench.now)
            self.react()
            self.bench.now += self.chance.below(500)
            usage = self.bench.endpoint.usage()
            for name in usage:
                self.assertTrue(usage[name] <= LIMITS[name], name)
        self.bench.events()
        self.bench.now += 10000000
        self.bench.run_to_silence()
        self.bench.receive(get(4242, b"still here"[:8]))
        self.assertEqual(len(self.bench.respond(self.bench.events()[-1].handle)), 1)

    def react(self):
        """Do now and then what an application does; all that is sent must be decodable."""
        kind = self.chance.below(4)
        if kind:
            self.bench.sent()
        if kind < 2:
            return
        for event in self.bench.events():
            if hasattr(event, "message") and event.message.code < 32 and self.chance.below(3):
                self.bench.endpoint.respond(
                    event.handle, Message(CONTENT, payload=b"x"), self.bench.now
                )

    def test_block_options(self):
        assembler = Assembler(self.chance.bytes)
        for _ in range(ROUNDS):
            message = Message(PUT, payload=bytes(16 << self.chance.below(8)))
            for number in (BLOCK1, BLOCK2, SIZE1):
                if self.chance.below(2):
                    message.add(number, self.chance.bytes(self.chance.below(6)))
            key = self.chance.below(20)
            complete, immediate = assembler.request(key, message, self.chance.below(1000000))
            self.assertTrue((complete is None) != (immediate is None))
            if complete is not None:
                answer = Message(CONTENT, payload=bytes(self.chance.below(5000)))
                sent = assembler.response(key, complete, answer, 0)
                self.assertTrue(len(sent.payload) <= 1024)
            usage = assembler.usage()
            self.assertTrue(usage["uploads"] <= 4 and usage["downloads"] <= 4)
            self.assertTrue(max(usage["upload_bytes"], usage["download_bytes"]) <= 16384)

    def test_transfers(self):
        for _ in range(ROUNDS // 3):
            transfer = Transfer(Message(PUT, payload=bytes(self.chance.below(300))), 2, 512)
            try:
                for _ in range(40):
                    transfer.next_request()
                    if transfer.receive(self.random_response()):
                        break
            except ProtocolError:
                continue

    def random_response(self) -> Message:
        codes = (CONTENT, 0x44, 0x5F, 0x88, 0x8D)
        response = Message(codes[self.chance.below(5)], payload=bytes(self.chance.below(80)))
        for number in (BLOCK1, BLOCK2):
            if self.chance.below(2):
                response.add(number, self.chance.bytes(self.chance.below(3)))
        return response


if __name__ == "__main__":
    unittest.main()
