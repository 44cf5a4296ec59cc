"""Nodes made of the core alone: a client, and a server with nothing but `/server-token`."""

import asyncio
import os
import socket
import threading
import time
from pathlib import Path

from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    ACK,
    APPLICATION_CBOR,
    CHANGED,
    CON,
    CONFLICT,
    CONTENT_FORMAT,
    EMPTY,
    POST,
    is_request,
)
from leafkey.coap.transfer import Transfer
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.errors import OutOfStep, Refused, Unreachable
from leafkey.pat import ticket, tokens
from leafkey.pat.verifier import Verifier
from tests.support.channel import NAME, fields_of, node_end, received

PATIENCE = 15
# A manager loses an answer if somebody else has just refused a message of its own.
SPAN = 3


def decoded(data: bytes) -> dict:
    """Return the CBOR map in `data`."""
    value = cbor.decode(data)
    assert isinstance(value, dict)
    return value


class Wire:
    """One UDP socket towards the manager; confirmable messages only."""

    def __init__(self, port: int):
        self.manager = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        # What was sent by `exchange`.
        self.heard: list[Message] = []

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def rebind(self, address: str) -> None:
        """Speak from another address of this machine."""
        self.socket.close()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.socket.settimeout(0.1)

    def raw(self, data: bytes, seconds: float = 1) -> bytes | None:
        """Send a datagram; return the first one that comes back, or None."""
        self.socket.sendto(data, self.manager)
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(2048)
        except TimeoutError:
            return None
        finally:
            self.socket.settimeout(0.1)

    async def exchange(self, message: Message) -> Message:
        """Return the response to a request, piggybacked or separate; it is sent until one comes."""
        self.heard.append(message)
        sent = message.copy()
        sent.type, sent.mid, sent.token = CON, int.from_bytes(os.urandom(2), "big"), os.urandom(4)
        again = 0.0
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if time.monotonic() >= again:
                self.socket.sendto(encode(sent), self.manager)
                again = time.monotonic() + SPAN
            received = self._receive()
            if received and is_request(received.code):
                self._answer(received)
            elif received and received.token == sent.token:
                return received
        raise Unreachable("no response")

    def _answer(self, message: Message) -> None:
        """Answer a request of the manager's; only servers get any."""

    def _receive(self) -> Message | None:
        try:
            data, address = self.socket.recvfrom(2048)
        except TimeoutError:
            return None
        message = decode(data)
        if message.type == CON and not is_request(message.code):
            self.socket.sendto(encode(Message(EMPTY, type=ACK, mid=message.mid)), address)
        return message


class Node(Wire):
    """A node that holds an identity and posts to the manager as SPEC section 10 says."""

    def __init__(self, identity: Path, port: int):
        super().__init__(port)
        self.fields = fields_of(identity)
        self.name = self.fields[NAME]
        self.association = node_end(self.fields)

    def restart(self) -> None:
        """Forget what is in memory alone."""
        self.association = node_end(self.fields)

    def post(self, path: str, payload: bytes) -> Message:
        """Return the manager's answer, in whatever blocks it comes."""
        request = Message(POST, (), payload)
        request.set_path(path)
        return self.ask_for(request)

    def ask_for(self, request: Message) -> Message:
        """Return the manager's answer to a whole request."""
        return asyncio.run(self._transferred(request))

    async def _transferred(self, request: Message) -> Message:
        transfer = Transfer(request)
        while transfer.response is None:
            sent = transfer.next_request()
            transfer.receive((await self.association.request(sent, self.exchange))[1])
        return transfer.response


class ClientNode(Node):
    """Asks for tickets."""

    def ask(
        self, audience: str, *scope: tuple[str, int], request_id: bytes | None = None
    ) -> Message:
        """Return SAM's answer to a ticket request."""
        request = ticket.TokenRequest(audience, list(scope), request_id or os.urandom(8))
        return self.post("/token", ticket.encode_request(request))


class Memory:
    """What a verifier stores, kept in memory."""

    def put_token(self, token: tokens.ServerToken, marks: dict) -> None:
        """Nothing needs to survive a test."""

    def put_mark(self, slot: int, mark: int) -> None:
        """Nothing needs to survive a test."""


class ServerNode(Node):
    """Takes STs and changes from the manager, in a thread of its own once `start`ed."""

    def __init__(self, identity: Path, port: int):
        super().__init__(identity, port)
        self.clients = self._verifier()
        # What was pushed: whole tokens and changes, in their order.
        self.pushed: list[tokens.ServerToken] = []
        self._running = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def pull(self) -> tokens.ServerToken:
        """Ask for the ST, as a server does when it starts, and take it."""
        has = self.clients.token.params[tokens.VERSION] if self.clients.token else 0
        response = self.post("/server-token", cbor.encode({tokens.VERSION: has}))
        assert response.code == CHANGED
        token = tokens.decode_server_token(response.payload)
        self.clients.apply(token, 0)
        return token

    def start(self) -> None:
        """Answer the manager from now on."""
        self._running.set()
        self._thread.start()

    def resume(self) -> None:
        """Answer again after `rest`."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.start()

    def rest(self) -> None:
        """Answer no more, so that `pull` hears its answer."""
        self._running.clear()
        if self._thread.is_alive():
            self._thread.join()

    def close(self) -> None:
        """Answer no more, ever."""
        self.rest()
        super().close()

    def generation(self, slot: int) -> int:
        """Return the generation a slot is in, by the ST in force."""
        held = self.clients.token
        assert held
        return held.params[tokens.SLOTS][slot].generation

    def forget(self) -> None:
        """Lose the ST, as a server that was erased."""
        self.clients = self._verifier()

    def _verifier(self) -> Verifier:
        return Verifier(default_provider(), os.urandom, Memory(), "", self.name)

    def _run(self) -> None:
        while self._running.is_set():
            message = self._receive()
            if message and is_request(message.code):
                self._answer(message)

    def _answer(self, message: Message) -> None:
        try:
            incoming = received(self.association, message)
        except Refused as refused:
            response = refused.response
        else:
            response = incoming.protect(self._taken(incoming.request.payload))
        response.type, response.mid, response.token = ACK, message.mid, message.token
        self.socket.sendto(encode(response), self.manager)

    def _taken(self, payload: bytes) -> Message:
        token = tokens.decode_server_token(payload)
        code = CONFLICT
        try:
            # Without an ST it takes none but the answer to its own request (SPEC 9.1).
            if self.clients.token:
                self.clients.apply(token, 0)
                # Version 0 changes nothing, and asks what there is.
                if token.params[tokens.VERSION]:
                    self.pushed.append(token)
                code = CHANGED
        except OutOfStep:
            code = CONFLICT
        held = self.clients.token
        state = {
            label: held.params[label] if held else 0 for label in (tokens.EPOCH, tokens.VERSION)
        }
        return Message(code, ((CONTENT_FORMAT, APPLICATION_CBOR),), cbor.encode(state))
