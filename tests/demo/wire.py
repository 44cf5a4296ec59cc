"""What somebody on the wire can tell of a datagram: its number in the draft, and what is in it.

What nodes and manager send each other is sealed in OSCORE: of it, only size and direction are seen,
and when both make new keys.
"""

from typing import NamedTuple

from leafkey.ace import hints
from leafkey.coap.message import Message, decode
from leafkey.coap.numbers import EMPTY, OSCORE, PAT, UNAUTHORIZED, code_text, is_request
from leafkey.errors import DecodeError
from leafkey.oscore.association import NONCE_LEN
from leafkey.oscore.context import header_of
from leafkey.pat.tokens import CONFIDENTIAL, LEVELS, PROBE_LEVEL

AT_LEN = 16
LEVEL_NAMES = {number: name for name, number in LEVELS.items()} | {PROBE_LEVEL: "probe"}
METHODS = {1: "GET", 2: "POST", 3: "PUT", 4: "DELETE", 5: "FETCH"}
# The number of a request, and of its answer.
Numbers = tuple[int, int]
FIRST_REQUEST: Numbers = (1, 4)
WITH_AT: Numbers = (11, 12)
SERVER_TOKEN_REQUEST: Numbers = (2, 3)
SERVER_TOKEN_CHANGE: Numbers = (3, 3)
TICKET: Numbers = (6, 7)
# No message of the draft: node and manager agree on new keys.
NEW_KEYS: Numbers = (0, 0)
REFUSAL = 4


class Sighting(NamedTuple):
    """One message on the wire, read as a listener reads it."""

    number: int
    source: str
    target: str
    message: Message
    data: bytes
    is_answer: bool


class Listener:
    """Numbers what a tap sees. A repeated datagram and an empty acknowledgement are no message."""

    def __init__(self) -> None:
        self._answers: dict[bytes, int] = {}
        self._seen: set[tuple[str, bytes]] = set()

    def read(self, source: str, target: str, data: bytes) -> Sighting | None:
        """Return what a datagram is, None if there is nothing to say about it."""
        try:
            message = decode(data)
        except DecodeError:
            return None
        if message.code == EMPTY or (source, data) in self._seen:
            return None
        self._seen.add((source, data))
        is_answer = not is_request(message.code)
        number = self._number(source, target, message, is_answer)
        return Sighting(number, source, target, message, data, is_answer)

    def _number(self, source: str, target: str, message: Message, is_answer: bool) -> int:
        if is_answer:
            is_refusal = message.code == UNAUTHORIZED and not _is_protected(message)
            return REFUSAL if is_refusal else self._answers.get(message.token, 0)
        number, self._answers[message.token] = _numbers(source, target, message)
        return number


def is_open(seen: Sighting) -> bool:
    """Tell what everybody can read from what only a node and the manager can."""
    numbers = (REFUSAL, *WITH_AT, *NEW_KEYS)
    return "home" not in (seen.source, seen.target) or seen.number in numbers


def is_sealed(data: bytes) -> bool:
    """Tell whether a datagram says nothing, or nothing without OSCORE."""
    message = decode(data)
    return message.code == EMPTY or message.option(OSCORE) is not None


def _numbers(source: str, target: str, message: Message) -> Numbers:
    value = message.option(PAT)
    if value and value[0] == PROBE_LEVEL:
        return WITH_AT
    if _asks_for_keys(message):
        return NEW_KEYS
    if source == "home":
        return SERVER_TOKEN_CHANGE
    if target == "home":
        return SERVER_TOKEN_REQUEST if source == "thermo" else TICKET
    return FIRST_REQUEST if message.option(PAT) is None else WITH_AT


def _is_protected(message: Message) -> bool:
    return message.option(PAT) is not None or message.option(OSCORE) is not None


def _asks_for_keys(message: Message) -> bool:
    """Tell the first message of RFC 8613 appendix B.2: it names a context by R1 alone."""
    if message.option(OSCORE) is None:
        return False
    return len(header_of(message).kid_context or b"") == 1 + NONCE_LEN


def request_text(message: Message) -> str:
    """Return a request as a listener sees it, with what shows the AT."""
    if message.option(OSCORE) is not None:
        return f"OSCORE: new keys, R1 ‹{NONCE_LEN} bytes›"
    path = b"/".join(message.path()).decode()
    text = METHODS[message.code] + (f" /{path}" if path else "")
    value = message.option(PAT)
    if value is None:
        return text
    level = LEVEL_NAMES[value[0]]
    if value[0] == PROBE_LEVEL:
        text = "after a restart, where to go on?"
    if value[0] == CONFIDENTIAL:
        text = f"‹{len(message.payload)} bytes sealed›"
    mac = len(value) - 1 - AT_LEN
    return f"{text} + {level}: At ‹{AT_LEN} bytes›" + (f", MAC ‹{mac} bytes›" if mac else "")


def answer_text(message: Message) -> str:
    """Return an answer as a listener sees it."""
    if message.option(OSCORE) is not None:
        return "OSCORE: R2 ‹16 bytes›"
    value = message.option(PAT)
    if message.code == UNAUTHORIZED and value is None:
        sam, audience, _ = hints.decode(message.payload)
        return f"4.01, {audience} says: ask {sam}"
    if value is None:
        return f"{code_text(message.code)} {message.payload.decode()}"
    if value:
        return f"{code_text(message.code)} {message.payload.decode()} + MAC ‹{len(value)} bytes›"
    return f"‹{len(message.payload)} bytes sealed›"
