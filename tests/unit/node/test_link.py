"""Fresh ports for requests: each seen once, closed afterwards, and silent to strangers."""

import asyncio
import os
import unittest

from leafkey.coap.endpoint import Endpoint
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import ACK, CON, CONTENT, EMPTY, GET, NON, PAT, RST
from leafkey.errors import Unreachable
from leafnode.link import Link
from leafnode.ports import MAX_OWING
from leafnode.sender import Sender
from leafnode.udp import UdpSocket
from tests.support.loopback import HOST, free_port


class Scarce(UdpSocket):
    """The socket of a platform that gives only so many more."""

    left = 0

    def sibling(self):
        if not self.left:
            raise OSError(12, "no memory")
        self.left -= 1
        return super().sibling()


class Server:
    """Answers each GET with a type of its choice, and knows from which ports they came."""

    def __init__(self):
        self.port = free_port()
        self.socket = UdpSocket(HOST, self.port)
        self.type = ACK
        self.ports = []
        self.resets = 0

    async def serve(self):
        while True:
            received = self.socket.receive()
            while received is None:
                await self.socket.readable()
                received = self.socket.receive()
            message = decode(received[0])
            if message.code == GET:
                self.ports.append(received[1][1])
                self.socket.send(self.answer(message), received[1])
            self.resets += message.type == RST

    def answer(self, message):
        reply = Message(CONTENT, (), b"21.5", self.type, message.mid, message.token)
        return encode(reply)


class OnLoopback(unittest.TestCase):
    def setUp(self):
        self.served = []

    def run_with(self, scenario, socket=UdpSocket):
        """Run `scenario(link, server, remote)`."""

        async def main():
            server = Server()
            link = Link(Endpoint(os.urandom), socket(HOST), self.served.append)
            link.serve(self._serve, None)
            tasks = [asyncio.create_task(run) for run in (server.serve(), link.run())]
            try:
                await scenario(link, server, (HOST, server.port))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.sleep(0)
                server.socket.close()

        asyncio.run(main())

    async def _serve(self, message, remote, handle):
        self.served.append(message)


class LinkTest(OnLoopback):
    def test_each_request_comes_from_a_port_of_its_own(self):
        async def scenario(link, server, remote):
            for _ in range(10):
                self.assertEqual((await link.request_afresh(Message(GET), remote)).code, CONTENT)
            self.assertEqual(len(set(server.ports)), 10)
            self.assertEqual(len(link._ports), 0)

        self.run_with(scenario)

    def test_ports_that_owe_something_stay_open_for_a_while(self):
        async def scenario(link, server, remote):
            server.type = CON
            for _ in range(MAX_OWING + 5):
                await link.request_afresh(Message(GET), remote)
            self.assertEqual(len(link._ports), MAX_OWING)
            # An acknowledgement that was lost is asked for again.
            server.socket.send(
                encode(Message(CONTENT, (), b"", CON, 7, b"gone")), (HOST, server.ports[-1])
            )
            await asyncio.sleep(0.1)
            self.assertEqual(server.resets, 1)

        self.run_with(scenario)

    def test_without_a_fresh_port_the_links_own_does(self):
        async def scenario(link, server, remote):
            link._socket.left = 2
            for _ in range(4):
                await link.request_afresh(Message(GET), remote)
            self.assertEqual(len(set(server.ports)), 3)
            self.assertEqual(server.ports[2], server.ports[3])

        self.run_with(scenario, Scarce)

    def test_a_port_that_owes_something_makes_room(self):
        async def scenario(link, server, remote):
            link._socket.left = 1
            link.release(link.fresh(remote), True)
            self.assertEqual(link.fresh(remote), remote)
            self.assertEqual(len(link._ports), 0)

        self.run_with(scenario, Scarce)

    def test_a_fresh_port_serves_nobody(self):
        async def scenario(link, server, remote):
            place = link.fresh(remote)
            await link.request(Message(GET), place)
            ask = encode(Message(GET, (), b"", NON, 9, b"ask"))
            server.socket.send(ask, (HOST, server.ports[-1]))
            await asyncio.sleep(0.1)
            self.assertEqual(self.served, [])
            link.release(place, False)

        self.run_with(scenario)

    def test_a_ping_is_answered_there(self):
        async def scenario(link, server, remote):
            place = link.fresh(remote)
            await link.request(Message(GET), place)
            ping = encode(Message(EMPTY, (), b"", CON, 9))
            server.socket.send(ping, (HOST, server.ports[-1]))
            await asyncio.sleep(0.1)
            self.assertEqual(server.resets, 1)

        self.run_with(scenario)

    def test_the_end_of_the_link_ends_them_all(self):
        async def scenario(link, server, remote):
            server.type = CON
            place = link.fresh(remote)
            link.fresh(remote)
            waiting = link.observe(Message(GET), (HOST, 9, place[2]))
            link._ports.close()
            self.assertEqual(len(link._ports), 0)
            link.cancel(waiting.handle)
            link.release(place, True)

        self.run_with(scenario)


class Client:
    """What a Sender sees of a Client."""

    def __init__(self, link):
        self.link = link

    async def send(self, message, remote):
        return await self.link.request_afresh(message, remote)


class Line:
    """A transport of another kind: what is sent comes back as a piggybacked answer."""

    serves = True
    supported = None

    def __init__(self):
        self.remote = ("line", 0, self)
        self.arrived = []
        self.is_closed = False
        self.answers = True

    async def readable(self):
        while not self.arrived:
            await asyncio.sleep(0.01)

    def receive(self):
        return (self.arrived.pop(0), self.remote) if self.arrived else None

    def send(self, data, remote):
        message = decode(data)
        if self.answers and message.code == GET:
            answer = Message(CONTENT, (), b"line", ACK, message.mid, message.token)
            self.arrived.append(encode(answer))

    def close(self):
        self.is_closed = True


class AttachTest(OnLoopback):
    def test_a_further_transport_carries_requests(self):
        async def scenario(link, server, remote):
            line = Line()
            link.attach(line)
            self.assertEqual((await link.request(Message(GET), line.remote)).payload, b"line")
            self.assertEqual((await link.request(Message(GET), remote)).payload, b"21.5")

        self.run_with(scenario)

    def test_it_serves_if_it_says_so(self):
        async def scenario(link, server, remote):
            for serves in (True, False):
                line = Line()
                line.serves = serves
                link.attach(line)
                line.arrived.append(encode(Message(GET, (), b"", NON, 9, b"ask")))
                await asyncio.sleep(0.1)
            self.assertEqual(len(self.served), 1)

        self.run_with(scenario)

    def test_what_waits_fails_when_it_is_detached(self):
        async def scenario(link, server, remote):
            line = Line()
            line.answers = False
            link.attach(line)
            request = asyncio.create_task(link.request(Message(GET), line.remote))
            await asyncio.sleep(0)
            link.detach(line)
            with self.assertRaises(Unreachable):
                await request
            self.assertTrue(line.is_closed)
            link.detach(line)
            self.assertEqual((await link.request(Message(GET), remote)).code, CONTENT)

        self.run_with(scenario)

    def test_it_is_closed_with_the_link(self):
        lines = []

        async def scenario(link, server, remote):
            lines.append(Line())
            link.attach(lines[0])
            # The link runs from the next turn on.
            await asyncio.sleep(0)

        self.run_with(scenario)
        self.assertTrue(lines[0].is_closed)


class SenderTest(OnLoopback):
    def test_what_has_no_at_stays_on_one_port(self):
        async def scenario(link, server, remote):
            sender = Sender(Client(link), remote)
            for _ in range(3):
                await sender.send(Message(GET))
            for _ in range(3):
                await sender.send(Message(GET, ((PAT, bytes(25)),)))
            await sender.send(Message(GET))
            sender.close()
            own = server.ports[0]
            self.assertEqual(
                [port == own for port in server.ports], [True] * 3 + [False] * 3 + [True]
            )
            self.assertEqual(len(set(server.ports)), 4)
            self.assertEqual(len(link._ports), 0)

        self.run_with(scenario)

    def test_a_request_that_ends_closes_its_port(self):
        async def scenario(link, server, remote):
            waiting = asyncio.create_task(link.request_afresh(Message(GET), (HOST, 9)))
            await asyncio.sleep(0.05)
            self.assertEqual(len(link._ports), 1)
            waiting.cancel()
            try:
                await waiting
            except (asyncio.CancelledError, Unreachable):
                self.assertEqual(len(link._ports), 0)

        self.run_with(scenario)
