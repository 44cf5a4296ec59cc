"""What the owner is asked: requests that no rule decides (SPEC section 9.5).

A question is about one client at one audience, and about either a ticket or an access token. It is
asked once, however often the client repeats itself, and stands open for a while; silence means no.
The answers are given in `leafmanager.decisions`.
"""

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from leafkey.pat.ticket import TokenRequest
from leafmanager import scopes
from leafmanager.scopes import Scope
from leafmanager.store.tables import Audience, Consent, Node, Rule

# States in the database. An open question that is too old is UNANSWERED, and not stored so.
OPEN, APPROVED, DENIED, WITHDRAWN = "open", "approved", "denied", "withdrawn"
UNANSWERED = "unanswered"
# In place of a request id: an access token is asked for, which needs none.
NO_TICKET = b""

# How long the owner has, and how long no is an answer to the same question, in seconds.
ANSWER_SECONDS = 300
REFUSAL_SECONDS = 60
# Open questions: of one client, or of all that have the same CAM; and in all.
MAX_OPEN_OF_ASKER = 16
MAX_OPEN = 256
# Questions that are over are kept for the owner to look at.
KEPT_QUESTIONS = 256


class TooMany(Exception):
    """The owner has so many questions open that there is no room for another one."""


def ask(
    session: Session,
    client: Node,
    audience: Audience,
    request: TokenRequest,
    scope: Scope,
    now: int,
    answer_seconds: int,
) -> Consent:
    """Return the open question about `scope`; a request that repeats it joins it.

    `scope` is the part of the request that the owner has to decide. TooMany if this client, or all
    together, ask too much.
    """
    asked = scopes.encode(sorted(scope))
    ours = _of(client.id, audience.node_id)
    same = (Consent.scope == asked, _is_for_ticket(request.request_id != NO_TICKET))
    found = session.scalar(_open(now).where(*ours, *same))
    if found is None:
        _check_room(session, client, now)
        _forget_old(session, now)
        until = now + answer_seconds
        found = Consent(client=client, audience=audience, scope=asked, times=0, state=OPEN)
        found.asked_at, found.expires_at = now, until
        found.refused, found.refused_until = asked, until + REFUSAL_SECONDS
    if found.request_id != request.request_id:
        found.times += 1
        found.request_id = request.request_id
        found.requested, found.kept = scopes.encode(request.scope), scopes.encode(request.kept)
    session.add(found)
    session.flush()
    return found


def without_refused(
    session: Session, client: Node, audience: Audience, scope: Scope, now: int
) -> Scope:
    """Return the part of `scope` to which the owner has not just said no."""
    ours = _of(client.id, audience.node_id)
    refused: dict[str, int] = {}
    for found in session.scalars(select(Consent).where(*ours, Consent.refused_until > now)):
        if state(found, now) != OPEN:
            for path, methods in scopes.stored(found.refused):
                refused[path] = refused.get(path, 0) | methods
    return minus(scope, list(refused.items()))


def minus(scope: Scope, taken: Scope) -> Scope:
    """Return what is left of `scope`; no path is in either of them twice."""
    gone = dict(taken)
    left = [(path, methods & ~gone.get(path, 0)) for path, methods in scope]
    return [(path, methods) for path, methods in left if methods]


def state(consent: Consent, now: int) -> str:
    """Return what became of a question by now."""
    if consent.state == OPEN and consent.expires_at <= now:
        return UNANSWERED
    return consent.state


def open_ids(session: Session, now: int) -> set[int]:
    """Return the numbers of the questions that wait for an answer."""
    return set(session.scalars(_open(now).with_only_columns(Consent.id)))


def asked_before(session: Session, consent: Consent) -> bool:
    """Tell whether the same was asked earlier, as far back as questions are kept."""
    same = _of(consent.client_id, consent.audience_id)
    earlier = select(Consent.id).where(*same, Consent.scope == consent.scope)
    return session.scalar(earlier.where(Consent.id < consent.id).limit(1)) is not None


def wants_ticket(consent: Consent) -> bool:
    """Tell whether a question is about a ticket: it has its answer as soon as the owner has."""
    return consent.request_id != NO_TICKET


def _is_for_ticket(wanted: bool):
    return (Consent.request_id != NO_TICKET) if wanted else (Consent.request_id == NO_TICKET)


def _of(client_id: int, audience_id: int):
    return Consent.client_id == client_id, Consent.audience_id == audience_id


def _open(now: int):
    return select(Consent).where(Consent.state == OPEN, Consent.expires_at > now)


def _check_room(session: Session, client: Node, now: int) -> None:
    counted = _open(now).with_only_columns(func.count(Consent.id))
    if (session.scalar(counted) or 0) >= MAX_OPEN:
        raise TooMany(f"{MAX_OPEN} questions are open")
    asker = func.coalesce(Node.cam_id, Node.id)
    theirs = counted.join(Node, Consent.client_id == Node.id).where(asker == _asker(client))
    if (session.scalar(theirs) or 0) >= MAX_OPEN_OF_ASKER:
        raise TooMany(f"{MAX_OPEN_OF_ASKER} of its questions are open")


def _asker(client: Node) -> int:
    return client.id if client.cam_id is None else client.cam_id


def _forget_old(session: Session, now: int) -> None:
    """Questions that made a rule stay as long as it does: they can be taken back."""
    over = (
        (Consent.state != OPEN) | (Consent.refused_until <= now),
        Consent.id.not_in(select(Rule.consent_id).where(Rule.consent_id.is_not(None))),
    )
    kept = select(Consent.id).where(*over).order_by(Consent.id.desc()).limit(KEPT_QUESTIONS)
    session.execute(delete(Consent).where(*over, Consent.id.not_in(kept)))
