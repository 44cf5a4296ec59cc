"""The access tokens that are out: which stand, how long, and what ends them (SPEC section 16.5).

A token stands as long as the owner's rules allow all that it says: it ends in the transaction that
changes them, and is then on the revocation lists of its client and its server.
"""

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from leafmanager import audiences, cam_clients, policy, scopes, trl
from leafmanager.ace.tables import AccessToken
from leafmanager.kdc import membership
from leafmanager.store.tables import Audience, Node, Server

# How long a token lasts, seconds. What is shown to this manager is looked up there; a server may
# hear of a revocation late, or never.
SERVER_SECONDS = 3600
OWN_SECONDS = 24 * 3600
# Tokens that a client has at an audience at a time: all of them are listed when they are revoked.
MAX_LIVE = 32
# Tokens that are over are kept for the owner to look at: this many an audience.
KEPT = 256
_NUMBER_LEN = 4


class TooMany(Exception):
    """A client has so many tokens for an audience that it gets no other one yet."""


def lifetime(audience: Audience) -> int:
    """Return how long a token lasts at most, seconds."""
    return SERVER_SECONDS if isinstance(audience, Server) else OWN_SECONDS


def counts_from_arrival(audience: Audience, cnonce: bytes | None) -> bool:
    """Tell whether a token has `exi`: nodes have no clock, and nothing but cnonce shows its age."""
    return isinstance(audience, Server) and cnonce is None


def cti(row: AccessToken) -> bytes:
    """Return the identifier of a token: its audience, and its number there in 4 bytes."""
    return row.audience.node.name.encode() + row.number.to_bytes(_NUMBER_LEN, "big")


def seconds_left(row: AccessToken, now: int) -> int:
    """Return how long a token is still good, as far as this end can tell."""
    left = max(0, row.expires_at - now)
    return left if row.exi is None else min(row.exi, left)


def find(session: Session, audience: Audience, cti: bytes) -> AccessToken | None:
    """Return the token of an audience with that cti, None if it is not known any more."""
    number = int.from_bytes(cti[-_NUMBER_LEN:], "big")
    ours = (AccessToken.audience_id == audience.node_id, AccessToken.number == number)
    return session.scalar(select(AccessToken).where(*ours))


def is_live(row: AccessToken, now: int) -> bool:
    """Tell whether a token stands."""
    return row.ended_at is None and now < row.expires_at


def check_room(session: Session, client: Node, audience: Audience, now: int) -> None:
    """Raise TooMany if a client has all the tokens that it can have, and forget old ones."""
    over = (
        AccessToken.audience_id == audience.node_id,
        AccessToken.ended_at.is_not(None) | (AccessToken.expires_at <= now),
    )
    kept = select(AccessToken.id).where(*over).order_by(AccessToken.id.desc()).limit(KEPT)
    session.execute(delete(AccessToken).where(*over, AccessToken.id.not_in(kept)))
    count = select(func.count(AccessToken.id)).where(*_live(now))
    theirs = count.where(
        AccessToken.client_id == client.id, AccessToken.audience_id == audience.node_id
    )
    if (session.scalar(theirs) or 0) >= MAX_LIVE:
        raise TooMany(f"it has {MAX_LIVE} access tokens for {audience.node.name}")


def has_key(session: Session, client: Node, audience: Audience, kid: bytes, now: int) -> bool:
    """Tell whether a token that stands is bound to a key."""
    found = _of(audience, now).where(AccessToken.client_id == client.id, AccessToken.kid == kid)
    return session.scalars(found).first() is not None


def is_taken(session: Session, audience: Audience, kid: bytes) -> bool:
    """Tell whether a key was ever called so at an audience, as far as that is known."""
    found = select(AccessToken.id).where(
        AccessToken.audience_id == audience.node_id, AccessToken.kid == kid
    )
    return session.scalars(found).first() is not None


def live(session: Session, now: int, client: Node | None = None) -> list[AccessToken]:
    """Return the tokens that stand, of one client or of all."""
    found = select(AccessToken).where(*_live(now)).order_by(AccessToken.id)
    if client is not None:
        found = found.where(AccessToken.client_id == client.id)
    return list(session.scalars(found))


def enforce(session: Session, audience: Audience, now: int) -> list[AccessToken]:
    """End the tokens for an audience that say more than the rules now allow; return them."""
    ended = [
        row for row in session.scalars(_of(audience, now)) if not _is_allowed(session, row, now)
    ]
    end(session, ended, now)
    if audience.node.name == scopes.KDC:
        # Members without a token are here by the same rules.
        membership.enforce(session, now)
    return ended


def end(session: Session, rows: list[AccessToken], now: int) -> None:
    """End tokens that stand, and put them on the revocation lists."""
    for row in rows:
        row.ended_at = now
    trl.put(session, [_entry(row) for row in rows], now)
    if any(row.audience.node.name == scopes.KDC for row in rows):
        session.flush()
        membership.enforce(session, now)


def _is_allowed(session: Session, row: AccessToken, now: int) -> bool:
    found = cam_clients.rules_for(session, row.client, row.audience)
    live = [rule for rule in found if rule.ats_left is None and policy.in_force(rule, now)]
    scope = scopes.stored(row.scope)
    return policy.narrowed(live, scope) == scope


def _entry(row: AccessToken) -> trl.Revoked:
    """Return what goes on the lists. When a token with exi ends only its server knows."""
    ends_at = row.expires_at if row.exi is None else None
    nodes = [row.client_id]
    if row.audience.node.name not in audiences.OWN:
        nodes.append(row.audience_id)
    return trl.Revoked(nodes, row.token_hash, ends_at)


def _live(now: int):
    return AccessToken.ended_at.is_(None), AccessToken.expires_at > now


def _of(audience: Audience, now: int):
    return select(AccessToken).where(AccessToken.audience_id == audience.node_id, *_live(now))
