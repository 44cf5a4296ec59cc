"""Finds secrets of a house in text: as hexadecimal, base64 or repr, whole or in part."""

import ast
import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.oscore.material import Material, from_fields
from leafkey.pat import functions, tokens, tree
from leafmanager.kdc.tables import Group, KdcKey, TreeKey
from leafmanager.store.database import FILE_NAME
from leafmanager.store.tables import Channel, Grant, Server

# So many bytes in a row of a secret are a leak.
PART = 8
# ATs of each grant whose keys are looked for, and levels of its branch.
NUMBERS = 64
# What stands before the content of a node's record.
RECORD_HEAD = 19
LEVELS = 8
LABELS = (
    functions.VERIF_K,
    functions.PSK,
    functions.INT_K,
    functions.CONF_K,
    functions.PROBE,
    functions.HINT,
)

_HEX = re.compile(rf"[0-9a-fA-F]{{{2 * PART},}}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}")
_REPR = re.compile(r"""b'(?:[^'\\\n]|\\.)*'|b"(?:[^"\\\n]|\\.)*\"""")


class Secrets:
    """All there are: in the databases of manager and CAMs, in nodes' files, and their keys."""

    def __init__(self, state: Path, nodes: Path):
        self._parts: set[bytes] = set()
        cams = [secret for path in nodes.glob("*/cam.db") for secret in _of_channels(path)]
        for secret in [*_of_manager(state), *_of_nodes(nodes), *cams]:
            self._parts.update(_parts(secret))

    def found_in(self, text: str) -> list[str]:
        """Return the places of a text that show a part of a secret."""
        return [shown for shown, data in _readings(text) if self._holds(data)]

    def _holds(self, data: bytes) -> bool:
        return any(part in self._parts for part in _parts(data))


def _parts(data: bytes) -> Iterator[bytes]:
    for i in range(len(data) - PART + 1):
        yield data[i : i + PART]


def _readings(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield what in a text may stand for bytes, and the bytes."""
    for shown in _HEX.findall(text):
        for start in (0, 1):
            even = shown[start : start + (len(shown) - start) // 2 * 2]
            yield shown, binascii.unhexlify(even)
    for shown in _BASE64.findall(text):
        plain = shown.replace("-", "+").replace("_", "/")
        for start in range(4):
            yield shown, base64.b64decode(plain[start : start + (len(plain) - start) // 4 * 4])
    for shown in _REPR.findall(text):
        yield shown, ast.literal_eval(shown)


def _of_channels(database: Path) -> Iterator[bytes]:
    """What a manager or a CAM shares with its nodes."""
    engine = create_engine(f"sqlite:///{database}")
    with Session(engine) as session:
        yield from session.scalars(select(Channel.secret))
    engine.dispose()


def _of_manager(state: Path) -> Iterator[bytes]:
    yield from _of_channels(state / FILE_NAME)
    engine = create_engine(f"sqlite:///{state / FILE_NAME}")
    with Session(engine) as session:
        for server in session.scalars(select(Server)):
            yield server.st
        for held in (Group.secret, TreeKey.secret, KdcKey.secret):
            yield from session.scalars(select(held))
    engine.dispose()
    yield from of_grants(state)


def of_grants(state: Path) -> Iterator[bytes]:
    """Yield what the holders of a manager's grants know: each Ct, and the keys of its first ATs."""
    engine = create_engine(f"sqlite:///{state / FILE_NAME}")
    with Session(engine) as session:
        for grant in session.scalars(select(Grant)):
            server = grant.server
            place = (grant.slot, grant.generation)
            yield from _of_branch(server.suite, server.st, *place, server.degree)
    engine.dispose()


def _of_branch(number: int, st: bytes, slot: int, generation: int, degree: int) -> Iterator[bytes]:
    suite = functions.suite(default_provider(), number)
    yield tree.derive(suite, st, (slot,))
    parent = tree.derive(suite, st, (slot, generation))
    for level in range(LEVELS):
        yield parent
        for child in range(1, degree):
            if level * (degree - 1) + child <= NUMBERS:
                yield from (suite.f(label, parent, child) for label in LABELS)
        parent = suite.f(functions.G, parent, degree)


def _of_nodes(directory: Path) -> Iterator[bytes]:
    """The parent a client goes on from is the end of its records."""
    for record in directory.glob("*/ct-*"):
        yield record.read_bytes()[-tokens.SECRET_LEN :]
    for record in directory.glob("*/node"):
        yield channel_of(record).secret
    for record in directory.glob("*/group-*-key"):
        yield record.read_bytes()[RECORD_HEAD:]


def channel_of(record: Path) -> Material:
    """Return what a node shares with its manager, by its record: see leafnode.storage."""
    fields = cbor.decode(record.read_bytes()[RECORD_HEAD:])
    assert isinstance(fields, list)
    return from_fields(fields[3])
