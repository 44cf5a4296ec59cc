"""A server that has lost its state gets a St that was never sent before (SPEC section 9.1)."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.coap.numbers import CREATED
from leafkey.pat import ticket, tokens
from leafkey.pat.ticket import TokenRequest
from leafmanager import issue, provision, sam, slots
from leafmanager.store import database
from leafmanager.store.tables import Grant, Node, Rule, Server, Slot
from tests.manager.nodes import ClientNode, ServerNode
from tests.manager.processes import Leafkey, Serving

GET = 1
NOW = 1_700_000_000
SHAPE = provision.Shape(
    n_clients=2, suite=1, degree=33, depth=30, at_len=16, window=8, aead=10, level=1
)


@pytest.fixture
def session(tmp_path) -> Iterator[Session]:
    """A transaction on a manager with the server thermo and display, which may use it 100 times."""
    store = database.create(
        tmp_path / "state", [provision.manager_row("home", "coap://127.0.0.1", 10)]
    )
    with store.transaction() as opened:
        provision.add_server(opened, "thermo", SHAPE, NOW)
        provision.add_client(opened, "display", NOW)
        display = opened.scalars(select(Node).where(Node.name == "display")).one()
        limits = {"methods": GET, "allow": True, "ats_left": 100, "created_at": NOW}
        opened.add(Rule(client=display, audience=server(opened), path="/temp", **limits))
        opened.flush()
        yield opened
    store.close()


def server(session: Session) -> Server:
    return session.scalars(select(Server)).one()


def granted(session: Session, request_id: bytes) -> Grant:
    display = session.scalars(select(Node).where(Node.name == "display")).one()
    request = TokenRequest("thermo", [("/temp", GET)], request_id)
    return sam.grant_ticket(session, display, request, NOW)


def test_an_epoch_has_a_st_of_its_own_and_starts_empty(session: Session):
    out = granted(session, b"request1")
    out.released_at = NOW
    before = (server(session).st, server(session).epoch, server(session).version)
    slots.begin_epoch(session, server(session), NOW + 1)
    now = server(session)
    assert now.st != before[0]
    assert (now.epoch, now.version) == (before[1] + 1, before[2] + 1)
    assert session.scalars(select(Slot)).all() == []
    assert out.ended_at == NOW + 1
    assert issue.whole(session, now, NOW).params[tokens.SLOTS] == {}


def test_what_was_granted_but_never_released_can_be_asked_for_again(session: Session):
    undone = granted(session, b"request1")
    assert undone.last == 99
    slots.begin_epoch(session, server(session), NOW)
    again = granted(session, b"request1")
    assert (again.epoch, again.slot, again.generation, again.last) == (2, 1, 1, 99)


@pytest.fixture
def thermo(home: Leafkey, serving: Serving) -> Iterator[ServerNode]:
    home.ok("policy", "allow", "display", "thermo", "/temp")
    node = ServerNode(home.directory / "thermo.identity", serving.port)
    yield node
    node.close()


def test_the_first_request_gets_the_first_st(thermo: ServerNode):
    assert thermo.pull().params[tokens.EPOCH] == 1


def test_a_server_that_has_its_state_keeps_its_st(thermo: ServerNode):
    first = thermo.pull()
    again = thermo.pull()
    assert (again.st, again.params[tokens.EPOCH]) == (first.st, 1)


def test_a_server_that_has_lost_its_state_gets_a_fresh_st(thermo: ServerNode, serving: Serving):
    first = thermo.pull()
    thermo.forget()
    again = thermo.pull()
    assert again.st != first.st
    assert again.params[tokens.EPOCH] == 2
    assert again.params[tokens.SLOTS] == {}
    assert serving.line("it has lost its state")


def test_its_clients_get_tickets_of_the_new_epoch(thermo: ServerNode, display: ClientNode):
    thermo.pull()
    thermo.forget()
    epoch = thermo.pull().params[tokens.EPOCH]
    thermo.start()
    response = display.ask("thermo", ("/temp", GET))
    assert response.code == CREATED
    held = thermo.clients.token
    assert held
    assert held.params[tokens.SLOTS][1].generation == 1
    assert held.params[tokens.EPOCH] == epoch == 2
    assert ticket.decode_response(response.payload)[0].params[tokens.SLOT] == 1
