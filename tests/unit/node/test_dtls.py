"""DTLS between two nodes on loopback; where the firmware has none, that it says so."""
# heap: 1m
# timeout: 120

import asyncio
import os
import unittest

from leafkey.coap.endpoint import Endpoint
from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, GET
from leafkey.errors import (
    AuthenticationError,
    UnknownToken,
    Unreachable,
    UnsupportedError,
    UsedToken,
)
from leafnode.clock import now_ms
from leafnode.dtls import client_context, identity, is_offered, server_context
from leafnode.dtls_connection import QUIET_MS, Connection
from leafnode.dtls_dialogue import DtlsDialogue
from leafnode.dtls_listener import MAX_HALF_OPEN, MAX_SESSIONS, DtlsListener
from leafnode.dtls_peer import SILENT_MS
from leafnode.dtls_records import HANDSHAKE, is_client_hello, kinds_of, refusal
from leafnode.dtls_session import Session
from leafnode.link import Link
from leafnode.udp import UdpSocket
from tests.support.loopback import HOST, Log, free_port
from tests.support.nodes import make_server

UNKNOWN = 255
# A flight and its answer on loopback take far less; ms.
SOON = 300


def at(number: int, slot: int = 1) -> bytes:
    return bytes((slot, number)) * 8


def psk(at: bytes) -> bytes:
    return at + at


class Offer:
    def __init__(self, at: bytes, is_used: bool):
        self.at = at
        self.is_used = is_used

    def psk(self) -> bytes:
        return psk(self.at)


class Channel:
    def __init__(self, slot: int):
        self.peer = (1, slot, 1)
        self.ends_at = None
        self.spent = False

    def is_current(self, now: int) -> bool:
        return self.ends_at is None or now < self.ends_at

    def is_spent(self) -> bool:
        return self.spent

    def end(self):
        return self.ends_at


class Verifier:
    """Knows every At but those of a slot 255; keeps what was used."""

    def __init__(self):
        self.used = []
        self.failing = False

    def find(self, at: bytes, now: int) -> Offer:
        if at[0] == UNKNOWN:
            raise UnknownToken("no slot has it")
        return Offer(at, at in self.used)

    def accept(self, offer: Offer, now: int) -> Channel:
        if offer.at in self.used:
            raise UsedToken("another was first")
        if self.failing:
            raise OSError(28)
        self.used.append(offer.at)
        return Channel(offer.at[0])


class Lossy(UdpSocket):
    """Loses the first datagrams that it should send, and remembers all of them."""

    def __init__(self, *place):
        super().__init__(*place)
        self.losing = 0
        self.sent = []

    def send(self, data, remote):
        self.sent.append(data)
        if len(self.sent) > self.losing:
            super().send(data, remote)


class Stranger:
    """A client that goes through a handshake step by step, and may stop anywhere."""

    def __init__(self, port: int, identity: bytes, key: bytes):
        self.socket = UdpSocket(HOST)
        self.remote = (HOST, port)
        self.session = Session(client_context(identity, key), now_ms())
        self.sent = []

    def send(self, datagram: bytes):
        self.sent.append(datagram)
        self.socket.send(datagram, self.remote)

    async def receive(self) -> bytes:
        """The next datagram, b"" if none comes soon."""
        received = self.socket.receive()
        while received is None:
            try:
                await asyncio.wait_for(self.socket.readable(), SOON / 1000)
            except asyncio.TimeoutError:
                return b""
            received = self.socket.receive()
        return received[0]

    async def step(self, datagram: bytes | None = None) -> list:
        """Give Mbed TLS a datagram; return what it wants to send."""
        kinds = kinds_of(datagram) if datagram else []
        self.session.receive(datagram, kinds, now_ms())
        return self.session.take()

    async def half_open(self) -> list:
        """Go as far as the server's ServerHelloDone; return the flight that would follow."""
        for datagram in await self.step():
            self.send(datagram)
        for datagram in await self.step(await self.receive()):
            self.send(datagram)
        return await self.step(await self.receive())

    def close(self):
        self.session.close()
        self.socket.close()


def last_flight(identity: bytes) -> bytes:
    """ClientKeyExchange with an identity, ChangeCipherSpec, and a Finished of the wrong key."""
    body = bytes((len(identity) >> 8, len(identity) & 0xFF)) + identity
    size = bytes((0, len(body) >> 8, len(body) & 0xFF))
    exchange = b"\x10" + size + b"\x00\x02" + bytes(3) + size + body
    start = b"\xfe\xfd\x00\x00\x00\x00\x00\x00\x00"
    length = bytes((len(exchange) >> 8, len(exchange) & 0xFF))
    flight = b"\x16" + start + b"\x02" + length + exchange
    flight += b"\x14" + start + b"\x03\x00\x01\x01"
    return flight + b"\x16\xfe\xfd\x00\x01" + bytes(6) + b"\x00\x28" + bytes(40)


class NotOfferedTest(unittest.TestCase):
    """What is the same everywhere, and what CPython and older firmware do."""

    def test_it_is_offered_or_refused_with_what_to_do(self):
        if is_offered():
            self.assertTrue(server_context({}).server_psk_keys is not None)
            return
        for make in (lambda: server_context({}), lambda: client_context(b"id", b"key")):
            with self.assertRaises(UnsupportedError):
                make()

    def test_a_server_says_so_and_serves_the_rest(self):
        server = make_server()
        listener = server._dtls_listener(HOST, Guard())
        (line,) = [line for line in server._log.lines if "DTLS" in line]
        self.assertEqual(listener is None, not is_offered())
        self.assertEqual("no PSK" in line, not is_offered())
        if listener is not None:
            listener.close()

    def test_a_client_is_told_before_it_shows_an_at(self):
        # Whatever it touched of the presenter would raise.
        if is_offered():
            self.assertTrue(DtlsDialogue(None, None, (HOST, 5683)) is not None)
            return
        with self.assertRaises(UnsupportedError):
            DtlsDialogue(None, None, (HOST, 5683))


class Guard:
    """What a listener and what ends its sessions want of a guard."""

    clients = None

    def next_end(self, now: int):
        return None


# CPython has nothing to run these with.
Case = unittest.TestCase if is_offered() else object


class Loopback(Case):
    def setUp(self):
        self.log = Log()
        self.verifier = Verifier()
        self.port = free_port()
        # The server's application does not answer.
        self.silent = False

    def play(self, scenario, socket=UdpSocket):
        """Run `scenario(listener)` with a server's link and a client's."""
        asyncio.run(self._play(scenario, socket))
        self.assertEqual([line for line in self.log.lines if "taken" in line], [])

    async def _play(self, scenario, socket):
        server = Link(Endpoint(os.urandom), UdpSocket(HOST, free_port()), self.log)
        self.client = Link(Endpoint(os.urandom), UdpSocket(HOST), self.log)
        self.socket = socket(HOST, self.port)
        listener = DtlsListener(self.socket, self.verifier, os.urandom, self.log)

        async def answer(message, remote, handle):
            slot = remote[2].channel.peer[1]
            if self.silent:
                await asyncio.sleep(10)
            server.respond(handle, Message(CONTENT, (), b"slot %d" % slot))

        server.serve(answer, None)
        server.attach(listener)
        tasks = [asyncio.create_task(link.run()) for link in (server, self.client)]
        try:
            await scenario(listener)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.sleep(0)

    async def connect(self, at: bytes, key: bytes | None = None, socket=None) -> Connection:
        socket = socket or UdpSocket(HOST)
        connection = Connection(socket, (HOST, self.port), identity(at), key or psk(at))
        self.client.attach(connection)
        try:
            await connection.opened()
        except Exception:
            self.client.detach(connection)
            raise
        return connection

    async def ask(self, connection: Connection) -> bytes:
        return (await self.client.request(Message(GET), connection.remote)).payload

    async def refused(self, at: bytes, key: bytes | None = None):
        with self.assertRaises(AuthenticationError):
            await self.connect(at, key)


class SessionTest(Loopback):
    def test_requests_of_several_sessions(self):
        async def scenario(listener):
            first = await self.connect(at(0))
            second = await self.connect(at(0, 2))
            for _ in range(3):
                self.assertEqual(await self.ask(first), b"slot 1")
                self.assertEqual(await self.ask(second), b"slot 2")
            self.assertEqual(listener.usage(), (0, 2))
            self.assertEqual(self.verifier.used, [at(0), at(0, 2)])

        self.play(scenario)

    def test_all_refusals_are_alike(self):
        async def scenario(listener):
            await self.connect(at(0))
            answers = []
            good = identity(at(1))
            for name in (
                good,
                identity(at(0)),
                identity(at(0, UNKNOWN)),
                b"",
                b"x",
                good + b"0",
                good[:-1] + b"\x00",
                b"\x00" * 32,
                good.upper(),
                b"y" * 300,
                b"z" * 1000,
            ):
                stranger = Stranger(self.port, good, b"wrong")
                await stranger.half_open()
                stranger.send(last_flight(name))
                answers.append(await stranger.receive())
                stranger.close()
            self.assertEqual(answers, [refusal()] * len(answers))
            self.assertEqual(listener.usage(), (0, 1))
            # None of it has used an AT up.
            self.assertEqual(self.verifier.used, [at(0)])
            self.assertEqual(await self.ask(await self.connect(at(1))), b"slot 1")

        self.play(scenario)

    def test_a_key_exchange_longer_than_any_identity_is_not_taken(self):
        async def scenario(listener):
            stranger = Stranger(self.port, identity(at(0)), b"wrong")
            await stranger.half_open()
            stranger.send(last_flight(b"y" * 1100))
            self.assertEqual(await stranger.receive(), b"")
            self.assertEqual(listener.usage(), (1, 0))
            stranger.close()
            await self.connect(at(0))

        self.play(scenario)

    def test_a_wrong_key_fails_at_once_and_uses_nothing_up(self):
        async def scenario(listener):
            await self.refused(at(0), b"wrong")
            self.assertEqual(await self.ask(await self.connect(at(0))), b"slot 1")
            await self.refused(at(0))

        self.play(scenario)

    def test_of_two_handshakes_with_one_at_the_first_to_finish_wins(self):
        async def scenario(listener):
            strangers = [Stranger(self.port, identity(at(0)), psk(at(0))) for _ in range(2)]
            flights = []
            for stranger in strangers:
                flights.append(await stranger.half_open())
            for place in (1, 0):
                for datagram in flights[place]:
                    strangers[place].send(datagram)
                answer = await strangers[place].receive()
                self.assertEqual(answer == refusal(), place == 0)
            self.assertEqual(self.verifier.used, [at(0)])
            self.assertEqual(listener.usage(), (0, 1))
            for stranger in strangers:
                stranger.close()

        self.play(scenario)

    def test_an_at_that_cannot_be_stored_as_used_opens_nothing(self):
        async def scenario(listener):
            self.verifier.failing = True
            await self.refused(at(0))
            self.verifier.failing = False
            self.assertEqual(await self.ask(await self.connect(at(0))), b"slot 1")

        self.play(scenario)

    def test_what_waits_fails_with_the_session(self):
        async def scenario(listener):
            connection = await self.connect(at(0))
            listener.close()
            request = asyncio.create_task(self.ask(connection))
            await asyncio.sleep(0)
            self.client.detach(connection)
            with self.assertRaises(Unreachable):
                await request
            self.assertTrue(connection.is_over)

        self.play(scenario)

    def test_a_session_is_quiet_after_a_silence(self):
        async def scenario(listener):
            connection = await self.connect(at(0))
            self.assertFalse(connection.is_quiet(now_ms()))
            self.assertTrue(connection.is_quiet(now_ms() + QUIET_MS))

        self.play(scenario)


class RoomTest(Loopback):
    async def half_open(self, count: int) -> list:
        strangers = [Stranger(self.port, identity(at(9, 9)), b"wrong") for _ in range(count)]
        for stranger in strangers:
            await stranger.half_open()
        return strangers

    async def connect_all(self) -> list:
        """A session of each of as many clients as there are places: of slots 10, 11, .."""
        connections = []
        for slot in range(10, 10 + MAX_SESSIONS):
            connections.append(await self.connect(at(0, slot)))
        return connections

    def test_ten_half_open_handshakes_hold_nobody_up(self):
        async def scenario(listener):
            connection = await self.connect(at(0))
            strangers = await self.half_open(10)
            self.assertEqual(listener.usage(), (MAX_HALF_OPEN, 1))
            self.assertEqual(await self.ask(connection), b"slot 1")
            self.assertEqual(await self.ask(await self.connect(at(0, 2))), b"slot 2")
            for stranger in strangers:
                stranger.close()

        self.play(scenario)

    def test_a_handshake_that_goes_nowhere_ends(self):
        async def scenario(listener):
            (stranger,) = await self.half_open(1)
            (peer,) = listener._half_open.values()
            peer.session.fails_at = now_ms()
            # The next one wakes the listener.
            await self.connect(at(0))
            self.assertEqual(listener.usage(), (0, 1))
            stranger.close()

        self.play(scenario)

    def test_only_who_hears_at_his_address_takes_a_place(self):
        async def scenario(listener):
            stranger = Stranger(self.port, identity(at(0)), psk(at(0)))
            for datagram in await stranger.step():
                stranger.send(datagram)
            verify = await stranger.receive()
            # Not more than it took to ask for it.
            self.assertTrue(len(verify) <= len(stranger.sent[0]))
            self.assertEqual(listener.usage(), (0, 0))
            for datagram in await stranger.step(verify):
                # A cookie that is not quite the one given.
                spoilt = bytearray(datagram)
                spoilt[65] ^= 1
                stranger.send(bytes(spoilt))
            self.assertEqual(kinds_of(await stranger.receive()), [(HANDSHAKE, 0)])
            self.assertEqual(listener.usage(), (0, 0))
            stranger.close()

        self.play(scenario)

    def test_the_session_heard_least_recently_makes_room_and_is_told(self):
        async def scenario(listener):
            connections = await self.connect_all()
            for peer in listener._open.values():
                peer.heard = now_ms() - 1000 - (peer.channel.peer[1] == 11)
            await self.connect(at(0, 1))
            slots = [peer.channel.peer[1] for peer in listener._open.values()]
            self.assertEqual(sorted(slots), [1, 10] + list(range(12, 10 + MAX_SESSIONS)))
            await asyncio.sleep(0.05)
            over = [connection.is_over for connection in connections]
            self.assertEqual(over, [place == 1 for place in range(MAX_SESSIONS)])

        self.play(scenario)

    def test_what_waits_in_a_session_that_makes_room_fails(self):
        async def scenario(listener):
            connection = await self.connect(at(0))
            connection.on_over = self.client.fail
            self.silent = True
            request = asyncio.create_task(self.ask(connection))
            await asyncio.sleep(0.05)
            listener._dismiss(*listener._open.values())
            with self.assertRaises(Unreachable):
                await request

        self.play(scenario)

    def test_sessions_that_are_done_make_room_first(self):
        async def scenario(listener):
            for done in ("ends_at", "spent"):
                for number in range(MAX_SESSIONS):
                    await self.connect(at(len(self.verifier.used), 10 + number))
                (peer,) = [p for p in listener._open.values() if p.channel.peer[1] == 11]
                setattr(peer.channel, done, 1)
                await self.connect(at(len(self.verifier.used), 1))
                slots = [p.channel.peer[1] for p in listener._open.values()]
                self.assertFalse(11 in slots)
                for peer in list(listener._open.values()):
                    listener._end(peer)

        self.play(scenario)

    def test_a_client_takes_one_place_however_often_it_comes(self):
        async def scenario(listener):
            other = await self.connect(at(0, 2))
            before = None
            for number in range(3 * MAX_SESSIONS):
                connection = await self.connect(at(number))
                if before is not None:
                    # What is under way in the session before may still end.
                    self.assertEqual(await self.ask(before), b"slot 1")
                before = connection
            self.assertEqual(await self.ask(other), b"slot 2")

        self.play(scenario)

    def test_a_done_session_is_freed_after_a_silence(self):
        async def scenario(listener):
            await self.connect(at(0))
            (peer,) = listener._open.values()
            now = now_ms()
            self.assertEqual(listener.next_end(now), None)
            peer.channel.ends_at = now + 5000
            self.assertEqual(listener.next_end(now), now + 5000)
            over = peer.heard + SILENT_MS
            self.assertEqual(listener.next_end(now + 5000), over)
            listener.close_ended(over - 1)
            self.assertEqual(listener.usage(), (0, 1))
            listener.close_ended(over)
            self.assertEqual(listener.usage(), (0, 0))

        self.play(scenario)

    def test_who_has_most_handshakes_makes_room(self):
        async def scenario(listener):
            strangers = await self.half_open(MAX_HALF_OPEN)
            old, young = listener._half_open.values()
            young.session.fails_at = old.session.fails_at + 1
            self.assertTrue(listener._most_dispensable((HOST, 1)) is old)
            old.address = ("192.0.2.1", 1)
            self.assertTrue(listener._most_dispensable((HOST, 1)) is young)
            for stranger in strangers:
                stranger.close()

        self.play(scenario)

    def test_without_memory_the_oldest_handshake_makes_room(self):
        async def scenario(listener):
            strangers = await self.half_open(1)
            listener._context = Scarce(listener._context, 1)
            await self.connect(at(0))
            self.assertEqual(listener.usage(), (0, 1))
            strangers[0].close()

        self.play(scenario)


class Scarce:
    """A context for whose next sessions there is no memory."""

    def __init__(self, context, lacking: int):
        self.context = context
        self.lacking = lacking

    def wrap_socket(self, wire, **words):
        if self.lacking:
            self.lacking -= 1
            raise OSError(12)
        return self.context.wrap_socket(wire, **words)


class DamageTest(Loopback):
    def test_garbage_ends_nothing(self):
        async def scenario(listener):
            connection = await self.connect(at(0), None, Lossy(HOST))
            socket = UdpSocket(HOST)
            recorded = connection._socket.sent
            for seed in recorded + [refusal(), b"", b"\x16\xfe\xfd"]:
                for size in (0, 1, 13, len(seed) // 2, len(seed)):
                    for data in (seed[:size], seed[:size] + os.urandom(20), os.urandom(size)):
                        for sender in (socket, connection._socket):
                            UdpSocket.send(sender, data, (HOST, self.port))
                await asyncio.sleep(0.01)
            self.assertEqual(await self.ask(connection), b"slot 1")
            self.assertEqual(listener.usage(), (0, 1))
            socket.close()

        self.play(scenario)

    def test_flipped_bits_end_no_session(self):
        async def scenario(listener):
            connection = await self.connect(at(0), None, Lossy(HOST))
            self.assertEqual(await self.ask(connection), b"slot 1")
            last = connection._socket.sent[-1]
            for place in range(len(last)):
                spoilt = bytearray(last)
                spoilt[place] ^= 1 << place % 8
                UdpSocket.send(connection._socket, bytes(spoilt), (HOST, self.port))
                UdpSocket.send(self.socket, bytes(spoilt), connection_address(listener))
                await asyncio.sleep(0)
            self.assertEqual(await self.ask(connection), b"slot 1")

        self.play(scenario)

    def test_a_handshake_repeated_by_the_network_does_not_end_its_session(self):
        async def scenario(listener):
            connection = await self.connect(at(0), None, Lossy(HOST))
            for datagram in list(connection._socket.sent):
                UdpSocket.send(connection._socket, datagram, (HOST, self.port))
                await asyncio.sleep(0.02)
            self.assertEqual(await self.ask(connection), b"slot 1")
            self.assertEqual(listener.usage()[1], 1)
            self.assertEqual(self.verifier.used, [at(0)])

        self.play(scenario)

    def test_what_was_recorded_is_not_taken_again(self):
        async def scenario(listener):
            connection = await self.connect(at(0), None, Lossy(HOST))
            for _ in range(3):
                await self.ask(connection)
            (peer,) = listener._open.values()
            heard = peer.heard = now_ms() - 1000
            for datagram in connection._socket.sent[-3:]:
                self.assertEqual(peer.session.receive(datagram, kinds_of(datagram), now_ms()), [])
                UdpSocket.send(connection._socket, datagram, (HOST, self.port))
            await asyncio.sleep(0.05)
            self.assertEqual(peer.heard, heard)
            self.assertEqual(await self.ask(connection), b"slot 1")

        self.play(scenario)

    def test_a_forged_end_of_the_handshake_proves_nothing(self):
        async def scenario(listener):
            listener.close()
            silent = UdpSocket(HOST, self.port)
            connection = Connection(UdpSocket(HOST), (HOST, self.port), identity(at(0)), psk(at(0)))
            self.client.attach(connection)
            await silent.readable()
            forged = last_flight(b"")[-67:]
            silent.send(forged, silent.receive()[1])
            await asyncio.sleep(0.1)
            request = asyncio.create_task(self.ask(connection))
            await asyncio.sleep(0.1)
            # Nothing but handshakes goes out.
            received = silent.receive()
            while received is not None:
                self.assertTrue(is_client_hello(received[0]))
                received = silent.receive()
            self.client.detach(connection)
            with self.assertRaises(Unreachable):
                await request
            silent.close()

        self.play(scenario)

    def test_a_client_that_starts_anew_at_its_address_replaces_its_session(self):
        async def scenario(listener):
            address = UdpSocket(HOST, free_port())
            first = await self.connect(at(0), None, address)
            self.client._attached.pop(first).cancel()
            await asyncio.sleep(0)
            first._session.close()
            second = await self.connect(at(1), None, address)
            self.assertEqual(await self.ask(second), b"slot 1")
            self.assertEqual(listener.usage(), (0, 1))

        self.play(scenario)

    def test_lost_flights_are_sent_again(self):
        async def scenario(listener):
            for losing in (1, 3):
                lossy = Lossy(HOST)
                lossy.losing = losing
                connection = await self.connect(at(losing), None, lossy)
                self.assertEqual(await self.ask(connection), b"slot 1")
                hellos = [data for data in lossy.sent if is_client_hello(data)]
                # The one with a cookie comes on top.
                self.assertEqual(len(hellos), losing + 2)

        self.play(scenario)

    def test_the_servers_flights_are_sent_again_too(self):
        async def scenario(listener):
            self.socket.losing = 1
            await self.connect(at(0))
            for flight in (2, 3):
                self.socket.sent = []
                # Up to the flight before, all arrives.
                self.socket.losing = 0
                self.socket.send = Dropping(self.socket, flight)
                connection = await self.connect(at(flight))
                self.assertEqual(await self.ask(connection), b"slot 1")
                self.assertEqual(self.socket.send.dropped, 1)
                del self.socket.send

        self.play(scenario, Lossy)

    def test_a_server_that_is_not_there(self):
        async def scenario(listener):
            listener.close()
            connection = Connection(UdpSocket(HOST), (HOST, self.port), b"id", b"key")
            connection._session.fails_at = now_ms() + SOON
            self.client.attach(connection)
            with self.assertRaises(Unreachable):
                await connection.opened()
            self.client.detach(connection)

        self.play(scenario)


class Dropping:
    """In place of `send`: drops one datagram, by its number from 1."""

    def __init__(self, socket: UdpSocket, number: int):
        self.socket = socket
        self.number = number
        self.dropped = 0

    def __call__(self, data, remote):
        self.number -= 1
        if self.number == 0:
            self.dropped += 1
            return
        UdpSocket.send(self.socket, data, remote)


def connection_address(listener: DtlsListener) -> tuple:
    """Where the client of the only session is."""
    (peer,) = listener._open.values()
    return peer.address
