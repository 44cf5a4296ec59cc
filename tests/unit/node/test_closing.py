"""leafnode.closing: what a grant held ends in the step in which the grant ends (SPEC 9.4)."""
# heap: 1m

import asyncio
import unittest

from leafkey.coap import numbers
from leafkey.coap.blockoption import encode_block
from leafkey.coap.message import Message, encode
from leafkey.errors import Refused
from leafkey.pat.renewal import Renewal
from leafnode.clock import now_ms
from leafnode.closing import Closing
from tests.support.loopback import RawPeer
from tests.support.nodes import make_server, serving


class Session:
    """An accepted AT of the client in a slot, which is the value of the PAT option."""

    def __init__(self, guard: "Guard", message: Message):
        self.renewal = guard.renewal
        self._guard = guard
        self.request = message.copy()
        self.peer = (1, message.uint(numbers.PAT), 1)
        self.request.remove(numbers.PAT)

    def pseudonym(self) -> bytes:
        return b"somebody"

    def is_current(self, now: int) -> bool:
        return self._guard.stands(self.peer, now)

    def protect(self, response: Message, counter: int = 0) -> Message:
        protected = response.copy()
        protected.add(numbers.PAT, bytes((counter,)))
        return protected


class Guard:
    """Knows slots 1 and 2; `ends` says when they end."""

    def __init__(self):
        self.ends = {}
        self.renewal = None
        self.on_change = None

    def unprotect(self, message, level_of, now) -> Session:
        session = Session(self, message)
        if not session.is_current(now):
            raise Refused(self.refuse())
        return session

    def refuse(self) -> Message:
        return Message(numbers.UNAUTHORIZED)

    def is_current(self, holder, now: int) -> bool:
        return self.stands(holder.grant, now)

    def stands(self, grant: tuple, now: int) -> bool:
        return now < self.ends.get(grant[1], now + 1)

    def next_end(self, now: int):
        later = [end for end in self.ends.values() if end > now]
        return min(later) if later else None

    def revoke(self, slot: int):
        """What an ST without the slot does."""
        self.ends[slot] = 0
        self.on_change()


def message(code: int, path: str, slot: int, options=(), payload: bytes = b"") -> Message:
    made = Message(code, options, payload, numbers.CON, slot, bytes((slot,)))
    made.set_path(path)
    made.add(numbers.PAT, slot)
    return made


class ClosingTest(unittest.TestCase):
    def setUp(self):
        self.guard = Guard()
        self.server = make_server(self.guard)
        self.closing = Closing(
            self.guard, self.server._contexts, self.server._observers, self.server._assembler
        )
        self.acted = 0

        @self.server.resource("/temp", observable=True)
        async def temp(request):
            return "21.5"

        @self.server.resource("/slow", ("GET", "PUT"))
        async def slow(request):
            await asyncio.sleep(0.3)
            self.acted += 1
            return "secret"

    def play(self, scenario):
        """Run `scenario(two peers)`, whose observations are registered."""

        async def main():
            closing = asyncio.create_task(self.closing.run())
            peers = [RawPeer(self.server.port), RawPeer(self.server.port)]
            try:
                for slot, peer in enumerate(peers):
                    observe = ((numbers.OBSERVE, b""),)
                    await peer.request(message(numbers.GET, "/temp", slot + 1, observe))
                await scenario(peers)
            finally:
                closing.cancel()
                for peer in peers:
                    peer.close()

        serving(self.server, main)

    def watches(self) -> int:
        return len(self.server._observers._watches)

    def test_observations_end_at_once_and_are_told(self):
        async def scenario(peers):
            self.guard.revoke(2)
            self.assertEqual(self.watches(), 1)
            data = await peers[1].receive()
            self.assertEqual((data[1], data[-1]), (numbers.UNAUTHORIZED, 1))
            peers[1].send(b"\x60\x00" + data[2:4])
            self.server.notify("/temp")
            data = await peers[0].receive()
            self.assertEqual(data[1], numbers.CONTENT)
            self.assertEqual(await peers[1].receive(0.2), b"")

        self.play(scenario)

    def test_the_end_of_a_time_comes_by_itself(self):
        async def scenario(peers):
            self.guard.ends[1] = now_ms() + 300
            self.closing.sweep()
            self.assertEqual(self.watches(), 2)
            data = await peers[0].receive(2)
            self.assertEqual(data[1], numbers.UNAUTHORIZED)
            self.assertEqual(self.watches(), 1)

        self.play(scenario)

    def test_one_end_after_the_other(self):
        async def scenario(peers):
            start = now_ms()
            self.guard.ends = {1: start + 200, 2: start + 400}
            self.closing.sweep()
            await peers[1].receive(2)
            self.assertTrue(now_ms() - start >= 400)
            self.assertEqual(self.watches(), 0)

        self.play(scenario)

    def test_the_time_of_an_at_ends_its_observation(self):
        self.guard.renewal = Renewal(None, 1, None)

        async def scenario(peers):
            start = now_ms()
            for peer in peers:
                data = await peer.receive(2)
                self.assertEqual((data[1], data[-1]), (numbers.UNAUTHORIZED, 1))
            self.assertTrue(900 <= now_ms() - start < 1800)
            self.assertEqual(self.watches(), 0)

        self.play(scenario)

    def test_the_notification_too_many_ends_an_observation(self):
        self.guard.renewal = Renewal(2, None, None)

        async def scenario(peers):
            peer = peers[0]
            for code in (numbers.CONTENT, numbers.CONTENT, numbers.UNAUTHORIZED):
                self.assertEqual(self.watches(), 2)
                self.server.notify("/temp")
                for heard in peers:
                    data = await heard.receive()
                    self.assertEqual(data[1], code)
                    heard.send(b"\x60\x00" + data[2:4])
                await asyncio.sleep(0.05)
            self.assertEqual(self.watches(), 0)
            self.server.notify("/temp")
            self.assertEqual(await peer.receive(0.2), b"")

        self.play(scenario)

    def test_the_rule_in_force_counts(self):
        async def scenario(peers):
            for watch in self.server._observers._watches.values():
                watch.admitted._session.renewal = Renewal(None, 1, None)
            self.closing.sweep()
            data = await peers[0].receive(2)
            self.assertEqual(data[1], numbers.UNAUTHORIZED)

        self.play(scenario)

    def test_bodies_in_transfer_are_dropped(self):
        async def scenario(peers):
            first = encode_block(0, True, 0)
            for slot, peer in enumerate(peers):
                block = ((numbers.BLOCK1, bytes((first,))),)
                part = message(numbers.PUT, "/slow", slot + 1, block, bytes(16))
                part.mid = 100
                answer = await peer.request(part)
                self.assertEqual(answer.code, numbers.CONTINUE)
            self.guard.revoke(1)
            left = self.server._assembler.peers()
            self.assertEqual([peer.grant[1] for peer in left], [2])

        self.play(scenario)

    def test_strangers_keep_their_bodies(self):
        async def scenario(peers):
            @self.server.resource("/open", ("PUT",), level="open")
            async def free(request):
                return None

            block = ((numbers.BLOCK1, bytes((encode_block(0, True, 0),))),)
            part = Message(numbers.PUT, block, bytes(16), numbers.CON, 7, b"\x07")
            part.set_path("/open")
            self.assertEqual((await peers[0].request(part)).code, numbers.CONTINUE)
            self.guard.revoke(1)
            self.assertEqual(len(self.server._assembler.peers()), 1)

        self.play(scenario)

    def test_a_request_under_way_tells_nothing_any_more(self):
        async def scenario(peers):
            asked = message(numbers.GET, "/slow", 2)
            asked.mid = 9
            peers[1].send(encode(asked))
            await asyncio.sleep(0.1)
            self.guard.revoke(2)
            data = b""
            for _ in range(3):
                data += await peers[1].receive(1)
            self.assertEqual(self.acted, 1)
            self.assertFalse(b"secret" in data)

        self.play(scenario)


if __name__ == "__main__":
    unittest.main()
