"""Source ports that nobody has seen before, one for each request of a client (SPEC 12.1)."""

import asyncio

from leafkey.compat import const
from leafnode.udp import UdpSocket

# Sockets that stay open after their request, oldest out first: an acknowledgement of ours may be
# lost and asked for again, and a server may still notify who does not observe any more.
MAX_OWING = const(2)


class Port:
    """One fresh port: a transport whose remotes are (host, port, this object)."""

    # A port of a client's that served would show whose it is.
    serves = False
    supported = None

    def __init__(self, socket: UdpSocket):
        self._socket = socket

    async def readable(self):
        """Return when there may be a datagram to receive."""
        await self._socket.readable()

    def receive(self) -> tuple | None:
        """(data, remote), or None."""
        received = self._socket.receive()
        return None if received is None else (received[0], received[1] + (self,))

    def send(self, data: bytes, remote: tuple):
        """Send one datagram or lose it; it is lost if the port is closed."""
        self._socket.send(data, remote[:2])

    def close(self):
        """Free the port."""
        self._socket.close()


class Ports:
    """The ports of requests under way; at most MAX_OWING more than requests."""

    def __init__(self, own: UdpSocket, receive):
        """They are siblings of `own`; `receive(port)`: coroutine that reads from one."""
        self._own = own
        self._receive = receive
        self._readers = {}
        self._owing = []

    def __len__(self) -> int:
        return len(self._readers)

    def open(self) -> Port | None:
        """A fresh port; None if the platform gives no more."""
        while True:
            try:
                port = Port(self._own.sibling())
            except (OSError, MemoryError):
                if not self._owing:
                    return None
                self._end(self._owing.pop(0))
                continue
            self._readers[port] = asyncio.create_task(self._receive(port))
            return port

    def release(self, port: Port, owing: bool):
        """Its request is over. `owing`: the peer may still want to hear from this port."""
        if not owing or port not in self._readers:
            self._end(port)
            return
        self._owing.append(port)
        if len(self._owing) > MAX_OWING:
            self._end(self._owing.pop(0))

    def close(self):
        """Close them all."""
        self._owing = []
        for port in list(self._readers):
            self._end(port)

    def _end(self, port: Port):
        reader = self._readers.pop(port, None)
        if reader is not None:
            reader.cancel()
            port.close()
