"""Requests in DTLS sessions that ATs open, between a manager, a server and clients."""

import time

import pytest

from tests.multi.house import House, ServerNode

GOOD = "2.05 21.5"
HANDSHAKE = 22
CLIENT_HELLO = 1
# What a program is told when it cannot know whether the server has acted.
UNKNOWN = ("Unreachable", "OutcomeUnknown")
ENOUGH = 3
TRIES = 16
PAUSE = 0.1


@pytest.fixture(scope="module")
def safe(house: House) -> ServerNode:
    return house.add_server("safe", dtls={})


def handshakes(server: ServerNode) -> int:
    """How many have begun; each has two ClientHellos."""
    heard = server.dtls_relay.heard
    hellos = [data for data in heard if data[0] == HANDSHAKE and data[13] == CLIENT_HELLO]
    return len({data[27:59] for data in hellos})


def test_many_requests_take_one_handshake_and_one_at(house: House, safe: ServerNode):
    client = house.add_client("reader")
    house.allow("reader", "safe", "/temp")
    house.allow("reader", "safe", "/secret")
    before, shown = handshakes(safe), len(safe.presented())
    assert [client.ask("GET", safe.uri("/temp"), "dtls") for _ in range(20)] == [GOOD] * 20
    assert client.ask("GET", safe.uri("/secret"), "dtls") == "2.05 sealed"
    # The second path took another ticket, and so another session.
    assert handshakes(safe) - before == 2
    # The greetings alone went in the open, and showed no AT.
    assert set(safe.presented()[shown:]) <= {-1}


def test_bodies_observations_fresh_resources_and_names(house: House, safe: ServerNode):
    client = house.add_client("writer")
    for path, methods in (("/store", "GET,PUT"), ("/bolt", "POST"), ("/who", "GET")):
        house.allow("writer", "safe", path, "--methods", methods)
    house.allow("writer", "safe", "/ticks")
    assert client.ask("PUT", safe.uri("/store"), "dtls", size=4000) == "2.04"
    assert client.ask("GET", safe.uri("/store"), "dtls") == "2.05 4000 bytes, good"
    assert client.ask("POST", safe.uri("/bolt"), "dtls", text="bolt-1") == "2.04"
    assert safe.acted.count("bolt-1") == 1
    name = client.ask("GET", safe.uri("/who"), "dtls")
    assert name == "2.05 " + client.ask("NAME", safe.uri("/"))
    looking = client.begin("GET", safe.uri("/ticks"), "dtls", count=3)
    seen = [client.answer(looking)]
    for _ in range(2):
        safe.tick()
        seen.append(client.answer(looking))
    assert len(set(seen)) == 3


def test_what_the_grant_does_not_cover_is_refused_in_the_session(house: House, safe: ServerNode):
    client = house.add_client("bringer")
    house.allow("bringer", "safe", "/temp", "--endorsed")
    before = handshakes(safe)
    assert client.ask("GET", safe.uri("/temp"), "dtls") == GOOD
    assert client.ask("GET", safe.uri("/secret"), "dtls").startswith("NotAllowed")
    assert client.ask("GET", safe.uri("/temp"), "dtls") == GOOD
    assert handshakes(safe) - before == 1


def test_a_session_carries_as_many_requests_as_the_rule_allows(house: House, safe: ServerNode):
    client = house.add_client("metered")
    house.allow("metered", "safe", "/count", "--methods", "POST", "--requests-per-at", "4")
    before = handshakes(safe)
    words = [f"metered-{i}" for i in range(10)]
    for word in words:
        assert client.ask("POST", safe.uri("/count"), "dtls", text=word) == "2.04"
    assert [word for word in safe.acted if word.startswith("metered")] == words
    assert handshakes(safe) - before == 3


def test_an_observation_moves_on_when_its_session_has_lasted_long_enough(
    house: House, safe: ServerNode
):
    client = house.add_client("watcher")
    house.allow("watcher", "safe", "/ticks", "--seconds-per-at", "3")
    before = handshakes(safe)
    looking = client.begin("GET", safe.uri("/ticks"), "dtls", count=1000)
    client.answer(looking)
    start = time.monotonic()
    while handshakes(safe) - before < 4:
        assert time.monotonic() - start < 30
        safe.tick()
        client.answer(looking)
        time.sleep(PAUSE)


def test_a_revoked_client_has_no_session_any_more(house: House, safe: ServerNode):
    client = house.add_client("gone")
    house.allow("gone", "safe", "/temp")
    assert client.ask("GET", safe.uri("/temp"), "dtls") == GOOD
    house.owner("revoke", "gone")
    start = time.monotonic()
    while (answer := client.ask("GET", safe.uri("/temp"), "dtls")) == GOOD:
        assert time.monotonic() - start < 30
    assert answer.startswith("NotAllowed"), answer


def test_a_server_that_lost_its_sessions(house: House, safe: ServerNode):
    client = house.add_client("patient")
    house.allow("patient", "safe", "/temp")
    house.allow("patient", "safe", "/count", "--methods", "POST")
    assert client.ask("POST", safe.uri("/count"), "dtls", text="patient-1") == "2.04"
    safe.kill()
    safe.start()
    # It may have been acted on; here it was not.
    lost = client.ask("POST", safe.uri("/count"), "dtls", text="patient-2")
    assert lost.startswith("OutcomeUnknown")
    assert client.ask("POST", safe.uri("/count"), "dtls", text="patient-3") == "2.04"
    safe.kill()
    safe.start()
    assert client.ask("GET", safe.uri("/temp"), "dtls") == GOOD
    words = [word for word in safe.acted if word.startswith("patient")]
    assert words == ["patient-1", "patient-3"]


def test_a_client_that_lost_its_session(house: House, safe: ServerNode):
    client = house.add_client("fresh-again")
    house.allow("fresh-again", "safe", "/temp")
    for _ in range(3):
        assert client.ask("GET", safe.uri("/temp"), "dtls") == GOOD
        client.kill()
        client.start()
    assert client.ask("GET", safe.uri("/temp"), "pop") == GOOD


@pytest.mark.parametrize("seed", [1, 2])
def test_a_bad_network(house: House, seed: int):
    name = f"far-{seed}"
    far = house.add_server(name, dtls={"loss": 3, "repeat": 2, "delay": 2, "seed": seed})
    client = house.add_client(f"walker-{seed}")
    house.allow(f"walker-{seed}", name, "/count", "--methods", "POST", "--requests-per-at", "2")
    done, doubtful = [], []
    # Which of them get through is luck; that enough of them do is not.
    while len(done) < ENOUGH:
        i = len(done) + len(doubtful)
        assert i < TRIES, "too few requests get through"
        outcome = client.ask("POST", far.uri("/count"), "dtls", text=f"walk-{i}")
        assert outcome.startswith(("2.04", *UNKNOWN)), outcome
        (done if outcome == "2.04" else doubtful).append(f"walk-{i}")
    acted = [word for word in far.acted if word.startswith("walk")]
    # What was reported as done was done once, and nothing was done twice.
    assert set(done) <= set(acted) <= set(done + doubtful)
    assert len(acted) == len(set(acted))


def test_more_clients_than_a_server_has_room_for(house: House, safe: ServerNode):
    names = [f"crowd-{i}" for i in range(5)]
    clients = [house.add_client(name) for name in names]
    for name in names:
        house.allow(name, "safe", "/temp")
        house.allow(name, "safe", "/count", "--methods", "POST")
    for i in range(3):
        for client in clients:
            assert client.ask("GET", safe.uri("/temp"), "dtls") == GOOD
            word = f"{client.name}-{i}"
            assert client.ask("POST", safe.uri("/count"), "dtls", text=word) == "2.04"
    words = [f"{name}-{i}" for i in range(3) for name in names]
    assert [word for word in safe.acted if word.startswith("crowd")] == words
