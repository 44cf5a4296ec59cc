"""What the owner is asked and answers, on a real database."""

import os
from collections.abc import Iterator

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.ace import aif, labels
from leafkey.ace.token import TokenErrorResponse
from leafkey.pat import tokens
from leafkey.pat.ticket import TokenRequest
from leafmanager import consent, decisions, provision, sam, slots
from leafmanager.cam_clients import asking
from leafmanager.decisions import ONCE, Terms
from leafmanager.errors import ManagerError, UsageError
from leafmanager.store import database
from leafmanager.store.tables import Consent, Grant, Node, Rule, Server

GET, PUT = 1, 4
NOW = 1_700_000_000
SHAPE = provision.Shape(
    n_clients=2, suite=1, degree=33, depth=30, at_len=16, window=8, aead=10, level=1
)


@pytest.fixture
def session(tmp_path) -> Iterator[Session]:
    """A transaction on a manager with the server vent, which asks, and the clients c1, c2, c3."""
    row = provision.manager_row("home", "coap://127.0.0.1:5683", 10)
    store = database.create(tmp_path / "state", [row])
    with store.transaction() as opened:
        provision.add_server(opened, "vent", SHAPE, NOW, asks=True)
        for name in ("c1", "c2", "c3"):
            provision.add_client(opened, name, NOW)
        yield opened
    store.close()


def node(session: Session, name: str) -> Node:
    return session.scalars(select(Node).where(Node.name == name)).one()


def server(session: Session) -> Server:
    return session.scalars(select(Server)).one()


def rule(session: Session, client: str, path: str, allow: bool | None = True, **limits) -> Rule:
    made = Rule(client=node(session, client), audience=server(session), path=path, allow=allow)
    made.methods, made.created_at = limits.pop("methods", GET), NOW
    for name, value in limits.items():
        setattr(made, name, value)
    session.add(made)
    session.flush()
    return made


def ask(
    session: Session,
    client: str,
    *scope: tuple[str, int],
    request_id: bytes | None = None,
    now: int = NOW,
    kept: list | None = None,
) -> Grant | Consent:
    asked = TokenRequest(
        "vent", list(scope or [("/vent", PUT)]), request_id or os.urandom(8), kept=kept
    )
    return sam.grant_ticket(session, node(session, client), asked, now)


def question(session: Session, client: str, *scope: tuple[str, int], **more) -> Consent:
    found = ask(session, client, *scope, **more)
    assert isinstance(found, Consent)
    return found


def granted(session: Session, client: str, *scope: tuple[str, int], **more) -> Grant:
    found = ask(session, client, *scope, **more)
    assert isinstance(found, Grant)
    return found


def refused(session: Session, client: str, *scope: tuple[str, int], **more) -> int:
    with pytest.raises(TokenErrorResponse) as error:
        ask(session, client, *scope, **more)
    return error.value.error


def may(grant: Grant) -> list[tuple[str, int]]:
    return aif.decode(grant.permissions)


def rules(session: Session) -> list[Rule]:
    return list(session.scalars(select(Rule).order_by(Rule.id)))


# What is asked


def test_a_question_takes_no_slot_and_no_version(session: Session):
    found = question(session, "c1")
    assert aif.decode(found.scope) == [("/vent", PUT)]
    assert consent.state(found, NOW) == consent.OPEN
    assert session.scalars(select(Grant)).all() == []
    assert server(session).version == 1


def test_repeats_join(session: Session):
    first = question(session, "c1", request_id=b"request1")
    assert question(session, "c1", request_id=b"request1") is first
    assert first.times == 1
    assert question(session, "c1", request_id=b"request2") is first
    assert (first.times, first.request_id) == (2, b"request2")
    assert question(session, "c1", ("/vent", GET)) is not first
    assert question(session, "c2") is not first


def test_the_order_of_what_is_asked_makes_no_other_question(session: Session):
    first = question(session, "c1", ("/a", GET), ("/b", PUT))
    assert question(session, "c1", ("/b", PUT), ("/a", GET)) is first


def test_only_what_no_rule_decides_is_asked(session: Session):
    rule(session, "c1", "/temp")
    rule(session, "c1", "/lock", allow=False, methods=PUT)
    found = question(session, "c1", ("/temp", GET | PUT), ("/lock", GET | PUT))
    assert aif.decode(found.scope) == [("/lock", GET), ("/temp", PUT)]
    assert may(granted(session, "c1", ("/temp", GET), ("/lock", PUT))) == [("/temp", GET)]
    assert refused(session, "c1", ("/lock", PUT)) == labels.INVALID_SCOPE


def test_where_the_owner_is_not_to_be_asked_nobody_asks(session: Session):
    server(session).asks = False
    assert refused(session, "c1") == labels.INVALID_SCOPE
    rule(session, "c1", "/v*", allow=None, methods=PUT)
    assert refused(session, "c1") == labels.INVALID_SCOPE
    rule(session, "c1", "/vent", allow=None, methods=PUT)
    assert aif.decode(question(session, "c1", ("/vent", GET | PUT)).scope) == [("/vent", PUT)]
    assert refused(session, "c2") == labels.INVALID_SCOPE


@pytest.mark.parametrize("path", ["/*", "/room/*", "/a\x1b[2J", "/a\u202eb", "/a?b", "/a\nb"])
def test_nobody_is_asked_what_he_could_misread(session: Session, path: str):
    assert refused(session, "c1", (path, GET)) == labels.INVALID_SCOPE


def test_nothing_is_nothing_to_ask(session: Session):
    assert refused(session, "c1", ("/vent", 0)) == labels.INVALID_SCOPE


# Bounds


def test_a_client_has_at_most_sixteen_questions_open(session: Session):
    for i in range(consent.MAX_OPEN_OF_ASKER):
        question(session, "c1", (f"/{i}", GET))
    with pytest.raises(consent.TooMany):
        ask(session, "c1")
    question(session, "c1", ("/3", GET))
    question(session, "c2")
    question(session, "c1", now=NOW + consent.ANSWER_SECONDS)


def test_the_clients_of_a_cam_share_its_sixteen(session: Session):
    names = [asking(session, node(session, "c1"), f"lamp{i}", NOW).name for i in range(4)]
    for i in range(consent.MAX_OPEN_OF_ASKER):
        question(session, names[i % 4], (f"/{i}", GET))
    for name in ("c1", names[0]):
        with pytest.raises(consent.TooMany):
            ask(session, name)
    question(session, "c2")


def test_all_together_have_a_limit(session: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(consent, "MAX_OPEN", 3)
    for name in ("c1", "c2", "c3"):
        question(session, name)
    with pytest.raises(consent.TooMany):
        ask(session, "c1", ("/temp", GET))


def test_old_questions_are_forgotten_unless_they_can_be_taken_back(
    session: Session, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(consent, "KEPT_QUESTIONS", 3)
    lasting = question(session, "c1", ("/kept", GET))
    decisions.approve(session, lasting.id, [], Terms(), NOW)
    for i in range(10):
        found = question(session, "c1", (f"/{i}", GET), now=NOW + i)
        decisions.deny(session, found.id, 60, NOW + i)
    assert len(session.scalars(select(Consent)).all()) == 1 + 3 + 1
    assert session.get(Consent, lasting.id) is lasting


# Yes


def test_once_is_one_at_at_the_highest_level(session: Session):
    found = question(session, "c1", request_id=b"request1")
    grant = decisions.approve(session, found.id, [], ONCE, NOW)
    assert (grant.first, grant.last, grant.level) == (0, 0, tokens.CONFIDENTIAL)
    assert may(grant) == [("/vent", PUT)]
    assert ask(session, "c1", request_id=b"request1") is grant
    grant.released_at = NOW
    assert question(session, "c1") is not found


def test_a_yes_that_never_arrived_is_still_one(session: Session):
    found = question(session, "c1")
    first = decisions.approve(session, found.id, [], ONCE, NOW)
    again = granted(session, "c1", now=NOW + 1000)
    assert (first.ended_at, again.generation, again.last) == (NOW + 1000, 2, 0)
    again.released_at = NOW
    question(session, "c1", now=NOW + 1001)


def test_a_fresh_st_undoes_no_yes(session: Session):
    found = question(session, "c1", request_id=b"request1")
    decisions.approve(session, found.id, [], ONCE, NOW)
    slots.begin_epoch(session, server(session), NOW)
    again = granted(session, "c1", request_id=b"request1")
    assert (again.epoch, again.last) == (2, 0)


def test_for_a_time_and_a_number(session: Session):
    found = question(session, "c1")
    grant = decisions.approve(session, found.id, [], Terms(ats=5, ends_at=NOW + 60), NOW)
    assert (grant.last, grant.expires_at, grant.level) == (4, NOW + 60, 1)
    grant.released_at = NOW
    question(session, "c1")


def test_for_a_time_it_is_not_asked_again(session: Session):
    found = question(session, "c1")
    decisions.approve(session, found.id, [], Terms(ends_at=NOW + 60), NOW).released_at = NOW
    granted(session, "c1", now=NOW + 59).released_at = NOW
    question(session, "c1", now=NOW + 60)


def test_always_is_a_rule(session: Session):
    found = question(session, "c1")
    decisions.approve(session, found.id, [], Terms(), NOW).released_at = NOW
    assert granted(session, "c1", now=NOW + 10**6).expires_at is None
    assert [(one.allow, one.path, one.methods) for one in rules(session)] == [(True, "/vent", PUT)]


def test_narrowed_the_rest_is_refused_for_a_while(session: Session):
    found = question(session, "c1", ("/temp", GET), ("/vent", GET | PUT), ("/lock", PUT))
    only = [("/temp", aif.ALL_METHODS), ("", GET)]
    grant = decisions.approve(session, found.id, only, Terms(), NOW)
    assert may(grant) == [("/temp", GET), ("/vent", GET)]
    assert refused(session, "c1", ("/lock", PUT)) == labels.ACCESS_DENIED
    assert refused(session, "c1", ("/vent", PUT)) == labels.ACCESS_DENIED
    later = NOW + consent.REFUSAL_SECONDS
    assert aif.decode(question(session, "c1", ("/vent", PUT), now=later).scope) == [("/vent", PUT)]


def test_narrowed_to_nothing_is_a_mistake(session: Session):
    found = question(session, "c1")
    with pytest.raises(UsageError):
        decisions.approve(session, found.id, [("/temp", GET)], ONCE, NOW)
    assert consent.state(found, NOW) == consent.OPEN


def test_what_rules_allow_comes_with_it(session: Session):
    rule(session, "c1", "/temp", level=2)
    found = question(session, "c1", ("/vent", PUT), ("/temp", GET))
    grant = decisions.approve(session, found.id, [], Terms(), NOW)
    assert (sorted(may(grant)), grant.level) == ([("/temp", GET), ("/vent", PUT)], 2)


def test_the_rule_made_meanwhile_decides(session: Session):
    found = question(session, "c1")
    rule(session, "c1", "/vent", methods=PUT)
    with pytest.raises(ManagerError, match="rules decide"):
        decisions.approve(session, found.id, [], ONCE, NOW)
    assert granted(session, "c1").last > 0


def test_a_full_server_takes_no_yes(session: Session):
    for name in ("c1", "c2"):
        rule(session, name, "/temp")
        granted(session, name, ("/temp", GET))
    found = question(session, "c3")
    with pytest.raises(ManagerError, match="taken"):
        decisions.approve(session, found.id, [], ONCE, NOW)


# What a client had before


def test_what_was_kept_is_never_asked_about(session: Session):
    rule(session, "c1", "/temp")
    grant = granted(session, "c1", ("/temp", GET), kept=[("/vent", PUT)])
    assert may(grant) == [("/temp", GET)]
    found = question(session, "c1", ("/vent", PUT), kept=[("/temp", GET), ("/lock", PUT)])
    assert aif.decode(found.scope) == [("/vent", PUT)]


def test_what_rules_allow_is_kept(session: Session):
    rule(session, "c1", "/temp")
    rule(session, "c1", "/hum")
    kept = [("/temp", GET), ("/vent", PUT)]
    assert may(granted(session, "c1", ("/hum", GET), kept=kept)) == [("/hum", GET), ("/temp", GET)]


def test_counted_ats_are_for_what_they_were_given_for(session: Session):
    rule(session, "c1", "/temp")
    rule(session, "c1", "/few", ats_left=3)
    assert may(granted(session, "c1", ("/few", GET), kept=[("/temp", GET)])) == [("/few", GET)]
    assert may(granted(session, "c1", ("/temp", GET), kept=[("/few", GET)])) == [("/temp", GET)]


def test_a_ticket_never_holds_more_than_an_aif_may(session: Session):
    rule(session, "c1", "/*")
    needed = [(f"/a{i}", GET) for i in range(aif.MAX_ENTRIES - 2)]
    kept = [(f"/b{i}", GET) for i in range(aif.MAX_ENTRIES)]
    assert len(may(granted(session, "c1", *needed, kept=kept))) == aif.MAX_ENTRIES


# No


def test_no_holds_for_a_while(session: Session):
    found = question(session, "c1", request_id=b"request1")
    decisions.deny(session, found.id, 60, NOW)
    assert refused(session, "c1", request_id=b"request1") == labels.ACCESS_DENIED
    assert refused(session, "c1", now=NOW + 59) == labels.ACCESS_DENIED
    assert consent.asked_before(session, question(session, "c1", now=NOW + 60))
    assert rules(session) == []


def test_a_no_is_no_answer_to_another_question(session: Session):
    decisions.deny(session, question(session, "c1").id, 60, NOW)
    found = question(session, "c1", ("/vent", GET | PUT))
    assert aif.decode(found.scope) == [("/vent", GET)]
    question(session, "c2")


def test_never_is_a_rule(session: Session):
    decisions.deny(session, question(session, "c1").id, None, NOW)
    assert [one.allow for one in rules(session)] == [False]
    assert refused(session, "c1", now=NOW + 10**6) == labels.INVALID_SCOPE


def test_a_rule_outweighs_a_no(session: Session):
    decisions.deny(session, question(session, "c1").id, 60, NOW)
    rule(session, "c1", "/vent", methods=PUT)
    granted(session, "c1")


def test_silence_is_a_no(session: Session):
    found = question(session, "c1")
    over = NOW + consent.ANSWER_SECONDS
    assert question(session, "c1", now=over - 1) is found
    assert consent.state(found, over) == consent.UNANSWERED
    assert consent.open_ids(session, over) == set()
    assert refused(session, "c1", now=over) == labels.ACCESS_DENIED
    with pytest.raises(ManagerError, match="unanswered"):
        decisions.approve(session, found.id, [], ONCE, over)
    assert question(session, "c1", now=over + consent.REFUSAL_SECONDS) is not found


@pytest.mark.parametrize("second", ["approve", "deny"])
@pytest.mark.parametrize("first", ["approve", "deny"])
def test_the_first_answer_counts(session: Session, first: str, second: str):
    answers = {
        "approve": lambda number: decisions.approve(session, number, [], ONCE, NOW),
        "deny": lambda number: decisions.deny(session, number, 60, NOW),
    }
    number = question(session, "c1").id
    answers[first](number)
    with pytest.raises(ManagerError, match="decided already"):
        answers[second](number)


def test_there_must_be_a_question(session: Session):
    with pytest.raises(ManagerError, match="no question 7"):
        decisions.deny(session, 7, 60, NOW)


# Taken back


def test_taken_back_before_delivery_nothing_is_left(session: Session):
    found = question(session, "c1", request_id=b"request1")
    decisions.approve(session, found.id, [], Terms(), NOW)
    assert decisions.withdraw(session, found.id, NOW) == 1
    assert session.scalars(select(Grant)).all() == rules(session) == []
    assert refused(session, "c1", request_id=b"request1") == labels.ACCESS_DENIED
    assert slots.live_grants(session, server(session)) == []


def test_taken_back_after_delivery_the_slot_is_closed(session: Session):
    found = question(session, "c1")
    decisions.approve(session, found.id, [], Terms(), NOW).released_at = NOW
    # A renewal rests on the same yes.
    renewed = granted(session, "c1", now=NOW + 5)
    renewed.released_at = NOW + 5
    version = server(session).version
    assert decisions.withdraw(session, found.id, NOW + 10) == 1
    assert renewed.ended_at == NOW + 10
    assert server(session).version == version + 1
    assert refused(session, "c1", now=NOW + 10) == labels.ACCESS_DENIED


def test_other_tickets_stay(session: Session):
    rule(session, "c1", "/temp")
    rule(session, "c2", "/vent", methods=PUT)
    found = question(session, "c1")
    decisions.approve(session, found.id, [], ONCE, NOW).released_at = NOW
    other = granted(session, "c2")
    later = granted(session, "c1", ("/temp", GET), kept=[("/vent", PUT)])
    assert decisions.withdraw(session, found.id, NOW) == 0
    assert (other.ended_at, later.ended_at) == (None, None)


def test_only_a_yes_can_be_taken_back(session: Session):
    found = question(session, "c1")
    with pytest.raises(ManagerError, match="open"):
        decisions.withdraw(session, found.id, NOW)
    decisions.deny(session, found.id, 60, NOW)
    with pytest.raises(ManagerError, match="denied"):
        decisions.withdraw(session, found.id, NOW)


def test_a_question_undoes_nothing(session: Session):
    paid = rule(session, "c1", "/few", ats_left=100)
    waiting = granted(session, "c1", ("/few", GET), request_id=b"request1")
    question(session, "c1")
    assert paid.ats_left == 0
    assert ask(session, "c1", ("/few", GET), request_id=b"request1") is waiting
