"""Which slot of a server a ticket takes. Generations only grow, so no (slot, generation) repeats.

Every change to the slots of a server is one version of its ST (SPEC section 9.1): `slot.version`
says in which version a slot last changed.
"""

import secrets

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from leafkey.ace import aif
from leafkey.pat.ticket import ACCESS_TOKEN_LEN
from leafkey.pat.tokens import SECRET_LEN
from leafmanager.policy import Permission
from leafmanager.store.tables import Charge, Grant, Node, Server, Slot

# Grants that are over are kept for the owner to look at: this many a server.
KEPT_GRANTS = 256


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
        slot.grant.ended_at = now
    slot.generation += 1
    slot.version = server.version
    grant = slot.grant = Grant(
        server=server,
        epoch=server.epoch,
        slot=slot.number,
        generation=slot.generation,
        client=client,
        request_id=request_id,
        access_token=secrets.token_bytes(ACCESS_TOKEN_LEN),
        permissions=aif.encode(permission.scope),
        level=permission.level,
        first=0,
        last=ats - 1,
        version=server.version,
        issued_at=now,
        expires_at=permission.ends_at,
    )
    session.flush()
    _forget_old(session, server)
    return grant


def close_expired(session: Session, server: Server, now: int) -> None:
    """Close the slots of expired grants in a new version, if there are any."""
    if any(has_expired(grant, now) for _, grant in live_grants(session, server)):
        server.version += 1
        _close_expired(session, server, now)


def begin_epoch(session: Session, server: Server, now: int) -> None:
    """Give a server a fresh St in a new epoch, in which no slot was ever granted (SPEC 9.1).

    The grants that were out end. Those whose ticket never went out are undone: their request may
    come again.
    """
    held = [grant for _, grant in live_grants(session, server)]
    session.execute(delete(Slot).where(Slot.server_id == server.node_id))
    server.epoch += 1
    server.version += 1
    server.st = secrets.token_bytes(SECRET_LEN)
    for grant in held:
        grant.ended_at = now
        if grant.released_at is None:
            _refund(session, grant)
            session.flush()
            session.delete(grant)
    session.flush()


def take_back(session: Session, server: Server, client: Node) -> None:
    """Give the rules back what they paid for a client's grant whose ticket never went out."""
    for _, grant in live_grants(session, server):
        if grant.client_id == client.id and grant.released_at is None:
            _refund(session, grant)


def _refund(session: Session, grant: Grant) -> None:
    for charge in session.scalars(select(Charge).where(Charge.grant_id == grant.id)):
        if charge.rule.ats_left is not None:
            charge.rule.ats_left += grant.last + 1 - grant.first
        session.delete(charge)


def live_grants(session: Session, server: Server) -> list[tuple[Slot, Grant]]:
    """Return the slots that hold a grant, and the grants, in the order of the slots."""
    held = select(Slot, Grant).join(Grant, Slot.grant_id == Grant.id)
    ours = held.where(Slot.server_id == server.node_id).order_by(Slot.number)
    return [(slot, grant) for slot, grant in session.execute(ours)]


def _close_expired(session: Session, server: Server, now: int) -> None:
    for slot, grant in live_grants(session, server):
        if has_expired(grant, now):
            grant.ended_at = now
            slot.grant = None
            slot.version = server.version


def has_expired(grant: Grant, now: int) -> bool:
    """Tell whether a grant's time is over."""
    return grant.expires_at is not None and grant.expires_at <= now


def _slot_of(session: Session, server: Server, client: Node) -> Slot | None:
    held = live_grants(session, server)
    return next((slot for slot, grant in held if grant.client_id == client.id), None)


def _free_slot(session: Session, server: Server) -> Slot:
    known = session.scalars(select(Slot).where(Slot.server_id == server.node_id)).all()
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
