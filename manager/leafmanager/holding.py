"""Who holds a slot of a server, as far as the rows say."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafmanager.store.tables import Grant, Server, Slot


def live_grants(session: Session, server: Server) -> list[tuple[Slot, Grant]]:
    """Return the slots that hold a grant, and the grants, in the order of the slots."""
    held = select(Slot, Grant).join(Grant, Slot.grant_id == Grant.id)
    ours = held.where(Slot.server_id == server.node_id).order_by(Slot.number)
    return [(slot, grant) for slot, grant in session.execute(ours)]


def has_expired(grant: Grant, now: int) -> bool:
    """Tell whether a grant's time is over."""
    return grant.expires_at is not None and grant.expires_at <= now
