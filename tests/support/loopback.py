"""Sockets on loopback for the unit tests, on CPython and on MicroPython."""

import asyncio
import os

from leafkey.coap.message import Message, decode, encode
from leafnode.udp import UdpSocket

HOST = "127.0.0.1"
FIRST_PORT = 20000
PORTS = 10000
ATTEMPTS = 20


class Log:
    """Collects what a node logs."""

    def __init__(self):
        self.lines = []

    def __call__(self, text: str):
        self.lines.append(text)


def free_port() -> int:
    """A UDP port nobody has; MicroPython cannot ask the system which one it chose."""
    for _ in range(ATTEMPTS):
        drawn = os.urandom(2)
        port = FIRST_PORT + (drawn[0] << 8 | drawn[1]) % PORTS
        try:
            UdpSocket("", port).close()
        except OSError:
            continue
        return port
    raise OSError("no free port")


class RawPeer:
    """Sends datagrams to a port as they are, and returns what comes back."""

    def __init__(self, port: int):
        self._socket = UdpSocket(HOST)
        self._remote = (HOST, port)

    def send(self, data: bytes):
        """Send, and wait for nothing."""
        self._socket.send(data, self._remote)

    async def receive(self, seconds: float = 2) -> bytes:
        """The next datagram; b"" if none comes in time."""
        received = self._socket.receive()
        while received is None:
            try:
                await asyncio.wait_for(self._socket.readable(), seconds)
            except asyncio.TimeoutError:
                return b""
            received = self._socket.receive()
        return received[0]

    async def exchange(self, data: bytes, seconds: float = 0.3) -> bytes:
        """The first datagram that comes back; b"" if none comes in time."""
        self.send(data)
        return await self.receive(seconds)

    async def request(self, message: Message) -> Message:
        """The message that answers `message`, whose MID and token are the caller's."""
        return decode(await self.exchange(encode(message), 3))

    def close(self):
        """Free the port."""
        self._socket.close()
