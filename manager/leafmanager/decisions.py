"""The owner's answers to questions (`leafmanager.consent`). Each is one transaction.

A yes makes the rules that allow what was asked, and takes the slot for a ticket: the request
that waits finds it, and what access tokens need. The first answer counts. A yes can be taken back.
"""

from typing import NamedTuple

from sqlalchemy import delete
from sqlalchemy.orm import Session

from leafkey.ace.token import TokenErrorResponse
from leafkey.pat import tokens
from leafkey.pat.ticket import TokenRequest
from leafmanager import consent, policy, sam, scopes, slots
from leafmanager.ace import tokens as access_tokens
from leafmanager.errors import ManagerError, UsageError
from leafmanager.scopes import Scope, Vocabulary
from leafmanager.store.tables import Consent, Grant, Rule, Server

_LIST = "see 'leafkey consent list --all'"


class Terms(NamedTuple):
    """The limits of a yes, as in a rule; None: no limit."""

    ats: int | None = None
    ends_at: int | None = None
    level: int | None = None


# One AT. At the highest level, so that it is not spent on hearing that more is demanded.
ONCE = Terms(ats=1, level=tokens.CONFIDENTIAL)


def approve(session: Session, number: int, only: Scope, terms: Terms, now: int) -> Grant | None:
    """Say yes to what was asked, or to the part of it that is in `only`; the rest is refused.

    Entries of `only` are (path or "" for all, methods). Returns the grant if a ticket was asked
    for. ManagerError if there is nothing to decide any more, or no slot; UsageError if nothing is
    left, or `terms` count what nobody counts.
    """
    asked = _open_question(session, number, now)
    scope = scopes.stored(asked.scope)
    yes = _narrowed(scope, only) if only else scope
    if not yes:
        said = scopes.of(asked.audience).text(scope)
        raise UsageError("this was not asked for", f"it asks for {said}")
    if terms.ats is not None and not consent.wants_ticket(asked):
        raise UsageError(
            "requests with an access token are not counted", "say --always, or --for how long"
        )
    _check_undecided(session, asked, yes, now)
    for path, methods in yes:
        limits = Rule(ends_at=terms.ends_at, ats_left=terms.ats, level=terms.level)
        _add_rule(session, asked, limits, True, path, methods, now)
    _decide(asked, consent.APPROVED, consent.minus(scope, yes), now)
    session.flush()
    return _granted(session, asked, now) if consent.wants_ticket(asked) else None


def deny(session: Session, number: int, seconds: int | None, now: int) -> None:
    """Say no: to the same question for `seconds`, or for good by a rule if None."""
    asked = _open_question(session, number, now)
    scope = scopes.stored(asked.scope)
    if seconds is None:
        for path, methods in scope:
            _add_rule(session, asked, Rule(), False, path, methods, now)
        session.flush()
        access_tokens.enforce(session, asked.audience, now)
    _decide(asked, consent.DENIED, scope, now, seconds or consent.REFUSAL_SECONDS)


def withdraw(session: Session, number: int, now: int) -> int:
    """Take a yes back: its rules go, grants that hold what it allowed end in the next version, and
    so do access tokens that no other rule allows.

    Returns how many of both that were.
    """
    said = _question(session, number)
    if said.state != consent.APPROVED:
        raise ManagerError(
            f"question {number} was not approved: {consent.state(said, now)}",
            "only a yes can be taken back; " + _LIST,
        )
    yes = consent.minus(scopes.stored(said.scope), scopes.stored(said.refused))
    session.execute(delete(Rule).where(Rule.consent_id == said.id))
    ended = _close(session, said, yes, now)
    ended += len(access_tokens.enforce(session, said.audience, now))
    _decide(said, consent.WITHDRAWN, scopes.stored(said.scope), now)
    return ended


def asked_for(session: Session, number: int) -> Vocabulary:
    """Return how the scope of a question is written; ManagerError if there is none."""
    return scopes.of(_question(session, number).audience)


def _close(session: Session, said: Consent, yes: Scope, now: int) -> int:
    server = said.audience
    if not isinstance(server, Server):
        return 0
    ended = [
        (slot, grant)
        for slot, grant in slots.live_grants(session, server)
        if grant.client_id == said.client_id and _overlap(scopes.stored(grant.permissions), yes)
    ]
    if ended:
        slots.close(session, server, ended, now)
    return len(ended)


def _question(session: Session, number: int) -> Consent:
    found = session.get(Consent, number, with_for_update={"of": Consent})
    if found is None:
        raise ManagerError(f"there is no question {number}", _LIST)
    return found


def _open_question(session: Session, number: int, now: int) -> Consent:
    found = _question(session, number)
    state = consent.state(found, now)
    if state != consent.OPEN:
        raise ManagerError(f"question {number} is decided already: {state}", _LIST)
    return found


def _check_undecided(session: Session, asked: Consent, scope: Scope, now: int) -> None:
    """Rules may have been made since it was asked; a yes must not loosen or tighten them."""
    rules = sam.rules_of(session, asked.client, asked.audience)
    if policy.undecided(rules, scope, True, now) != scope:
        raise ManagerError(f"rules decide question {asked.id} by now", "see 'leafkey policy list'")


def _narrowed(scope: Scope, only: Scope) -> Scope:
    narrowed = []
    for path, methods in scope:
        wanted = 0
        for pattern, bits in only:
            wanted |= bits if not pattern or policy.covers(pattern, path) else 0
        narrowed.append((path, methods & wanted))
    return [(path, methods) for path, methods in narrowed if methods]


def _add_rule(
    session: Session, asked: Consent, rule: Rule, allow: bool, path: str, methods: int, now: int
) -> None:
    rule.allow, rule.path, rule.methods, rule.created_at = allow, path, methods, now
    rule.client, rule.audience, rule.consent_id = asked.client, asked.audience, asked.id
    session.add(rule)


def _decide(
    asked: Consent, state: str, refused: Scope, now: int, seconds: int = consent.REFUSAL_SECONDS
) -> None:
    asked.state, asked.decided_at = state, now
    asked.refused, asked.refused_until = scopes.encode(refused), now + seconds


def _granted(session: Session, asked: Consent, now: int) -> Grant:
    request = TokenRequest(
        asked.audience.node.name,
        scopes.stored(asked.requested),
        asked.request_id,
        kept=scopes.stored(asked.kept),
    )
    try:
        server = session.get_one(Server, asked.audience_id)
        return sam.grant(session, asked.client, server, request, now)
    except slots.Full as error:
        raise ManagerError(str(error), "a slot is free when a grant ends") from None
    except TokenErrorResponse as error:
        raise ManagerError(f"no ticket is possible: {error}", "see 'leafkey policy list'") from None


def _overlap(permissions: Scope, other: Scope) -> bool:
    return any(
        path == known and methods & bits for path, methods in permissions for known, bits in other
    )
