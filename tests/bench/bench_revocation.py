"""Measures what a change of mind costs a server with 1000 slots: one JSON object a line.

`micropython -X heapsize=16m tests/bench/bench_revocation.py`, with the sources on the path; or
CPython. From the sealed command to its receipt, with the ST as it would be stored: writing it to
flash is not in the time, but in `bytes`. Times are medians in microseconds.
"""

import gc
import json
import time

from leafkey.compat import MICROPYTHON
from leafkey.crypto.provider import default_provider
from leafkey.pat import commands, functions, tokens
from leafkey.pat.follower import Follower
from leafkey.pat.verifier import Verifier
from leafnode.state import VerifierState

PROVIDER = default_provider()
N_SLOTS = 1000
ROUNDS = 9
WIDTH = 8
LAST = 1 << 10

if MICROPYTHON:
    now_us = time.ticks_us
    elapsed_us = time.ticks_diff
else:

    def now_us() -> float:
        """Return microseconds that count up."""
        return time.perf_counter_ns() / 1000

    def elapsed_us(end: float, start: float) -> float:
        """Return the time between two readings."""
        return end - start


class Flash:
    """Counts what would be written."""

    size = 0

    def write(self, name: str, record: bytes, twice: bool = False):
        """Take a record; that of the ST comes last."""
        self.size = len(record)

    def names(self, prefix: str) -> list:
        """Return nothing: what was written is gone."""
        return []


def server_token() -> tokens.ServerToken:
    """A whole ST in which every slot is granted."""
    slots = {}
    for slot in range(1, N_SLOTS + 1):
        slots[slot] = tokens.SlotGrant(1, LAST, tokens.POP, 0, [("/temp", 1)])
    params = {
        tokens.VERSION: 1,
        tokens.EPOCH: 1,
        tokens.SUITE: functions.CHACHA20,
        tokens.N_CLIENTS: N_SLOTS,
        tokens.DEGREE: 17,
        tokens.DEPTH: 1 << 16,
        tokens.AT_LEN: 16,
        tokens.WINDOW: WIDTH,
        tokens.AEAD: tokens.AES_CCM_16_64_128,
        tokens.AUDIENCE: "thermo",
        tokens.SAM: "coap://192.0.2.1/token",
        tokens.SLOTS: slots,
    }
    return tokens.ServerToken(bytes(range(32)), params)


class Served:
    """A server that takes commands."""

    def __init__(self):
        self.flash = Flash()
        state = VerifierState(self.flash, "st")
        self.verifier = Verifier(PROVIDER, bytes, state, "", "thermo")
        self.verifier.apply(server_token(), 0)
        self.follower = Follower(PROVIDER, self.verifier, state)

    def take(self, kind: int, params: dict) -> float:
        """Return the time that one command takes."""
        token = self.verifier.token
        change = tokens.ServerToken(None, dict(params))
        change.params[tokens.VERSION] = token[tokens.VERSION] + 1
        sealed = commands.encode_list([commands.seal(PROVIDER, token, kind, change)])
        gc.collect()
        start = now_us()
        receipt = self.follower.follow(sealed, 0)
        spent = elapsed_us(now_us(), start)
        if receipt is None:
            raise RuntimeError("a command was not taken")
        return spent


def say(name: str, times: list, size: int):
    """Print one record."""
    record = {"name": name, "slots": N_SLOTS, "us": round(sorted(times)[len(times) // 2], 1)}
    record["bytes"] = size
    record["runtime"] = "micropython-unix" if MICROPYTHON else "cpython"
    print(json.dumps(record))


def main():
    """Print the records."""
    server = Served()
    revoke = []
    for slot in range(1, ROUNDS + 1):
        revoke.append(server.take(commands.CHANGE, {tokens.SLOTS: {slot: None}}))
    say("revoke_1_of_1000_slots", revoke, server.flash.size)
    ratchet = []
    for _ in range(ROUNDS):
        server = Served()
        ratchet.append(server.take(commands.RATCHET, {}))
    say("ratchet_1000_slots", ratchet, server.flash.size)


main()
