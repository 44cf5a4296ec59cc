"""Counts flash writes of server and client over 1000 requests at w = 8: one JSON object a line.

`micropython tests/bench/bench_flash.py`, with the sources on the path. Each side keeps its state
as nodes do, one record a write; requests come one after the other, or several at a time.
"""

import json

from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, GET
from leafkey.crypto.provider import default_provider
from leafkey.pat import tokens, tree
from leafkey.pat.functions import CHACHA20, suite
from leafkey.pat.presenter import Presenter
from leafkey.pat.verifier import Verifier
from leafnode.state import VerifierState
from leafnode.storage import Files, Storage

REQUESTS = 1000
WINDOW = 8
FLIGHTS = (1, 4)
DIRECTORY = "flash"
PROVIDER = default_provider()
ST = bytes(range(32))


class Memory(Files):
    """Files in memory that count what would be written to flash."""

    def __init__(self):
        self.writes = 0

    def open(self, path: str, mode: str):
        """Return a file that takes everything; a record that is read is not there."""
        if mode == "rb":
            raise OSError(2, "no such file")
        return self

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        """Nothing to close."""

    def write(self, content: bytes) -> int:
        """Return how much was written."""
        return len(content)

    def sync(self, file):
        """Nothing to wait for."""

    def make_directory(self, path: str):
        """There is one."""

    def rename(self, old: str, new: str):
        """Count: a record is durable by this."""
        self.writes += 1


class Pair:
    """A server and a client of it, each on flash of its own."""

    def __init__(self):
        self.server, self.client = Memory(), Memory()
        grant = tokens.SlotGrant(1, 20 * REQUESTS, tokens.POP)
        shape = {
            tokens.SUITE: CHACHA20,
            tokens.DEGREE: 2 * WINDOW + 1,
            tokens.DEPTH: 2 * REQUESTS,
            tokens.AT_LEN: 16,
            tokens.WINDOW: WINDOW,
            tokens.AEAD: tokens.AES_CCM_16_64_128,
            tokens.AUDIENCE: "thermo",
        }
        params_s = dict(shape)
        params_s.update({tokens.VERSION: 1, tokens.EPOCH: 1, tokens.N_CLIENTS: 4})
        params_s.update({tokens.SAM: "coap://192.0.2.1/token", tokens.SLOTS: {1: grant}})
        state = VerifierState(Storage(DIRECTORY, self.server), "st")
        self.verifier = Verifier(PROVIDER, bytes, state, "", "thermo")
        self.verifier.apply(tokens.ServerToken(ST, params_s), 0)
        params_c = dict(shape)
        params_c.update({tokens.SLOT: 1, tokens.FIRST: 0})
        params_c.update({tokens.LAST: grant.last, tokens.LEVEL: grant.level})
        ct = tree.derive(suite(PROVIDER, CHACHA20), ST, (1, 1))
        storage = Storage(DIRECTORY, self.client)
        token = tokens.ClientToken(ct, params_c)
        self.presenter = Presenter(PROVIDER, token, lambda data: storage.write("ct", data))
        self.server.writes = self.client.writes = 0

    def exchange(self, at_once: int):
        """Make that many requests before the first answer is heard."""
        request = Message(GET)
        request.set_path("/temp")
        exchanges = [self.presenter.protect(request) for _ in range(at_once)]
        for exchange in exchanges:
            session = self.verifier.unprotect(exchange.message, lambda inner: tokens.POP, 0)
            exchange.unprotect(session.protect(Message(CONTENT, (), b"21.5")))


def main():
    """Print the records."""
    for at_once in FLIGHTS:
        pair = Pair()
        for _ in range(REQUESTS // at_once):
            pair.exchange(at_once)
        for side, memory in (("server", pair.server), ("client", pair.client)):
            record = {"name": "flash_writes_per_1000_requests", "side": side, "at_once": at_once}
            record["writes"] = memory.writes
            print(json.dumps(record))


main()
