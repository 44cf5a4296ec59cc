"""A server and a client on loopback: the whole stack but protection."""
# heap: 1m

import asyncio
import unittest

from leafkey.coap import numbers
from leafkey.coap.message import Message, encode
from leafkey.errors import DecodeError, Refused, Unreachable
from leafnode.client import Client
from leafnode.link import MAX_RUNNING
from tests.support.loopback import Log, RawPeer
from tests.support.nodes import NOWHERE, base, make_server, serving

BODY = bytes((i * 7 + (i >> 8) * 13) & 0xFF for i in range(4000))


def _get(path, mid=1, token=b"\x01", options=(), type=numbers.CON):
    message = Message(numbers.GET, options, b"", type, mid, token)
    message.set_path(path)
    return message


class ServerCase(unittest.TestCase):
    guard = None

    def setUp(self):
        self.server = make_server(self.guard)
        self.base = base(self.server)
        self.kept = b""

        @self.server.resource("/hello", level="open")
        async def hello(request):
            return "hello"

        @self.server.resource("/kept", ("GET", "PUT"), level="open", observable=True)
        async def kept(request):
            if request.method == "GET":
                return self.kept
            self.kept = request.payload
            self.server.notify("/kept")
            return None

        @self.server.resource("/secret", level="pop")
        async def secret(request):
            return "secret"

        @self.server.resource("/slow", level="open")
        async def slow(request):
            await asyncio.sleep(1.5)
            return "at last"

    def play(self, scenario):
        """Run `scenario(client)` against the server."""

        async def main():
            client = Client(NOWHERE, Log())
            try:
                return await scenario(client)
            finally:
                await client.close()

        return serving(self.server, main)

    def play_raw(self, scenario):
        """Run `scenario(peer)` with datagrams made by hand."""

        async def main():
            peer = RawPeer(self.server.port)
            try:
                return await scenario(peer)
            finally:
                peer.close()

        return serving(self.server, main)


class RequestTest(ServerCase):
    def test_a_get(self):
        async def scenario(client):
            response = await client.get(self.base + "/hello")
            self.assertEqual((response.status, response.text), ("2.05", "hello"))
            self.assertEqual(response.content_format, numbers.TEXT_PLAIN)

        self.play(scenario)

    def test_bodies_in_blocks_both_ways(self):
        async def scenario(client):
            self.assertEqual((await client.put(self.base + "/kept", BODY)).code, numbers.CHANGED)
            self.assertEqual(self.kept, BODY)
            self.assertEqual((await client.get(self.base + "/kept")).payload, BODY)

        self.play(scenario)

    def test_many_requests_at_once(self):
        async def scenario(client):
            jobs = [client.get(self.base + "/hello") for _ in range(8)]
            self.assertEqual([x.text for x in await asyncio.gather(*jobs)], ["hello"] * 8)

        self.play(scenario)

    def test_a_slow_resource_answers_separately_and_holds_nobody_up(self):
        async def scenario(peer):
            slow = encode(_get("/slow", 7, b"slow"))
            self.assertEqual(await peer.exchange(slow, 0.1), b"")
            quick = await peer.request(_get("/hello", 8, b"quick"))
            self.assertEqual(quick.payload, b"hello")
            # First the acknowledgement alone, then the response in a message of its own.
            self.assertEqual(await peer.receive(), b"\x60\x00\x00\x07")
            separate = await peer.receive()
            self.assertEqual(separate[1], numbers.CONTENT)
            self.assertEqual(separate[4:8], b"slow")

        self.play_raw(scenario)

    def test_a_uri_that_is_none(self):
        async def scenario(client):
            with self.assertRaises(DecodeError):
                await client.get("http://127.0.0.1/")

        self.play(scenario)

    def test_closing_ends_what_waits(self):
        async def scenario(client):
            task = asyncio.create_task(client.get(self.base + "/slow"))
            await asyncio.sleep(0.05)
            await client.close()
            with self.assertRaises(Unreachable):
                await task
            self.assertEqual((await client.get(self.base + "/hello")).text, "hello")

        self.play(scenario)

    def test_too_many_requests_are_put_off(self):
        async def scenario(peer):
            for i in range(MAX_RUNNING):
                peer.send(encode(_get("/slow", 100 + i)))
            answer = await peer.request(_get("/hello", 99))
            self.assertEqual(answer.code, numbers.SERVICE_UNAVAILABLE)
            self.assertEqual(answer.uint(numbers.MAX_AGE), 2)

        self.play_raw(scenario)


class ObserveTest(ServerCase):
    def test_every_change_arrives(self):
        async def scenario(client):
            seen = []
            async with client.observe(self.base + "/kept") as changes:
                async for response in changes:
                    seen.append(response.payload)
                    if len(seen) == 4:
                        break
                    await client.put(self.base + "/kept", b"%d" % len(seen))
            self.assertEqual(seen, [b"", b"1", b"2", b"3"])
            await asyncio.sleep(0.1)
            self.assertEqual(len(self.server._observers._watches), 0)

        self.play(scenario)

    def test_a_body_in_blocks_is_fetched_whole(self):
        async def scenario(client):
            async with client.observe(self.base + "/kept") as changes:
                self.assertEqual((await changes.__anext__()).payload, b"")
                await client.put(self.base + "/kept", BODY)
                self.assertEqual((await changes.__anext__()).payload, BODY)

        self.play(scenario)

    def test_what_is_not_observable_comes_once(self):
        async def scenario(client):
            texts = []
            async for response in client.observe(self.base + "/hello"):
                texts.append(response.text)
            self.assertEqual(texts, ["hello"])

        self.play(scenario)

    def test_an_observer_that_resets_leaves(self):
        async def scenario(peer):
            observe = _get("/kept", 5, b"\x05", ((numbers.OBSERVE, b""),))
            first = await peer.request(observe)
            self.assertTrue(first.option(numbers.OBSERVE) is not None)
            self.server.notify("/kept")
            data = await peer.receive()
            self.assertEqual(data[0] >> 4, 4)
            await peer.exchange(b"\x70\x00" + data[2:4], 0.1)
            self.assertEqual(len(self.server._observers._watches), 0)

        self.play_raw(scenario)

    def test_changes_between_two_notifications_are_one(self):
        async def scenario(client):
            async with client.observe(self.base + "/kept") as changes:
                await changes.__anext__()
                for i in range(10):
                    self.kept = b"%d" % i
                    self.server.notify("/kept")
                self.assertEqual((await changes.__anext__()).payload, b"9")

        self.play(scenario)


class BadInputTest(ServerCase):
    """Each has its answer, or none where CoAP says so, and the server goes on."""

    def expect(self, data, answer):
        async def scenario(peer):
            self.assertEqual(await peer.exchange(data), answer)
            self.assertEqual((await peer.request(_get("/hello", 2))).payload, b"hello")

        self.play_raw(scenario)

    def test_short_datagrams(self):
        for size in range(4):
            self.expect(b"\x40\x01\x00"[:size], b"")
            self.setUp()

    def test_another_version(self):
        self.expect(b"\x00\x01\x12\x34", b"")

    def test_token_length_past_8(self):
        self.expect(b"\x49\x01\x12\x34" + bytes(12), b"\x70\x00\x12\x34")

    def test_an_option_past_the_end(self):
        self.expect(b"\x40\x01\x12\x34\xb5a", b"\x70\x00\x12\x34")

    def test_a_payload_marker_without_payload(self):
        self.expect(b"\x40\x01\x12\x34\xb1a\xff", b"\x70\x00\x12\x34")

    def test_a_path_of_2000_bytes(self):
        option = b"\xbe" + (2000 - 269).to_bytes(2, "big") + bytes(2000)
        self.expect(b"\x40\x01\x12\x34" + option, b"\x60\x82\x12\x34")

    def test_a_path_that_is_not_text(self):
        self.expect(b"\x40\x01\x12\x34\xb2\xff\xfe", b"\x60\x84\x12\x34")

    def test_an_unknown_critical_option(self):
        self.expect(b"\x40\x01\x12\x34\xd1\x00x", b"\x60\x82\x12\x34")

    def test_a_pat_option_where_nobody_can_check_it(self):
        self.expect(b"\x40\x01\x12\x34\xe0\xfc\xdc", b"\x60\x82\x12\x34")

    def test_a_ping(self):
        self.expect(b"\x40\x00\x12\x34", b"\x70\x00\x12\x34")

    def test_a_resource_nobody_may_reach(self):
        self.expect(encode(_get("/secret", 3, b"")), b"\x60\x81\x00\x03")


class Session:
    """What a guard makes of a request: inner message, peer, protection."""

    peer = (1, 1)
    current = True
    renewal = None
    answer = None

    def __init__(self, message):
        self.request = message.copy()
        for number in (numbers.PAT, numbers.OSCORE):
            self.request.remove(number)

    def pseudonym(self):
        return b"somebody"

    def is_current(self, now):
        return self.current

    def protect(self, response, counter=0):
        protected = response.copy()
        protected.add(numbers.PAT, bytes((counter,)))
        return protected


class Guard:
    """Takes the PAT option b"good", refuses everything else with 4.01."""

    def __init__(self):
        self.levels = []

    def refuse(self):
        return Message(numbers.UNAUTHORIZED, (), b"ask the manager")

    def unprotect(self, message, level_of, now):
        if message.option(numbers.PAT) != b"good":
            raise Refused(self.refuse())
        session = Session(message)
        self.levels.append(level_of(session.request))
        return session

    def manage(self, request, now):
        return Message(numbers.CHANGED, (), b"managed")


class ManagerAlone:
    """In place of leafnode.contexts: what comes in OSCORE comes from the manager."""

    def unprotect(self, message, now):
        return Session(message)

    def is_manager(self, session):
        return True


class GuardTest(ServerCase):
    def setUp(self):
        self.guard = Guard()
        ServerCase.setUp(self)

    def ask(self, path, value, observe=()):
        options = () if value is None else ((numbers.PAT, value),)

        async def scenario(peer):
            return await peer.request(_get(path, 1, b"\x01", options))

        return self.play_raw(scenario)

    def test_what_is_refused_looks_the_same_everywhere(self):
        for path, value in (("/secret", None), ("/missing", None), ("/secret", b"bad")):
            answer = self.ask(path, value)
            self.assertEqual((answer.code, answer.payload), (0x81, b"ask the manager"))
            self.setUp()

    def test_open_resources_stay_open(self):
        answer = self.ask("/hello", None)
        self.assertEqual((answer.payload, answer.option(numbers.PAT)), (b"hello", None))

    def test_an_authorized_request(self):
        answer = self.ask("/secret", b"good")
        self.assertEqual((answer.payload, answer.option(numbers.PAT)), (b"secret", b"\x00"))
        self.assertEqual(self.guard.levels, [1])

    def test_the_manager_does_not_reach_resources(self):
        self.server._contexts = ManagerAlone()

        async def scenario(peer):
            return await peer.request(_get("/secret", 1, b"\x01", ((numbers.OSCORE, b"x"),)))

        self.assertEqual(self.play_raw(scenario).payload, b"managed")

    def test_notifications_are_counted_until_the_grant_ends(self):
        async def scenario(peer):
            options = ((numbers.OBSERVE, b""), (numbers.PAT, b"good"))
            first = await peer.request(_get("/kept", 1, b"\x01", options))
            self.assertEqual(first.option(numbers.PAT), b"\x00")
            for counter in (1, 2):
                self.server.notify("/kept")
                data = await peer.receive()
                self.assertEqual(data[-1], counter)
                peer.send(b"\x60\x00" + data[2:4])
            Session.current = False
            self.server.notify("/kept")
            data = await peer.receive()
            self.assertEqual((data[1], data[-1]), (numbers.UNAUTHORIZED, 3))
            peer.send(b"\x60\x00" + data[2:4])
            self.server.notify("/kept")
            self.assertEqual(await peer.receive(0.2), b"")
            self.assertEqual(len(self.server._observers._watches), 0)

        try:
            self.play_raw(scenario)
        finally:
            Session.current = True
