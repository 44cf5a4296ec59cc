"""A stranger becomes an authorized client, and what it may do then."""

import pytest

from leafkey.coap.numbers import CHANGED, POST
from tests.multi.house import HOST, ClientNode, House, ServerNode
from tests.multi.peer import Peer

LEVELS = {"bearer": 0, "pop": 1, "integrity": 2, "confidential": 3}


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    """A server that leaves the level to its owner's rules and its resources."""
    return house.add_server("thermo", "--level", "bearer")


@pytest.fixture(scope="module")
def display(house: House, thermo: ServerNode) -> ClientNode:
    """A client that may do everything, at `pop` or more."""
    client = house.add_client("display")
    house.allow("display", "thermo", "/*", "--methods", "all", "--level", "pop")
    return client


def test_refused_first_and_then_never_again(house: House, thermo: ServerNode):
    client = house.add_client("newcomer")
    house.allow("newcomer", "thermo", "/temp")
    before = len(thermo.presented())
    assert [client.ask("GET", thermo.uri("/temp")) for _ in range(3)] == ["2.05 21.5"] * 3
    # Without an AT, and then an AT each; the rule leaves the level to the server.
    assert thermo.presented()[before:] == [-1, 0, 0, 0]
    assert len(house.tickets("newcomer")) == 1


def test_a_client_that_is_restarted_goes_on_with_its_ticket(house: House, thermo: ServerNode):
    client = house.add_client("sleeper")
    house.allow("sleeper", "thermo", "/temp")
    uri = thermo.uri("/temp")
    assert client.ask("GET", uri) == "2.05 21.5"
    for _ in range(2):
        client.kill()
        client.start()
        assert client.ask("GET", uri, "pop") == "2.05 21.5"
    assert len(house.tickets("sleeper")) == 1


@pytest.mark.parametrize("level", LEVELS)
def test_at_each_level(house: House, thermo: ServerNode, level: str):
    client = house.add_client("at-" + level)
    house.allow("at-" + level, "thermo", "/temp", "--level", level)
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert thermo.presented()[-2:] == [-1, LEVELS[level]]


def test_a_resource_that_demands_more_says_so(thermo: ServerNode, display: ClientNode):
    assert display.ask("GET", thermo.uri("/secret")) == "2.05 sealed"
    assert thermo.presented()[-3:] == [-1, LEVELS["pop"], LEVELS["confidential"]]


def test_a_bearer_is_asked_for_more_too(house: House, thermo: ServerNode):
    client = house.add_client("bearer")
    house.allow("bearer", "thermo", "/*", "--methods", "all")
    assert client.ask("GET", thermo.uri("/secret")) == "2.05 sealed"
    for method in ("POST", "PUT"):
        word = f"bearer-{method}"
        assert client.ask(method, thermo.uri("/count"), text=word) == "2.04"
        assert thermo.acted.count(word) == 1


def test_a_payload_goes_at_integrity_by_itself(thermo: ServerNode, display: ClientNode):
    assert display.ask("PUT", thermo.uri("/count"), text="integrity-1") == "2.04"
    assert thermo.presented()[-1] == LEVELS["integrity"]
    assert thermo.acted.count("integrity-1") == 1


@pytest.mark.parametrize("level", ["integrity", "confidential"])
def test_a_post_is_acted_on_once(thermo: ServerNode, display: ClientNode, level: str):
    assert display.ask("POST", thermo.uri("/count"), level, text="post-" + level) == "2.04"
    assert thermo.acted.count("post-" + level) == 1


def test_without_rights_it_is_told_and_goes_on(house: House, thermo: ServerNode):
    client = house.add_client("stranger")
    house.allow("stranger", "thermo", "/temp")
    assert client.ask("GET", thermo.uri("/secret")).startswith("NotAllowed")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert client.ask("PUT", thermo.uri("/count"), text="stranger").startswith("NotAllowed")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert "stranger" not in thermo.acted


def test_what_the_grant_does_not_cover_is_asked_for(house: House, thermo: ServerNode):
    client = house.add_client("grower")
    house.allow("grower", "thermo", "/temp")
    house.allow("grower", "thermo", "/secret")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert client.ask("GET", thermo.uri("/secret")) == "2.05 sealed"
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert len(house.tickets("grower")) == 2


def test_requests_that_need_different_rights_at_once(house: House, thermo: ServerNode):
    client = house.add_client("eager")
    paths = ("/temp", "/secret", "/who", "/store")
    for path in paths:
        house.allow("eager", "thermo", path)
    asked = [client.begin("GET", thermo.uri(path)) for path in paths]
    assert all(client.answer(number).startswith("2.05") for number in asked)


def test_a_server_with_two_addresses(house: House, thermo: ServerNode):
    client = house.add_client("roundabout")
    house.allow("roundabout", "thermo", "/count", "--methods", "POST")
    direct = f"coap://{HOST}:{thermo.port}/count"
    for i in range(6):
        uri = direct if i % 2 else thermo.uri("/count")
        assert client.ask("POST", uri, text=f"around-{i}") == "2.04"
    assert len(house.tickets("roundabout")) == 1


def test_a_resource_that_is_not_there(thermo: ServerNode, display: ClientNode):
    assert display.ask("GET", thermo.uri("/nothing")) == "4.04"


@pytest.mark.parametrize("level", ["pop", "confidential"])
def test_long_bodies_go_in_blocks(thermo: ServerNode, display: ClientNode, level: str):
    uri = thermo.uri("/store")
    assert display.ask("PUT", uri, level, size=4000) == "2.04"
    assert display.ask("GET", uri, level) == "2.05 4000 bytes, good"


@pytest.mark.parametrize("level", ["pop", "confidential"])
def test_observed_at_one_at(thermo: ServerNode, display: ClientNode, level: str):
    looking = display.begin("GET", thermo.uri("/ticks"), level, count=4)
    seen = [display.answer(looking)]
    shown = thermo.presented()
    with Peer(thermo.port) as anybody:
        for _ in range(3):
            assert anybody.bare(POST, "/tick").code == CHANGED
            seen.append(display.answer(looking))
    values = [int(answer.removeprefix("2.05 ")) for answer in seen]
    assert values == list(range(values[0], values[0] + 4))
    assert shown[-1] == LEVELS[level]
    assert thermo.presented() == shown


def test_who_asks_is_a_pseudonym(house: House, thermo: ServerNode, display: ClientNode):
    other = house.add_client("other")
    house.allow("other", "thermo", "/who")
    first, second = (display.ask("GET", thermo.uri("/who")) for _ in range(2))
    assert first == second
    assert len(first) == len("2.05 ") + 64
    assert other.ask("GET", thermo.uri("/who")) not in (first, "2.05")
