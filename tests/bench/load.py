"""A closed loop of GETs over UDP, made ahead of the clock and checked behind it."""

import itertools
import os
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import CONTENT, GET

TOKEN_SIZE = 4
PATIENCE = 5
ANSWER = b"21.5"
_MIDS = itertools.count()


class Shot(NamedTuple):
    """A request ready to be sent once; `unprotect` returns what its answer says, or raises."""

    data: bytes
    token: bytes
    unprotect: Callable[[Message], Message]


class Volley(NamedTuple):
    """What came of some shots of one kind: answers a second, and bytes of the largest of each."""

    rate: float
    request_bytes: int
    response_bytes: int


def get(path: str) -> Message:
    """Return a GET of `path`."""
    message = Message(GET)
    message.set_path(path)
    return message


def shot(message: Message, unprotect: Callable[[Message], Message] = lambda m: m) -> Shot:
    """Return a message under a message ID and a token of its own."""
    # In turn: some servers take what has the ID of an earlier message for a repetition.
    message.mid, message.token = next(_MIDS) & 0xFFFF, os.urandom(TOKEN_SIZE)
    return Shot(encode(message), message.token, unprotect)


class Target:
    """One server on loopback, and a socket towards it."""

    def __init__(self, port: int):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(PATIENCE)

    def close(self) -> None:
        """Free the port."""
        self._socket.close()

    def fire(self, shots: list[Shot], under_way: int) -> Volley:
        """Send all shots, `under_way` of them at a time.

        RuntimeError if an answer is not the right one; TimeoutError if one is missing.
        """
        start = time.perf_counter()
        answers = self._exchange([shot.data for shot in shots], under_way)
        seconds = time.perf_counter() - start
        _check(shots, answers)
        sizes = max(len(shot.data) for shot in shots), max(map(len, answers))
        return Volley(len(shots) / seconds, *sizes)

    def _exchange(self, datagrams: list[bytes], under_way: int) -> list[bytes]:
        answers = []
        for data in datagrams[:under_way]:
            self._socket.send(data)
        for data in datagrams[under_way:]:
            answers.append(self._socket.recv(2048))
            self._socket.send(data)
        return answers + [self._socket.recv(2048) for _ in datagrams[-under_way:]]


def _check(shots: list[Shot], answers: list[bytes]) -> None:
    by_token = {message.token: message for message in map(decode, answers)}
    for shot in shots:
        answer = shot.unprotect(by_token[shot.token])
        if (answer.code, answer.payload) != (CONTENT, ANSWER):
            raise RuntimeError(f"a GET was answered with code {answer.code}")
