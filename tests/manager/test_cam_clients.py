"""Clients of CAMs at a SAM: who is whom, and which rules count for whom, on a real database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from leafkey.ace import labels
from leafkey.ace.token import TokenErrorResponse
from leafkey.pat.ticket import TokenRequest
from leafmanager import cam_clients, provision, sam
from leafmanager.errors import ManagerError
from leafmanager.store import database
from leafmanager.store.tables import Channel, Grant, Node, Rule, Server

NOW = 1_700_000_000
SHAPE = provision.Shape(
    n_clients=8, suite=1, degree=33, depth=30, at_len=16, window=8, aead=10, level=1
)
GET = 1


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A transaction on a manager with the server thermo and the CAMs hall and attic."""
    row = provision.manager_row("home", "coap://127.0.0.1:5683", 10)
    store = database.create(tmp_path / "state", [row])
    with store.transaction() as opened:
        provision.add_server(opened, "thermo", SHAPE, NOW)
        for name in ("hall", "attic"):
            provision.add_client(opened, name, NOW)
        yield opened
    store.close()


def rule(session: Session, client: str, allow: bool | None = True) -> None:
    server = session.scalars(select(Server)).one()
    made = Rule(client=cam_clients.named(session, client, NOW), audience=server, path="/temp")
    made.allow, made.methods, made.created_at = allow, GET, NOW
    session.add(made)
    session.flush()


def ask(session: Session, cam: str, client_id: str | None, request_id: bytes = bytes(8)) -> Grant:
    node = session.scalars(select(Node).where(Node.name == cam)).one()
    client = cam_clients.asking(session, node, client_id, NOW)
    request = TokenRequest("thermo", [("/temp", GET)], request_id, client_id)
    made = sam.grant_ticket(session, client, request, NOW)
    assert isinstance(made, Grant)
    return made


def refused(session: Session, cam: str, client_id: str | None) -> None:
    with pytest.raises(TokenErrorResponse) as caught:
        ask(session, cam, client_id)
    assert caught.value.error == labels.INVALID_SCOPE


def test_a_rule_for_one_client_is_for_no_other(session: Session):
    rule(session, "hall/lamp")
    assert ask(session, "hall", "lamp").client.name == "hall/lamp"
    refused(session, "hall", "vase")
    refused(session, "hall", None)
    refused(session, "attic", "lamp")


def test_a_rule_for_a_cam_lets_its_clients_do_nothing(session: Session):
    rule(session, "hall")
    assert ask(session, "hall", None).client.name == "hall"
    # Else any client could make up names, and take a slot for each.
    refused(session, "hall", "lamp")
    refused(session, "hall", "*")


def test_a_rule_for_all_clients_of_a_cam(session: Session):
    rule(session, "hall/*")
    for client_id in ("lamp", "vase", "x/*"):
        assert ask(session, "hall", client_id).client.name == "hall/" + client_id
    refused(session, "hall", None)
    refused(session, "attic", "lamp")


def test_what_is_denied_to_a_cam_is_denied_to_its_clients(session: Session):
    rule(session, "hall/*")
    rule(session, "hall/lamp")
    rule(session, "attic/lamp")
    rule(session, "hall", allow=False)
    refused(session, "hall", "lamp")
    assert ask(session, "attic", "lamp")


def test_what_is_denied_to_one_client_is_allowed_to_the_others(session: Session):
    rule(session, "hall/*")
    rule(session, "hall/lamp", allow=False)
    refused(session, "hall", "lamp")
    assert ask(session, "hall", "vase")


def test_the_same_request_id_of_two_clients_asks_for_two_tickets(session: Session):
    rule(session, "hall/*")
    lamp, vase = ask(session, "hall", "lamp"), ask(session, "hall", "vase")
    assert lamp.slot != vase.slot
    assert ask(session, "hall", "lamp") is lamp
    assert ask(session, "hall", "vase") is vase


def test_a_new_ticket_of_one_client_leaves_the_others_theirs(session: Session):
    rule(session, "hall/*")
    lamp, vase = ask(session, "hall", "lamp"), ask(session, "hall", "vase")
    again = ask(session, "hall", "lamp", bytes(7) + b"\x01")
    assert (again.slot, again.generation) == (lamp.slot, lamp.generation + 1)
    assert vase.ended_at is None


def test_who_gets_nothing_leaves_nothing_behind(tmp_path: Path):
    row = provision.manager_row("home", "coap://127.0.0.1:5683", 10)
    store = database.create(tmp_path / "state", [row])
    with store.transaction() as session:
        provision.add_server(session, "thermo", SHAPE, NOW)
        provision.add_client(session, "hall", NOW)
    with pytest.raises(TokenErrorResponse), store.transaction() as session:
        ask(session, "hall", "made-up")
    with store.transaction() as session:
        assert session.scalar(select(func.count(Node.id))) == 2
    store.close()


def test_so_many_and_no_more(session: Session):
    rule(session, "hall/*")
    for i in range(cam_clients.MAX_CLIENTS - 1):
        cam_clients.named(session, f"hall/c{i}", NOW)
    with pytest.raises(ManagerError, match="the limit"):
        cam_clients.named(session, "hall/one-more", NOW)
    assert cam_clients.named(session, "attic/one-more", NOW)
    assert cam_clients.named(session, "hall/c0", NOW)


def test_clients_of_cams_have_no_channel(session: Session):
    rule(session, "hall/lamp")
    node = session.scalars(select(Node).where(Node.name == "hall/lamp")).one()
    assert session.get(Channel, node.id) is None
