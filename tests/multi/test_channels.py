"""Channels that an AT opens by OSCORE, between processes (SPEC 5.8)."""

import time

import pytest

from leafkey.coap.message import Message, decode
from leafkey.coap.numbers import OBSERVE, OSCORE, PAT, POST
from leafkey.pat.tokens import OSCORE_LEVEL
from tests.multi.house import ClientNode, House, ServerNode
from tests.multi.peer import Peer
from tests.multi.test_freshness import FreshServer

LARGE = 4000


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    """The server of all."""
    return house.add_server("thermo")


@pytest.fixture(scope="module")
def display(house: House, thermo: ServerNode) -> ClientNode:
    """A client that may do everything."""
    client = house.add_client("display")
    house.allow("display", "thermo", "/*", "--methods", "all")
    return client


def in_channels(server: ServerNode, before: int = 0) -> list[Message]:
    """Return the requests in channels that reached a server so far."""
    heard = [decode(data) for data in server.relay.heard[before:]]
    return [message for message in heard if message.option(OSCORE) is not None]


def opened(messages: list[Message]) -> int:
    """Return with how many ATs channels were opened."""
    values = [message.option(PAT) for message in messages]
    ats = {value for value in values if value is not None}
    assert all(value[0] == OSCORE_LEVEL for value in ats)
    return len(ats)


def test_one_at_for_many_requests(thermo: ServerNode, display: ClientNode):
    before = len(thermo.relay.heard)
    for _ in range(5):
        assert display.ask("GET", thermo.uri("/temp"), "oscore") == "2.05 21.5"
    messages = in_channels(thermo, before)
    assert len(messages) == 5
    assert opened(messages) == 1
    assert [message.option(PAT) is None for message in messages] == [False] + [True] * 4
    # Nothing of what is asked for travels in clear.
    assert all(not message.path() for message in messages)


def test_a_sealed_resource_and_actions(thermo: ServerNode, display: ClientNode):
    assert display.ask("GET", thermo.uri("/secret"), "oscore") == "2.05 sealed"
    assert display.ask("POST", thermo.uri("/count"), "oscore", text="channel") == "2.04"
    assert thermo.acted.count("channel") == 1
    assert display.ask("GET", thermo.uri("/nothing"), "oscore") == "4.04"


def test_bodies_in_blocks(thermo: ServerNode, display: ClientNode):
    assert display.ask("PUT", thermo.uri("/store"), "oscore", size=LARGE) == "2.04"
    answer = display.ask("GET", thermo.uri("/store"), "oscore")
    assert answer == f"2.05 {LARGE} bytes, good"


def test_the_name_of_the_client_is_the_same(thermo: ServerNode, display: ClientNode):
    heard = display.ask("GET", thermo.uri("/who"), "oscore")
    assert heard == "2.05 " + display.ask("NAME", thermo.uri(""))
    assert display.ask("GET", thermo.uri("/who")) == heard


def test_an_observation(thermo: ServerNode, display: ClientNode):
    following = display.begin("GET", thermo.uri("/ticks"), "oscore", count=3)
    seen = [display.answer(following)]
    for _ in range(2):
        with Peer(thermo.port) as peer:
            peer.bare(POST, "/tick")
        seen.append(display.answer(following))
    counts = [int(state.split()[1]) for state in seen]
    assert counts == [counts[0], counts[0] + 1, counts[0] + 2]


def test_what_the_grant_does_not_cover(house: House, thermo: ServerNode):
    client = house.add_client("narrow")
    house.allow("narrow", "thermo", "/temp")
    assert client.ask("GET", thermo.uri("/temp"), "oscore") == "2.05 21.5"
    assert client.ask("GET", thermo.uri("/secret"), "oscore").startswith("NotAllowed")


def test_permissions_that_the_client_brings(house: House, thermo: ServerNode):
    client = house.add_client("bringer")
    house.allow("bringer", "thermo", "/temp", "--endorsed")
    before = len(thermo.relay.heard)
    assert client.ask("GET", thermo.uri("/temp"), "oscore") == "2.05 21.5"
    assert client.ask("GET", thermo.uri("/temp"), "oscore") == "2.05 21.5"
    # Asked for the endorsement once, in the channel.
    messages = in_channels(thermo, before)
    assert (len(messages), opened(messages)) == (3, 1)


def test_the_rule_ends_channels_by_requests(house: House, thermo: ServerNode):
    rates = {"brisk": 2, "calm": 5}
    for name, requests in rates.items():
        client = house.add_client(name)
        house.allow(name, "thermo", "/temp", "--requests-per-at", str(requests))
        before = len(thermo.relay.heard)
        for _ in range(10):
            assert client.ask("GET", thermo.uri("/temp"), "oscore") == "2.05 21.5"
        messages = in_channels(thermo, before)
        assert (len(messages), opened(messages)) == (10, 10 // requests)


def test_the_rule_ends_channels_by_seconds(house: House, thermo: ServerNode):
    client = house.add_client("hasty")
    house.allow("hasty", "thermo", "/ticks", "--seconds-per-at", "2")
    before = len(thermo.relay.heard)
    following = client.begin("GET", thermo.uri("/ticks"), "oscore", count=2)
    client.answer(following)
    start = time.monotonic()
    while opened(in_channels(thermo, before)) < 3:
        assert time.monotonic() - start < 30
        time.sleep(0.1)
    # It goes on in other channels, and hears what happens there.
    with Peer(thermo.port) as peer:
        peer.bare(POST, "/tick")
    assert client.answer(following).startswith("2.05")
    registrations = [m for m in in_channels(thermo, before) if m.uint(OBSERVE) == 0]
    assert opened(registrations) >= 3


def test_a_revoked_client_is_out(house: House, thermo: ServerNode):
    client = house.add_client("stolen")
    house.allow("stolen", "thermo", "/*", "--methods", "all")
    assert client.ask("POST", thermo.uri("/count"), "oscore", text="before") == "2.04"
    assert client.ask("GET", thermo.uri("/ticks"), "oscore").startswith("2.05")
    following = client.begin("GET", thermo.uri("/ticks"), "oscore", count=2)
    client.answer(following)
    house.owner("revoke", "stolen")
    assert client.answer(following).startswith("NotAllowed")
    # Its manager was asked a moment ago, and is not asked again so soon.
    answer = client.ask("POST", thermo.uri("/count"), "oscore", text="after")
    assert answer.startswith("Unreachable")
    assert "after" not in thermo.acted


def test_a_server_that_lost_power(thermo: ServerNode, display: ClientNode):
    assert display.ask("GET", thermo.uri("/temp"), "oscore") == "2.05 21.5"
    thermo.kill()
    thermo.start()
    before = len(thermo.relay.heard)
    assert display.ask("GET", thermo.uri("/temp"), "oscore") == "2.05 21.5"
    assert opened(in_channels(thermo, before)) == 1


def test_datagrams_that_come_again_change_nothing(thermo: ServerNode, display: ClientNode):
    word = "once"
    before = len(thermo.relay.heard)
    assert display.ask("POST", thermo.uri("/count"), "oscore", text=word) == "2.04"
    with Peer(thermo.port) as peer:
        for data in thermo.relay.heard[before:]:
            peer.send(data)
            peer.receive()
    assert thermo.acted.count(word) == 1


def test_a_fresh_resource_wants_an_echo(house: House):
    lock = FreshServer(house, _added(house, "lock"))
    client = house.add_client("key")
    house.allow("key", "lock", "/lock", "--methods", "POST")
    before = len(lock.relay.heard)
    assert client.ask("POST", lock.uri("/lock"), "oscore") == "2.04"
    messages = in_channels(lock, before)
    assert (len(messages), opened(messages)) == (2, 1)
    assert lock.acted == ["lock"]


def _added(house: House, name: str) -> str:
    house.owner("server", "add", name, "--out", str(house._identity(name)))
    return name
