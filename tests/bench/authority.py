"""Who may what in the benchmark: a server's identity, its ST, and the client of its first slot."""

import os
import socket
from pathlib import Path

from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import ACK, APPLICATION_CBOR, CHANGED, CONTENT_FORMAT, GET
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.errors import Refused
from leafkey.oscore.material import Material
from leafkey.pat import functions, tokens, tree
from leafkey.pat.protection import Protection
from leafkey.pat.tokens import ServerToken, SlotGrant
from tests.support.channel import (
    CHANNEL,
    IS_SERVER,
    MANAGER,
    NAME,
    URI,
    association_of,
    received,
)

PROVIDER = default_provider()
SERVER = "thermo"
PATH = "/temp"
AT_LEN = 16
WINDOW = 8
DEGREE = 17
DEPTH = 1 << 16
LAST = DEPTH * (DEGREE - 1) - 1
PATIENCE = 10
SHAPE = {
    tokens.SUITE: functions.CHACHA20,
    tokens.DEGREE: DEGREE,
    tokens.DEPTH: DEPTH,
    tokens.AT_LEN: AT_LEN,
    tokens.WINDOW: WINDOW,
    tokens.AEAD: tokens.AES_CCM_16_64_128,
}


def server_token(audience: str, n_slots: int, grant: SlotGrant) -> ServerToken:
    """Return a whole ST with the same grant for every slot."""
    params = SHAPE | {
        tokens.VERSION: 1,
        tokens.EPOCH: 1,
        tokens.N_CLIENTS: n_slots,
        tokens.AUDIENCE: audience,
        tokens.SAM: "",
        tokens.SLOTS: dict.fromkeys(range(1, n_slots + 1), grant),
    }
    return ServerToken(os.urandom(32), params)


def first_branch(token: ServerToken) -> tree.Branch:
    """Return what the client of slot 1 holds."""
    suite = functions.suite(PROVIDER, token[tokens.SUITE])
    return tree.Branch(suite, DEGREE, tree.derive(suite, token.st, (1, 1)))


class Manager:
    """As much of SAM as a server needs: its identity, and an answer to its first request."""

    def __init__(self, token: ServerToken):
        """`token` is what the server will get."""
        self._token = token
        self._channel = Material(tokens.AES_CCM_16_64_128, os.urandom(32), b"home", b"node")
        self._end = association_of(self._channel)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE)

    def close(self) -> None:
        """Free the port."""
        self._socket.close()

    def provision(self, directory: Path) -> None:
        """Leave the server's identity in its state directory, as provisioning does."""
        identity = {
            NAME: SERVER,
            URI: f"coap://127.0.0.1:{self._socket.getsockname()[1]}",
            CHANNEL: self._channel.mirrored().fields(),
            IS_SERVER: True,
            MANAGER: "home",
        }
        directory.mkdir()
        (directory / "identity").write_bytes(cbor.encode(identity))

    def answer(self) -> None:
        """Take the server token request, message (2), and answer it with the ST, message (3)."""
        st = tokens.encode_server_token(self._token)
        answered = False
        while not answered:
            data, server = self._socket.recvfrom(2048)
            message = decode(data)
            try:
                incoming = received(self._end, message)
                whole = Message(CHANGED, ((CONTENT_FORMAT, APPLICATION_CBOR),), st)
                answer, answered = incoming.protect(whole), True
            except Refused as refused:
                # It makes the context first.
                answer = refused.response
            answer.type, answer.mid, answer.token = ACK, message.mid, message.token
            self._socket.sendto(encode(answer), server)


class Client:
    """The client of slot 1. Each request takes the next AT."""

    def __init__(self, token: ServerToken):
        self._branch = first_branch(token)
        self._aead = token[tokens.AEAD]
        self._next = 0

    def protect(self, message: Message, level: int) -> tuple[Message, Protection]:
        """Return a request as it is presented at `level`, and what opens its answer."""
        leaf = self._branch.leaf(self._next)
        self._next += 1
        protection = Protection(PROVIDER, self._aead, level, leaf, AT_LEN)
        return protection.protect_request(message), protection


def readers_grant() -> SlotGrant:
    """Return a grant that lets a client GET PATH at any level."""
    return SlotGrant(1, LAST, tokens.BEARER, 0, [(PATH, 1 << GET - 1)])
