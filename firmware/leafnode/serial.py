"""CoAP over a serial line, in slipmux frames: takes the place of a UdpSocket (SPEC section 15).

A line has no addresses. A request of this node says in its options where it goes, and `leafkey
bridge` at the other end brings it there; so remotes of this node's own requests are (host, port) as
on UDP, with names left for the bridge to look up. Who makes a request of this node, or observes it,
is ("", number): the bridge's tokens tell peers apart. What else is at the other end is OTHER_END.
"""

import asyncio
import os
import sys
import time

from leafkey.coap import slipmux
from leafkey.coap.destination import addressed
from leafkey.coap.endpoint import Endpoint
from leafkey.coap.message import HEADER_SIZE
from leafkey.coap.numbers import is_request
from leafkey.compat import MICROPYTHON, const
from leafkey.errors import EncodeError
from leafnode.udp import Waiter

OTHER_END = ("", 0)
# Tokens as a bridge makes them, and how many of their bytes name the peer.
BRIDGE_TOKEN_SIZE = const(7)
PEER_SIZE = const(3)
# Bytes taken at a time.
CHUNK = const(128)
# Messages that wait to be received; more are lost, and sent again.
MAX_RECEIVED = const(8)
# Milliseconds that the line may take no byte before a frame is given up.
STUCK_MS = const(20)
# Before looking again at a stream that is readable and has nothing, as at its end; ms.
PAUSE_MS = const(50)
# Characters of a log line.
MAX_LOG = const(200)


class SerialLine:
    """A byte stream with slipmux frames.

    app = Server(line=SerialLine(UART(0, 115200, rxbuf=4096)))

    The UART's buffer must hold what arrives while the application computes.
    """

    # A line has no ports.
    port = 0

    def __init__(self, stream, output=None):
        """`stream`: a UART, a socket, a file that is not buffered; `output`: another one to write.

        Whatever it is, nothing but frames needs to be on it: prompts and prints are ignored.
        """
        output = stream if output is None else output
        self._stream = stream
        self._input = Input(stream)
        self._output = Output(output)
        self._waiter = Waiter(stream)
        self._decoder = slipmux.Decoder()
        self._received = []
        # None while the line is closed.
        self._endpoint = None

    def serve(self, endpoint: Endpoint) -> "SerialLine":
        """Carry this endpoint's messages until `close`: it knows whose answers arrive."""
        self._endpoint = endpoint
        return self

    @staticmethod
    def resolve(host: str, port: int) -> tuple:
        """The remote behind a name or an address: itself, since the bridge looks names up."""
        return host, port

    def sibling(self):
        """Raise OSError: there are no further ports."""
        raise OSError("a line has no ports")

    async def readable(self):
        """Return when there is a message to receive."""
        while not self._received:
            await self._waiter.wait()  # pyright: ignore[reportGeneralTypeIssues]
            if not self._take():
                # The other end may come back; until then the stream is readable all the time.
                self._waiter.close()
                await asyncio.sleep(PAUSE_MS / 1000)
                self._waiter = Waiter(self._stream)

    def receive(self) -> tuple | None:
        """(data, remote), or None if there is nothing. Never raises for what was on the line."""
        if not self._received:
            self._take()
        if self._endpoint is None or not self._received:
            return None
        data = self._received.pop(0)
        return data, self._endpoint.whose(data) or _asker(data)

    def send(self, data: bytes, remote: tuple):
        """Send one message or lose it, as UDP may."""
        if self._endpoint is None:
            return
        if remote[0] and is_request(data[1]):
            try:
                data = addressed(data, remote[0], remote[1])
            except (EncodeError, UnicodeError):
                return
        self._write(slipmux.encode(data))

    def log(self, text: str):
        """Send a line of text, which a bridge shows as this node's log: `Server(log=line.log)`."""
        self._write(slipmux.encode_diagnostic(text[:MAX_LOG]))

    def close(self):
        """Let go of the stream, which stays open. Nothing may wait for it any more."""
        self._waiter.close()
        self._waiter = Waiter(self._stream)
        self._endpoint = None

    def _take(self) -> bool:
        """Read what is there, once. False if the stream has ended, or fails."""
        try:
            data = self._input.read()
            frames = self._decoder.feed(data or b"")
        except (OSError, MemoryError):
            return False
        for kind, content in frames:
            if (
                kind == slipmux.COAP
                and len(content) >= HEADER_SIZE
                and len(self._received) < MAX_RECEIVED
            ):
                self._received.append(content)
        return data != b""

    def _write(self, frame: bytes):
        """Write a whole frame, or leave half of one, which the other end drops."""
        view = memoryview(frame)
        tries = STUCK_MS
        while view and tries:
            try:
                done = self._output.write(view) or 0
            except OSError:
                return
            view = view[done:]
            tries = STUCK_MS if done else tries - 1
            if not done:
                time.sleep(0.001)


def _asker(data: bytes) -> tuple:
    """Whose request this is."""
    if data[0] & 15 == BRIDGE_TOKEN_SIZE:
        return "", int.from_bytes(data[HEADER_SIZE : HEADER_SIZE + PEER_SIZE], "big")
    return OTHER_END


def console() -> SerialLine:
    """The line of the program's own input and output: USB on a Pico.

    Call it first of all: until then a byte 03, which may be in any message, is Ctrl-C and ends the
    program. What the program prints is noise there: let it log with the line's `log`.
    """
    if MICROPYTHON:
        import micropython

        # Where there is none, nothing interrupts.
        interrupt = getattr(micropython, "kbd_intr", None)
        if interrupt is not None:
            interrupt(-1)
    return SerialLine(sys.stdin.buffer, sys.stdout.buffer)


if MICROPYTHON:
    import select

    class Input:
        """Reads what is there without waiting, whatever `read` of the stream would do."""

        def __init__(self, stream):
            self._stream = stream
            self._buffer = bytearray(CHUNK)
            self._one = bytearray(1)
            # A UART counts what it has; what else can be polled is read byte by byte.
            self._count = getattr(stream, "any", None)
            self._poll = select.poll()
            self._poll.register(stream, select.POLLIN)

        def read(self) -> bytes | None:
            """Up to CHUNK bytes; None if there are none now, b"" at the end."""
            if self._count is not None:
                size = min(self._count(), CHUNK)
                return self._stream.read(size) if size else None
            size = 0
            while size < CHUNK and self._has_any():
                if not self._stream.readinto(self._one):
                    return bytes(self._buffer[:size])
                self._buffer[size] = self._one[0]
                size += 1
            return bytes(self._buffer[:size]) if size else None

        def _has_any(self) -> bool:
            """True if there is something to read, or the stream has ended."""
            for _ in self._poll.ipoll(0):
                return True
            return False

    class Output:
        """Writes to a stream."""

        def __init__(self, stream):
            self.write = stream.write

else:

    class Input:
        """Reads what is there from a stream with a file descriptor."""

        def __init__(self, stream):
            self._descriptor = stream.fileno()
            os.set_blocking(self._descriptor, False)

        def read(self) -> bytes | None:
            """Up to CHUNK bytes; None if there are none now, b"" at the end."""
            try:
                return os.read(self._descriptor, CHUNK)
            except BlockingIOError:
                return None

    class Output:
        """Writes what a stream takes without waiting."""

        def __init__(self, stream):
            self._descriptor = stream.fileno()
            os.set_blocking(self._descriptor, False)

        def write(self, data) -> int:
            """How many bytes were taken."""
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                return 0
