"""A relay holds requests back and delivers them later: a fresh resource does nothing then."""

import time
from collections.abc import Callable, Iterator

import pytest

from leafkey.coap.message import Message, decode
from leafkey.coap.numbers import CHANGED, ECHO, PAT, UNAUTHORIZED, is_request
from tests.multi.house import HEAP, HOST, NODES, PATIENCE, ClientNode, House, ServerNode
from tests.support.processes import micropython
from tests.support.relay import Relay

ECHO_MS = 1500
TOO_LATE = ECHO_MS / 1000 + 0.3
SETTLE = 0.2


class FreshServer(ServerNode):
    """Its Echo values are good for ECHO_MS."""

    def start(self, token: str = "(3)") -> None:
        """Start it, and wait for its ST or for another line."""
        place = [str(self.house.path(self.name)), str(self.port), str(ECHO_MS)]
        command = [micropython(), "-X", f"heapsize={HEAP}", str(NODES / "fresh.py"), *place]
        process = self.house.start(command)
        self._lives.append(process)
        process.wait_for(token, PATIENCE)


class HoldingRelay(Relay):
    """Keeps the requests that it `wants`, repetitions included, until they are released."""

    def __init__(self, target: tuple[str, int]):
        super().__init__(target)
        self.wants: Callable[[Message], bool] = lambda _: False
        self.answers: list[Message] = []
        self._held: list[tuple] = []

    def uri(self, path: str) -> str:
        """Return the URI of a resource behind this relay."""
        return f"coap://{HOST}:{self.port}{path}"

    def hold(self, wants: Callable[[Message], bool]) -> None:
        """Keep such requests from now on."""
        self.wants = wants

    def wait_for_one(self) -> Message:
        """Return the first request that is held."""
        return decode(_soon(lambda: self._held)[0][2])

    def release(self) -> Message:
        """Deliver what is held, in its order, and return the answer to the first."""
        self.wants = lambda _: False
        first = decode(self._held[0][2])
        for datagram in self._held:
            super()._pass(*datagram)
        self._held.clear()
        return _soon(lambda: [x for x in self.answers if x.token == first.token])[0]

    def _pass(self, direction: int, used: object, data: bytes, address: tuple) -> None:
        message = decode(data)
        if direction == 0 and is_request(message.code) and self.wants(message):
            self._held.append((direction, used, data, address))
            return
        if direction == 1:
            self.answers.append(message)
        super()._pass(direction, used, data, address)


def _soon(found: Callable[[], list]) -> list:
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found()


def presents(message: Message) -> bool:
    """A request that carries an AT."""
    return message.option(PAT) is not None


def repeats(message: Message) -> bool:
    """A request that carries an AT and an Echo, as far as a listener sees it."""
    return presents(message) and message.option(ECHO) is not None


@pytest.fixture(scope="module")
def door(house: House) -> FreshServer:
    """A server with a lock and a bell."""
    house.path("door").mkdir()
    house.owner("server", "add", "door", "--out", str(house.path("door") / "identity"))
    return FreshServer(house, "door")


@pytest.fixture
def relay(door: FreshServer) -> Iterator[HoldingRelay]:
    """A relay before the server."""
    with HoldingRelay((HOST, door.port)) as made:
        yield made


@pytest.fixture
def client(
    request: pytest.FixtureRequest, house: House, door: FreshServer, relay: HoldingRelay
) -> Iterator[ClientNode]:
    """A client that may do everything through the relay, and has its ticket."""
    name = request.node.name.replace("test_", "")[:32]
    made = house.add_client(name)
    house.allow(name, "door", "/*", "--methods", "all")
    assert made.ask("GET", relay.uri("/lock")) == "2.05 locked"
    yield made
    made.kill()


def done(door: FreshServer) -> list[str]:
    """What the server's application has acted on; its output may be a moment behind."""
    time.sleep(SETTLE)
    return door.acted


def held(
    client: ClientNode, relay: HoldingRelay, uri: str, wants: Callable[[Message], bool]
) -> Message:
    """Let the client POST, hold what it sends, and let it give up; return what is held."""
    relay.hold(wants)
    client.begin("POST", uri)
    message = relay.wait_for_one()
    client.kill()
    return message


def test_what_is_not_fresh_is_done_whenever_it_comes(
    door: FreshServer, relay: HoldingRelay, client: ClientNode
):
    """The attack, where nothing stops it."""
    held(client, relay, relay.uri("/bell"), presents)
    time.sleep(TOO_LATE)
    assert relay.release().code == CHANGED
    assert done(door).count("bell") == 1


def test_a_request_held_back(door: FreshServer, relay: HoldingRelay, client: ClientNode):
    before = door.acted
    held(client, relay, relay.uri("/lock"), presents)
    time.sleep(TOO_LATE)
    answer = relay.release()
    assert (answer.code, presents(answer), len(answer.option(ECHO) or b"")) == (UNAUTHORIZED, 1, 8)
    assert done(door) == before


def test_a_repetition_held_back(door: FreshServer, relay: HoldingRelay, client: ClientNode):
    """It has an Echo, and its AT is good: only its time is over."""
    before = door.acted
    message = held(client, relay, relay.uri("/lock"), repeats)
    time.sleep(TOO_LATE)
    answer = relay.release()
    assert (answer.code, presents(answer)) == (UNAUTHORIZED, True)
    assert answer.option(ECHO) not in (None, message.option(ECHO))
    assert done(door) == before


def test_a_repetition_held_back_over_a_power_cut(
    door: FreshServer, relay: HoldingRelay, client: ClientNode
):
    before = door.acted
    held(client, relay, relay.uri("/lock"), repeats)
    door.kill()
    door.start()
    assert relay.release().code == UNAUTHORIZED
    assert done(door) == before


def test_a_repetition_that_is_late_but_in_time(
    door: FreshServer, relay: HoldingRelay, client: ClientNode
):
    before = door.acted
    held(client, relay, relay.uri("/lock"), repeats)
    assert relay.release().code == CHANGED
    assert done(door) == [*before, "lock"]


def test_who_still_waits_repeats_by_itself_and_it_is_done_once(
    door: FreshServer, relay: HoldingRelay, client: ClientNode
):
    before = door.acted
    relay.hold(repeats)
    asking = client.begin("POST", relay.uri("/lock"))
    relay.wait_for_one()
    time.sleep(TOO_LATE)
    assert relay.release().code == UNAUTHORIZED
    assert client.answer(asking) == "2.04"
    assert done(door) == [*before, "lock"]


def test_without_an_attacker_it_costs_a_second_exchange(
    door: FreshServer, relay: HoldingRelay, client: ClientNode
):
    before = door.acted
    sent = len(relay.heard)
    assert client.ask("POST", relay.uri("/lock")) == "2.04"
    assert done(door) == [*before, "lock"]
    shown = [repeats(decode(data)) for data in relay.heard[sent:]]
    assert shown == [False, True]


def test_a_long_body_at_confidential(door: FreshServer, relay: HoldingRelay, client: ClientNode):
    before = door.acted
    assert client.ask("PUT", relay.uri("/lock"), "confidential", size=2000) == "2.04"
    assert done(door) == [*before, "2000-bytes"]
    assert not any(repeats(decode(data)) for data in relay.heard)
