"""One UDP socket of a test: sends what no node would, and sees what comes back."""

import asyncio
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import ACK, CON, CREATED, EMPTY, POST, RST, is_request
from leafkey.crypto.provider import default_provider
from leafkey.oscore.context import Outgoing
from leafkey.pat import ticket, tokens
from leafkey.pat.dialogue import Dialogue
from leafkey.pat.presenter import Exchange, Presenter
from tests.support.channel import fields_of, newest, node_end

HOST = "127.0.0.1"
PATIENCE = 10
PINGS = 3
# How often and after how many seconds something is sent again: a manager under a flood drops it.
TRIES = 8
SPAN = 1


class Peer:
    """Speaks to one port. Every message is confirmable, with a MID and a token of its own."""

    def __init__(self, port: int):
        self.remote = (HOST, port)
        self._socket = _bound()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send a datagram, and wait for nothing."""
        self._socket.sendto(data, self.remote)

    def receive(self, seconds: float = PATIENCE) -> bytes | None:
        """Return the next datagram, or None."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(4096)
        except (TimeoutError, ConnectionRefusedError):
            return None

    def answers(self, data: bytes, least: int = 1) -> list[bytes]:
        """Send a datagram and return all that comes back for it; [] is silence.

        So many answers are waited for; when there are more, or none is expected, they came before
        the answer to a ping (RFC 7252 section 4.3).
        """
        self.send(data)
        found = [answer for answer in (self.receive() for _ in range(least)) if answer]
        return found + self.settled()

    def insist(self, data: bytes) -> bytes:
        """Send a datagram until something comes back for it, as a confirmable message is."""
        for _ in range(TRIES):
            self.send(data)
            answer = self.receive(SPAN)
            if answer is not None:
                return answer
        raise AssertionError(f"{self.remote} does not answer")

    def settled(self) -> list[bytes]:
        """Wait until all that was sent has been dealt with; return what came back."""
        found = []
        for _ in range(PINGS):
            mid = int.from_bytes(os.urandom(2), "big")
            self.send(encode(Message(EMPTY, type=CON, mid=mid)))
            end = time.monotonic() + PATIENCE / PINGS
            while time.monotonic() < end:
                data = self.receive(PATIENCE / PINGS)
                if data == encode(Message(EMPTY, type=RST, mid=mid)):
                    return found
                if data is not None:
                    found.append(data)
        raise AssertionError(f"{self.remote} answers no ping")

    def request(self, message: Message) -> Message:
        """Return the response to a request, which is sent again as confirmable messages are."""
        sent = message.copy()
        sent.type, sent.mid, sent.token = CON, int.from_bytes(os.urandom(2), "big"), os.urandom(4)
        self.send(encode(sent))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            data = self.receive(SPAN)
            if data is None:
                self.send(encode(sent))
                continue
            received = decode(data)
            if received.type == CON:
                self.send(encode(Message(EMPTY, type=ACK, mid=received.mid)))
            if received.token == sent.token and not is_request(received.code):
                return received
        raise AssertionError("no response")

    def bare(self, code: int, path: str, payload: bytes = b"") -> Message:
        """Return the response to a request without protection."""
        return self.request(message(code, path, payload))


def message(code: int, path: str, payload: bytes = b"") -> Message:
    """Return a request."""
    made = Message(code, (), payload)
    made.set_path(path)
    return made


class Insider:
    """Holds a client's identity, and does with it what a node would not.

    `sealed` is for the manager; `granted` shows ATs to a server.
    """

    def __init__(self, identity: Path, manager_port: int):
        self.peer = Peer(manager_port)
        self.association = node_end(fields_of(identity))

    def close(self) -> None:
        """Free the port."""
        self.peer.__exit__()

    def post(self, path: str, payload: bytes) -> Message:
        """Return the manager's answer to a sealed POST."""
        return asyncio.run(self._posted(message(POST, path, payload)))

    def sealed(self, request: Message) -> Outgoing:
        """Return a request to the manager, in a context that it knows."""
        if self.association.id_context is None:
            self.post("/nothing", b"")
        return newest(self.association).protect_request(request)

    async def _posted(self, request: Message) -> Message:
        async def send(sent: Message) -> Message:
            return self.peer.request(sent)

        return (await self.association.request(request, send))[1]

    def ticket(self, audience: str, *scope: tuple[str, int]) -> tokens.ClientToken:
        """Return the CT of a fresh ticket."""
        asked = ticket.TokenRequest(audience, list(scope), os.urandom(ticket.REQUEST_ID_LEN))
        response = self.post("/token", ticket.encode_request(asked))
        assert response.code == CREATED, response.code
        return ticket.decode_response(response.payload)[0]

    def granted(self, audience: str, *scope: tuple[str, int]) -> Presenter:
        """Return a presenter under a fresh ticket."""
        return presenter_of(self.ticket(audience, *scope))


def presenter_of(token: tokens.ClientToken) -> Presenter:
    """Return what shows the ATs of a CT, and stores nothing."""
    return Presenter(default_provider(), token, lambda state: None)


def answered(peer: Peer, presenter: Presenter, request: Message, level: int | None = None):
    """Make one authorized request from first AT to answer; return the response."""

    async def send(sent: Message) -> Message:
        return peer.request(sent)

    return asyncio.run(Dialogue(presenter, send).request(request, level))[1]


def raw(exchange: Exchange | Outgoing, change: Callable[[Message], None] | None = None) -> bytes:
    """Return the datagram of an exchange, changed on the way."""
    sent = exchange.message.copy()
    sent.type, sent.mid, sent.token = CON, int.from_bytes(os.urandom(2), "big"), os.urandom(4)
    if change:
        change(sent)
    return encode(sent)


def _bound() -> socket.socket:
    """Return a socket with a loopback address of its own, where the system has more than one.

    The manager bounds what it takes from one address.
    """
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    a, b, c = os.urandom(3)
    try:
        made.bind((f"127.{a}.{b}.{c or 1}", 0))
    except OSError:
        made.bind((HOST, 0))
    return made
