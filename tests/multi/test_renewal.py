"""A client whose grant comes to its end gets the next one by itself, as long as a rule allows."""

import time

import pytest

from leafkey.coap.numbers import CHANGED, POST
from tests.multi.house import House, ServerNode
from tests.multi.peer import Peer

GOOD = "2.05 21.5"
REFUSED = "NotAllowed"


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    """A server whose branches hold 2 times 16 ATs."""
    return house.add_server("thermo", "--degree", "17", "--depth", "2")


def test_a_branch_that_is_used_up_is_replaced(house: House, thermo: ServerNode):
    client = house.add_client("busy")
    house.allow("busy", "thermo", "/temp")
    assert [client.ask("GET", thermo.uri("/temp")) for _ in range(70)] == [GOOD] * 70
    assert len(house.tickets("busy")) == 3


def test_a_rule_for_some_requests_is_used_up(house: House, thermo: ServerNode):
    client = house.add_client("guest")
    house.allow("guest", "thermo", "/temp", "--ats", "40")
    assert [client.ask("GET", thermo.uri("/temp")) for _ in range(40)] == [GOOD] * 40
    for _ in range(2):
        assert client.ask("GET", thermo.uri("/temp")).startswith(REFUSED)
    # 32 and then the 8 that were left, and no more.
    full, rest = house.tickets("guest")
    assert "generation 1, 32 ATs" in full
    assert "generation 2, 8 ATs" in rest


def test_another_rule_helps(house: House, thermo: ServerNode):
    client = house.add_client("visitor")
    house.allow("visitor", "thermo", "/temp", "--ats", "2")
    assert [client.ask("GET", thermo.uri("/temp")) for _ in range(2)] == [GOOD] * 2
    assert client.ask("GET", thermo.uri("/temp")).startswith(REFUSED)
    house.allow("visitor", "thermo", "/temp", "--ats", "3")
    assert [client.ask("GET", thermo.uri("/temp")) for _ in range(3)] == [GOOD] * 3
    assert client.ask("GET", thermo.uri("/temp")).startswith(REFUSED)


def test_a_post_that_finds_the_branch_used_up_is_acted_on_once(house: House, thermo: ServerNode):
    client = house.add_client("worker")
    house.allow("worker", "thermo", "/count", "--methods", "POST")
    for i in range(35):
        assert client.ask("POST", thermo.uri("/count"), text=f"work-{i}") == "2.04"
    assert [word for word in thermo.acted if word.startswith("work-")] == [
        f"work-{i}" for i in range(35)
    ]


def test_an_observation_goes_on_under_the_next_ticket(house: House, thermo: ServerNode):
    client = house.add_client("watcher")
    for path in ("/ticks", "/temp"):
        house.allow("watcher", "thermo", path)
    looking = client.begin("GET", thermo.uri("/ticks"), count=100)
    first = client.answer(looking)
    # What the first ticket does not cover takes another, and ends what was done under the first.
    assert client.ask("GET", thermo.uri("/temp")) == GOOD
    assert len(house.tickets("watcher")) == 2
    with Peer(thermo.port) as anybody:
        assert anybody.bare(POST, "/tick").code == CHANGED
    start = time.monotonic()
    while client.answer(looking) == first:
        assert time.monotonic() - start < 20


def test_a_grant_ends_with_its_time(house: House, thermo: ServerNode):
    client, other = house.add_client("short"), house.add_client("renewed")
    for name in ("short", "renewed"):
        house.allow(name, "thermo", "/temp", "--for", "4s")
    start = time.monotonic()
    assert [who.ask("GET", thermo.uri("/temp")) for who in (client, other)] == [GOOD] * 2
    time.sleep(max(0, start + 4.2 - time.monotonic()))
    house.allow("renewed", "thermo", "/temp", "--for", "1h")
    assert client.ask("GET", thermo.uri("/temp")).startswith(REFUSED)
    assert other.ask("GET", thermo.uri("/temp")) == GOOD
    assert len(house.tickets("renewed")) == 2


def test_a_grant_with_an_end_survives_a_restart_of_the_server(house: House, thermo: ServerNode):
    client = house.add_client("timed")
    house.allow("timed", "thermo", "/temp", "--for", "1h")
    assert client.ask("GET", thermo.uri("/temp")) == GOOD
    thermo.kill()
    thermo.start()
    assert client.ask("GET", thermo.uri("/temp")) == GOOD
    assert len(house.tickets("timed")) == 1
