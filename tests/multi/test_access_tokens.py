"""Access tokens of the manager, between MicroPython nodes that have tickets, too."""

import pytest

from leafkey.coap.message import decode
from leafkey.coap.numbers import OSCORE, PAT
from tests.multi.house import ClientNode, House, ServerNode


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    """A server by tickets and by access tokens."""
    return house.add_server("thermo", "--ace")


def reader(house: House, name: str) -> ClientNode:
    """A client by access tokens that may read the temperature."""
    client = house.add_client(name, "0", "ace")
    house.allow(name, "thermo", "/temp")
    return client


def given(house: House, client: str) -> list[str]:
    """What the manager has said of the access tokens it gave to a client."""
    return house.told(f"home -> {client}  access token")


def test_one_token_for_many_requests(house: House, thermo: ServerNode):
    client = reader(house, "display")
    heard = len(thermo.relay.heard)
    assert [client.ask("GET", thermo.uri("/temp")) for _ in range(4)] == ["2.05 21.5"] * 4
    assert len(given(house, "display")) == 1
    # The first try and the token itself are in the open, everything else in its context.
    sent = [decode(data) for data in thermo.relay.heard[heard:]]
    protected = [message for message in sent if message.option(OSCORE) is not None]
    assert len({message.mid for message in protected}) == 4
    assert not [message for message in sent if message.option(PAT)]
    assert {message.path() for message in sent} >= {(b"authz-info",)}


def test_tickets_and_tokens_side_by_side(house: House, thermo: ServerNode):
    by_ticket = house.add_client("panel")
    house.allow("panel", "thermo", "/temp")
    by_token = reader(house, "gauge")
    for _ in range(2):
        assert by_ticket.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
        assert by_token.ask("GET", thermo.uri("/temp")) == "2.05 21.5"


def test_what_rules_do_not_allow(house: House, thermo: ServerNode):
    client = reader(house, "curious")
    assert client.ask("GET", thermo.uri("/store")).startswith("NotAllowed")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert client.ask("PUT", thermo.uri("/temp"), text="30").startswith("NotAllowed")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"


def test_more_rights_in_the_same_context(house: House, thermo: ServerNode):
    client = reader(house, "writer")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    house.allow("writer", "thermo", "/store", "--methods", "GET,PUT")
    heard = len(thermo.relay.heard)
    assert client.ask("PUT", thermo.uri("/store"), text="kept") == "2.04"
    assert client.ask("GET", thermo.uri("/store")).startswith("2.05")
    sent = [decode(data) for data in thermo.relay.heard[heard:]]
    assert all(message.option(OSCORE) is not None for message in sent)
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"


def test_restarts_on_both_sides(house: House, thermo: ServerNode):
    client = reader(house, "sleeper")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    thermo.kill()
    thermo.start()
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    client.kill()
    client.start()
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"


def test_who_was_revoked_gets_no_other_token(house: House, thermo: ServerNode):
    client = reader(house, "guest")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    house.owner("revoke", "guest")
    client.kill()
    client.start()
    assert client.ask("GET", thermo.uri("/temp")).startswith("NotAllowed")


def test_the_owner_is_asked(house: House, thermo: ServerNode):
    client = house.add_client("visitor", "0", "ace")
    house.owner("policy", "ask", "visitor", "thermo", "/temp")
    number = client.begin("GET", thermo.uri("/temp"))
    assert house.manager
    line = house.manager.wait_for("question ", 60)
    house.owner("consent", "approve", line.split("question ")[1].split(":")[0], "--for", "1h")
    assert client.answer(number) == "2.05 21.5"
