"""A server and a client with a context that both were given, on loopback (RFC 8613)."""
# heap: 1m

import os
import unittest

from leafkey.errors import ProtocolError
from leafnode.client import Client
from leafnode.credentials import Credentials
from leafnode.server import Server
from tests.support.loopback import HOST, Log, free_port
from tests.support.nodes import base, serving
from tests.support.scratch import Scratch

SECRET = bytes(range(16))
LARGE = bytes(range(256)) * 16


def credentials(own: bytes, other: bytes, **more) -> Credentials:
    return Credentials(SECRET, own, other, **more)


class Case(unittest.TestCase):
    more = {}

    def setUp(self):
        self.port = free_port()
        self.places = Scratch(), Scratch(), Scratch()
        self.state = "21.5"
        self.asked = []
        self.start()

    def tearDown(self):
        for place in self.places:
            place.remove()

    def start(self):
        given = (credentials(b"S", b"C", **self.more),)
        self.server = Server(self.places[0].path, HOST, self.port, Log(), oscore=given)

        @self.server.resource("/temp", ("GET", "PUT"), observable=True)
        async def temp(request):
            self.asked.append(request.client)
            if request.payload:
                self.state = request.payload
                self.server.notify("/temp")
            return self.state

    def client(self, **more) -> Client:
        uri = base(self.server)
        given = {uri: credentials(b"C", b"S", **(more or self.more))}
        return Client(self.places[1].path, Log(), oscore=given)

    def play(self, scenario, **more):
        async def main():
            async with self.client(**more) as client:
                return await scenario(client, base(self.server) + "/temp")

        return serving(self.server, main)


class ExchangeTest(Case):
    def test_requests_and_their_answers(self):
        async def scenario(client, uri):
            self.assertEqual((await client.get(uri)).text, "21.5")
            self.assertEqual((await client.put(uri, "22")).status, "2.04")
            self.assertEqual((await client.get(uri)).payload, b"22")
            self.assertEqual((await client.get(uri + "x")).status, "4.04")

        self.play(scenario)
        self.assertEqual(self.asked[0], b"C")

    def test_bodies_in_blocks(self):
        async def scenario(client, uri):
            self.assertEqual((await client.put(uri, LARGE)).status, "2.04")
            self.assertEqual((await client.get(uri)).payload, LARGE)

        self.play(scenario)

    def test_an_observation(self):
        async def scenario(client, uri):
            seen = []
            async with client.observe(uri) as readings:
                async for reading in readings:
                    seen.append(reading.payload)
                    if len(seen) == 4:
                        break
                    await client.put(uri, b"state %d" % len(seen))
            return seen

        expected = [b"21.5", b"state 1", b"state 2", b"state 3"]
        self.assertEqual(self.play(scenario), expected)

    def test_a_request_without_protection(self):
        async def scenario(client, uri):
            return (await client.get(uri, "open")).status

        self.assertEqual(self.play(scenario), "4.01")
        self.assertEqual(self.asked, [])

    def test_another_secret(self):
        async def scenario(client, uri):
            client._presets = Client(
                self.places[2].path,
                Log(),
                oscore={base(self.server): Credentials(os.urandom(16), b"C", b"S")},
            )._presets
            with self.assertRaises(ProtocolError):
                await client.get(uri)

        self.play(scenario)
        self.assertEqual(self.asked, [])


class IdContextTest(ExchangeTest):
    more = {"id_context": b"\x37\xcb", "salt": b"salt", "alg": 24}


class RestartTest(Case):
    def test_numbers_go_on_and_old_requests_are_not_taken(self):
        async def scenario(client, uri):
            return (await client.get(uri)).text

        for _ in range(3):
            self.assertEqual(self.play(scenario), "21.5")
            self.start()
        self.assertEqual(len(self.asked), 3)
