"""Who gets a ticket, and why (SPEC section 9.2).

A ticket is granted to a client that the manager knows by its channel, for a server it manages, as
far as the owner's rules allow what was asked for. It takes a slot of that server in a generation
that was never granted before. It is released only when the server has confirmed the slot: that is
the business of `leafmanager.net`.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.ace import labels
from leafkey.pat.ticket import TokenErrorResponse, TokenRequest
from leafkey.pat.tree import capacity
from leafmanager import policy, slots
from leafmanager.store.tables import Charge, Grant, Node, Rule, Server


def grant_ticket(session: Session, client: Node, request: TokenRequest, now: int) -> Grant:
    """Return the grant that answers a ticket request; the same request id finds the same one.

    TokenErrorResponse says why there is none, slots.Full that the server has no slot left.
    """
    known = _granted_before(session, client, request)
    if known:
        return known
    server = find_server(session, request.audience)
    if server is None:
        raise TokenErrorResponse("the audience is unknown", labels.INVALID_REQUEST)
    slots.take_back(session, server, client)
    permission = policy.decide(_rules(session, client, server), request.scope, server.level, now)
    if permission is None:
        raise TokenErrorResponse("policy allows none of this", labels.INVALID_SCOPE)
    ats = min(permission.ats, capacity(server.depth, server.degree))
    grant = slots.assign(session, server, client, request.request_id, permission, ats, now)
    _charge(session, permission, grant, ats)
    return grant


def find_server(session: Session, name: str) -> Server | None:
    """Return the server of that name, locked against other decisions until the transaction ends."""
    found = select(Server).join(Node).where(Node.name == name)
    return session.scalar(found.with_for_update(of=Server))


def _granted_before(session: Session, client: Node, request: TokenRequest) -> Grant | None:
    known = session.scalar(
        select(Grant).where(Grant.client_id == client.id, Grant.request_id == request.request_id)
    )
    if known and (known.ended_at is not None or known.server.node.name != request.audience):
        raise TokenErrorResponse("this request id was used before", labels.INVALID_REQUEST)
    return known


def _rules(session: Session, client: Node, server: Server) -> list[Rule]:
    return list(
        session.scalars(
            select(Rule).where(Rule.client_id == client.id, Rule.server_id == server.node_id)
        )
    )


def _charge(session: Session, permission: policy.Permission, grant: Grant, ats: int) -> None:
    """Take the ATs of a ticket from the rules that count them."""
    for rule in permission.rules:
        if rule.ats_left is not None:
            rule.ats_left -= ats
            session.add(Charge(grant_id=grant.id, rule_id=rule.id))
