"""Two clients on MicroPython at one server, behind a network that repeats, delays and loses."""

import random
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest

from leafkey.coap.message import Message, decode
from leafkey.coap.numbers import BLOCK1, OBSERVE, PAT, PUT
from tests.multi.house import HOST, ClientNode, House, ServerNode
from tests.privacy.capture import Shown
from tests.privacy.distinguisher import Verdict, distinguish
from tests.privacy.leaks import one_port
from tests.support.relay import Relay

NAMES = ("anna", "bert")
REQUESTS = 200
# Each message that is lost costs seconds.
LOSSY = 6
BODY = 3000
# Of a resource that is observed; an AT carries two.
CHANGES = 7
SHAPE = ("--degree", "33", "--depth", "60")


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    return house.add_server("thermo", *SHAPE)


@pytest.fixture(scope="module")
def clients(house: House, thermo: ServerNode) -> list[ClientNode]:
    added = [house.add_client(name) for name in NAMES]
    for name in NAMES:
        house.allow(name, "thermo", "/temp")
        house.allow(name, "thermo", "/store", "--methods", "GET,PUT")
        house.allow(name, "thermo", "/ticks", "--notifications-per-at", "2")
    return added


@pytest.fixture(scope="module")
def road(house: House, thermo: ServerNode, clients: list[ClientNode]) -> Relay:
    """The way to the server: datagrams come twice, or late."""
    relay = house.open(Relay((HOST, thermo.port), repeat=2, delay=1, seed=3))
    for client in clients:
        assert client.ask("GET", thermo.uri("/temp", relay)) == "2.05 21.5"
    return relay


def requests(relay: Relay, start: int = 0) -> list[tuple[int, Message, bytes]]:
    """Return (port, message, bytes) of each AT when it was first heard."""
    seen: set[bytes] = set()
    found = []
    for port, data in zip(relay.ports[start:], relay.heard[start:], strict=False):
        message = decode(data)
        value = message.option(PAT)
        if value is not None and value not in seen:
            seen.add(value)
            found.append((port, message, data))
    return found


def work(road: Relay, thermo: ServerNode, clients: list[ClientNode], number: int) -> list[Shown]:
    """Let a fair coin say who makes the next request; return what is heard."""
    chance = random.SystemRandom()
    found = []
    for _ in range(number):
        client = chance.randrange(len(clients))
        start = len(road.heard)
        assert clients[client].ask("GET", thermo.uri("/temp", road)) == "2.05 21.5"
        port, _, data = requests(road, start)[-1]
        found.append(Shown(client, port, data, b""))
    return found


@pytest.fixture(scope="module")
def heard(
    road: Relay, thermo: ServerNode, clients: list[ClientNode]
) -> Iterator[tuple[list[Shown], list[Shown]]]:
    yield work(road, thermo, clients, REQUESTS), work(road, thermo, clients, REQUESTS + 1)


def test_clients_cannot_be_told_apart(heard, road, thermo, clients):
    verdict: Verdict = distinguish(*heard)
    if verdict.over_noise > 1:
        # Luck does this once in two hundred times; a leak does it again.
        verdict = distinguish(*[work(road, thermo, clients, len(part)) for part in heard])
    assert verdict.over_noise <= 1, verdict


def test_clients_that_keep_their_ports_are_told_apart(heard):
    verdict = distinguish(*map(one_port, heard))
    assert verdict.over_noise > 3, verdict


def test_each_at_has_a_port_that_says_nothing(heard):
    shown = [*heard[0], *heard[1]]
    ports = np.array([request.port for request in shown])
    assert ports.min() >= 49152
    # By chance a port comes again once in some eighty requests of this number.
    assert len(set(ports)) > 0.93 * len(ports)
    steps = np.abs(np.diff(ports))
    assert np.mean(steps < 160) < 0.1


def test_messages_come_again_from_the_same_port(house, thermo, clients):
    lossy = house.open(Relay((HOST, thermo.port), loss=2, seed=4))
    shown = work(lossy, thermo, clients, LOSSY)
    assert lossy.lost
    first = {request.request: request.port for request in shown}
    known = [
        (first[data], port)
        for port, data in zip(lossy.ports, lossy.heard, strict=True)
        if data in first
    ]
    assert len(known) > len(shown)
    assert all(before == port for before, port in known)
    assert len(set(first.values())) == len(shown)


def test_blocks_of_a_body_come_from_ports_of_their_own(road, thermo, clients):
    start = len(road.heard)
    assert clients[0].ask("PUT", thermo.uri("/store", road), size=BODY) == "2.04"
    blocks = [(port, m) for port, m, _ in requests(road, start) if m.code == PUT]
    assert len(blocks) == -(-BODY // 1024)
    assert all(message.option(BLOCK1) for _, message in blocks)
    assert len({port for port, _ in blocks}) == len(blocks)


def test_each_renewal_of_an_observation_comes_from_another_port(road, thermo, clients):
    start = len(road.heard)
    ticking, watching = clients
    number = watching.begin("GET", thermo.uri("/ticks", road), count=CHANGES + 1)
    answers = partial(watching.answer, number)
    seen = [answers()]
    for _ in range(CHANGES):
        assert ticking.ask("POST", thermo.uri("/tick", road), "open") == "2.04"
        seen.append(answers())
    assert len(set(seen)) == CHANGES + 1
    begun = [(port, m) for port, m, _ in requests(road, start) if m.option(OBSERVE) is not None]
    assert len(begun) >= 3
    assert len({port for port, _ in begun}) == len(begun)
    assert len({message.token for _, message in begun}) == len(begun)
