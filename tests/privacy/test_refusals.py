"""Refusals: alike but for the field that helps a client, which nobody else tells from noise."""

import random
from functools import cache
from math import sqrt

import numpy as np
import pytest

from leafkey.ace import hints
from leafkey.coap.message import Message, encode
from leafkey.coap.numbers import DELETE, GET, PAT, POST
from leafkey.errors import Refused
from leafkey.pat.refusal import REFUSAL_LEN
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, INTEGRITY, POP
from tests.privacy.capture import CLIENTS, Air
from tests.privacy.distinguisher import Verdict, tell

SEED = 7
KNOWN = 5000
UNSEEN = 10000
# Beyond so many standard deviations a statistic is not what it is claimed to be; thousands of
# pairs of bits are looked at.
SIGMAS = 5.5


class Victim:
    """A server that refuses, and those whom it refuses."""

    def __init__(self):
        self._air = Air(POP, SEED)
        self._chance = random.Random(SEED)

    def refusal(self, client: int, hinted: bool) -> Message:
        """Return what a client gets for a used At, or what anybody gets."""
        presenter = self._air.presenters[client]
        level = self._chance.choice((POP, INTEGRITY, CONFIDENTIAL))
        exchange = presenter.protect(_get(), level)
        value = exchange.message.option(PAT) or b""
        refused = self._answer(self._unhinted(exchange.message, value))
        # The window moves on.
        accepted = self._answer(exchange.message)
        presenter.answered(exchange.number)
        refused = self._answer(exchange.message) if hinted else refused
        assert accepted is None
        assert refused is not None
        return refused

    def _answer(self, message: Message) -> Message | None:
        try:
            self._air.verifier.unprotect(message, lambda inner: BEARER, 0)
        except Refused as refused:
            return refused.response
        return None

    def _unhinted(self, message: Message, value: bytes) -> Message:
        """Return a request that gets no hint; `value` is a valid option of the message."""
        unknown = b"\x01" + self._chance.randbytes(24)
        forged = value[:-1] + bytes((value[-1] ^ 1,))
        kinds = [
            Message(DELETE),
            Message(POST, ((PAT, unknown),)),
            # At `confidential` this is another At, else another MAC.
            _with(message, forged),
            _with(message, b"\x07" + value[1:17] + bytes(8)),
            _with(message, b"\x00" + value[1:17]),
            _with(message, b"\x09"),
        ]
        return self._chance.choice(kinds)


def _get() -> Message:
    message = Message(GET)
    message.set_path("/temp")
    return message


def _with(message: Message, value: bytes) -> Message:
    changed = message.copy()
    changed.remove(PAT)
    changed.add(PAT, value)
    return changed


def field_of(refusal: Message) -> bytes:
    """Return the refusal field."""
    field = hints.decode(refusal.payload)[2]
    assert field is not None
    assert len(field) == REFUSAL_LEN
    return field


class Heard:
    """Refusals in the order of fair coins: who was refused, and with a hint or not."""

    def __init__(self, number: int):
        victim, chance = Victim(), random.Random(SEED)
        self.clients = np.array([chance.randrange(CLIENTS) for _ in range(number)])
        self.hinted = np.array([chance.randrange(2) == 1 for _ in range(number)])
        made = [
            victim.refusal(int(client), bool(hinted))
            for client, hinted in zip(self.clients, self.hinted, strict=True)
        ]
        rows = [field_of(refusal) for refusal in made]
        self.rest = {masked(refusal, row) for refusal, row in zip(made, rows, strict=True)}
        self.fields = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(number, REFUSAL_LEN)


def masked(refusal: Message, field: bytes) -> bytes:
    """Return all bytes but those of message ID, token and refusal field."""
    refusal.mid = 0
    return encode(refusal).replace(field, bytes(REFUSAL_LEN))


@cache
def heard() -> Heard:
    """Return the refusals of this file."""
    return Heard(KNOWN + UNSEEN + 1)


def columns(fields: np.ndarray) -> np.ndarray:
    """Return bits, bytes, and words of both byte orders."""
    words = [np.ascontiguousarray(fields).view(kind) for kind in (">u4", "<u4", ">u2", "<u2")]
    parts = [np.unpackbits(fields, axis=1), fields, *words]
    return np.hstack([part.astype(np.float64) / part.itemsize**8 for part in parts])


def hint_or_none(fields: np.ndarray) -> Verdict:
    """Tell hints from what holds none."""
    inputs, truth = columns(fields), heard().hinted
    return tell((inputs[:KNOWN], truth[:KNOWN]), (inputs[KNOWN:-1], truth[KNOWN:-1]))


def same_client(fields: np.ndarray) -> Verdict:
    """Tell whether a refusal, and the one after it, are of one client; all have hints."""
    clients = heard().clients[heard().hinted]
    hinted = fields[heard().hinted]
    inputs = columns(hinted[1:] ^ hinted[:-1])
    truth = clients[1:] == clients[:-1]
    cut = len(truth) // 3
    return tell((inputs[:cut], truth[:cut]), (inputs[cut:], truth[cut:]))


def in_clear(fields: np.ndarray) -> np.ndarray:
    """Plant a leak: the number in each hint is not masked well."""
    leaking = fields.copy()
    numbers = np.cumsum(heard().hinted)
    for client in range(CLIENTS):
        is_his = heard().hinted & (heard().clients == client)
        numbers[is_his] = (client << 20) + np.arange(is_his.sum())
    words = numbers.astype("<u8").view(np.uint8).reshape(-1, 8)
    leaking[heard().hinted, 8:16] = words[heard().hinted]
    return leaking


def test_all_refusals_are_alike_but_for_the_field():
    assert len(heard().rest) == 1


@pytest.mark.parametrize("hinted", [True, False], ids=["hints", "none"])
def test_the_field_passes_as_random(hinted: bool):
    fields = heard().fields[heard().hinted == hinted]
    assert max(abs(z) for z in statistics(fields)) < SIGMAS
    assert len({row.tobytes() for row in fields[:, :8]}) == len(fields)


def test_statistics_see_what_is_not_random():
    assert max(statistics(in_clear(heard().fields)[heard().hinted])) > 10 * SIGMAS


def test_a_hint_cannot_be_told_from_none():
    verdict = hint_or_none(heard().fields)
    assert verdict.over_noise <= 1, verdict


def test_whose_hint_it_is_cannot_be_told():
    verdict = same_client(heard().fields)
    assert verdict.over_noise <= 1, verdict


def test_a_leak_that_was_planted_is_found():
    for verdict in (hint_or_none(in_clear(heard().fields)), same_client(in_clear(heard().fields))):
        assert verdict.over_noise > 3, verdict


def statistics(fields: np.ndarray) -> list[float]:
    """Return standard deviations: chi-square of each byte, each bit, and each pair of bits."""
    rows = len(fields)
    expected = rows / 256
    found = []
    for place in range(REFUSAL_LEN):
        counts = np.bincount(fields[:, place], minlength=256)
        chi = float(((counts - expected) ** 2 / expected).sum())
        found.append((chi - 255) / sqrt(2 * 255))
    signs = 2.0 * np.unpackbits(fields, axis=1) - 1
    found += list(signs.sum(axis=0) / sqrt(rows))
    pairs = (signs.T @ signs) / sqrt(rows)
    found += list(pairs[np.triu_indices(8 * REFUSAL_LEN, 1)])
    following = (signs[1:].T @ signs[:-1]) / sqrt(rows - 1)
    return found + list(following.ravel())
