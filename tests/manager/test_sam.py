"""Ticket decisions, slots and generations, on a real database."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from leafkey.ace import aif, labels
from leafkey.ace.token import TokenErrorResponse
from leafkey.pat import tokens
from leafkey.pat.ticket import TokenRequest
from leafmanager import issue, provision, sam, slots
from leafmanager.store import database
from leafmanager.store.tables import Grant, Node, Rule, Server, Slot
from tests.manager.processes import ROOT

GET, PUT = 1, 4
NOW = 1_700_000_000
SHAPE = provision.Shape(
    n_clients=2, suite=1, degree=33, depth=30, at_len=16, window=8, aead=10, level=1
)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A transaction on a fresh manager with the server thermo and the clients c1, c2, c3."""
    row = provision.manager_row("home", "coap://127.0.0.1:5683", 10)
    store = database.create(tmp_path / "state", [row])
    with store.transaction() as opened:
        provision.add_server(opened, "thermo", SHAPE, NOW)
        for name in ("c1", "c2", "c3"):
            provision.add_client(opened, name, NOW)
        yield opened
    store.close()


def node(session: Session, name: str) -> Node:
    return session.scalars(select(Node).where(Node.name == name)).one()


def server(session: Session) -> Server:
    return session.scalars(select(Server)).one()


def allow(session: Session, client: str, path: str = "/temp", **limits: int) -> Rule:
    owner = node(session, client)
    rule = Rule(
        client=owner, audience=server(session), path=path, methods=GET, allow=True, created_at=NOW
    )
    for name, value in limits.items():
        setattr(rule, name, value)
    session.add(rule)
    session.flush()
    return rule


def ask(
    session: Session,
    client: str,
    path: str = "/temp",
    request_id: bytes | None = None,
    now: int = NOW,
    audience: str = "thermo",
) -> Grant:
    request = TokenRequest(audience, [(path, GET)], request_id or os.urandom(8))
    return sam.grant_ticket(session, node(session, client), request, now)


def place(grant: Grant) -> tuple[int, int, int]:
    return grant.epoch, grant.slot, grant.generation


def test_a_ticket_takes_a_slot_in_its_first_generation(session: Session):
    allow(session, "c1")
    grant = ask(session, "c1")
    assert place(grant) == (1, 1, 1)
    assert (grant.first, grant.last) == (0, 959)
    assert aif.decode(grant.permissions) == [("/temp", GET)]
    assert grant.version == server(session).version == 2


def test_the_same_request_id_finds_the_same_grant(session: Session):
    allow(session, "c1")
    grant = ask(session, "c1", request_id=b"12345678")
    assert ask(session, "c1", request_id=b"12345678") is grant
    assert server(session).version == 2


def test_a_request_id_is_a_clients_own(session: Session):
    allow(session, "c1")
    allow(session, "c2")
    first = ask(session, "c1", request_id=b"12345678")
    assert ask(session, "c2", request_id=b"12345678") is not first


def test_a_new_request_id_is_a_new_generation_of_the_same_slot(session: Session):
    allow(session, "c1")
    old = ask(session, "c1")
    assert place(ask(session, "c1")) == (1, 1, 2)
    assert old.ended_at == NOW


def test_a_request_id_that_was_replaced_gets_nothing(session: Session):
    allow(session, "c1")
    ask(session, "c1", request_id=b"12345678")
    ask(session, "c1")
    with pytest.raises(TokenErrorResponse) as refused:
        ask(session, "c1", request_id=b"12345678")
    assert refused.value.error == labels.INVALID_REQUEST


def test_what_policy_does_not_allow_takes_no_slot(session: Session):
    allow(session, "c1")
    with pytest.raises(TokenErrorResponse) as refused:
        ask(session, "c1", "/vent")
    assert refused.value.error == labels.INVALID_SCOPE
    with pytest.raises(TokenErrorResponse):
        ask(session, "c2")
    assert session.scalars(select(Grant)).all() == []


@pytest.mark.parametrize("audience", ["nobody", "c1", "home", ""])
def test_an_unknown_audience_is_an_invalid_request(session: Session, audience: str):
    with pytest.raises(TokenErrorResponse) as refused:
        ask(session, "c1", audience=audience)
    assert refused.value.error == labels.INVALID_REQUEST


def test_a_full_server_says_so_until_a_grant_expires(session: Session):
    allow(session, "c1", ends_at=NOW + 60)
    allow(session, "c2")
    allow(session, "c3")
    ask(session, "c1")
    ask(session, "c2")
    with pytest.raises(slots.Full) as full:
        ask(session, "c3")
    assert "thermo" in str(full.value)
    later = ask(session, "c3", now=NOW + 60)
    assert place(later) == (1, 1, 2)


def test_an_expired_slot_is_null_in_the_next_change(session: Session):
    allow(session, "c1", ends_at=NOW + 60)
    allow(session, "c2")
    ask(session, "c1")
    ask(session, "c2")
    grant = ask(session, "c2", now=NOW + 61)
    change = issue.change(session, server(session), grant.version, NOW + 61)
    assert change.st is None
    assert change.params[tokens.SLOTS][1] is None
    assert change.params[tokens.SLOTS][2].generation == 2


def test_a_grant_ends_with_the_rule_it_rests_on(session: Session):
    allow(session, "c1", ends_at=NOW + 60)
    grant = ask(session, "c1", now=NOW + 10)
    assert issue.client_token(session, grant, NOW + 10).expires_in == 50
    whole = issue.whole(session, server(session), NOW + 20)
    assert whole.params[tokens.SLOTS][1].expires_in == 40
    assert issue.whole(session, server(session), NOW + 60).params[tokens.SLOTS] == {}


def test_ats_are_counted_over_all_tickets_of_a_rule(session: Session):
    rule = allow(session, "c1", ats_left=100)
    grant = ask(session, "c1")
    assert (grant.last, rule.ats_left) == (99, 0)
    grant.released_at = NOW
    with pytest.raises(TokenErrorResponse):
        ask(session, "c1")


def test_a_rule_with_more_ats_than_a_ticket_holds_pays_several(session: Session):
    rule = allow(session, "c1", ats_left=1000)
    ask(session, "c1").released_at = NOW
    assert rule.ats_left == 40
    assert ask(session, "c1").last == 39


def test_a_ticket_that_never_went_out_costs_no_ats(session: Session):
    rule = allow(session, "c1", ats_left=100)
    ask(session, "c1")
    grant = ask(session, "c1")
    assert (grant.last, rule.ats_left) == (99, 0)


def test_a_rule_can_be_removed_after_it_paid(session: Session):
    rule = allow(session, "c1", ats_left=100)
    ask(session, "c1")
    session.delete(rule)
    session.flush()
    with pytest.raises(TokenErrorResponse):
        ask(session, "c1")


def test_no_generation_is_granted_twice(session: Session):
    for client in ("c1", "c2", "c3"):
        allow(session, client, ends_at=NOW + 10_000)
    places = set()
    for step in range(30):
        client = ("c1", "c2", "c3")[step * 7 % 3]
        try:
            grant = ask(session, client, now=NOW + step)
        except slots.Full:
            held = slots.live_grants(session, server(session))
            held[0][1].expires_at = NOW
            grant = ask(session, client, now=NOW + step)
        assert place(grant) not in places
        places.add(place(grant))


def test_the_database_refuses_a_generation_granted_twice(session: Session):
    allow(session, "c1")
    grant = ask(session, "c1")
    session.flush()
    session.expunge(grant)
    again = Grant(
        **{
            column.name: getattr(grant, column.name)
            for column in Grant.__table__.columns
            if column.name not in ("id", "request_id")
        },
        request_id=b"another.",
    )
    with pytest.raises(IntegrityError), session.begin_nested():
        session.add(again)


def test_old_grants_are_forgotten_but_their_generations_are_not(
    session: Session, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(slots, "KEPT_GRANTS", 3)
    allow(session, "c1")
    places = [place(ask(session, "c1")) for _ in range(10)]
    assert places[-1] == (1, 1, 10)
    assert len(session.scalars(select(Grant)).all()) == 4


def test_a_change_names_the_changed_slots_alone(session: Session):
    allow(session, "c1")
    allow(session, "c2")
    first = ask(session, "c1")
    second = ask(session, "c2")
    one = issue.change(session, server(session), first.version, NOW)
    two = issue.change(session, server(session), second.version, NOW)
    assert list(one.params[tokens.SLOTS]) == [1]
    assert list(two.params[tokens.SLOTS]) == [2]


def test_every_token_that_goes_out_passes_the_cores_own_check(session: Session):
    allow(session, "c1", ends_at=NOW + 60)
    grant = ask(session, "c1")
    thermo = server(session)
    for token in (
        issue.whole(session, thermo, NOW),
        issue.change(session, thermo, grant.version, NOW),
    ):
        tokens.decode_server_token(tokens.encode_server_token(token))
    token = issue.client_token(session, grant, NOW)
    tokens.decode_client_token(tokens.encode_client_token(token))


_GRANT_FOREVER = """
import os, sys, time
from pathlib import Path
from sqlalchemy import select
from leafkey.pat.ticket import TokenRequest
from leafmanager import sam
from leafmanager.store import database
from leafmanager.store.tables import Node

store = database.open_existing(Path(sys.argv[1]))
while True:
    with store.transaction() as session:
        client = session.scalars(select(Node).where(Node.name == "c1")).one()
        request = TokenRequest("thermo", [("/temp", 1)], os.urandom(8))
        grant = sam.grant_ticket(session, client, request, int(time.time()))
        place = grant.slot, grant.generation
    print(*place, flush=True)
"""


def test_a_killed_manager_never_grants_a_generation_again(tmp_path: Path):
    row = provision.manager_row("home", "coap://127.0.0.1:5683", 10)
    store = database.create(tmp_path / "state", [row])
    with store.transaction() as session:
        provision.add_server(session, "thermo", SHAPE, NOW)
        provision.add_client(session, "c1", NOW)
        allow(session, "c1")
    seen: list[str] = []
    for wanted in (3, 5, 8):
        seen += _killed_after(wanted, tmp_path / "state")
    assert len(seen) == len(set(seen)) >= 16
    with store.transaction() as session:
        highest = session.scalars(select(Slot.generation)).one()
    assert highest >= len(seen)
    store.close()


def _killed_after(count: int, state: Path) -> list[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _GRANT_FOREVER, str(state)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'shared'}:{ROOT / 'manager'}"},
    )
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(count)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.read().splitlines(keepends=True)
    process.wait()
    return [line for line in lines if line.endswith("\n")]
