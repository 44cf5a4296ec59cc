"""A client's DTLS session with one server, on a port of its own (SPEC 5.9)."""

import asyncio

from leafkey.compat import const
from leafkey.errors import AuthenticationError, Unreachable
from leafnode.clock import now_ms
from leafnode.dtls import GOODBYE, client_context
from leafnode.dtls_records import kinds_of
from leafnode.dtls_session import Session
from leafnode.udp import UdpSocket

# After this silence the server may have given the session up; ms.
QUIET_MS = const(45000)


class Connection:
    """A transport of a leafnode.link.Link: attach it, await `opened()`, use `remote`."""

    serves = False
    supported = None

    def __init__(self, socket: UdpSocket, remote: tuple, identity: bytes, key: bytes):
        """`remote`: (host, port) of the server. UnsupportedError if this firmware has no PSK.

        OSError or MemoryError if there is no room for a session.
        """
        now = now_ms()
        context = client_context(identity, key)
        self._session = Session(context, now)
        self._socket = socket
        self._server = remote[:2]
        self.remote = self._server + (self,)
        self._arrived = []
        # Set when the handshake has come to an end, and when the session has.
        self._settled = asyncio.Event()
        self.is_over = False
        # Called when it is.
        self.on_over = _nothing
        # When something came from the server last; ms.
        self.heard = now

    def is_quiet(self, now: int) -> bool:
        """Tell whether the server may have given the session up for others; now: ms."""
        return now - self.heard >= QUIET_MS

    async def opened(self):
        """Return when the handshake is over, as far as can be seen: an answer will prove it.

        AuthenticationError if the server says that we do not, Unreachable if it says nothing.
        """
        await self._settled.wait()
        if self._session.is_open:
            return
        if self._session.fails_at <= now_ms():
            raise Unreachable("the server does not answer the handshake")
        raise AuthenticationError("the handshake has failed")

    async def readable(self):
        """Return when there is something to receive; the handshake goes on in here."""
        while not self._arrived:
            if self.is_over:
                # Whoever waits for an answer is told by `Link.detach`.
                await asyncio.Event().wait()
            await self._wait()
            self._run(now_ms())

    def receive(self) -> tuple | None:
        """(data, remote) of a message that came in the session, or None."""
        return self._arrived.pop(0) if self._arrived else None

    def send(self, data: bytes, remote: tuple):
        """Send a message in the session; it is lost if there is none."""
        if self.is_over or not self._session.is_open:
            return
        try:
            self._session.seal(data)
        except (OSError, MemoryError):
            # What matters is retransmitted.
            return
        self._flush()

    def close(self):
        """End the session and free the port."""
        self.is_over = True
        self._session.close()
        self._socket.close()

    async def _wait(self):
        if self._session.is_open:
            await self._socket.readable()
            return
        end = min(self._session.due, self._session.fails_at)
        try:
            await asyncio.wait_for(self._socket.readable(), max(0, end - now_ms()) / 1000)
        except asyncio.TimeoutError:
            return

    def _run(self, now: int):
        received = self._socket.receive()
        if received is not None and received[1] == self._server:
            kinds = kinds_of(received[0])
            if kinds:
                self._drive(received[0], kinds, now)
        if self.is_over or self._session.is_open:
            return
        if self._session.fails_at <= now:
            self._finish()
        elif self._session.due <= now:
            self._drive(None, [], now)

    def _drive(self, datagram: bytes | None, kinds: list, now: int):
        try:
            found = self._session.receive(datagram, kinds, now)
        except MemoryError:
            return
        except OSError:
            self._finish()
            return
        self._flush()
        if found:
            # What does not verify, anybody may have sent.
            self.heard = now
        self._arrived += [(data, self.remote) for data in found if data != GOODBYE]
        if self._session.is_closed or GOODBYE in found:
            self._finish()
        elif self._session.is_open:
            self._settled.set()

    def _finish(self):
        self.close()
        self._settled.set()
        self.on_over(self)

    def _flush(self):
        for datagram in self._session.take():
            self._socket.send(datagram, self._server)


def _nothing(connection: Connection):
    pass
