"""Fresh resources of a server on loopback, by a clock that the test plays."""
# heap: 1m

import unittest

import leafnode.server as server_module
from leafkey.coap import numbers
from leafkey.coap.blockoption import encode_block
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    CHANGED,
    CONTENT,
    CONTINUE,
    ECHO,
    GET,
    OSCORE,
    PAT,
    POST,
    PUT,
    UNAUTHORIZED,
)
from leafkey.pat.freshness import VALID_MS
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, POP
from leafnode.clock import now_ms
from tests.support.loopback import HOST, Log, RawPeer, free_port
from tests.support.nodes import NOWHERE, serving
from tests.unit.node.test_server import Guard, ManagerAlone

HOUR = 3600 * 1000
SZX = 2
BLOCK = 64


class Case(unittest.TestCase):
    """`self.ahead` is how many milliseconds the server's clock goes before the real one."""

    def setUp(self):
        self.ahead = 0
        server_module.now_ms = lambda: now_ms() + self.ahead
        self.start()

    def tearDown(self):
        server_module.now_ms = now_ms

    def start(self, echo_ms: int = VALID_MS):
        self.guard = Guard()
        self.server = server_module.Server(NOWHERE, HOST, free_port(), Log(), echo_ms)
        self.server._guard = self.guard
        self.acted = []
        self.mid = 0

        @self.server.resource("/lock", ("POST", "PUT"), fresh=True)
        async def lock(request):
            self.acted.append(request.payload)

        @self.server.resource("/lock")
        async def state(request):
            return "locked"

        @self.server.resource("/safe", ("POST",), level="confidential", fresh=True)
        async def safe(request):
            self.acted.append(request.payload)

    def play(self, scenario):
        async def main():
            self.peer = RawPeer(self.server.port)
            try:
                await scenario()
            finally:
                self.peer.close()

        serving(self.server, main)

    async def ask(
        self, code=POST, path="/lock", echo=None, payload=b"", block=None, shown=PAT
    ) -> Message:
        self.mid += 1
        options = ((shown, b"good"),)
        if echo is not None:
            options = ((shown, b"good"), (ECHO, echo))
        message = Message(code, options, payload, numbers.CON, self.mid, b"t")
        message.set_path(path)
        if block is not None:
            message.add(numbers.BLOCK1, encode_block(block[0], block[1], SZX))
        return await self.peer.request(message)

    async def challenge(self, *request, **more) -> bytes:
        answer = await self.ask(*request, **more)
        self.assertEqual((answer.code, answer.payload), (UNAUTHORIZED, b""))
        self.assertEqual(answer.option(PAT), b"\x00")
        return answer.option(ECHO)


class FreshTest(Case):
    def test_acted_on_when_it_comes_again_with_its_echo(self):
        async def scenario():
            echo = await self.challenge(payload=b"open")
            self.assertEqual(self.acted, [])
            self.assertEqual((await self.ask(echo=echo, payload=b"open")).code, CHANGED)
            self.assertEqual(self.acted, [b"open"])
            await self.challenge(echo=echo)
            self.assertEqual(self.acted, [b"open"])

        self.play(scenario)

    def test_held_back_for_an_hour(self):
        async def scenario():
            for ahead in (VALID_MS, HOUR):
                echo = await self.challenge()
                self.ahead += ahead
                await self.challenge(echo=echo)
            self.assertEqual(self.acted, [])

        self.play(scenario)

    def test_a_challenge_that_was_lost_comes_again_from_the_cache(self):
        """A retransmission is no new request: its At is used by now."""

        async def scenario():
            echo = await self.challenge()
            self.mid -= 1
            self.assertEqual(await self.challenge(), echo)
            self.assertEqual(len(self.server._freshness), 1)

        self.play(scenario)

    def test_other_methods_of_the_path_are_as_they_are(self):
        async def scenario():
            self.assertEqual((await self.ask(GET)).code, CONTENT)
            self.assertEqual((await self.ask(numbers.DELETE)).code, numbers.METHOD_NOT_ALLOWED)
            self.assertEqual(len(self.server._freshness), 0)

        self.play(scenario)

    def test_paths_that_are_not_there_cost_no_memory(self):
        async def scenario():
            self.assertEqual((await self.ask(path="/nothing")).code, numbers.NOT_FOUND)
            self.assertEqual(len(self.server._freshness), 0)

        self.play(scenario)

    def test_the_manager_is_not_asked(self):
        async def scenario():
            self.server._contexts = ManagerAlone()
            self.assertEqual((await self.ask(shown=OSCORE)).payload, b"managed")

        self.play(scenario)

    def test_each_block_shows_an_echo(self):
        body = bytes(range(2 * BLOCK))

        async def block(number, more, echo=None):
            part = body[number * BLOCK : (number + 1) * BLOCK]
            return await self.ask(PUT, "/lock", echo, part, (number, more))

        async def scenario():
            for number, more, code in ((0, True, CONTINUE), (1, False, CHANGED)):
                answer = await block(number, more)
                self.assertEqual(answer.code, UNAUTHORIZED)
                answer = await block(number, more, answer.option(ECHO))
                self.assertEqual(answer.code, code)
            self.assertEqual(self.acted, [body])

        self.play(scenario)

    def test_a_first_block_that_was_held_back_does_not_disturb_a_body(self):
        async def block(number, more, payload):
            ask = (PUT, "/lock")
            echo = await self.challenge(*ask, payload=payload, block=(number, more))
            return (await self.ask(*ask, echo=echo, payload=payload, block=(number, more))).code

        async def scenario():
            old, new, end = b"o" * BLOCK, b"n" * BLOCK, b"e" * 5
            self.assertEqual(await block(0, True, new), CONTINUE)
            await self.challenge(PUT, "/lock", echo=bytes(8), payload=old, block=(0, True))
            self.assertEqual(await block(1, False, end), CHANGED)
            self.assertEqual(self.acted, [new + end])

        self.play(scenario)


class DefinitionTest(Case):
    def level(self, code, path) -> int:
        message = Message(code)
        message.set_path(path)
        return self.server._router.level_of(message)

    def test_at_least_pop_is_demanded(self):
        self.assertEqual(self.level(POST, "/lock"), POP)
        self.assertEqual(self.level(POST, "/safe"), CONFIDENTIAL)
        self.assertEqual(self.level(GET, "/lock"), BEARER)

    def test_nothing_fresh_without_protection(self):
        for level in ("open", "bearer"):
            with self.assertRaises(ValueError):
                self.server.resource("/x", level=level, fresh=True)(None)

    def test_the_time_of_an_echo_can_be_chosen(self):
        self.start(5)

        async def scenario():
            echo = await self.challenge()
            self.ahead += 5
            await self.challenge(echo=echo)
            self.assertEqual(self.acted, [])

        self.play(scenario)


if __name__ == "__main__":
    unittest.main()
