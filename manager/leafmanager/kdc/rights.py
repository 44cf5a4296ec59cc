"""What the owner's rules and access tokens let somebody do in a group, and until when."""

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafmanager import policy, scopes
from leafmanager.ace.tables import AccessToken
from leafmanager.kdc.tables import Member
from leafmanager.store.tables import Audience, Node, Rule

# Who a member is: a node in its channel, or whoever has the access tokens of one.
NODE, TOKEN = "node", "token"


class Right(NamedTuple):
    """Roles, bits of Tperm, until a time; None: no end."""

    roles: int
    ends_at: int | None


NOTHING = Right(0, None)


def subject(kind: str, node_id: int) -> str:
    """Return who a node is to the KDC, in its channel (NODE) or by its tokens (TOKEN)."""
    return f"{kind}:{node_id}"


def node_of(subject: str) -> int:
    """Return the node that a subject is about."""
    return int(subject.partition(":")[2])


def of_node(session: Session, node_id: int, group: str, now: int) -> Right:
    """Return what rules let a node do in a group without a token."""
    return by_rules(session, node_id, scopes.KDC, group, now)


def by_rules(session: Session, node_id: int, audience: str, name: str, now: int) -> Right:
    """Return what rules for KDC or broker let a node do. Counted rules are for tickets."""
    ours = (Rule.client_id == node_id, Rule.ats_left.is_(None), Node.name == audience)
    wanted = select(Rule).join(Audience, Rule.audience_id == Audience.node_id)
    rules = session.scalars(wanted.join(Node, Audience.node_id == Node.id).where(*ours)).all()
    found = policy.decide(rules, [(name, scopes.VOCABULARIES[audience].every)], 0, now)
    return NOTHING if found is None else Right(found.scope[0][1], found.ends_at)


def of_member(session: Session, member: Member, now: int) -> Right:
    """Return what a member may still do in its group."""
    kind, _, number = member.subject.partition(":")
    if kind == NODE:
        return of_node(session, int(number), member.group.name, now)
    return _of_tokens(session, int(number), member, now)


def _of_tokens(session: Session, client_id: int, member: Member, now: int) -> Right:
    """Return the right by the token that lasts longest of those with all roles of a member."""
    live = (AccessToken.ended_at.is_(None), AccessToken.expires_at > now, Node.name == scopes.KDC)
    wanted = select(AccessToken).join(Node, AccessToken.audience_id == Node.id)
    theirs = wanted.where(AccessToken.client_id == client_id, *live)
    for token in session.scalars(theirs.order_by(AccessToken.expires_at.desc())):
        roles = dict(scopes.stored(token.scope)).get(member.group.name, 0)
        if roles & member.roles == member.roles:
            return Right(roles, token.expires_at)
    return NOTHING
