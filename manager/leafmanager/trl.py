"""Which access tokens were revoked: the token revocation list of RFC 9770.

Each node sees the part that concerns it, a server its clients' tokens and a client its own. A token
is on the list from its revocation until it would have expired. Each change of a node's part is an
update with a number, from 0; the latest of them are kept for those who ask for differences.
"""

import base64
import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from leafmanager.store.tables import Grant, Revocation

# Updates kept of each node's part, and the tokens on it at most: the oldest leave first.
MAX_UPDATES = 64
MAX_TOKENS = 256
# Updates in one answer (MAX_DIFF_BATCH).
MAX_BATCH = 16
# The largest number that an update may have.
MAX_INDEX = (1 << 32) - 1


class OutOfBound(Exception):
    """A cursor past the latest update (RFC 9770 section 5.3)."""


class Revoked(NamedTuple):
    """A token that was revoked: whom it concerns, and when it would have ended, None for never."""

    nodes: list[int]
    token_hash: bytes
    ends_at: int | None


class Difference(NamedTuple):
    """Updates, the latest first, each (removed hashes, added hashes); and where they end.

    `cursor` is the number of the latest of them, or, without updates, of the latest there is; None
    before the first one. `more` tells that later ones wait; with a cursor of None, that updates
    after the one asked for are forgotten (RFC 9770 section 8.2).
    """

    updates: list[tuple[list[bytes], list[bytes]]]
    cursor: int | None
    more: bool


def token_hash(access_token: bytes) -> bytes:
    """Return the hash of an access token, in the binary form of RFC 6920 (RFC 9770 section 3.4)."""
    text = base64.urlsafe_b64encode(access_token).rstrip(b"=")
    return b"\x01" + hashlib.sha256(text).digest()


def revoke(session: Session, grants: Iterable[Grant], now: int) -> None:
    """Put the tokens of grants on the list, for their servers and their clients.

    What nobody ever got, or has expired by itself, does not belong there.
    """
    revoked = []
    for grant in grants:
        expired = grant.expires_at is not None and grant.expires_at <= now
        if grant.released_at is not None and not expired:
            nodes = [grant.server_id, grant.client.cam_id or grant.client_id]
            revoked.append(Revoked(nodes, token_hash(grant.access_token), grant.expires_at))
    put(session, revoked, now)


def put(session: Session, revoked: Iterable[Revoked], now: int) -> None:
    """Put tokens on the parts of the nodes that they concern, one update each."""
    parts: dict[int, list[Revoked]] = {}
    for token in revoked:
        for node_id in token.nodes:
            parts.setdefault(node_id, []).append(token)
    for node_id, entries in parts.items():
        number = _next_number(session, node_id)
        for token in entries:
            entry = Revocation(node_id=node_id, added=number, expires_at=token.ends_at)
            entry.token_hash = token.token_hash
            session.add(entry)
        session.flush()
        if number % MAX_BATCH == 0:
            _tidy(session, node_id, now)


def full(session: Session, node_id: int, now: int) -> tuple[list[bytes], int | None]:
    """Return the hashes on a node's part of the list, and the number of its latest update."""
    number = latest(session, node_id, now)
    found = session.scalars(_listed(node_id).order_by(Revocation.id))
    return [entry.token_hash for entry in found], number


def latest(session: Session, node_id: int, now: int) -> int | None:
    """Return the number of the latest update of a node's part, None before the first one."""
    _tidy(session, node_id, now)
    return _latest(session, node_id)


def expire(session: Session, now: int) -> None:
    """Take off what has expired, of every part."""
    over = select(Revocation.node_id).where(
        Revocation.removed.is_(None), Revocation.expires_at <= now
    )
    for node_id in session.scalars(over.distinct()).all():
        _tidy(session, node_id, now)


def next_end(session: Session) -> int | None:
    """Return when the next token that is on the list expires."""
    listed = Revocation.removed.is_(None)
    return session.scalar(select(func.min(Revocation.expires_at)).where(listed))


def latest_of_all(session: Session) -> dict[int, int]:
    """Return the number of the latest update of each part that had one, by node."""
    # What was removed had been added by an earlier update.
    latest = func.max(func.coalesce(Revocation.removed, Revocation.added))
    numbers = select(Revocation.node_id, latest).group_by(Revocation.node_id)
    return {row[0]: row[1] for row in session.execute(numbers)}


def difference(
    session: Session, node_id: int, count: int, cursor: int | None, now: int
) -> Difference:
    """Return updates after number `cursor`: of the last `count` of them, 0 for all, the eldest.

    OutOfBound if there is no such number yet.
    """
    last = latest(session, node_id, now)
    if last is None:
        return Difference([], None, False)
    if cursor is not None and cursor > last:
        raise OutOfBound
    oldest = max(0, last - MAX_UPDATES + 1)
    if cursor is not None and cursor + 1 < oldest:
        return Difference([], None, True)
    start = oldest if cursor is None else cursor + 1
    wanted = range(max(start, last + 1 - count) if count else start, last + 1)
    batch = wanted[:MAX_BATCH]
    end = batch[-1] if batch else last
    return Difference(_updates(session, node_id, batch), end, len(batch) < len(wanted))


def _updates(session: Session, node_id: int, batch: range) -> list[tuple[list[bytes], list[bytes]]]:
    found = {number: ([], []) for number in batch}
    for entry in session.scalars(select(Revocation).where(Revocation.node_id == node_id)):
        if entry.removed in found:
            found[entry.removed][0].append(entry.token_hash)
        if entry.added in found:
            found[entry.added][1].append(entry.token_hash)
    return [found[number] for number in reversed(batch)]


def _listed(node_id: int):
    return select(Revocation).where(Revocation.node_id == node_id, Revocation.removed.is_(None))


def _latest(session: Session, node_id: int) -> int | None:
    numbers = select(func.max(Revocation.added), func.max(Revocation.removed))
    found = session.execute(numbers.where(Revocation.node_id == node_id)).one()
    return max((number for number in found if number is not None), default=None)


def _next_number(session: Session, node_id: int) -> int:
    latest = _latest(session, node_id)
    return 0 if latest is None else latest + 1


def _tidy(session: Session, node_id: int, now: int) -> None:
    """Take off what has expired or has no room, and forget what left long ago."""
    listed = session.scalars(_listed(node_id).order_by(Revocation.id.desc())).all()
    leaving = [
        entry
        for place, entry in enumerate(listed)
        if place >= MAX_TOKENS or (entry.expires_at is not None and entry.expires_at <= now)
    ]
    if leaving:
        number = _next_number(session, node_id)
        for entry in leaving:
            entry.removed = number
        session.flush()
    latest = _latest(session, node_id) or 0
    gone = (Revocation.node_id == node_id, Revocation.removed <= latest - MAX_UPDATES)
    session.execute(delete(Revocation).where(*gone))
