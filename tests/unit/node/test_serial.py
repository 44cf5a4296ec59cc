"""Nodes on a serial line: requests that say where they go, and noise that changes nothing."""
# heap: 640k

import asyncio
import io
import os
import select
import socket
import unittest

from leafkey.coap import slipmux
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    ACK,
    BLOCK1,
    CHANGED,
    CON,
    CONTENT,
    CONTINUE,
    EMPTY,
    GET,
    OBSERVE,
    PUT,
    RST,
    URI_HOST,
    URI_PORT,
)
from leafkey.errors import Unreachable
from leafnode.client import Client
from leafnode.serial import MAX_LOG, OTHER_END, SerialLine
from leafnode.server import Server
from tests.support.loopback import FIRST_PORT, HOST, PORTS, Log
from tests.support.nodes import NOWHERE, SECONDS

BODY = bytes([i * 7 & 0xFF for i in range(3000)])


def streams() -> tuple:
    """Two ends of a line: what both runtimes have is TCP."""
    listener = socket.socket()
    while True:
        drawn = os.urandom(2)
        port = FIRST_PORT + (drawn[0] << 8 | drawn[1]) % PORTS
        try:
            listener.bind(socket.getaddrinfo(HOST, port)[0][-1])
            break
        except OSError:
            continue
    listener.listen(1)
    one = socket.socket()
    one.connect(socket.getaddrinfo(HOST, port)[0][-1])
    other = listener.accept()[0]
    listener.close()
    return one, other


class Bridge:
    """The other end of a line: sees frames, and answers as the test says."""

    def __init__(self, stream):
        self.line = SerialLine(stream)
        self.line.serve(self)
        self.stream = stream

    def whose(self, data):
        return None

    async def message(self) -> Message:
        """The next message."""
        while True:
            received = self.line.receive()
            if received is not None:
                return decode(received[0])
            await asyncio.wait_for(self.line.readable(), SECONDS)

    def say(self, message: Message):
        """Send a message as it is."""
        self.line.send(encode(message), OTHER_END)

    def answer(self, request: Message, payload: bytes):
        """Answer a request at once."""
        self.say(Message(CONTENT, (), payload, ACK, request.mid, request.token))

    def noise(self, data: bytes):
        """Send bytes that are no frame."""
        self.line._write(data)


class OnALine(unittest.TestCase):
    def setUp(self):
        self.streams = self.one, self.other = streams()
        self.log = Log()

    def tearDown(self):
        for stream in self.streams:
            stream.close()

    def client(self) -> Client:
        return Client(NOWHERE, self.log, line=SerialLine(self.one))

    def server(self) -> Server:
        server = Server(NOWHERE, log=self.log, line=SerialLine(self.other))
        kept = {}

        @server.resource("/store", methods=("GET", "PUT"), level="open", observable=True)
        async def store(request):
            if request.method == "GET":
                return kept.get("body", b"nothing")
            kept["body"] = request.payload
            server.notify("/store")
            return None

        return server

    def run_with(self, scenario, *others):
        async def main():
            tasks = [asyncio.create_task(other) for other in others]
            try:
                await asyncio.wait_for(scenario(), SECONDS)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.sleep(0)

        asyncio.run(main())


class TwoNodesTest(OnALine):
    def test_get_put_and_observe(self):
        server = self.server()

        async def scenario():
            async with self.client() as client:
                uri = "coap://whoever/store"
                self.assertEqual((await client.get(uri)).text, "nothing")
                async with client.observe(uri) as changes:
                    seen = []
                    async for change in changes:
                        seen.append(len(change.payload))
                        if len(seen) == 2:
                            break
                        self.assertEqual((await client.put(uri, BODY)).status, "2.04")
                self.assertEqual(seen, [7, 3000])
                self.assertEqual((await client.get(uri)).payload, BODY)

        self.run_with(scenario, server.serve())
        self.assertIn("ready on a line", self.log.lines)

    def test_a_client_can_be_closed_and_used_again(self):
        server = self.server()

        async def scenario():
            client = self.client()
            for _ in range(3):
                self.assertEqual((await client.get("coap://whoever/store")).text, "nothing")
                await client.close()

        self.run_with(scenario, server.serve())

    def test_a_client_on_its_servers_line(self):
        server = self.server()
        bridge = Bridge(self.one)

        async def scenario():
            client = Client(NOWHERE, self.log, server=server)
            asking = asyncio.create_task(client.get("coap://thermo/temp"))
            request = await bridge.message()
            self.assertEqual(request.option(URI_HOST), b"thermo")
            # Both roles at once: a request that comes in has nothing to do with the one under way.
            stranger = Message(GET, (), b"", CON, request.mid, request.token)
            stranger.set_path("/store")
            bridge.say(stranger)
            self.assertEqual((await bridge.message()).payload, b"nothing")
            bridge.answer(request, b"21.5")
            self.assertEqual((await asking).text, "21.5")

        self.run_with(scenario, server.serve())


class AddressingTest(OnALine):
    def test_requests_name_their_destination(self):
        bridge = Bridge(self.other)

        async def scenario():
            async with self.client() as client:
                for uri, host, port in (
                    ("coap://192.0.2.17/temp", b"192.0.2.17", None),
                    ("coap://thermo:5700/temp", b"thermo", 5700),
                    ("coap://[2001:db8::1]:61616/temp", b"[2001:db8::1]", 61616),
                ):
                    asking = asyncio.create_task(client.get(uri))
                    request = await bridge.message()
                    self.assertEqual(request.options_of(URI_HOST), [host])
                    self.assertEqual(request.uint(URI_PORT), port)
                    self.assertEqual(request.path(), (b"temp",))
                    bridge.answer(request, b"x")
                    self.assertEqual((await asking).text, "x")

        self.run_with(scenario)

    def test_a_name_of_the_nodes_own_never_leaves_it(self):
        bridge = Bridge(self.other)

        async def scenario():
            servers = {"thermo": "192.0.2.17"}
            async with Client(
                NOWHERE, self.log, servers=servers, line=SerialLine(self.one)
            ) as client:
                asking = asyncio.create_task(client.get("coap://thermo/temp"))
                request = await bridge.message()
                self.assertEqual(request.options_of(URI_HOST), [b"192.0.2.17"])
                bridge.answer(request, b"x")
                await asking

        self.run_with(scenario)

    def test_one_server_that_is_silent_holds_up_no_other(self):
        bridge = Bridge(self.other)

        async def scenario():
            async with self.client() as client:
                silent = asyncio.create_task(client.get("coap://silent/temp"))
                self.assertEqual((await bridge.message()).option(URI_HOST), b"silent")
                asking = asyncio.create_task(client.get("coap://thermo/temp"))
                request = await bridge.message()
                bridge.answer(request, b"21.5")
                self.assertEqual((await asking).text, "21.5")
                silent.cancel()

        self.run_with(scenario)

    def test_separate_and_late_answers_find_their_request(self):
        bridge = Bridge(self.other)

        async def scenario():
            async with self.client() as client:
                asking = asyncio.create_task(client.get("coap://thermo/temp"))
                request = await bridge.message()
                bridge.say(Message(EMPTY, (), b"", ACK, request.mid))
                separate = Message(CONTENT, (), b"21.5", CON, 77, request.token)
                bridge.say(separate)
                self.assertEqual((await asking).text, "21.5")
                reply = await bridge.message()
                self.assertEqual((reply.type, reply.mid), (ACK, 77))
                # A stranger's answer, or one to a request that is over, has no place.
                bridge.say(Message(CONTENT, (), b"", CON, 78, b"unknown"))
                reply = await bridge.message()
                self.assertEqual((reply.type, reply.mid), (RST, 78))

        self.run_with(scenario)

    def test_a_reset_ends_a_request_at_once(self):
        bridge = Bridge(self.other)

        async def scenario():
            async with self.client() as client:
                asking = asyncio.create_task(client.get("coap://thermo/temp"))
                request = await bridge.message()
                bridge.say(Message(EMPTY, (), b"", RST, request.mid))
                try:
                    await asking
                except Exception as error:
                    self.assertEqual(type(error).__name__, "ProtocolError")
                else:
                    self.assertTrue(False, "no error")

        self.run_with(scenario)

    def test_closing_ends_what_waits(self):
        bridge = Bridge(self.other)

        async def scenario():
            client = self.client()
            asking = asyncio.create_task(client.get("coap://thermo/temp"))
            await bridge.message()
            await client.close()
            try:
                await asking
            except Unreachable:
                return
            self.assertTrue(False, "no error")

        self.run_with(scenario)


class Uart(io.IOBase):
    """What machine.UART offers, over a socket: it counts what it has, and takes 64 bytes."""

    def __init__(self, stream):
        self._stream = stream
        self._poll = select.poll()
        self._poll.register(stream, select.POLLIN)
        self._kept = b""

    def fileno(self):
        return self._stream.fileno()

    def any(self):
        if not self._kept and self._poll.poll(0):
            self._kept = self._stream.recv(256)
        return len(self._kept)

    def read(self, size):
        data, self._kept = self._kept[:size], self._kept[size:]
        return data

    def write(self, data):
        return self._stream.send(data[:64])

    def ioctl(self, request, flags):
        # MP_STREAM_POLL of MicroPython's stream protocol, and its flags for reading and writing.
        return (1 if self.any() else 0) | 4 if request == 3 else 0


class UartTest(OnALine):
    def test_a_body_over_a_uart(self):
        self.one, self.other = Uart(self.one), Uart(self.other)
        server = self.server()

        async def scenario():
            async with self.client() as client:
                uri = "coap://whoever/store"
                self.assertEqual((await client.put(uri, BODY)).status, "2.04")
                self.assertEqual((await client.get(uri)).payload, BODY)

        self.run_with(scenario, server.serve())


class PeersTest(OnALine):
    def test_one_observer_that_is_silent_holds_up_no_other(self):
        server = self.server()
        bridge = Bridge(self.one)

        async def scenario():
            # Tokens as a bridge makes them: the first three bytes name the peer.
            for mid, token in enumerate((b"one-one", b"two-two")):
                observe = Message(GET, ((OBSERVE, b""),), b"", CON, mid, token)
                observe.set_path("/store")
                bridge.say(observe)
                self.assertEqual((await bridge.message()).token, token)
            for turn in range(2):
                server.notify("/store")
                told = []
                for _ in range(2 - turn):
                    told.append(await bridge.message())
                self.assertEqual({message.type for message in told}, {CON})
                two = [message for message in told if message.token == b"two-two"]
                bridge.say(Message(EMPTY, (), b"", ACK, two[0].mid))

        self.run_with(scenario, server.serve())

    def test_bodies_of_two_peers_do_not_mix(self):
        server = self.server()
        bridge = Bridge(self.one)

        async def scenario():
            bodies = {b"one": b"1" * 32, b"two": b"2" * 32}
            mid = 0
            for num, more in ((0, 8), (1, 0)):
                for peer in bodies:
                    mid += 1
                    block = bodies[peer][:16]
                    put = Message(PUT, ((BLOCK1, num << 4 | more),), block, CON, mid, peer)
                    put.token += bytes((num,)) * 4
                    put.set_path("/store")
                    bridge.say(put)
                    answer = await bridge.message()
                    self.assertEqual(answer.code, CONTINUE if more else CHANGED)

        self.run_with(scenario, server.serve())


class NoiseTest(OnALine):
    def get(self, bridge, mid):
        message = Message(GET, (), b"", CON, mid, b"t")
        message.set_path("/store")
        return slipmux.encode(encode(message))

    def test_frames_between_prompts_and_prints(self):
        server = self.server()
        bridge = Bridge(self.one)

        async def scenario():
            for mid, noise in enumerate(
                (b"", b"\r\n>>> ", b"\x00\xff\xa9\x40", b"\xdb", b"\xc0\xa9half", b"\x0a" * 5000)
            ):
                bridge.noise(noise)
                bridge.noise(self.get(bridge, mid))
                reply = await bridge.message()
                self.assertEqual((reply.mid, reply.payload), (mid, b"nothing"))

        self.run_with(scenario, server.serve())

    def test_a_frame_that_comes_in_pieces(self):
        server = self.server()
        bridge = Bridge(self.one)

        async def scenario():
            frame = self.get(bridge, 5)
            for i in range(len(frame)):
                bridge.noise(frame[i : i + 1])
                await asyncio.sleep(0)
            self.assertEqual((await bridge.message()).mid, 5)

        self.run_with(scenario, server.serve())

    def test_a_flood_is_taken_piece_by_piece(self):
        server = self.server()
        bridge = Bridge(self.one)

        async def scenario():
            ping = slipmux.encode(encode(Message(EMPTY, (), b"", CON, 9)))
            for _ in range(50):
                bridge.noise(ping)
            for _ in range(8):
                self.assertEqual((await bridge.message()).type, RST)
            self.assertTrue(len(server.link._socket._received) <= 8)

        self.run_with(scenario, server.serve())

    def test_diagnostics_that_a_platform_gets_are_ignored(self):
        server = self.server()
        bridge = Bridge(self.one)

        async def scenario():
            bridge.noise(slipmux.encode_diagnostic("hello"))
            bridge.noise(self.get(bridge, 6))
            self.assertEqual((await bridge.message()).mid, 6)

        self.run_with(scenario, server.serve())

    def test_messages_that_are_too_short_are_ignored(self):
        server = self.server()
        bridge = Bridge(self.one)

        async def scenario():
            for size in range(4):
                bridge.noise(slipmux.encode(bytes(size)))
            bridge.noise(self.get(bridge, 6))
            self.assertEqual((await bridge.message()).mid, 6)

        self.run_with(scenario, server.serve())

    def test_the_end_of_the_stream_ends_nothing(self):
        server = self.server()

        async def scenario():
            self.one.close()
            await asyncio.sleep(0.2)
            self.assertIsNone(server.link._socket.receive())

        self.run_with(scenario, server.serve())
        self.assertEqual(self.log.lines[1:], ["ready on a line"])


class Slow:
    """An output that takes a few bytes at a time, and at times none."""

    def __init__(self, size):
        self.size = size
        self.taken = b""
        self.turn = 0

    def write(self, data):
        self.turn += 1
        if not self.size or self.turn % 3 == 0:
            return None
        piece = bytes(data[: self.size])
        self.taken += piece
        return len(piece)


class Failing:
    def write(self, data):
        raise OSError(5, "gone")


class WriteTest(OnALine):
    def line(self, output) -> SerialLine:
        line = SerialLine(self.one)
        line._output = output
        return line

    def test_a_frame_in_small_writes(self):
        output = Slow(3)
        self.line(output).log("a line of text")
        self.assertEqual(output.taken, slipmux.encode_diagnostic("a line of text"))

    def test_a_line_that_takes_nothing_holds_nobody_up(self):
        output = Slow(0)
        self.line(output).log("text")
        self.assertEqual(output.taken, b"")
        self.assertTrue(output.turn < 50)

    def test_a_line_that_fails(self):
        self.line(Failing()).log("text")

    def test_log_lines_are_bounded(self):
        output = Slow(4096)
        self.line(output).log("x" * 5000)
        self.assertEqual(len(output.taken), MAX_LOG + 4)

    def test_a_closed_line_is_silent(self):
        output = Slow(4096)
        line = self.line(output)
        line.send(encode(Message(EMPTY, (), b"", CON, 1)), OTHER_END)
        self.assertEqual(output.taken, b"")
        self.assertIsNone(line.receive())


if __name__ == "__main__":
    unittest.main()
