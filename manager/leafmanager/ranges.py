"""What slots of a server have in common (SPEC section 4.5).

A slot lies in one range at most: what is said of slots takes the place of what was said of them
before, and leaves the rest of a range that they were part of.
"""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from leafkey.ace import aif
from leafkey.codec import cbor
from leafkey.pat import tokens
from leafkey.pat.tokens import ServerToken, SlotRange
from leafmanager import per_at
from leafmanager.errors import ManagerError
from leafmanager.store.tables import Range, Server

# Beside this, the grants of 1024 slots fit into the 16 KiB that a node takes as one body.
MAX_BYTES = 4096


def of(session: Session, server: Server) -> list[SlotRange]:
    """Return the ranges of a server, in their order."""
    ours = select(Range).where(Range.server_id == server.node_id).order_by(Range.first)
    return [_shared(row) for row in session.scalars(ours)]


def put(session: Session, server: Server, shared: list[SlotRange]) -> None:
    """Store the ranges of a server in place of those it had; ManagerError if they say too much."""
    size = len(cbor.encode(ServerToken(None, {tokens.SLOT_RANGES: shared}).params_s()))
    if size > MAX_BYTES:
        raise ManagerError(
            f"the ranges of {server.node.name} take {size} bytes; {MAX_BYTES} are the limit",
            "say less in each, or the same of more slots",
        )
    session.execute(delete(Range).where(Range.server_id == server.node_id))
    session.add_all(_row(server, one) for one in shared)
    session.flush()


def without(shared: list[SlotRange], first: int, last: int) -> list[SlotRange]:
    """Return what is left of ranges when nothing is said any more of the slots `first` to `last`.

    A range on both sides of them becomes two.
    """
    parts = []
    for one in shared:
        parts.append(one._replace(last=min(one.last, first - 1)))
        parts.append(one._replace(first=max(one.first, last + 1)))
    return [part for part in parts if part.first <= part.last]


def replaced(shared: list[SlotRange], new: SlotRange) -> list[SlotRange]:
    """Return ranges, in their order, in which `new` alone speaks of its slots."""
    left = without(shared, new.first, new.last)
    return sorted([*left, new], key=lambda one: one.first)


def _shared(row: Range) -> SlotRange:
    permissions = None if row.permissions is None else aif.decode(row.permissions)
    return SlotRange(row.first, row.last, row.level, permissions, per_at.of(row))


def _row(server: Server, shared: SlotRange) -> Range:
    return Range(
        server_id=server.node_id,
        first=shared.first,
        last=shared.last,
        level=shared.level,
        permissions=None if shared.permissions is None else aif.encode(shared.permissions),
        **per_at.columns(shared.renewal),
    )
