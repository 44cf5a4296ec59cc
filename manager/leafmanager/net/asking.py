"""Requests that wait for the owner's answer (SPEC section 9.5)."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from leafkey.ace.token import encode_error
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    BAD_REQUEST,
    CONTENT_FORMAT,
    MAX_AGE,
    SERVICE_UNAVAILABLE,
)
from leafmanager import scopes
from leafmanager.net.watch import Watch
from leafmanager.store.tables import Consent

# How long a request is held for the owner's answer. A client waits 93 s for a response at most.
HOLD_SECONDS = 20

T = TypeVar("T")


class Question(NamedTuple):
    """What the owner was asked, and how many seconds there are left to answer it."""

    id: int
    seconds: int
    text: str


def question(asked: Consent, now: int) -> Question:
    """Return what waits for an answer."""
    what = scopes.of(asked.audience).text(scopes.stored(asked.scope))
    advice = f"'leafkey consent approve {asked.id}', or deny"
    text = f"question {asked.id}: {what} on {asked.audience.node.name}? {advice}"
    return Question(asked.id, asked.expires_at - now, text)


async def decided(
    decide: Callable[[], T | Question], watch: Watch, node_id: int, tell: Callable[[str], None]
) -> T | None:
    """Return what is decided, after the owner's answer if it takes one; None if there is none yet.

    `decide` is called again when there is an answer. `tell` says what the owner is asked.
    """
    clock = asyncio.get_running_loop().time
    end = clock() + HOLD_SECONDS
    told = False
    while True:
        found = decide()
        if not isinstance(found, Question):
            return found
        if not told:
            tell(found.text)
            told = True
        seconds = min(end - clock(), found.seconds)
        heard = await watch.answered(found.id, node_id, seconds)
        if not heard and seconds < found.seconds:
            return None


def ace(code: int, payload: bytes) -> Message:
    """Return a response with a map of ACE."""
    return Message(code, ((CONTENT_FORMAT, APPLICATION_ACE_CBOR),), payload)


def ace_error(error: int, text: str) -> Message:
    """Return the 4.00 for an error of ACE."""
    return ace(BAD_REQUEST, encode_error(error, text))


def later(seconds: int, payload: bytes = b"") -> Message:
    """Return the 5.03 that asks to come again."""
    options = ((MAX_AGE, seconds), *(((CONTENT_FORMAT, APPLICATION_ACE_CBOR),) if payload else ()))
    return Message(SERVICE_UNAVAILABLE, options, payload)
