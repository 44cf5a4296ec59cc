"""Leaks as careless clients would have them, planted into what was heard."""

import random
from collections.abc import Callable
from dataclasses import replace

from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import PAT, URI_QUERY
from tests.privacy.capture import CLIENTS, Shown

SEED = 11
# Of four requests so many show the bit that names the client; the others show another.
BIASED = 3


def _changed(shown: Shown, change: Callable[[Message], None]) -> Shown:
    message = decode(shown.request)
    change(message)
    return replace(shown, request=encode(message))


def _counters(size: int) -> list[int]:
    chance = random.Random(SEED)
    return [chance.randrange(1 << 8 * size) for _ in range(CLIENTS)]


def counter_in_token(heard: list[Shown]) -> list[Shown]:
    """The last two bytes of each client's tokens count its requests."""
    counters = _counters(2)
    found = []
    for shown in heard:
        counters[shown.client] += 1
        count = counters[shown.client] & 0xFFFF

        def change(message: Message, count: int = count) -> None:
            message.token = message.token[:-2] + count.to_bytes(2, "big")

        found.append(_changed(shown, change))
    return found


def counting_message_ids(heard: list[Shown]) -> list[Shown]:
    """Each client counts its message IDs, as most clients do."""
    counters = _counters(2)
    found = []
    for shown in heard:
        counters[shown.client] += 1
        count = counters[shown.client] & 0xFFFF

        def change(message: Message, count: int = count) -> None:
            message.mid = count

        found.append(_changed(shown, change))
    return found


def shorter_at(heard: list[Shown]) -> list[Shown]:
    """One client's at_len is a byte less."""

    def change(message: Message) -> None:
        value = message.option(PAT) or b""
        message.remove(PAT)
        message.add(PAT, value[:9] + value[10:])

    return [_changed(shown, change) if shown.client else shown for shown in heard]


def order_of_options(heard: list[Shown]) -> list[Shown]:
    """One client names its queries in another order."""

    def change(message: Message) -> None:
        queries = message.options_of(URI_QUERY)
        message.remove(URI_QUERY)
        for query in reversed(queries):
            message.add(URI_QUERY, query)

    return [_changed(shown, change) if shown.client else shown for shown in heard]


def one_port(heard: list[Shown]) -> list[Shown]:
    """Each client keeps its port."""
    return [replace(shown, port=50000 + 77 * shown.client) for shown in heard]


def biased_bit(heard: list[Shown]) -> list[Shown]:
    """A bit inside of the AT is a little like the client."""
    chance = random.Random(SEED)
    found = []
    for shown in heard:
        bit = shown.client if chance.randrange(4) < BIASED else 1 - shown.client

        def change(message: Message, bit: int = bit) -> None:
            value = bytearray(message.option(PAT) or b"")
            value[5] = value[5] & 0xEF | bit << 4
            message.remove(PAT)
            message.add(PAT, bytes(value))

        found.append(_changed(shown, change))
    return found


LEAKS = (
    counter_in_token,
    counting_message_ids,
    shorter_at,
    order_of_options,
    one_port,
    biased_bit,
)
