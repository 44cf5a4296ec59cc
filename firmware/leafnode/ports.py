"""Source ports that nobody has seen before, one for each request of a client (SPEC 12.1)."""

import asyncio

from leafkey.compat import const
from leafnode.udp import UdpSocket

# Sockets that stay open after their request, oldest out first: an acknowledgement of ours may be
# lost and asked for again, and a server may still notify who does not observe any more.
MAX_OWING = const(2)
# Numbers of sockets come round again long after everything has forgotten the one before.
NUMBERS = const(1 << 29)


class Ports:
    """The sockets of requests under way, by number; at most MAX_OWING more than requests."""

    def __init__(self, own: UdpSocket, receive):
        """They are siblings of `own`; `receive(socket, number)`: coroutine that reads from one."""
        self._own = own
        self._receive = receive
        self._next = 0
        self._open = {}
        self._owing = []

    def __len__(self) -> int:
        return len(self._open)

    def open(self) -> int | None:
        """The number of a socket on a fresh port; None if the platform gives no more."""
        while True:
            try:
                socket = self._own.sibling()
            except (OSError, MemoryError):
                if not self._owing:
                    return None
                self._end(self._owing.pop(0))
                continue
            number = self._next
            self._next = (number + 1) % NUMBERS
            self._open[number] = (socket, asyncio.create_task(self._receive(socket, number)))
            return number

    def send(self, number: int, data: bytes, remote: tuple):
        """Send one datagram or lose it; it is lost if the socket is closed."""
        if number in self._open:
            self._open[number][0].send(data, remote)

    def release(self, number: int, owing: bool):
        """Its request is over. `owing`: the peer may still want to hear from this port."""
        if not owing:
            self._end(number)
            return
        self._owing.append(number)
        if len(self._owing) > MAX_OWING:
            self._end(self._owing.pop(0))

    def close(self):
        """Close them all."""
        self._owing = []
        for number in list(self._open):
            self._end(number)

    def _end(self, number: int):
        socket, reader = self._open.pop(number, (None, None))
        if socket is not None:
            reader.cancel()
            socket.close()
