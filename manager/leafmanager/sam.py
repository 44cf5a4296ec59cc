"""Who gets a ticket, and why (SPEC section 9.2).

A ticket is granted to a client that the manager knows by its channel, for a server it manages, as
far as the owner's rules allow what was asked for; where they say so, the owner is asked. It takes a
slot of that server in a generation that was never granted before. It is released only when the
server has confirmed the slot: that is the business of `leafmanager.net`.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.ace import aif, labels
from leafkey.ace.token import TokenErrorResponse
from leafkey.pat.ticket import TokenRequest
from leafkey.pat.tree import capacity
from leafmanager import cam_clients, consent, policy, slots
from leafmanager.store.tables import Audience, Charge, Consent, Grant, Node, Rule, Server


def grant_ticket(
    session: Session,
    client: Node,
    request: TokenRequest,
    now: int,
    answer_seconds: int = consent.ANSWER_SECONDS,
) -> Grant | Consent:
    """Return the grant that answers a ticket request; the same request id finds the same one.

    Or the question that the owner has to answer first, within `answer_seconds`. TokenErrorResponse
    says why there is neither, slots.Full that the server has no slot left, consent.TooMany that
    the owner is asked too much.
    """
    known = _granted_before(session, client, request)
    if known:
        return known
    server = find_server(session, request.audience)
    if server is None:
        raise TokenErrorResponse("the audience is unknown", labels.INVALID_REQUEST)
    asked = _to_ask(session, client, server, request, now)
    if asked:
        return consent.ask(session, client, server, request, asked, now, answer_seconds)
    return grant(session, client, server, request, now)


def grant(session: Session, client: Node, server: Server, request: TokenRequest, now: int) -> Grant:
    """Return a new grant of what the rules allow, without asking. Errors as in `grant_ticket`."""
    slots.take_back(session, server, client)
    rules = rules_of(session, client, server)
    permission = _permission(rules, request, server.level, now)
    if permission is None:
        if policy.undecided(rules, request.scope, server.asks, now):
            raise TokenErrorResponse("the owner does not consent", labels.ACCESS_DENIED)
        raise TokenErrorResponse("policy allows none of this", labels.INVALID_SCOPE)
    ats = min(permission.ats, capacity(server.depth, server.degree))
    made = slots.assign(session, server, client, request.request_id, permission, ats, now)
    _charge(session, permission, made, ats)
    return made


def find_server(session: Session, name: str) -> Server | None:
    """Return the server of that name, locked against other decisions until the transaction ends."""
    found = select(Server).join(Node).where(Node.name == name)
    return session.scalar(found.with_for_update(of=Server))


def rules_of(session: Session, client: Node, audience: Audience) -> list[Rule]:
    """Return the rules for a client at an audience."""
    return cam_clients.rules_for(session, client, audience)


def _to_ask(
    session: Session, client: Node, server: Server, request: TokenRequest, now: int
) -> list[tuple[str, int]]:
    """Return the part of a request that the owner has to decide now."""
    # Rules that paid for a ticket which never went out still count, but nothing is undone yet.
    with session.begin_nested() as step:
        slots.take_back(session, server, client)
        rules = rules_of(session, client, server)
        asked = policy.undecided(rules, request.scope, server.asks, now)
        step.rollback()
    return consent.without_refused(session, client, server, asked, now)


def _permission(
    rules: list[Rule], request: TokenRequest, level: int, now: int
) -> policy.Permission | None:
    """Return what is allowed of a request, and of what the client kept.

    Counted ATs are for what they were given for: nothing is kept beside them.
    """
    needed = policy.decide(rules, request.scope, level, now)
    if needed is None or needed.ats != policy.UNLIMITED:
        return needed
    uncounted = [rule for rule in rules if rule.ats_left is None]
    kept = request.kept[: aif.MAX_ENTRIES - len(needed.scope)]
    return policy.decide(uncounted, needed.scope + kept, level, now)


def _granted_before(session: Session, client: Node, request: TokenRequest) -> Grant | None:
    known = session.scalar(
        select(Grant).where(Grant.client_id == client.id, Grant.request_id == request.request_id)
    )
    if known and (known.ended_at is not None or known.server.node.name != request.audience):
        raise TokenErrorResponse("this request id was used before", labels.INVALID_REQUEST)
    return known


def _charge(session: Session, permission: policy.Permission, grant: Grant, ats: int) -> None:
    """Take the ATs of a ticket from the rules that count them."""
    for rule in permission.rules:
        if rule.ats_left is not None:
            rule.ats_left -= ats
            session.add(Charge(grant_id=grant.id, rule_id=rule.id))
