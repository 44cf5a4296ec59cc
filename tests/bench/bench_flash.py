"""Counts flash writes of server and client over 1000 requests at w = 8: one JSON object a line.

`micropython -X heapsize=16m tests/bench/bench_flash.py`, with the sources on the path. Each side
keeps its state as nodes do; requests come one after the other, or several at a time. The bytes are
those of the records: what a file system adds depends on it.
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
# (slots that are open, requests at a time).
RUNS = ((1, 1), (1, 4), (16, 1), (1024, 1))
DIRECTORY = "flash"
PROVIDER = default_provider()
ST = bytes(range(32))


class Memory(Files):
    """Files in memory that count what would be written to flash."""

    def __init__(self):
        self.writes = self.bytes = 0

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
        self.bytes += len(content)
        return len(content)

    def sync(self, file):
        """Nothing to wait for."""

    def make_directory(self, path: str):
        """There is one."""

    def rename(self, old: str, new: str):
        """Count: a record is durable by this."""
        self.writes += 1


class Pair:
    """A server with open slots and the client of the first, each on flash of its own."""

    def __init__(self, n_slots: int):
        self.server, self.client = Memory(), Memory()
        grant = tokens.SlotGrant(1, 20 * REQUESTS, tokens.POP)
        slots = dict.fromkeys(range(1, n_slots + 1), grant)
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
        params_s.update({tokens.VERSION: 1, tokens.EPOCH: 1, tokens.N_CLIENTS: n_slots})
        params_s.update({tokens.SAM: "coap://192.0.2.1/token", tokens.SLOTS: slots})
        state = VerifierState(Storage(DIRECTORY, self.server), "st")
        self.verifier = Verifier(PROVIDER, bytes, state, "", "thermo")
        self.verifier.apply(tokens.ServerToken(ST, params_s), 0)
        for slot in slots:
            # As if the clients of all slots had been here.
            state.put_mark(slot, REQUESTS)
        params_c = dict(shape)
        params_c.update({tokens.SLOT: 1, tokens.FIRST: 0})
        params_c.update({tokens.LAST: grant.last, tokens.LEVEL: grant.level})
        ct = tree.derive(suite(PROVIDER, CHACHA20), ST, (1, 1))
        storage = Storage(DIRECTORY, self.client)
        token = tokens.ClientToken(ct, params_c)
        self.presenter = Presenter(PROVIDER, token, lambda data: storage.write("ct", data))
        for memory in (self.server, self.client):
            memory.writes = memory.bytes = 0

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
    for n_slots, at_once in RUNS:
        pair = Pair(n_slots)
        for _ in range(REQUESTS // at_once):
            pair.exchange(at_once)
        for side, memory in (("server", pair.server), ("client", pair.client)):
            record = {"side": side, "slots": n_slots, "at_once": at_once}
            record.update({"writes": memory.writes, "bytes": memory.bytes})
            print(json.dumps(record))


main()
