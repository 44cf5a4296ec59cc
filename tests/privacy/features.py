"""What a listener can look at, and what may tell whether two requests are of one client."""

from collections.abc import Sequence

import numpy as np

from leafkey.coap.message import decode
from leafkey.coap.numbers import PAT
from tests.privacy.capture import Shown

# Bytes of a datagram and of an option that are looked at one by one.
ANSWER = 64
VALUE = 40
DATAGRAM = 128
# Ports and message IDs wrap around: a counter may pass its end.
SPAN = 1 << 16


class Field:
    """A number that each message has; `span` is where it wraps around, 0 for not at all."""

    def __init__(self, family: str, name: str, values: Sequence[int] | np.ndarray, span: int = 0):
        self.family = family
        self.name = name
        self.values = np.asarray(values, dtype=np.int64)
        self.span = span


def fields(heard: list[Shown]) -> list[Field]:
    """Return all fields of the messages heard."""
    requests = [decode(shown.request) for shown in heard]
    answers = [decode(shown.answer) if shown.answer else None for shown in heard]
    known: dict[tuple, int] = {}
    found = [
        Field("ports", "port", [shown.port for shown in heard], SPAN),
        Field("mids", "message ID", [message.mid or 0 for message in requests], SPAN),
        Field("mids", "answer's message ID", [(a.mid or 0) if a else 0 for a in answers], SPAN),
        Field("lengths", "datagram", [len(shown.request) for shown in heard]),
        Field("lengths", "answer", [len(shown.answer) for shown in heard]),
        Field("lengths", "token", [len(message.token) for message in requests]),
        Field("lengths", "payload", [len(message.payload) for message in requests]),
        Field("lengths", "PAT option", [len(message.option(PAT) or b"") for message in requests]),
        Field("options", "type and code", [(m.type or 0) << 8 | m.code for m in requests]),
        Field("options", "number", [len(message.options) for message in requests]),
        Field("options", "order", [_numbered(known, _order(m.options)) for m in requests]),
    ]
    found += _words("tokens", "token", [message.token for message in requests], 8)
    found += _words("ATs", "PAT", [message.option(PAT) or b"" for message in requests], VALUE)
    found += _words("payloads", "payload", [message.payload for message in requests], VALUE)
    found += _words("answers", "answer", [shown.answer for shown in heard], ANSWER)
    return found


def _order(options: list) -> tuple:
    return tuple(option for option in options if option[0] != PAT)


def _numbered(known: dict[tuple, int], value: tuple) -> int:
    return known.setdefault(value, len(known))


def _words(family: str, name: str, values: list[bytes], size: int) -> list[Field]:
    """Each byte, and each two and four of them as numbers of both byte orders."""
    table = _table(values, size)
    found = []
    for order, kinds in (("big", (">u1", ">u2", ">u4")), ("little", ("<u2", "<u4"))):
        for kind in kinds:
            numbers = table.view(kind).astype(np.int64)
            width = int(kind[-1])
            for i in range(numbers.shape[1]):
                label = f"{name} {i * width}..{i * width + width - 1} {order}"
                found.append(Field(family, label, numbers[:, i], 1 << 8 * width))
    return found


def _table(values: list[bytes], size: int) -> np.ndarray:
    """Return a row of so many bytes for each value, cut or filled with zeros."""
    rows = b"".join(value[:size].ljust(size, b"\0") for value in values)
    return np.frombuffer(rows, dtype=np.uint8).reshape(len(values), size)


class Pairs:
    """Each request and the one after it: is it the same client?

    As a fair coin said who was next, the right answers are as independent of each other as the
    coin's throws: who guesses is right as often as a coin shows heads.
    """

    def __init__(self, heard: list[Shown]):
        clients = np.array([shown.client for shown in heard])
        self.same = clients[1:] == clients[:-1]
        self.names: list[tuple[str, str]] = []
        columns = []
        for field in fields(heard):
            for kind, values in _compared(field):
                self.names.append((field.family, f"{field.name}: {kind}"))
                columns.append(values)
        self.columns = np.stack(columns, axis=1)
        self.bits = _differing_bits(heard)

    def of(self, family: str) -> list[int]:
        """Return the columns of a family."""
        return [i for i, name in enumerate(self.names) if name[0] == family]


def _compared(field: Field) -> list[tuple[str, np.ndarray]]:
    before, after = field.values[:-1], field.values[1:]
    step = after - before
    if field.span:
        half = field.span // 2
        step = (step + half) % field.span - half
    return [("step", step), ("distance", np.abs(step))]


def _differing_bits(heard: list[Shown]) -> np.ndarray:
    """For each bit of port and request, whether it differs in a pair."""
    rows = [shown.port.to_bytes(2, "big") + shown.request for shown in heard]
    bits = np.unpackbits(_table(rows, DATAGRAM), axis=1)
    return bits[1:] ^ bits[:-1]
