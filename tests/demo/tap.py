"""A listener on the wire: a UDP relay that shows every datagram it passes on."""

import asyncio
from collections.abc import Callable

Address = tuple[str, int]
# (the peer before the tap, True if this datagram comes from it, data)
Seen = Callable[[Address, bool, bytes], None]


class Tap(asyncio.DatagramProtocol):
    """Stands before one address; each peer that speaks to it gets a socket of its own behind."""

    def __init__(self, seen: Seen):
        self._behind: Address = ("127.0.0.1", 0)
        self._seen = seen
        self._front: asyncio.DatagramTransport | None = None
        self._sides: dict[Address, _Side] = {}

    @property
    def port(self) -> int:
        """The port peers send to."""
        assert self._front
        return self._front.get_extra_info("sockname")[1]

    async def open(self) -> None:
        """Begin to listen, on a free port of the loopback interface."""
        loop = asyncio.get_running_loop()
        self._front, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", 0))

    def close(self) -> None:
        """Free all ports."""
        for side in self._sides.values():
            side.close()
        if self._front:
            self._front.close()

    def aim(self, behind: Address) -> None:
        """Set the address this stands before."""
        self._behind = behind

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Pass a peer's datagram on, from the socket that stands for this peer."""
        self._seen(addr, True, data)
        asyncio.get_running_loop().create_task(self._forward(addr, data))

    def answer(self, peer: Address, data: bytes) -> None:
        """Pass a datagram back to the peer it is for."""
        self._seen(peer, False, data)
        if self._front:
            self._front.sendto(data, peer)

    async def _forward(self, peer: Address, data: bytes) -> None:
        side = self._sides.get(peer)
        if side is None:
            side = self._sides[peer] = _Side(self, peer)
            await side.open(self._behind)
        side.send(data)


class _Side(asyncio.DatagramProtocol):
    """The socket behind the tap that stands for one peer."""

    def __init__(self, tap: Tap, peer: Address):
        self._tap = tap
        self._peer = peer
        self._transport: asyncio.DatagramTransport | None = None
        self._early: list[bytes] = []

    async def open(self, behind: Address) -> None:
        loop = asyncio.get_running_loop()
        endpoint = await loop.create_datagram_endpoint(lambda: self, remote_addr=behind)
        self._transport = endpoint[0]
        for data in self._early:
            self._transport.sendto(data)

    def send(self, data: bytes) -> None:
        if self._transport:
            self._transport.sendto(data)
        else:
            self._early.append(data)

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._tap.answer(self._peer, data)
