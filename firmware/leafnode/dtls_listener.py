"""A server's DTLS: one UDP port for all its sessions (SPEC 5.9)."""

import asyncio
import gc

from leafkey.compat import const
from leafkey.errors import DecodeError, TokenError
from leafnode.clock import now_ms
from leafnode.dtls import GOODBYE, at_of, server_context
from leafnode.dtls_peer import Peer
from leafnode.dtls_records import APPLICATION_DATA, is_client_hello, kinds_of, refusal
from leafnode.dtls_session import Session
from leafnode.udp import UdpSocket

# A session takes 24 KB with Mbed TLS as MicroPython builds it: these, and one more for each
# ClientHello, fit a heap of 192 KB beside the server.
# Handshakes under way; for a further one the oldest makes room, of the host that has most of them.
MAX_HALF_OPEN = const(2)
# Sessions after that. For a further one makes room that was heard least recently, first of those
# that are done; its client is told.
MAX_SESSIONS = const(3)
# Datagrams taken before other tasks get their turn.
BURST = const(8)


class DtlsListener:
    """A transport of a leafnode.link.Link; its remotes are (host, port, Peer)."""

    def __init__(self, socket: UdpSocket, verifier, random_bytes, log):
        """`verifier` finds and accepts ATs as a leafkey.pat.verifier.Verifier does.

        UnsupportedError if this firmware has no PSK. `log(text)` gets no peer data.
        """
        self._context = server_context(self)
        self._socket = socket
        self._verifier = verifier
        self._random_bytes = random_bytes
        self._log = log
        # Whose handshake Mbed TLS is at, while it asks for a key.
        self._driven = None
        # By address, both.
        self._half_open = {}
        self._open = {}
        self._arrived = []
        # Called when a session has begun: it may have an end.
        self.on_open = _nothing
        # Called with a Peer that gets nothing more to do: what lasts should move on.
        self.on_leave = _ignore

    def usage(self) -> tuple:
        """Return how many handshakes are under way and how many sessions are open."""
        return len(self._half_open), len(self._open)

    # Towards the link

    async def readable(self):
        """Return when there is something to receive; handshakes go on in here."""
        while not self._arrived:
            await self._wait()
            try:
                self._run(now_ms())
            except Exception as error:
                # A board may be out of memory for this datagram and have enough for the next one.
                self._log("a DTLS datagram could not be taken: " + type(error).__name__)

    def receive(self) -> tuple | None:
        """(data, remote) of a message that came in a session, or None."""
        return self._arrived.pop(0) if self._arrived else None

    def send(self, peer: Peer, data: bytes):
        """Send a message in a session; it is lost if that has ended."""
        if self._open.get(peer.address) is not peer:
            return
        try:
            peer.session.seal(data)
        except (OSError, MemoryError):
            # What matters is retransmitted.
            return
        self._flush(peer)

    def close(self):
        """End all sessions and free the port."""
        for peer in list(self._open.values()):
            self._dismiss(peer)
        for peer in list(self._half_open.values()):
            self._end(peer)
        self._socket.close()

    # Towards the server

    def close_ended(self, now: int):
        """End the sessions whose grant or AT has ended, after a silence; now: ms.

        Up to then they answer 4.01: a client that asked nothing would hear of it no other way.
        """
        for peer in list(self._open.values()):
            if peer.is_done(now) and peer.is_silent(now):
                self._dismiss(peer)

    def next_end(self, now: int) -> int | None:
        """When the next session may be done with, ms; None if none has such a time."""
        ends = [peer.end(now) for peer in self._open.values()]
        ends = [end for end in ends if end is not None]
        return min(ends) if ends else None

    # Towards Mbed TLS

    def get(self, identity: bytes) -> bytes:
        """Return the PSK of an identity; random bytes if it has none, so that all fail alike."""
        try:
            offer = self._verifier.find(at_of(identity), now_ms())
            if not offer.is_used and self._driven is not None:
                self._driven.offer = offer
                return offer.psk()
        except (DecodeError, TokenError):
            pass
        return self._random_bytes(32)

    # Time

    async def _wait(self):
        """Return when there may be a datagram, or something is due."""
        ends = [min(peer.session.due, peer.session.fails_at) for peer in self._half_open.values()]
        if not ends:
            await self._socket.readable()
            return
        try:
            seconds = max(0, min(ends) - now_ms()) / 1000
            await asyncio.wait_for(self._socket.readable(), seconds)
        except asyncio.TimeoutError:
            return

    def _run(self, now: int):
        self._run_due(now)
        for _ in range(BURST):
            received = self._socket.receive()
            if received is None:
                return
            self._take(received[0], received[1], now)

    def _run_due(self, now: int):
        for peer in list(self._half_open.values()):
            if peer.session.fails_at <= now:
                self._end(peer)
            elif peer.session.due <= now:
                self._drive(peer, None, [], now)

    # Datagrams

    def _take(self, datagram: bytes, address: tuple, now: int):
        kinds = kinds_of(datagram)
        if not kinds:
            return
        peer = self._half_open.get(address)
        # A client that starts anew at an old address has both for a moment.
        if peer is None or kinds[0][0] == APPLICATION_DATA:
            peer = self._open.get(address, peer)
        if is_client_hello(datagram) and (peer is None or peer.channel is not None):
            self._greet(datagram, kinds, address, now)
        elif peer is not None:
            self._drive(peer, datagram, kinds, now)

    def _greet(self, datagram: bytes, kinds: list, address: tuple, now: int):
        """Answer a ClientHello: with a cookie, or, if it has one, by a handshake."""
        peer = self._new(address, now)
        if peer is None:
            return
        try:
            peer.session.receive(datagram, kinds, now)
        except (OSError, MemoryError):
            # A HelloVerifyRequest, or an alert: nothing of it is kept.
            self._flush(peer)
            self._end(peer)
            return
        if not peer.session.has_answer():
            # Mbed TLS would wait for a better ClientHello: it has seen no cookie yet.
            self._end(peer)
            return
        while len(self._half_open) >= MAX_HALF_OPEN:
            self._end(self._most_dispensable(address))
        self._half_open[address] = peer
        self._flush(peer)

    def _new(self, address: tuple, now: int) -> Peer | None:
        client_id = ("%s %d" % address).encode()
        while True:
            try:
                session = Session(self._context, now, server_side=True, client_id=client_id)
                return Peer(self.send, address, session, now)
            except (OSError, MemoryError):
                if not self._half_open:
                    self._log("no memory for a DTLS handshake")
                    return None
                self._end(self._most_dispensable(address))
                gc.collect()

    def _most_dispensable(self, address: tuple) -> Peer:
        """Return the handshake that makes room for one with `address`."""
        hosts = [address[0]] + [peer.address[0] for peer in self._half_open.values()]
        most = max([hosts.count(host) for host in hosts])
        peers = [p for p in self._half_open.values() if hosts.count(p.address[0]) == most]
        peers = peers or list(self._half_open.values())
        return min(peers, key=lambda peer: peer.session.fails_at)

    def _drive(self, peer: Peer, datagram: bytes | None, kinds: list, now: int):
        self._driven = peer
        try:
            found = peer.session.receive(datagram, kinds, now)
        except MemoryError:
            # The datagram is lost; its sender repeats it.
            return
        except OSError:
            self._fail(peer)
            return
        finally:
            self._driven = None
        if peer.channel is None and peer.session.is_open and not self._admit(peer, now):
            self._fail(peer)
            return
        self._flush(peer)
        if peer.channel is not None and found:
            # What does not verify, anybody may have sent.
            peer.heard = now
            self._arrived += [(data, peer.remote) for data in found]
        if peer.session.is_closed:
            self._end(peer)

    def _flush(self, peer: Peer):
        for datagram in peer.session.take():
            self._socket.send(datagram, peer.address)

    # Sessions

    def _admit(self, peer: Peer, now: int) -> bool:
        """Use the AT up whose key the client has; False if it was used meanwhile."""
        if peer.offer is None:
            return False
        try:
            peer.channel = self._verifier.accept(peer.offer, now)
        except TokenError:
            return False
        except OSError:
            self._log("an AT could not be stored as used")
            return False
        peer.offer = None
        del self._half_open[peer.address]
        if peer.address in self._open:
            # Nobody is left there who could read what that session says.
            self._end(self._open[peer.address])
        before = [other for other in self._open.values() if other.holder == peer.holder]
        while len(self._open) >= MAX_SESSIONS:
            self._dismiss(self._least_needed(before, now))
        for other in before:
            other.is_superseded = True
            self.on_leave(other)
        self._open[peer.address] = peer
        self.on_open()
        return True

    def _least_needed(self, before: list, now: int) -> Peer:
        """Return the session that makes room for a client with these `before`."""
        done = [peer for peer in self._open.values() if peer.is_done(now)]
        return min(done or before or self._open.values(), key=lambda peer: peer.heard)

    def _dismiss(self, peer: Peer):
        """End a session, and tell its client."""
        self.on_leave(peer)
        self.send(peer, GOODBYE)
        self._end(peer)

    def _fail(self, peer: Peer):
        """End a session that Mbed TLS gave up; a handshake fails for all reasons alike."""
        if peer.channel is None:
            self._socket.send(refusal(), peer.address)
        self._end(peer)

    def _end(self, peer: Peer):
        for peers in (self._half_open, self._open):
            if peers.get(peer.address) is peer:
                del peers[peer.address]
        peer.session.close()


def _nothing():
    pass


def _ignore(way: Peer):
    pass
