"""The owner's change of mind about a client. Each is one transaction, and one version a server."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.ace import aif
from leafmanager import cam_clients, consent, decisions, policy, scopes, slots
from leafmanager.ace import tokens
from leafmanager.errors import ManagerError
from leafmanager.holding import has_expired, live_grants
from leafmanager.policy import ENDORSED, in_force
from leafmanager.store.tables import Audience, Consent, Grant, Node, Rule, Server, Slot


def revoke(session: Session, client: Node, where: list[Audience], now: int) -> list[Server]:
    """Take everything back from a client, and from those it asks for: rules, answers, tickets and
    access tokens.

    Returns the servers at which tickets end, each in a new version of its ST. What is allowed to it
    later counts again.
    """
    names = [client, *session.scalars(select(Node).where(Node.cam_id == client.id))]
    ids = {node.id for node in names}
    told = []
    for audience in where:
        for node in names:
            _end_rules(session, node, audience, now)
            _refuse_questions(session, node, audience, now)
        session.flush()
        tokens.enforce(session, audience, now)
        if isinstance(audience, Server) and _close(session, audience, ids, now):
            told.append(audience)
    return told


def renew(session: Session, client: Node, server: Server, now: int) -> None:
    """End a client's ticket and access tokens, and leave the rules: it asks for fresh ones.

    ManagerError if it has none.
    """
    held = [row for row in tokens.live(session, now, client) if row.audience_id == server.node_id]
    tokens.end(session, held, now)
    if not _close(session, server, {client.id}, now) and not held:
        raise ManagerError(
            f"{client.name} holds no ticket for {server.node.name}", "see 'leafkey grant list'"
        )


def permit(
    session: Session, client: Node, server: Server, permissions: list[tuple[str, int]], now: int
) -> None:
    """Tell a server what a client's ticket permits, where the ticket alone was to say so.

    That is `permissions`, or all that the ticket says if there are none. Nothing beyond the ticket
    can be given so. ManagerError if there is no such ticket, or it says less.
    """
    slot, grant = _endorsed(session, client, server, now)
    said = aif.decode(grant.permissions)
    beyond = aif.minus(permissions, said)
    if beyond:
        raise ManagerError(
            f"the ticket of {client.name} does not cover {aif.text(beyond)}",
            f"it covers {aif.text(said)}; more takes a rule and another ticket: "
            "'leafkey policy allow', and 'leafkey renew'",
        )
    slots.state_permissions(session, slot, grant, aif.joined(permissions, []) or said, now)


def _endorsed(session: Session, client: Node, server: Server, now: int) -> tuple[Slot, Grant]:
    held = [pair for pair in live_grants(session, server) if pair[1].client_id == client.id]
    if not held or has_expired(held[0][1], now):
        raise ManagerError(
            f"{client.name} holds no ticket for {server.node.name}", "see 'leafkey grant list'"
        )
    if held[0][1].authorization != ENDORSED:
        raise ManagerError(
            f"nothing is left open in the ticket of {client.name} for {server.node.name}",
            "that takes a ticket by a rule with --endorsed; 'leafkey renew' voids one",
        )
    return held[0]


def _close(session: Session, server: Server, clients: set[int], now: int) -> bool:
    held = [pair for pair in live_grants(session, server) if pair[1].client_id in clients]
    if held:
        slots.close(session, server, held, now)
    return bool(held)


def _end_rules(session: Session, client: Node, audience: Audience, now: int) -> None:
    rules = cam_clients.rules_for(session, client, audience)
    allowing = [rule for rule in rules if rule.allow and in_force(rule, now)]
    for rule in allowing:
        if rule.client_id == client.id:
            rule.ends_at = now
    if any(rule.client_id != client.id for rule in allowing):
        # A rule for all clients of its CAM stays, and this one is taken out of it.
        path = "/*" if isinstance(audience, Server) else policy.EVERY_NAME
        denial = Rule(allow=False, path=path, created_at=now)
        denial.methods = scopes.of(audience).every
        denial.client, denial.audience = client, audience
        session.add(denial)


def _refuse_questions(session: Session, client: Node, audience: Audience, now: int) -> None:
    ours = (Consent.client_id == client.id, Consent.audience_id == audience.node_id)
    still_open = (Consent.state == consent.OPEN, Consent.expires_at > now)
    for question in session.scalars(select(Consent.id).where(*ours, *still_open)).all():
        decisions.deny(session, question, consent.REFUSAL_SECONDS, now)
