"""An application of microCoAPy gets PAT from its socket, and need not know of it.

It runs over the stand-in, and over the library itself where MICROCOAPY_DIR names a checkout.
"""

import itertools
from collections.abc import Callable

import pytest

from leafkey.coap.message import decode, encode
from leafkey.coap.numbers import CONTENT, OSCORE, PAT
from leafkey.pat.tokens import INTEGRITY, LEVELS
from tests.multi.house import HEAP, HOST, NODES, PATIENCE, ClientNode, House, ServerNode
from tests.support import tools
from tests.support.processes import micropython
from tests.support.relay import Relay

GOOD = "= 2.05 21.5"
FORGED = b"99.9"
# No AT at all, as ServerNode.presented spells it.
OPEN = -1
NUMBERS = itertools.count(1)


class Application:
    """A process with microCoAPy in it, and the identity of a client."""

    def __init__(self, house: House, library: str, level: str):
        self.name = f"poller{next(NUMBERS)}"
        house.provision(self.name)
        house.allow(self.name, "thermo", "/temp")
        house.allow(self.name, "thermo", "/store", "--methods", "GET,PUT")
        house.allow(self.name, "thermo", "/count", "--methods", "PUT")
        script = [str(NODES / "polling.py"), library, str(house.path(self.name)), level]
        self._command = [micropython(), "-X", f"heapsize={HEAP}", *script]
        self._house = house
        self.start()

    def start(self) -> None:
        """Start it."""
        self.process = self._house.start(self._command, listens=True)
        self.process.wait_for("listening")

    def ask(self, method: str, port: int, path: str, text: str = "") -> str:
        """Make a request and return what its callback was given."""
        self.process.say(f"{method} {HOST} {port} {path} {text}".rstrip())
        return self.process.wait_for("= ", PATIENCE).rstrip()


@pytest.fixture(scope="module", params=["stand-in", "microCoAPy"])
def library(request: pytest.FixtureRequest) -> str:
    """The folder that `import microcoapy` finds it in."""
    return str(NODES / "standin") if request.param == "stand-in" else tools.microcoapy()


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    """A server that leaves the level to who asks."""
    return house.add_server("thermo", "--level", "bearer", "--slots", "64")


@pytest.fixture
def started(house: House, library: str) -> Callable[[str], Application]:
    """Starts an application that asks at a level."""
    return lambda level: Application(house, library, level)


@pytest.fixture(scope="module")
def writer(house: House, thermo: ServerNode) -> ClientNode:
    """A client of our own, for what microCoAPy cannot send."""
    made = house.add_client("writer")
    house.allow("writer", "thermo", "/store", "--methods", "PUT")
    return made


@pytest.mark.parametrize("level", LEVELS)
def test_get_and_put_at_each_level(
    thermo: ServerNode, started: Callable[[str], Application], level: str
):
    application = started(level)
    port = thermo.relay.port
    assert application.ask("GET", port, "temp") == GOOD
    assert thermo.presented()[-1] == LEVELS[level]
    assert application.ask("PUT", port, "store", level) == "= 2.04"
    # A payload is not sent without protection.
    assert thermo.presented()[-1] == max(LEVELS[level], INTEGRITY)
    assert application.ask("GET", port, "store") == "= 2.05 " + level
    assert application.ask("GET", port, "nothing").startswith("= 4.03 ")


def test_in_an_oscore_channel(thermo: ServerNode, started: Callable[[str], Application]):
    application = started("oscore")
    port = thermo.relay.port
    assert application.ask("GET", port, "temp") == GOOD
    assert application.ask("PUT", port, "store", "in a channel") == "= 2.04"
    assert application.ask("GET", port, "store") == "= 2.05 in a channel"
    assert any(decode(data).option(OSCORE) for data in thermo.relay.heard)


def test_open_if_asked_for(thermo: ServerNode, started: Callable[[str], Application]):
    application = started("open")
    assert application.ask("GET", thermo.relay.port, "heap").startswith("= 2.05 ")
    assert thermo.presented()[-1] == OPEN
    # What is not open stays closed.
    assert application.ask("GET", thermo.relay.port, "temp").startswith("= 4.01 ")
    assert thermo.presented()[-1] == OPEN


def test_an_open_answer_is_none_of_a_protected_request(
    house: House, thermo: ServerNode, started: Callable[[str], Application]
):
    assert started("pop").ask("GET", thermo.relay.port, "heap").startswith("= 4.03 ")


def test_what_the_owner_does_not_allow(thermo: ServerNode, started: Callable[[str], Application]):
    application = started("confidential")
    assert application.ask("PUT", thermo.relay.port, "temp", "30").startswith("= 4.03 ")
    assert application.ask("GET", thermo.relay.port, "temp") == GOOD


def test_a_revoked_client(house: House, thermo: ServerNode, started: Callable[[str], Application]):
    application = started("confidential")
    assert application.ask("GET", thermo.relay.port, "temp") == GOOD
    house.owner("revoke", application.name)
    for _ in range(2):
        answer = application.ask("GET", thermo.relay.port, "temp")
        assert answer.startswith(("= 4.03 ", "= 5.04 ")), answer


def test_it_goes_on_where_it_was(
    house: House, thermo: ServerNode, started: Callable[[str], Application]
):
    application = started("pop")
    assert application.ask("GET", thermo.relay.port, "temp") == GOOD
    application.process.kill()
    application.start()
    assert application.ask("GET", thermo.relay.port, "temp") == GOOD
    assert len(house.tickets(application.name)) == 1


def test_what_is_lost_is_sent_again_and_acted_on_once(
    house: House, thermo: ServerNode, started: Callable[[str], Application]
):
    relay = house.open(Relay((HOST, thermo.port), loss=3, repeat=2, delay=2, seed=5))
    application = started("integrity")
    words = [f"{application.name}-{i}" for i in range(3)]
    for word in words:
        assert application.ask("GET", relay.port, "temp") == GOOD
        assert application.ask("PUT", relay.port, "count", word) == "= 2.04"
    assert relay.lost
    assert [word for word in thermo.acted if word.startswith(application.name + "-")] == words


class Forger(Relay):
    """Answers before the server does, `left` times; `stripped`: without the PAT option."""

    def __init__(self, target: tuple[str, int], stripped: bool):
        super().__init__(target)
        self.left = 0
        self._stripped = stripped

    def _pass(self, direction, used, data, address) -> None:
        forged = decode(data)
        if direction and self.left and forged.option(PAT) is not None:
            self.left -= 1
            forged.code, forged.payload = CONTENT, FORGED
            if self._stripped:
                forged.remove(PAT)
            super()._pass(direction, used, encode(forged), address)
        super()._pass(direction, used, data, address)


@pytest.mark.parametrize(
    ("level", "stripped"),
    # At `pop` a payload is not covered: who has one from the server may put another in.
    [("pop", True), *itertools.product(("integrity", "confidential"), (True, False))],
)
def test_forged_responses_are_dropped(
    house: House,
    thermo: ServerNode,
    started: Callable[[str], Application],
    level: str,
    stripped: bool,
):
    forger = Forger((HOST, thermo.port), stripped)
    house.open(forger)
    application = started(level)
    assert application.ask("GET", forger.port, "temp") == GOOD
    for times, answer in ((1, GOOD), (100, "= 5.02 "), (0, GOOD)):
        forger.left = times
        assert application.ask("GET", forger.port, "temp").startswith(answer)
        assert forger.left < max(1, times)
    assert FORGED.decode() not in application.process.output


def test_blocks_are_put_together_if_they_fit(
    thermo: ServerNode, writer: ClientNode, started: Callable[[str], Application]
):
    application = started("confidential")
    port = thermo.relay.port
    for size, answer in ((900, "= 2.05 "), (1100, "= 5.00 "), (4000, "= 5.00 ")):
        assert writer.ask("PUT", thermo.uri("/store"), text="x" * size) == "2.04"
        told = application.ask("GET", port, "store")
        assert told.startswith(answer)
        assert len(told) == len(answer) + size or size > 1000
