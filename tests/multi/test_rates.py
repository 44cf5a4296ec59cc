"""Two clients of one server under different renewal rules: what each of them received."""

import time
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import pytest

from leafkey.coap.message import Message, decode
from leafkey.coap.numbers import CONTENT, OBSERVE, PAT, POST, UNAUTHORIZED, is_request
from tests.multi.house import HOST, ClientNode, House, ServerNode
from tests.multi.peer import Peer
from tests.support.relay import Relay

PAUSE = 0.15
MAC_LEN = 8


class Tap(Relay):
    """Keeps what passes in both directions, with its time."""

    def __init__(self, target: tuple[str, int]):
        super().__init__(target)
        self.seen: list[tuple[float, Message]] = []

    def _pass(self, direction: int, used, data: bytes, address: tuple) -> None:
        self.seen.append((time.monotonic(), decode(data)))
        super()._pass(direction, used, data, address)


class Registration(NamedTuple):
    """One AT: when it was shown, the counters of the notifications, and what ended them."""

    at: bytes
    start: float
    counters: list[int]
    end: float | None


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    """The server of both."""
    return house.add_server("thermo")


class Follower:
    """A client that follows /ticks through a tap of its own."""

    def __init__(self, house: House, thermo: ServerNode, name: str, *rule: str):
        self.client: ClientNode = house.add_client(name)
        house.allow(name, "thermo", "/ticks", *rule)
        self.tap = Tap((HOST, thermo.port))
        house.open(self.tap)
        self._uri = thermo.uri("/ticks", self.tap)

    def begin(self, count: int) -> None:
        """Follow until `count` states came, the present one included."""
        self._number = self.client.begin("GET", self._uri, count=count)

    def hear(self) -> int:
        """Return the next state."""
        code, text = self.client.answer(self._number).split()
        assert code == "2.05"
        return int(text)

    def registrations(self) -> list[Registration]:
        """Return what passed, by the token of each registration."""
        made: dict[bytes, Registration] = {}
        for moment, message in self.tap.seen:
            value = message.option(PAT)
            if is_request(message.code):
                if value and message.uint(OBSERVE) == 0 and message.token not in made:
                    made[message.token] = Registration(value[1:17], moment, [], None)
            elif message.token in made and value:
                entry = made[message.token]
                counter = int.from_bytes(value[:-MAC_LEN], "big")
                if message.code == UNAUTHORIZED:
                    made[message.token] = entry._replace(end=moment)
                elif counter and message.code == CONTENT and counter not in entry.counters:
                    entry.counters.append(counter)
        return list(made.values())


@pytest.fixture(scope="module")
def tick(thermo: ServerNode) -> Iterator[Peer]:
    """Makes the server count."""
    with Peer(thermo.port) as peer:
        yield peer


def count(tick: Peer, times: int) -> None:
    for _ in range(times):
        tick.bare(POST, "/tick")
        time.sleep(PAUSE)


def test_notifications_per_at(house: House, thermo: ServerNode, tick: Peer):
    rules = {"often": 2, "seldom": 6}
    followers = {
        name: Follower(house, thermo, name, "--notifications-per-at", str(limit))
        for name, limit in rules.items()
    }
    for follower in followers.values():
        follower.begin(100)
    first = {name: follower.hear() for name, follower in followers.items()}
    count(tick, 24)
    renewals = {}
    for name, follower in followers.items():
        state = first[name]
        while state < first[name] + 24:
            later = follower.hear()
            assert later > state, "every state that is shown is a new one"
            state = later
        made = follower.registrations()
        assert all(len(entry.counters) <= rules[name] for entry in made), made
        assert all(entry.counters == sorted(entry.counters) for entry in made)
        assert len({entry.at for entry in made}) == len(made), "an AT carries one observation"
        renewals[name] = len(made) - 1
        assert len(house.tickets(name)) == 1
    # A change that comes while a client renews is part of the state it gets by that.
    assert 24 / 3 - 2 <= renewals["often"] <= 24 / 2 + 1, renewals
    assert 24 / 7 - 1 <= renewals["seldom"] <= 24 / 6 + 1, renewals


def test_seconds_per_at(house: House, thermo: ServerNode, tick: Peer):
    rules = {"brisk": 1, "slow": 4}
    followers = {
        name: Follower(house, thermo, name, "--seconds-per-at", str(limit))
        for name, limit in rules.items()
    }
    for follower in followers.values():
        follower.begin(100)
        follower.hear()
    time.sleep(6)
    count(tick, 1)
    for name, follower in followers.items():
        assert follower.hear()
        starts = [entry.start for entry in follower.registrations()]
        spans = [later - start for start, later in pairwise(starts)]
        # In time, and not at the same moment always: between 12 and 15 sixteenths.
        assert all(0.7 * rules[name] < span < 1.1 * rules[name] for span in spans), spans
        assert len(spans) >= 6 // rules[name], spans


def test_the_server_ends_what_a_client_does_not_renew(house: House, thermo: ServerNode, tick: Peer):
    """A client that is stopped cannot renew in time, and goes on when it wakes up."""
    follower = Follower(house, thermo, "sleepy", "--seconds-per-at", "2")
    follower.begin(100)
    state = follower.hear()
    follower.client.process.pause()
    time.sleep(3)
    count(tick, 2)
    (entry,) = follower.registrations()
    assert entry.end is not None
    assert 1.8 < entry.end - entry.start < 2.8
    assert entry.counters == []
    follower.client.process.go_on()
    assert follower.hear() == state + 2
    assert len(follower.registrations()) == 2
