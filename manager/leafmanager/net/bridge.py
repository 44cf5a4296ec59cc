"""`leafkey bridge`: a node on a serial line gets a UDP address (SPEC section 15)."""

import asyncio
import ipaddress
import math
import socket
from collections.abc import Callable
from typing import NamedTuple

from leafkey.coap import slipmux
from leafkey.coap.destination import destination
from leafkey.coap.message import Message
from leafkey.errors import DecodeError
from leafmanager.errors import ManagerError
from leafmanager.events import printable
from leafmanager.net.crossing import Address, Crossing, Table
from leafmanager.net.gate import Bucket, Gate
from leafmanager.net.line import Line
from leafmanager.net.service import stop_signal
from leafmanager.units import bracketed

# What a node may have sent, each a second and at once: all its messages, its requests, requests to
# hosts that are not among the last it has asked, lines of its log.
MESSAGES, REQUESTS, STRANGERS, LOG_LINES = (200, 400), (20, 40), (0.1, 16), (50, 200)
# The last hosts it has asked, and how long (s) their addresses count.
MAX_SERVERS, ADDRESS_SECONDS = 64, 60
# Names that are looked up at a time.
MAX_LOOKUPS = 8


class Voices(NamedTuple):
    """Where a bridge prints: a line of the node's log, and a note of its own."""

    log: Callable[[str], None]
    note: Callable[[str], None]


class Bridge(asyncio.DatagramProtocol):
    """Brings what arrives on a line to UDP, and what arrives there to the line."""

    def __init__(self, port: str, default: tuple[str, int] | None, voices: Voices):
        """`default` is the server of requests that name none."""
        loop = asyncio.get_running_loop()
        self._now = loop.time
        self._default = default
        self._voices = voices
        self._transport: asyncio.DatagramTransport | None = None
        self._family = socket.AF_INET
        self.line = Line(port, self._received, voices.note)
        self._crossing = Crossing(self._to_line, self._to_peer)
        self._gate = Gate(loop.time)
        now = loop.time()
        self._messages, self._requests, self._strangers, self._log_lines = (
            Bucket(rate, burst, now) for rate, burst in (MESSAGES, REQUESTS, STRANGERS, LOG_LINES)
        )
        # (address, when to look it up again) by host and port.
        self._servers = Table(MAX_SERVERS, math.inf)
        self._lookups: dict[tuple[str, int], asyncio.Task] = {}

    # From UDP

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        """Keep the socket (the interface asyncio calls)."""
        self._transport = transport
        self._family = transport.get_extra_info("socket").family

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Take a datagram, if its sender has not sent too many."""
        if self._gate.admits(addr[0]):
            self._crossing.from_peer(data, addr, self._now())

    def error_received(self, exc: Exception) -> None:
        """A peer is gone: whoever wants to hear from it will notice."""

    def _to_peer(self, data: bytes, address: Address) -> None:
        if self._transport is not None:
            self._transport.sendto(data, address)

    # From the line

    def _to_line(self, message: bytes) -> None:
        self.line.send(slipmux.encode(message))

    def _received(self, kind: int, content: bytes) -> None:
        if kind == slipmux.DIAGNOSTIC:
            self._diagnostic(content)
        elif self._messages.take(self._now()):
            request = self._crossing.from_line(content, self._now())
            if request is not None:
                self._requested(content, request)

    def _diagnostic(self, content: bytes) -> None:
        for line in content.decode("utf-8", "replace").splitlines():
            if self._log_lines.take(self._now()):
                self._voices.log(printable(line))

    def _requested(self, data: bytes, request: Message) -> None:
        """Find out where a request of the node's goes, and send it there."""
        now = self._now()
        server = self._named(request)
        if server is None:
            self._crossing.refuse(request)
            return
        if not self._requests.take(now):
            # It will be sent again.
            return
        known = self._servers.find(server, now)
        if known and now < known[1]:
            self._crossing.forward(data, known[0], now)
        elif server not in self._lookups and len(self._lookups) < MAX_LOOKUPS:
            if known or self._strangers.take(now):
                task = asyncio.create_task(self._look_up(data, request, server))
                self._lookups[server] = task
            else:
                self._refuse(request, server, "the node asks too many hosts")

    def _named(self, request: Message) -> tuple[str, int] | None:
        try:
            host, port = destination(request)
        except DecodeError:
            return None
        return self._default if host is None else (host, port)

    async def _look_up(self, data: bytes, request: Message, server: tuple[str, int]) -> None:
        try:
            address = await self._address(server)
            now = self._now()
            self._servers.put(server, (address, now + ADDRESS_SECONDS), now)
            self._crossing.forward(data, address, now)
        except (OSError, UnicodeError) as error:
            self._refuse(request, server, getattr(error, "strerror", None) or "no such host")
        finally:
            del self._lookups[server]

    async def _address(self, server: tuple[str, int]) -> Address:
        """Return the address behind a name; OSError if it has none that may be sent to."""
        flags = socket.AI_V4MAPPED if self._family == socket.AF_INET6 else 0
        found = await asyncio.get_running_loop().getaddrinfo(
            *server, family=self._family, type=socket.SOCK_DGRAM, flags=flags
        )
        address: Address = found[0][4]
        ip = ipaddress.ip_address(address[0].partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if ip.is_multicast or ip.is_unspecified or ip == ipaddress.IPv4Address("255.255.255.255"):
            raise OSError(0, "not the address of one host")
        return address

    def _refuse(self, request: Message, server: tuple[str, int], reason: str) -> None:
        self._crossing.refuse(request)
        if self._log_lines.take(self._now()):
            host = f"{bracketed(server[0])}:{server[1]}"
            self._voices.note(f"a request to {host} was not forwarded: {reason}")

    async def close(self) -> None:
        """End the lookups and free the port."""
        tasks = list(self._lookups.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()


async def run(
    port: str,
    listen: tuple[str, int],
    default: tuple[str, int] | None,
    voices: Voices,
    ready: Callable[[str], None],
) -> None:
    """Bridge until SIGINT or SIGTERM. `ready` is called once with the node's URI.

    ManagerError if the device or the address is not to be had.
    """
    stopped = stop_signal()
    bridge = Bridge(port, default, voices)
    await bridge.line.open()
    running = asyncio.create_task(bridge.line.run())
    try:
        host, own_port = await _bind(bridge, listen)
        ready(f"coap://{bracketed(host)}:{own_port}")
        await stopped.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await bridge.close()


async def _bind(bridge: Bridge, listen: tuple[str, int]) -> tuple[str, int]:
    loop = asyncio.get_running_loop()
    try:
        transport, _ = await loop.create_datagram_endpoint(lambda: bridge, local_addr=listen)
    except OSError as error:
        raise ManagerError(
            f"cannot listen at {bracketed(listen[0])}:{listen[1]}: {error.strerror}",
            "see that no other program listens there, or choose --listen",
        ) from None
    return transport.get_extra_info("sockname")[:2]
