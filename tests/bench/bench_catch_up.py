"""What it costs both sides to catch up from the window's edge: a JSON object a line.

`micropython tests/bench/bench_catch_up.py`, with the sources on the path. Everything that C sent
was lost until it had no number left but the probe's: a probe, its hint, and the next request.
"""

import json
import os
import time

from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, GET
from leafkey.crypto.provider import default_provider
from leafkey.errors import Refused
from leafkey.pat import tokens, tree
from leafkey.pat.functions import CHACHA20, suite
from leafkey.pat.presenter import NotRecognized, Presenter
from leafkey.pat.verifier import Verifier

ROUNDS = 50
SHAPE = {
    tokens.SUITE: CHACHA20,
    tokens.DEGREE: 33,
    tokens.DEPTH: 1000,
    tokens.AT_LEN: 16,
    tokens.WINDOW: 8,
    tokens.AEAD: tokens.AES_CCM_16_64_128,
    tokens.AUDIENCE: "thermo",
}
PROVIDER = default_provider()
ST = bytes(range(32))


class Forgetful:
    """A store that keeps nothing: its writes are counted elsewhere."""

    def put_token(self, token, marks):
        """Take an ST."""

    def put_mark(self, slot, mark):
        """Take a mark."""


def level_of(request):
    return tokens.POP


def server():
    slots = {1: tokens.SlotGrant(1, 31999, tokens.POP)}
    params = {tokens.EPOCH: 1, tokens.N_CLIENTS: 1, tokens.SAM: "coap://home/token"}
    params.update(SHAPE)
    params.update({tokens.SLOTS: slots, tokens.VERSION: 1})
    verifier = Verifier(PROVIDER, os.urandom, Forgetful(), "coap://home/token", "thermo")
    verifier.apply(tokens.ServerToken(ST, params), 0)
    return verifier


def client():
    params = {tokens.SLOT: 1, tokens.FIRST: 0, tokens.LAST: 31999, tokens.LEVEL: tokens.POP}
    params.update(SHAPE)
    ct = tree.derive(suite(PROVIDER, CHACHA20), ST, (1, 1))
    return Presenter(PROVIDER, tokens.ClientToken(ct, params), lambda state: None)


def catch_up(verifier, presenter):
    probe = presenter.probe()
    try:
        verifier.unprotect(probe.message, level_of, 0)
    except Refused as refused:
        try:
            probe.unprotect(refused.response)
        except NotRecognized as answer:
            if not answer.hinted:
                raise
    ask(verifier, presenter)


def ask(verifier, presenter):
    exchange = presenter.protect(Message(GET))
    session = verifier.unprotect(exchange.message, level_of, 0)
    exchange.unprotect(session.protect(Message(CONTENT, (), b"21.5")))


def timed(step, verifier, presenter, before):
    """The least microseconds of a step; noise only adds."""
    best = None
    for _ in range(ROUNDS):
        before(presenter)
        start = time.ticks_us()
        step(verifier, presenter)
        spent = time.ticks_diff(time.ticks_us(), start)
        best = spent if best is None else min(best, spent)
    return best


def lose(presenter):
    while not presenter.must_probe():
        presenter.protect(Message(GET))


def main():
    """Print the records."""
    verifier, presenter = server(), client()
    asked = timed(ask, verifier, presenter, lambda presenter: None)
    caught_up = timed(catch_up, verifier, presenter, lose)
    print(json.dumps({"name": "request", "us": asked}))
    print(json.dumps({"name": "catch_up_from_the_edge", "us": caught_up}))


main()
