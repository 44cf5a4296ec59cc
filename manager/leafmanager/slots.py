"""Which slot of a server a ticket takes. Generations only grow, so no (slot, generation) repeats.

Every decision about a server is one version of its ST (SPEC section 9.1), which
`leafmanager.versions` keeps until the server has it: `slot.version` says in which version a slot
last changed.
"""

import secrets

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from leafkey.ace import aif
from leafkey.crypto.provider import default_provider
from leafkey.pat import functions
from leafkey.pat.ticket import ACCESS_TOKEN_LEN
from leafkey.pat.tokens import (
    MAX_ENDORSEMENT,
    MAX_TABLE,
    N_CLIENTS,
    SECRET_LEN,
    SLOT_RANGES,
    SlotRange,
)
from leafmanager import issue, per_at, ranges, trl, versions
from leafmanager.holding import has_expired, live_grants
from leafmanager.policy import EXPLICIT, IMPLICIT, Permission
from leafmanager.store.tables import Charge, Grant, Node, Server, Slot

# Grants that are over are kept for the owner to look at: this many a server.
KEPT_GRANTS = 256
# Characters that say to the owner what a version is about.
MAX_TEXT = 120


class Full(Exception):
    """All slots of a server are taken."""


def assign(
    session: Session,
    server: Server,
    client: Node,
    request_id: bytes,
    permission: Permission,
    ats: int,
    now: int,
) -> Grant:
    """Give a client the next generation of its slot, or of a free one, with `ats` ATs.

    Expired grants are closed in the same version. Full if no slot is free.
    """
    server.version += 1
    _close_expired(session, server, now)
    slot = _slot_of(session, server, client) or _free_slot(session, server)
    if slot.grant:
        _over(session, [slot.grant], now)
    slot.generation += 1
    slot.version = server.version
    grant = slot.grant = Grant(
        server=server,
        epoch=server.epoch,
        slot=slot.number,
        generation=slot.generation,
        client=client,
        request_id=request_id,
        permissions=aif.encode(permission.scope),
        level=permission.level,
        first=0,
        last=ats - 1,
        authorization=permission.authorization,
        version=server.version,
        issued_at=now,
        expires_at=permission.ends_at,
        **per_at.columns(permission.renewal),
    )
    _endorse(grant, now)
    versions.record(session, server, f"a ticket for {client.name}", now)
    _forget_old(session, server)
    return grant


def _endorse(grant: Grant, now: int) -> None:
    """Make the access token: the endorsement, or random bytes where there is none to show."""
    shown = b"" if grant.authorization == IMPLICIT else issue.endorsement(grant, now)
    if len(shown) > MAX_ENDORSEMENT:
        shown, grant.authorization = b"", EXPLICIT
    grant.access_token = shown or secrets.token_bytes(ACCESS_TOKEN_LEN)


def close_expired(session: Session, server: Server, now: int) -> None:
    """Close the slots of expired grants in a new version, if there are any."""
    if any(has_expired(grant, now) for _, grant in live_grants(session, server)):
        server.version += 1
        _close_expired(session, server, now)
        versions.record(session, server, "the end of expired grants", now)


def close(
    session: Session,
    server: Server,
    closing: list[tuple[Slot, Grant]],
    now: int,
    more: dict | None = None,
) -> None:
    """Close slots in a new version. A grant whose ticket never went out is undone.

    `more`: parameters of the ST (SPEC section 4.1) that this version changes, too.
    """
    server.version += 1
    for slot, _ in closing:
        slot.grant = None
        slot.version = server.version
    names = ", ".join(sorted({grant.client.name for _, grant in closing}))
    text = f"the end of what {names} may do" if names else "other parameters"
    versions.record(session, server, text[:MAX_TEXT], now, more=more)
    _end(session, [grant for _, grant in closing], now)


def state_permissions(
    session: Session, slot: Slot, grant: Grant, permissions: list[tuple[str, int]], now: int
) -> None:
    """Tell the server in a new version what a grant permits, which was left to its endorsement."""
    server = grant.server
    server.version += 1
    slot.version = grant.version = server.version
    grant.permissions = aif.encode(permissions)
    grant.authorization = EXPLICIT
    versions.record(session, server, f"what {grant.client.name} may do"[:MAX_TEXT], now)


def begin_epoch(
    session: Session, server: Server, now: int, above: tuple[int, int] = (0, 0)
) -> None:
    """Give a server a fresh St in a new epoch, in which no slot was ever granted (SPEC 9.1).

    The grants that were out end. Those whose ticket never went out are undone: their request may
    come again. `above`: epoch and version that the server has, if this manager never gave them.
    """
    held = _clear(session, server)
    server.epoch = max(server.epoch, above[0]) + 1
    server.version = max(server.version, above[1]) + 1
    server.confirmed, server.sent = above[1] or server.confirmed, max(server.sent, above[1])
    server.st = secrets.token_bytes(SECRET_LEN)
    versions.record_replacement(session, server, "a fresh St", now)
    _end(session, held, now)


def ratchet(session: Session, server: Server, now: int) -> None:
    """Move a server to the next St without sending it: all tickets that are out end (SPEC 9.3)."""
    held = _clear(session, server)
    server.version += 1
    versions.record_ratchet(session, server, "a ratchet", now)
    server.epoch += 1
    suite = functions.suite(default_provider(), server.suite)
    server.st = suite.f(functions.RATCHET, server.st, server.epoch)
    _end(session, held, now)


def resize(session: Session, server: Server, n_clients: int, now: int) -> list[Grant]:
    """Change the number of slots in a new version; return the grants that end, beyond the last.

    What ranges say of slots beyond the last ends, too.
    """
    beyond = [
        (slot, held) for slot, held in live_grants(session, server) if slot.number > n_clients
    ]
    server.n_clients = n_clients
    more: dict = {N_CLIENTS: n_clients}
    shared = ranges.of(session, server)
    left = ranges.without(shared, n_clients + 1, MAX_TABLE)
    if left != shared:
        ranges.put(session, server, left)
        more[SLOT_RANGES] = left
    close(session, server, beyond, now, more)
    return [grant for _, grant in beyond]


def share(session: Session, server: Server, shared: list[SlotRange], now: int) -> None:
    """Say in a new version what slots have in common, in place of all ranges that there were."""
    ranges.put(session, server, shared)
    server.version += 1
    more = {SLOT_RANGES: shared}
    versions.record(session, server, "what slots have in common", now, more=more)


def take_back(session: Session, server: Server, client: Node) -> None:
    """Give the rules back what they paid for a client's grant whose ticket never went out."""
    for _, grant in live_grants(session, server):
        if grant.client_id == client.id and grant.released_at is None:
            _refund(session, grant)


def _clear(session: Session, server: Server) -> list[Grant]:
    """Forget the slots of an epoch that ends; return the grants that held them."""
    held = [grant for _, grant in live_grants(session, server)]
    session.execute(delete(Slot).where(Slot.server_id == server.node_id))
    return held


def _end(session: Session, grants: list[Grant], now: int) -> None:
    """End grants for good; those whose ticket never went out are undone."""
    _over(session, grants, now)
    for grant in grants:
        if grant.released_at is None:
            _refund(session, grant)
            session.flush()
            session.delete(grant)
    session.flush()


def _over(session: Session, grants: list[Grant], now: int) -> None:
    trl.revoke(session, grants, now)
    for grant in grants:
        grant.ended_at = now


def _refund(session: Session, grant: Grant) -> None:
    for charge in session.scalars(select(Charge).where(Charge.grant_id == grant.id)):
        if charge.rule.ats_left is not None:
            charge.rule.ats_left += grant.last + 1 - grant.first
        session.delete(charge)


def _close_expired(session: Session, server: Server, now: int) -> None:
    for slot, grant in live_grants(session, server):
        if has_expired(grant, now):
            grant.ended_at = now
            slot.grant = None
            slot.version = server.version


def _slot_of(session: Session, server: Server, client: Node) -> Slot | None:
    held = live_grants(session, server)
    return next((slot for slot, grant in held if grant.client_id == client.id), None)


def _free_slot(session: Session, server: Server) -> Slot:
    ours = (Slot.server_id == server.node_id, Slot.number <= server.n_clients)
    known = session.scalars(select(Slot).where(*ours)).all()
    free = next((slot for slot in known if slot.grant is None), None)
    if free:
        return free
    if len(known) >= server.n_clients:
        raise Full(f"all {server.n_clients} slots of {server.node.name} are taken")
    slot = Slot(server_id=server.node_id, number=len(known) + 1, generation=0, version=0)
    session.add(slot)
    return slot


def _forget_old(session: Session, server: Server) -> None:
    over = (Grant.server_id == server.node_id, Grant.ended_at.is_not(None))
    kept = select(Grant.id).where(*over).order_by(Grant.id.desc()).limit(KEPT_GRANTS)
    session.execute(delete(Grant).where(*over, Grant.id.not_in(kept)))
