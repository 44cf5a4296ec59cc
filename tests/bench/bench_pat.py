"""Measures slots, requests and sizes: one JSON object a line, on both runtimes.

`micropython -X heapsize=16m tests/bench/bench_pat.py`, with the sources on the path. Heap figures
come from MicroPython alone. Times are medians in microseconds: requests of the sizes compared are
interleaved, so that what slows the machine slows both.
"""

import gc
import json
import time

from leafkey.coap.message import Message, encode
from leafkey.coap.numbers import CONTENT, GET
from leafkey.compat import MICROPYTHON
from leafkey.crypto.provider import default_provider
from leafkey.pat import functions, tokens, tree
from leafkey.pat.presenter import Presenter
from leafkey.pat.tokens import LEVELS, POP
from leafkey.pat.verifier import Verifier
from leafkey.pat.window import Window

PROVIDER = default_provider()
ST = bytes(range(32))
WIDTH = 8
DEGREE = 17
DEPTH = 1 << 16
AT_LEN = 16
LAST = 1 << 19
SIZES = (4, 64, 1024)
CLIENTS = 4
REQUESTS = 1200
COLLECT_EVERY = 40

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


class Store:
    """Keeps nothing: what storing costs is the storage's figure."""

    def put_token(self, token: tokens.ServerToken, marks: dict):
        """Take an ST."""

    def put_mark(self, slot: int, mark: int):
        """Take a mark."""


def server_token(n_slots: int) -> tokens.ServerToken:
    """A whole ST with every slot granted, each grant an object of its own as after decoding."""
    params = {
        tokens.VERSION: 1,
        tokens.EPOCH: 1,
        tokens.SUITE: functions.CHACHA20,
        tokens.N_CLIENTS: n_slots,
        tokens.DEGREE: DEGREE,
        tokens.DEPTH: DEPTH,
        tokens.AT_LEN: AT_LEN,
        tokens.WINDOW: WIDTH,
        tokens.AEAD: tokens.AES_CCM_16_64_128,
        tokens.AUDIENCE: "thermo",
        tokens.SAM: "coap://192.0.2.1/token",
        tokens.SLOTS: {i: tokens.SlotGrant(1, LAST, 0) for i in range(1, n_slots + 1)},
    }
    return tokens.ServerToken(ST, params)


def verifier(token: tokens.ServerToken, marks: dict) -> Verifier:
    """A server that has this ST."""
    made = Verifier(PROVIDER, bytes, Store(), token[tokens.SAM], token[tokens.AUDIENCE])
    made.load(token, marks)
    return made


def presenter(token: tokens.ServerToken, slot: int) -> Presenter:
    """The client of a slot."""
    suite = functions.suite(PROVIDER, token[tokens.SUITE])
    params = {
        tokens.SLOT: slot,
        tokens.FIRST: 0,
        tokens.LAST: LAST,
        tokens.LEVEL: 0,
    }
    for label in (tokens.SUITE, tokens.DEGREE, tokens.DEPTH, tokens.AT_LEN, tokens.WINDOW):
        params[label] = token[label]
    params[tokens.AEAD], params[tokens.AUDIENCE] = token[tokens.AEAD], token[tokens.AUDIENCE]
    ct = tree.derive(suite, token.st, (slot, 1))
    return Presenter(PROVIDER, tokens.ClientToken(ct, params), len)


def say(name: str, **fields):
    """Print one record."""
    fields["name"] = name
    fields["runtime"] = "micropython-unix" if MICROPYTHON else "cpython"
    print(json.dumps(fields))


def grown(make, n_slots: int) -> int:
    """Return the bytes that what `make(n_slots)` returns keeps on the heap."""
    gc.collect()
    before = gc.mem_alloc()
    kept = make(n_slots)
    gc.collect()
    size = gc.mem_alloc() - before
    del kept
    return size


def window(n_slots: int) -> Window:
    """The table of open slots alone."""
    suite = functions.suite(PROVIDER, functions.CHACHA20)
    made = Window(suite, n_slots, WIDTH, DEGREE)
    for slot in range(1, n_slots + 1):
        made.open(slot, tree.derive(suite, ST, (slot, 1)), LAST, -1)
    return made


def marks(n_slots: int) -> dict:
    """A mark for every slot, as after one request from each."""
    return dict.fromkeys(range(1, n_slots + 1), WIDTH - 1)


def heap():
    """Print bytes on the heap for each number of slots, and by what."""
    parts = (
        ("server", lambda n: verifier(server_token(n), marks(n))),
        ("window", window),
        ("marks", marks),
        ("token", server_token),
    )
    slope = {}
    for part, make in parts:
        sizes = {n: grown(make, n) for n in SIZES}
        for n in SIZES:
            say("heap_" + part, slots=n, bytes=sizes[n])
        slope[part] = (sizes[SIZES[2]] - sizes[SIZES[1]]) / (SIZES[2] - SIZES[1])
        say(part + "_bytes_a_slot", bytes=round(slope[part], 1))
    say("slot_state_bytes", bytes=round(slope["window"] + slope["marks"], 1))


class Served:
    """A server with a number of slots, and clients spread over them."""

    def __init__(self, n_slots: int):
        token = server_token(n_slots)
        self.verifier = verifier(token, {})
        step = n_slots // CLIENTS
        self.clients = [presenter(token, 1 + i * step) for i in range(CLIENTS)]
        self.turn = 0
        self.times = []

    def one(self):
        """Time one request at `pop`, from the message to its answer."""
        client = self.clients[self.turn % CLIENTS]
        self.turn += 1
        exchange = client.protect(_get(), POP)
        message = exchange.message
        start = now_us()
        session = self.verifier.unprotect(message, _no_demand, 0)
        answer = session.protect(_content())
        self.times.append(elapsed_us(now_us(), start))
        exchange.unprotect(answer)

    def median(self) -> float:
        """Return the median time so far."""
        return sorted(self.times)[len(self.times) // 2]


def times():
    """Print the time of a request for each number of slots."""
    servers = [Served(n_slots) for n_slots in SIZES]
    gc.disable()
    for i in range(REQUESTS):
        if i % COLLECT_EVERY == 0:
            gc.collect()
        for turn in range(len(servers)):
            servers[(i + turn) % len(servers)].one()
    gc.enable()
    for i in range(len(SIZES)):
        say("request_time", slots=SIZES[i], us=round(servers[i].median(), 1))
    ratio = servers[-1].median() / servers[0].median()
    say("request_time_1024_vs_4_slots", ratio=round(ratio, 3))


def sizes():
    """Print what a request and its response grow by at each level."""
    token = server_token(1)
    server, client = verifier(token, {}), presenter(token, 1)
    for name, level in sorted(LEVELS.items(), key=lambda item: item[1]):
        exchange = client.protect(_get(), level)
        answer = server.unprotect(exchange.message, _no_demand, 0).protect(_content())
        say(name + "_request_bytes", bytes=_size(exchange.message) - _size(_get()))
        say(name + "_response_bytes", bytes=_size(answer) - _size(_content()))


def _size(message: Message) -> int:
    message.mid = 1
    return len(encode(message))


def _get() -> Message:
    message = Message(GET)
    message.set_path("/temp")
    return message


def _content() -> Message:
    return Message(CONTENT, (), b"21.5")


def _no_demand(request: Message) -> int:
    return 0


def main():
    """Print the records."""
    if MICROPYTHON:
        heap()
    times()
    sizes()


main()
