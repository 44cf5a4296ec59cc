"""A resource server, its clients and an AS as three nodes on loopback (RFC 9200, 9203)."""
# heap: 2m
# timeout: 120

import asyncio
import os
import unittest

from leafkey.ace import aif, cwt, labels, osc, token
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    BAD_REQUEST,
    CONTENT_FORMAT,
    CREATED,
    GET,
    METHOD_NOT_ALLOWED,
    POST,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
    UNSUPPORTED_CONTENT_FORMAT,
    URI_PATH,
)
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.errors import NotAllowed, OutcomeUnknown, ProtocolError, StateError
from leafnode.authority import AuthorizationServer
from leafnode.authz_info import BURST, INTERVAL_MS
from leafnode.client import Client
from leafnode.credentials import Credentials
from leafnode.response import Response
from leafnode.server import Server
from tests.support.loopback import HOST, Log, RawPeer, free_port
from tests.support.nodes import base, serving
from tests.support.scratch import Scratch

AUDIENCE = "thermo"
KEY = cwt.TokenKey(10, bytes(range(16)), b"as-1")
SECRET = bytes(16)
PROVIDER = default_provider()


class Authority:
    """An AS that grants what it is told to, and remembers what it was asked."""

    def __init__(self, state: str):
        self._state = state
        self._port = free_port()
        self.start()
        self.uri = base(self.server) + "/token"
        self.asked = []
        self.allowed = [("/temp", 1), ("/vent", 5)]
        # What a test wants otherwise in the next tokens, by claim.
        self.changes = {}
        self.count = 0
        self.lasts = 1000

    def start(self):
        """Begin, or begin again."""
        given = (Credentials(SECRET, b"A", b"C"),)
        self.server = Server(self._state, HOST, self._port, Log(), oscore=given)
        self.server.resource("/token", ("POST",))(self.answer)

    async def answer(self, request):
        asked = token.decode_request(request.payload)
        self.asked.append(asked)
        scope = aif.common(aif.decode(asked[labels.SCOPE]), self.allowed)
        if not scope:
            return self.said(BAD_REQUEST, {labels.ERROR: labels.INVALID_SCOPE})
        self.count += 1
        said = {labels.ACE_PROFILE: labels.COAP_OSCORE, labels.EXPIRES_IN: self.lasts}
        if labels.REQ_CNF in asked:
            cnf = asked[labels.REQ_CNF]
        else:
            made = osc.InputMaterial(self.count.to_bytes(1, "big"), os.urandom(16), b"salt")
            cnf = said[labels.CNF] = {labels.OSC: made.fields()}
        said[labels.ACCESS_TOKEN] = self.token(cnf, scope, asked)
        said[labels.SCOPE] = aif.encode(scope)
        return self.said(CREATED, said)

    def token(self, cnf: dict, scope: list, asked: dict) -> bytes:
        claims = {cwt.AUD: asked[labels.AUDIENCE], cwt.SCOPE: aif.encode(scope), cwt.CNF: cnf}
        claims[cwt.EXI] = self.lasts
        claims[cwt.CTI] = AUDIENCE.encode() + self.count.to_bytes(2, "big")
        claims.update(self.changes)
        claims = {label: value for label, value in claims.items() if value is not None}
        return cwt.protect(PROVIDER, KEY, os.urandom(13), claims)

    def said(self, code: int, fields: dict) -> Response:
        return Response(cbor.encode(fields), code, APPLICATION_ACE_CBOR)


class Case(unittest.TestCase):
    def setUp(self):
        self.places = Scratch(), Scratch(), Scratch()
        self.authority = Authority(self.places[0].path)
        self.port = free_port()
        self.asked = []
        self.state = "21.5"
        self.start()

    def tearDown(self):
        for place in self.places:
            place.remove()

    def start(self):
        told = AuthorizationServer(self.authority.uri, AUDIENCE, KEY.value, KEY.kid)
        server = self.server = Server(self.places[1].path, HOST, self.port, Log(), ace=told)

        @server.resource("/temp", ("GET", "PUT"), observable=True)
        async def temp(request):
            self.asked.append((request.method, request.client))
            return self.state

        @server.resource("/vent", ("GET", "PUT", "POST"))
        async def vent(request):
            self.asked.append((request.method, request.client))
            return

        @server.resource("/open", level="open")
        async def open(request):
            return "for everybody"

    def client(self) -> Client:
        shared = {base(self.authority.server): Credentials(SECRET, b"C", b"A")}
        return Client(self.places[2].path, Log(), oscore=shared, ace=self.authority.uri)

    def play(self, scenario):
        async def inner():
            async with self.client() as client:
                return await scenario(client, base(self.server))

        async def main():
            serve = asyncio.create_task(self.authority.server.serve())
            try:
                return await inner()
            finally:
                serve.cancel()
                try:
                    await serve
                except asyncio.CancelledError:
                    pass

        return serving(self.server, main)

    def raw(self, *messages: Message) -> list:
        """What a stranger's requests are answered."""

        async def main():
            peer = RawPeer(self.port)
            answers = []
            for i, message in enumerate(messages):
                message.mid, message.token = i, b"t"
                answers.append(await peer.request(message))
            peer.close()
            return answers

        return serving(self.server, main)


class AccessTest(Case):
    def test_a_token_and_requests_under_it(self):
        async def scenario(client, uri):
            self.assertEqual((await client.get(uri + "/temp")).text, "21.5")
            self.assertEqual((await client.get(uri + "/temp")).text, "21.5")

        self.play(scenario)
        self.assertEqual(self.asked, [("GET", b"\x01")] * 2)
        self.assertEqual(len(self.authority.asked), 1)
        asked = self.authority.asked[0]
        self.assertEqual(asked[labels.AUDIENCE], AUDIENCE)
        self.assertEqual(aif.decode(asked[labels.SCOPE]), [("/temp", 1)])
        self.assertEqual(len(asked[labels.CNONCE]), 8)

    def test_rights_change_in_the_context(self):
        async def scenario(client, uri):
            await client.get(uri + "/temp")
            context = self.context(client)
            self.assertEqual((await client.put(uri + "/vent", "open")).status, "2.04")
            self.assertIs(self.context(client), context)
            self.assertEqual((await client.get(uri + "/temp")).status, "2.05")

        self.play(scenario)
        self.assertEqual(self.authority.asked[1][labels.REQ_CNF], {labels.KID: b"\x01"})
        self.assertEqual([client for _, client in self.asked], [b"\x01"] * 3)
        self.assertEqual(len(self.authority.asked), 2)

    def context(self, client: Client):
        return next(iter(client._tokens._held.values())).context

    def test_all_that_will_be_needed_is_asked_for_at_once(self):
        async def scenario(client, uri):
            wanted = {"/temp": ("GET",), "/vent": ("GET", "PUT", "POST")}
            granted = {"/temp": ("GET",), "/vent": ("GET", "PUT")}
            self.assertEqual(await client.authorize(uri, wanted), granted)
            self.assertEqual((await client.get(uri + "/temp")).status, "2.05")
            self.assertEqual((await client.put(uri + "/vent", "open")).status, "2.04")
            self.assertEqual(await client.authorize(uri, granted), granted)

        self.play(scenario)
        self.assertEqual(len(self.authority.asked), 1)

    def test_what_the_owner_does_not_allow(self):
        async def scenario(client, uri):
            with self.assertRaises(NotAllowed):
                await client.post(uri + "/vent", "x")

        self.play(scenario)
        self.assertEqual(self.asked, [])

    def test_less_than_was_asked_for(self):
        self.authority.changes = {cwt.SCOPE: aif.encode([("/other", 1)])}

        async def scenario(client, uri):
            with self.assertRaises(NotAllowed):
                await client.get(uri + "/temp")

        self.play(scenario)
        self.assertEqual(self.asked, [])

    def test_another_method_of_what_is_covered(self):
        async def scenario(client, uri):
            self.authority.changes = {cwt.SCOPE: aif.encode([("/vent", 1)])}
            self.assertEqual((await client.put(uri + "/vent", "x")).status, "4.05")

        self.play(scenario)
        self.assertEqual(self.asked, [])

    def test_what_is_open(self):
        async def scenario(client, uri):
            self.assertEqual((await client.get(uri + "/open")).text, "for everybody")
            self.assertEqual(self.authority.asked, [])
            await client.get(uri + "/temp")
            self.assertEqual((await client.get(uri + "/open", "open")).text, "for everybody")
            self.authority.changes = {cwt.SCOPE: aif.encode([("/temp", 1)])}
            self.authority.allowed = [("/open", 1)]
            self.assertEqual((await client.get(uri + "/open")).text, "for everybody")

        self.play(scenario)

    def test_exp_and_cnonce_without_a_clock(self):
        self.authority.changes = {cwt.EXI: None, cwt.IAT: 1700000000, cwt.EXP: 1700003600}

        async def scenario(client, uri):
            with self.assertRaises(ProtocolError):
                await client.get(uri + "/temp")
            self.assertEqual(len(self.authority.asked), 2)
            self.authority.token = self.with_cnonce(self.authority.token)
            self.assertEqual((await client.get(uri + "/temp")).text, "21.5")

        self.play(scenario)

    def with_cnonce(self, token):
        def made(cnf: dict, scope: list, asked: dict) -> bytes:
            self.authority.changes[cwt.CNONCE] = asked.get(labels.CNONCE)
            return token(cnf, scope, asked)

        return made

    def test_an_observation(self):
        async def scenario(client, uri):
            seen = []
            async with client.observe(uri + "/temp") as readings:
                async for reading in readings:
                    seen.append(reading.text)
                    if len(seen) == 3:
                        break
                    self.state = "state %d" % len(seen)
                    self.server.notify("/temp")
            return seen

        self.assertEqual(self.play(scenario), ["21.5", "state 1", "state 2"])

    def test_a_server_that_has_too_much_to_do(self):
        self.server._contexts.tokens._left = 0

        async def scenario(client, uri):
            self.assertEqual((await client.get(uri + "/temp")).text, "21.5")

        self.play(scenario)

    def test_several_requests_at_once_get_one_token(self):
        async def scenario(client, uri):
            answers = await asyncio.gather(*[client.get(uri + "/temp") for _ in range(4)])
            self.assertEqual([answer.status for answer in answers], ["2.05"] * 4)

        self.play(scenario)
        self.assertEqual(len(self.authority.asked), 1)


class EndTest(Case):
    def test_a_token_is_renewed_when_its_time_is_over(self):
        async def scenario(client, uri):
            await client.get(uri + "/temp")
            next(iter(client._tokens._held.values())).end = 0
            await client.get(uri + "/temp")

        self.play(scenario)
        self.assertEqual(self.asked, [("GET", b"\x01"), ("GET", b"\x02")])

    def test_an_observation_ends_with_its_token_and_goes_on_under_the_next(self):
        self.authority.lasts = 3

        async def scenario(client, uri):
            seen = []
            async with client.observe(uri + "/temp") as readings:
                async for reading in readings:
                    seen.append(reading.text)
                    if len(seen) == 2:
                        break
                    self.authority.lasts = 1000
                    self.state = "later"
            return seen

        self.assertEqual(self.play(scenario), ["21.5", "later"])
        self.assertEqual(self.asked, [("GET", b"\x01"), ("GET", b"\x02")])

    def forget(self):
        """Let the server make room for others."""
        accesses = self.server._contexts.tokens.server.accesses
        accesses._drop(next(iter(accesses._proven.values())))

    def test_a_server_that_has_forgotten_the_context(self):
        async def scenario(client, uri):
            await client.get(uri + "/temp")
            self.forget()
            self.assertEqual((await client.get(uri + "/temp")).text, "21.5")

        self.play(scenario)
        self.assertEqual(self.asked, [("GET", b"\x01")] * 2)
        self.assertEqual(len(self.authority.asked), 1)

    def test_a_post_that_may_have_been_acted_on(self):
        self.authority.allowed = [("/vent", 2)]

        async def scenario(client, uri):
            self.assertEqual((await client.post(uri + "/vent", "x")).status, "2.04")
            self.forget()
            with self.assertRaises(OutcomeUnknown):
                await client.post(uri + "/vent", "x")
            self.assertEqual((await client.post(uri + "/vent", "x")).status, "2.04")

        self.play(scenario)
        self.assertEqual(len(self.asked), 2)

    def test_a_restart(self):
        async def scenario(client, uri):
            return (await client.get(uri + "/temp")).text

        self.assertEqual(self.play(scenario), "21.5")
        self.start()
        self.authority.start()

        async def late(client, uri):
            # Numbers of before, from an AS that has lost its count: nobody knows of how much of
            # their time is left.
            with self.assertRaises(ProtocolError):
                await client.get(uri + "/temp")

        self.authority.count = -1
        self.play(late)
        self.assertEqual(self.authority.count, 1)
        self.start()
        self.authority.start()
        self.assertEqual(self.play(scenario), "21.5")

    def test_state_that_is_damaged(self):
        async def scenario(client, uri):
            await client.get(uri + "/temp")

        self.play(scenario)
        for name in os.listdir(self.places[1].path):
            with open(self.places[1].path + "/" + name, "wb") as file:
                file.write(b"damaged")
        with self.assertRaises(StateError):
            self.start()


class StrangerTest(Case):
    def post(self, payload: bytes, content_format: int | None = APPLICATION_ACE_CBOR) -> Message:
        message = Message(POST, ((URI_PATH, b"authz-info"),), payload)
        if content_format is not None:
            message.add(CONTENT_FORMAT, content_format)
        return message

    def test_whatever_is_asked_for_gets_hints(self):
        messages = [Message(GET, ((URI_PATH, path),)) for path in (b"temp", b"vent", b"nowhere")]
        for answer in self.raw(*messages):
            self.assertEqual(answer.code, UNAUTHORIZED)
            said = cbor.decode(answer.payload)
            self.assertEqual(said[labels.AS], self.authority.uri)
            self.assertEqual(said[labels.AUDIENCE], AUDIENCE)

    def test_authz_info_takes_posts_alone(self):
        path = ((URI_PATH, b"authz-info"),)
        for answer in self.raw(*[Message(code, path) for code in (1, 3, 4, 5)]):
            self.assertEqual(answer.code, METHOD_NOT_ALLOWED)

    def test_content_formats(self):
        formats = (None, 0, 42, 60, 61)
        for answer in self.raw(*[self.post(b"\xa0", number) for number in formats]):
            self.assertEqual(answer.code, UNSUPPORTED_CONTENT_FORMAT)

    def test_bad_maps(self):
        payloads = (b"", b"\xff", b"\xa0", cbor.encode({1: b"x"}), os.urandom(200))
        for answer in self.raw(*[self.post(payload) for payload in payloads]):
            self.assertEqual(answer.code, BAD_REQUEST)
            self.assertEqual(answer.payload, b"")

    def test_there_is_a_bound(self):
        tokens = self.server._contexts.tokens
        start = tokens._refilled
        times = [start] * (BURST + 2) + [start + 2 * INTERVAL_MS] * 3
        looked = [tokens._may_look(now) for now in times]
        self.assertEqual(looked, [True] * BURST + [False] * 2 + [True] * 2 + [False])
        # However long this takes, there is none left.
        tokens._refilled += 3600000
        self.assertEqual(self.raw(self.post(b"\xa0"))[0].code, TOO_MANY_REQUESTS)

    def test_discovery(self):
        path = ((URI_PATH, b".well-known"), (URI_PATH, b"core"))
        links = self.raw(Message(GET, path))[0].payload.decode()
        self.assertIn('</authz-info>;rt="ace.ai"', links)
        self.assertFalse("/temp" in links)


class ArgumentsTest(unittest.TestCase):
    def test_a_key_of_another_size(self):
        for alg, size in ((10, 32), (24, 16), (10, 0)):
            place = Scratch()
            told = AuthorizationServer("coap://as/token", AUDIENCE, bytes(size), alg=alg)
            with self.assertRaises(ValueError):
                Server(place.path, HOST, free_port(), Log(), ace=told)
            place.remove()

    def test_an_as_that_nothing_is_shared_with(self):
        with self.assertRaises(ValueError):
            Client("no-identity", Log(), ace="coap://192.0.2.1/token")
        with self.assertRaises(ValueError):
            Client("no-identity", Log(), ace=True)


if __name__ == "__main__":
    unittest.main()
