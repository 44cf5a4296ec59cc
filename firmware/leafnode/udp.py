"""One non-blocking UDP socket for IPv4 and IPv6, awaited under either runtime's asyncio.

A remote is a pair (host, port), host a numeric address as text, without brackets; IPv4 peers look
the same whether the socket below is an IPv4 one or an IPv6 one with mapped addresses.
"""

# A board without network has no socket module, and opens no UdpSocket.
# pyright: reportPossiblyUnboundVariable=false
import asyncio
import os

from leafkey.coap.parameters import MAX_DATAGRAM
from leafkey.compat import MICROPYTHON, const
from leafkey.errors import Unreachable

try:
    import socket
except ImportError:
    # It has a serial line (leafnode.serial).
    pass

MAPPED = "::ffff:"
# Peers whose address is kept in both forms: converting it costs more than the rest of a send.
KNOWN_PEERS = const(32)
# Ports that nobody is given by name (RFC 6335 section 6), and how many are tried.
FIRST_DYNAMIC = const(49152)
DYNAMIC_MASK = const(16383)
PORT_TRIES = const(4)


class UdpSocket:
    """A bound socket. `port` is the local one; 0 where the runtime does not tell what it chose."""

    def __init__(self, host: str = "", port: int = 0):
        """`host`: a local address, or "" for every address of both families.

        Raises OSError when the port is taken.
        """
        self.port = port
        self._host = host
        self._socket, self._mapped = _bound(host, port)
        self._socket.setblocking(False)
        self._waiter = Waiter(self._socket)
        self._remotes = {}
        self._addresses = {}
        if not MICROPYTHON:
            self.port = self._socket.getsockname()[1]

    def sibling(self) -> "UdpSocket":
        """Another socket, at the same local address, on a port drawn at random.

        OSError if there is none to have.
        """
        made = None
        for _ in range(PORT_TRIES - 1):
            made = made or self._try_port()
        made = made or UdpSocket(self._host, random_port(os.urandom))
        if made._mapped == self._mapped:
            made._remotes, made._addresses = self._remotes, self._addresses
        return made

    def _try_port(self) -> "UdpSocket | None":
        try:
            return UdpSocket(self._host, random_port(os.urandom))
        except OSError:
            return None

    async def readable(self):
        """Return when there may be a datagram to receive."""
        await self._waiter.wait()  # pyright: ignore[reportGeneralTypeIssues]

    def receive(self) -> tuple | None:
        """(data, remote), or None if there is nothing. Never raises for what the network did.

        A datagram over MAX_DATAGRAM bytes comes cut, one byte longer than that.
        """
        if self._socket is None:
            return None
        try:
            data, address = self._socket.recvfrom(MAX_DATAGRAM + 1)
        except (OSError, MemoryError):
            # EAGAIN, the ICMP error of an earlier send, or no memory: peers retransmit.
            return None
        return data, self._remote(address)

    def send(self, data: bytes, remote: tuple):
        """Send one datagram or lose it, as UDP may: nothing that prevents it is raised."""
        if self._socket is None:
            return
        try:
            address = self._addresses.get(remote)
            if address is None:
                address = self._address(remote)
            self._socket.sendto(data, address)
        except OSError:
            # ECONNREFUSED, ENETUNREACH, EAGAIN, ENOBUFS, ..: what matters is retransmitted.
            return

    def close(self):
        """Free the port. Nothing may wait for the socket any more."""
        if self._socket is None:
            return
        self._waiter.close()
        self._socket.close()
        # MicroPython would send from a closed socket, through whatever has its number by then.
        self._socket = None

    def _remote(self, address) -> tuple:
        remote = self._remotes.get(address)
        if remote is None:
            remote = numeric(address)
            self._know(remote, address)
        return remote

    def _address(self, remote: tuple) -> object:
        host, port = remote
        if self._mapped and ":" not in host:
            host = MAPPED + host
        address = socket.getaddrinfo(host, port)[0][-1]
        if MICROPYTHON and not isinstance(address, tuple):
            address = bytes(address)
        self._know(remote, address)
        return address

    def _know(self, remote: tuple, address):
        if len(self._remotes) >= KNOWN_PEERS:
            self._remotes.clear()
            self._addresses.clear()
        self._remotes[address] = remote
        self._addresses[remote] = address


def random_port(random_bytes) -> int:
    """A source port for one request, which tells nothing of the ones before.

    The system's own choice does on boards: lwIP counts its ports up.
    """
    drawn = random_bytes(2)
    return FIRST_DYNAMIC + ((drawn[0] << 8 | drawn[1]) & DYNAMIC_MASK)


def resolve(host: str, port: int) -> tuple:
    """The remote behind a name or an address; blocks while a name is looked up.

    Raises errors.Unreachable if the name is not known.
    """
    try:
        return numeric(socket.getaddrinfo(host, port)[0][-1])
    except (OSError, UnicodeError):
        raise Unreachable("the host's name cannot be resolved")


def _bound(host: str, port: int) -> tuple:
    """(socket, True if IPv4 addresses must be mapped into IPv6 for it)."""
    if host:
        address = socket.getaddrinfo(host, port)[0][-1]
        wide = ":" in numeric(address)[0]
        return _open(socket.AF_INET6 if wide else socket.AF_INET, address), False
    try:
        return _open(socket.AF_INET6, socket.getaddrinfo("::", port)[0][-1]), True
    except (OSError, AttributeError):
        # A node without IPv6 in its kernel, or in its firmware.
        return _open(socket.AF_INET, socket.getaddrinfo("0.0.0.0", port)[0][-1]), False


def _open(family: int, address) -> object:
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if not MICROPYTHON and family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        opened.bind(address)
    except OSError:
        opened.close()
        raise
    return opened


def numeric(address) -> tuple:
    """The remote of an address in the runtime's form."""
    if isinstance(address, tuple):
        host, port = address[0], address[1]
    else:
        # MicroPython's unix port hands out the bytes of a struct sockaddr.
        parts = socket.sockaddr(address)
        host, port = socket.inet_ntop(parts[0], parts[1]), parts[2]
        if len(parts) > 4 and parts[4]:
            host += "%%%d" % parts[4]
    return (host[len(MAPPED) :] if host.startswith(MAPPED) else host), port


if MICROPYTHON:

    class Waiter:
        """Waits through the poll object of asyncio, which has no datagram endpoint here."""

        def __init__(self, watched):
            self._watched = watched

        def wait(self):
            # As asyncio's own streams do: the task sleeps until poll names the socket.
            queue = asyncio.core._io_queue  # pyright: ignore[reportAttributeAccessIssue]
            yield queue.queue_read(self._watched)

        def close(self):
            """The poll object has let go of a socket that no task waits for."""

else:

    class Waiter:
        """Waits through the reader callbacks of CPython's event loop."""

        def __init__(self, watched):
            self._watched = watched
            self._loop = None
            self._ready = asyncio.Event()

        async def wait(self):
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
                self._loop.add_reader(self._watched, self._ready.set)
            await self._ready.wait()
            self._ready.clear()

        def close(self):
            """Let go of the socket, before it is closed."""
            if self._loop is not None:
                self._loop.remove_reader(self._watched)
