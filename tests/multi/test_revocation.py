"""The owner changes his mind, and real servers and clients hear of it, whoever tells them."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from leafkey.coap.numbers import CONTENT, GET
from leafkey.pat.presenter import NotRecognized, Presenter
from tests.multi.house import ClientNode, House, ServerNode
from tests.multi.peer import Insider, Peer, answered, message
from tests.support.processes import Process

GOOD = "2.05 21.5"
REFUSED = ("NotAllowed", "Unreachable")
TEMP = ("/temp", 1)
# What a revocation may take while the manager serves.
LATENCY_SECONDS = 1
PATIENCE = 60
# Levels of 32 ATs each: more than a client can use up meanwhile.
DEPTH = "1000"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose servers and clients reach the manager through a relay, which can be cut."""
    with House(tmp_path_factory.mktemp("house"), relay={}) as made:
        yield made


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    """A server."""
    return house.add_server("thermo", "--depth", DEPTH)


@pytest.fixture
def owner(house: House, capsys: pytest.CaptureFixture) -> Callable[..., str]:
    """Types a command of the owner's, in another process than the manager's; returns its output."""

    def typed(*words: str) -> str:
        capsys.readouterr()
        house.owner(*words)
        return capsys.readouterr().out

    return typed


def known(house: House, server: ServerNode, name: str) -> ClientNode:
    """A client with a ticket."""
    client = house.add_client(name)
    house.allow(name, server.name, "/temp")
    assert client.ask("GET", server.uri("/temp")) == GOOD
    return client


def eventually(what: Callable[[], object]) -> None:
    """Wait until it is true."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


def is_told(owner: Callable[..., str]) -> bool:
    """Tell whether nothing is pending."""
    return json.loads(owner("pending", "--json")) == []


def refused_after(peer: Peer, presenter: Presenter, start: float) -> float:
    """Make requests until one is refused; return the seconds since `start`."""
    while True:
        try:
            response = answered(peer, presenter, message(GET, "/temp"))
        except NotRecognized:
            return time.monotonic() - start
        assert response.code == CONTENT


def test_a_revoked_client_is_refused_within_a_second(house: House, thermo: ServerNode):
    thief = Insider(house.provision("thief"), house.manager_port)
    house.allow("thief", "thermo", "/temp")
    presenter = thief.granted("thermo", TEMP)
    thief.close()
    with Peer(thermo.port) as peer:
        assert answered(peer, presenter, message(GET, "/temp")).code == CONTENT
        typing = threading.Thread(target=house.owner, args=("revoke", "thief"))
        start = time.monotonic()
        typing.start()
        seconds = refused_after(peer, presenter, start)
        typing.join()
    assert seconds < LATENCY_SECONDS


def test_its_observation_ends_and_it_gets_no_other_ticket(
    house: House, thermo: ServerNode, owner: Callable[..., str]
):
    watcher = house.add_client("watcher")
    house.allow("watcher", "thermo", "/ticks")
    watching = watcher.begin("GET", thermo.uri("/ticks"), count=100)
    assert watcher.answer(watching).startswith("2.05")
    assert "confirmed 0." in owner("revoke", "watcher")
    assert watcher.answer(watching).startswith(("4.01", *REFUSED))
    assert watcher.ask("GET", thermo.uri("/ticks")).startswith(REFUSED)
    assert len(house.tickets("watcher")) == 1
    # What is allowed later counts again.
    house.allow("watcher", "thermo", "/ticks")
    time.sleep(10)
    assert watcher.ask("GET", thermo.uri("/ticks")).startswith("2.05")


def test_a_client_that_is_renewed_asks_again_by_itself(
    house: House, thermo: ServerNode, owner: Callable[..., str]
):
    client = known(house, thermo, "lost-and-found")
    assert "confirmed" in owner("renew", "lost-and-found", "--server", "thermo")
    assert client.ask("GET", thermo.uri("/temp")) == GOOD
    assert len(house.tickets("lost-and-found")) == 2


def test_a_server_that_is_off_is_told_when_it_is_back(
    house: House, thermo: ServerNode, owner: Callable[..., str]
):
    client = known(house, thermo, "guest")
    thermo.kill()
    said = owner("revoke", "guest", "--wait", "0.5")
    assert "will be told when it is back; any client may carry the message" in said
    (left,) = json.loads(owner("pending", "--json"))
    assert (left["server"], left["what"]) == ("thermo", "the end of what guest may do")
    thermo.start()
    eventually(lambda: is_told(owner))
    assert client.ask("GET", thermo.uri("/temp")).startswith(REFUSED)


def test_another_client_carries_it_to_a_server_that_is_cut_off(
    house: House, thermo: ServerNode, owner: Callable[..., str]
):
    eventually(lambda: is_told(owner))
    client = known(house, thermo, "stolen")
    assert house.relay
    house.relay.cut.add(thermo.port)
    try:
        owner("revoke", "stolen", "--wait", "0")
        assert client.ask("GET", thermo.uri("/temp")) == GOOD
        known(house, thermo, "neighbour")
        assert house.told("with sealed commands")
        assert house.told("receipt of thermo")
        assert is_told(owner)
        assert client.ask("GET", thermo.uri("/temp")).startswith(REFUSED)
    finally:
        asked = len(house.told("server token request"))
        house.relay.cut.clear()
    # It asks after each command that it took: now its manager hears that, and counts it as back.
    eventually(lambda: len(house.told("server token request")) > asked)


@pytest.mark.parametrize("command", ["ratchet", "replace"])
def test_all_tickets_die_and_the_clients_renew_them_by_themselves(
    house: House, thermo: ServerNode, owner: Callable[..., str], command: str
):
    clients = [known(house, thermo, f"{command}-{i}") for i in range(2)]
    insider = Insider(house.provision(f"{command}-old"), house.manager_port)
    house.allow(f"{command}-old", "thermo", "/temp")
    old = insider.granted("thermo", TEMP)
    insider.close()
    assert "confirmed" in owner(command, "thermo")
    with Peer(thermo.port) as peer, pytest.raises(NotRecognized):
        answered(peer, old, message(GET, "/temp"))
    assert [client.ask("GET", thermo.uri("/temp")) for client in clients] == [GOOD] * 2
    assert len(house.tickets(f"{command}-0")) == 2
    how = "sealed commands: to version" if command == "ratchet" else "server token: whole"
    assert house.told(f"home -> thermo  {how}")


def test_a_server_is_told_of_more_slots_while_it_serves(house: House, owner: Callable[..., str]):
    small = house.add_server("small", "--slots", "1")
    first = known(house, small, "first")
    assert "confirmed" in owner("server", "set", "small", "--slots", "4")
    known(house, small, "second")
    assert first.ask("GET", small.uri("/temp")) == GOOD
    assert "confirmed" in owner("server", "set", "small", "--slots", "1")
    assert first.ask("GET", small.uri("/temp")) == GOOD


def test_a_manager_from_a_backup_gives_a_server_that_is_ahead_a_fresh_st(
    tmp_path, capsys: pytest.CaptureFixture
):
    with House(tmp_path) as house:
        thermo = house.add_server("thermo")
        client = known(house, thermo, "display")
        state = house.path("manager")
        stopped(house.manager)
        shutil.copytree(state, tmp_path / "backup")
        house.start_manager()
        known(house, thermo, "later")
        stopped(house.manager)
        shutil.rmtree(state)
        shutil.copytree(tmp_path / "backup", state)
        before = len(house.told("sealed commands"))
        house.start_manager()
        assert house.manager
        house.manager.wait_for("it has a later ST than this manager gave it: a fresh St", PATIENCE)
        house.manager.wait_for("server token: whole", PATIENCE)
        assert client.ask("GET", thermo.uri("/temp")) == GOOD
        assert len(house.told("sealed commands")) == before


def stopped(process: Process | None) -> None:
    """End a manager as an operator does."""
    assert process
    process.stop()
