"""The UDP socket: both families, and nothing the network does is an exception."""

import asyncio
import unittest

from leafkey.coap.parameters import MAX_DATAGRAM
from leafkey.errors import Unreachable
from leafnode.udp import UdpSocket, random_port, resolve
from tests.support.loopback import free_port


async def _received(socket):
    await asyncio.wait_for(socket.readable(), 5)
    return socket.receive()


class UdpSocketTest(unittest.TestCase):
    def setUp(self):
        self.port = free_port()

    def test_one_socket_serves_both_families(self):
        async def scenario():
            bound, peer = UdpSocket("", self.port), UdpSocket()
            for host in ("127.0.0.1", "::1"):
                peer.send(b"there", (host, self.port))
                data, remote = await _received(bound)
                self.assertEqual((data, remote[0]), (b"there", host))
                bound.send(b"back", remote)
                self.assertEqual(await _received(peer), (b"back", (host, self.port)))
            bound.close()
            peer.close()

        asyncio.run(scenario())

    def test_a_datagram_that_is_too_long_is_seen_to_be(self):
        async def scenario():
            bound, peer = UdpSocket("127.0.0.1", self.port), UdpSocket()
            for size in (0, 1, MAX_DATAGRAM, MAX_DATAGRAM + 500):
                peer.send(bytes(size), ("127.0.0.1", self.port))
                data, _ = await _received(bound)
                self.assertEqual(len(data), min(size, MAX_DATAGRAM + 1))
            bound.close()
            peer.close()

        asyncio.run(scenario())

    def test_what_cannot_be_sent_is_lost(self):
        socket = UdpSocket()
        for host, port in (("127.0.0.1", 0), ("127.0.0.1", 9), ("2001:db8::1", 9), ("fe80::1", 9)):
            socket.send(b"x", (host, port))
        socket.send(bytes(70000), ("127.0.0.1", 9))
        self.assertIsNone(socket.receive())
        socket.close()

    def test_a_port_is_bound_once(self):
        bound = UdpSocket("", self.port)
        with self.assertRaises(OSError):
            UdpSocket("", self.port)
        bound.close()

    def test_siblings_have_ports_drawn_at_random(self):
        async def scenario():
            bound, own = UdpSocket("127.0.0.1", self.port), UdpSocket("127.0.0.1")
            siblings = [own.sibling() for _ in range(20)]
            ports = []
            for sibling in siblings:
                sibling.send(b"x", ("127.0.0.1", self.port))
                ports.append((await _received(bound))[1][1])
                sibling.close()
            self.assertEqual(len(set(ports)), 20)
            self.assertTrue(all(49152 <= port <= 65535 for port in ports))
            self.assertTrue(max(ports) - min(ports) > 1000)
            steps = [ports[i + 1] - ports[i] for i in range(19)]
            self.assertTrue(len(set(steps)) > 10)
            bound.close()
            own.close()

        asyncio.run(scenario())

    def test_a_closed_socket_is_silent(self):
        socket = UdpSocket()
        socket.close()
        socket.close()
        socket.send(b"x", ("127.0.0.1", self.port))
        self.assertIsNone(socket.receive())

    def test_a_random_port_is_one_of_the_dynamic_ones(self):
        self.assertEqual(random_port(bytes), 49152)
        self.assertEqual(random_port(lambda size: b"\xff" * size), 65535)

    def test_many_peers_do_not_pile_up(self):
        socket = UdpSocket()
        for port in range(1000, 1200):
            socket.send(b"x", ("127.0.0.1", port))
        self.assertTrue(len(socket._addresses) <= 32)
        socket.close()


class ResolveTest(unittest.TestCase):
    def test_addresses_stay_what_they_are(self):
        self.assertEqual(resolve("127.0.0.1", 5683), ("127.0.0.1", 5683))
        self.assertEqual(resolve("::1", 1), ("::1", 1))

    def test_a_name_that_is_none(self):
        with self.assertRaises(Unreachable):
            resolve("no such name", 5683)
