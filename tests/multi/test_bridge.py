"""Nodes without network: a server and a client, each on a serial line behind a bridge."""

from collections.abc import Iterator

import pytest

from tests.multi.house import HOST, NODES, PATIENCE, ClientNode, House
from tests.support.lines import Board, bridge, node
from tests.support.processes import free_port

LEVELS = ("bearer", "pop", "integrity", "confidential", "oscore")


class LineClient(ClientNode):
    """A client on a TCP socket, as emulators offer their serial line, and its bridge."""

    def __init__(self, house: House, name: str):
        self.port = free_port()
        self._tcp_port = str(free_port())
        house.owner("client", "add", name, "--out", str(house._identity(name)))
        super().__init__(house, name, "0", self._tcp_port)

    def start(self) -> None:
        """Start it, and its bridge."""
        command = node(NODES / "client.py", str(self.house.path(self.name)), *self._words)
        self.process = self.house.start(command, listens=True)
        self.process.wait_for("waiting for a bridge", PATIENCE)
        port = f"socket://{HOST}:{self._tcp_port}"
        self.bridge = self.house.start(bridge(port, self.port, self.name))
        self.bridge.wait_for("ready", PATIENCE)
        self.process.wait_for("listening", PATIENCE)


def line_server(house: House, name: str, script: str, *words: str) -> Board:
    """A server on a pty; it has its ST."""
    identity = str(house._identity(name))
    house.owner("server", "add", name, "--level", "bearer", "--out", identity)
    place = house.path(name)
    command = node(NODES / script, str(place), *words)
    board = Board(place / "tty", free_port(), command, house.start)
    board.bridge.wait_for("(3)", PATIENCE)
    return board


@pytest.fixture(scope="module")
def thermo(house: House) -> Iterator[Board]:
    """A server that demands no level."""
    with line_server(house, "thermo", "server.py", "line") as board:
        yield board


@pytest.fixture(scope="module")
def display(house: House, thermo: Board) -> LineClient:
    """A client that may do everything."""
    client = LineClient(house, "display")
    house.allow("display", "thermo", "/*", "--methods", "all")
    return client


def test_refused_first_then_a_ticket_and_never_again(house: House, thermo, display):
    assert [display.ask("GET", thermo.uri("/temp")) for _ in range(3)] == ["2.05 21.5"] * 3
    assert len(house.tickets("display")) == 1


@pytest.mark.parametrize("level", LEVELS)
def test_at_each_level(thermo, display, level: str):
    assert display.ask("GET", thermo.uri("/temp"), level) == "2.05 21.5"


def test_a_body_in_blocks_both_ways(thermo, display):
    assert display.ask("PUT", thermo.uri("/store"), size=3000) == "2.04"
    assert display.ask("GET", thermo.uri("/store")) == "2.05 3000 bytes, good"


def test_each_request_is_acted_on_once(thermo, display):
    for word in ("one", "two", "three"):
        assert display.ask("POST", thermo.uri("/count"), text=word) == "2.04"
        thermo.bridge.wait_for("acted " + word)
    assert sum("acted two" in line for line in thermo.bridge.lines) == 1


def test_who_is_not_allowed_is_told_so(thermo, house: House):
    stranger = LineClient(house, "stranger")
    assert stranger.ask("GET", thermo.uri("/temp")).startswith("NotAllowed")


def test_a_client_on_udp_reaches_it_too(house: House, thermo):
    client = house.add_client("phone")
    house.allow("phone", "thermo", "/temp")
    assert client.ask("GET", thermo.uri("/temp"), "confidential") == "2.05 21.5"


def test_a_client_on_a_line_reaches_a_server_on_udp(house: House, display):
    lamp = house.add_server("lamp")
    house.allow("display", "lamp", "/temp")
    assert display.ask("GET", lamp.uri("/temp")) == "2.05 21.5"


def test_a_board_whose_firmware_has_no_network(house: House, display):
    with line_server(house, "bare", "bare/server.py") as bare:
        house.allow("display", "bare", "/temp")
        assert display.ask("GET", bare.uri("/temp")) == "2.05 21.5, and no network"


def test_an_observation(thermo, display):
    number = display.begin("GET", thermo.uri("/ticks"), count=3)
    first = int(display.answer(number).split()[1])
    for more in (1, 2):
        assert display.ask("POST", thermo.uri("/tick"), "open") == "2.04"
        assert display.answer(number) == f"2.05 {first + more}"


def test_the_manager_reaches_it_with_a_revocation(house: House, thermo):
    client = LineClient(house, "guest")
    house.allow("guest", "thermo", "/temp")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    house.owner("revoke", "guest")
    assert client.ask("GET", thermo.uri("/temp")).startswith("NotAllowed")


def test_through_noise_and_prompts(thermo, display):
    for noise in (b"\r\n>>> ", b"\xc0\xa9half", b"\xdb\xc0\xdb", bytes(300)):
        thermo.tty.to_bridge(noise)
        thermo.tty.to_node(noise)
        assert display.ask("GET", thermo.uri("/temp")) == "2.05 21.5"


def test_after_the_bridge_was_killed(thermo, display):
    thermo.bridge.kill()
    thermo.start_bridge()
    assert display.ask("GET", thermo.uri("/temp")) == "2.05 21.5"


def test_after_the_board_was_unplugged(thermo, display):
    thermo.node.kill()
    thermo.tty.unplug()
    thermo.bridge.wait_for("has vanished", PATIENCE)
    thermo.tty.plug()
    thermo.bridge.wait_for("is back", PATIENCE)
    thermo.start()
    assert display.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
