"""A server obeys what slots have in common, as the owner says, changes and takes it back."""

from collections.abc import Callable

import pytest

from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    ACK,
    CONTENT,
    EMPTY,
    FORBIDDEN,
    GET,
    OBSERVE,
    POST,
    UNAUTHORIZED,
)
from leafkey.pat import tokens
from leafkey.pat.presenter import LevelDemanded, Presenter
from leafkey.pat.tokens import CONFIDENTIAL, INTEGRITY, POP
from tests.multi.house import House, ServerNode
from tests.multi.peer import Insider, Peer, answered, message, presenter_of

GOOD = "2.05 21.5"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory):
    """A house whose servers and clients reach the manager through a relay, which can be cut."""
    with House(tmp_path_factory.mktemp("house"), relay={}) as made:
        yield made


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    """A server."""
    return house.add_server("thermo", "--depth", "1000")


@pytest.fixture(autouse=True)
def nothing_said(house: House, thermo: ServerNode):
    """No test finds what another one said."""
    yield
    house.owner("server", "range", "set", "thermo", "all", "--level", "pop")
    house.owner("server", "range", "remove", "thermo", "all")


@pytest.fixture
def owner(house: House, capsys: pytest.CaptureFixture) -> Callable[..., None]:
    """Types `leafkey server range WORD thermo WORDS`; the server has confirmed it then."""

    def typed(word: str, *words: str) -> None:
        capsys.readouterr()
        house.owner("server", "range", word, "thermo", *words)
        assert "confirmed" in capsys.readouterr().out

    return typed


def ticket(house: House, name: str, *scope: tuple[str, int]) -> tokens.ClientToken:
    """Return the CT of a client that may do everything, as far as its server is told."""
    insider = Insider(house.provision(name), house.manager_port)
    house.allow(name, "thermo", "/*", "--methods", "all", "--implicit")
    try:
        return insider.ticket("thermo", *scope)
    finally:
        insider.close()


def demanded(peer: Peer, presenter: Presenter) -> int:
    """Return the level at which the server answers a request that begins at `pop`."""
    level = POP
    try:
        exchange = presenter.protect(message(GET, "/temp"), level)
        response = exchange.unprotect(peer.request(exchange.message))
    except LevelDemanded as demand:
        level = demand.level
        response = answered(peer, presenter, message(GET, "/temp"), level)
    assert response.code == CONTENT
    return level


def notified(peer: Peer) -> Message:
    """Return the next notification, as it came."""
    data = peer.receive()
    assert data
    received = decode(data)
    peer.send(encode(Message(EMPTY, type=ACK, mid=received.mid)))
    return received


def test_permissions_are_said_changed_and_taken_back(
    house: House, thermo: ServerNode, owner: Callable[..., None]
):
    scope = [("/temp", 1), ("/who", 1)]
    presenter = presenter_of(ticket(house, "guest", *scope))

    def may(peer: Peer) -> list[bool]:
        codes = [answered(peer, presenter, message(GET, path)).code for path, _ in scope]
        assert set(codes) <= {CONTENT, FORBIDDEN}
        return [code == CONTENT for code in codes]

    with Peer(thermo.port) as peer:
        assert may(peer) == [True, True]
        owner("set", "all", "GET /temp")
        assert may(peer) == [True, False]
        owner("set", "all", "GET /who", "PUT /temp")
        assert may(peer) == [False, True]
        owner("remove", "all")
        assert may(peer) == [True, True]


def test_a_level_is_said_changed_and_taken_back_and_told_with_tickets(
    house: House, thermo: ServerNode, owner: Callable[..., None]
):
    presenter = presenter_of(ticket(house, "reader", ("/temp", 1)))
    with Peer(thermo.port) as peer:
        assert demanded(peer, presenter) == POP
        owner("set", "all", "--level", "confidential")
        assert demanded(peer, presenter) == CONFIDENTIAL
        assert ticket(house, "later", ("/temp", 1))[tokens.LEVEL] == CONFIDENTIAL
        owner("set", "all", "--level", "integrity")
        assert demanded(peer, presenter) == INTEGRITY
        owner("remove", "all")
        assert demanded(peer, presenter) == POP


def test_a_range_is_for_its_slots_alone(
    house: House, thermo: ServerNode, owner: Callable[..., None]
):
    one, two = (ticket(house, name, ("/temp", 1)) for name in ("left", "right"))
    owner("set", str(two[tokens.SLOT]), "--level", "confidential")
    with Peer(thermo.port) as peer:
        assert demanded(peer, presenter_of(one)) == POP
        assert demanded(peer, presenter_of(two)) == CONFIDENTIAL


def test_an_observation_that_is_not_covered_any_more_ends_at_once(
    house: House, thermo: ServerNode, owner: Callable[..., None]
):
    watcher = house.add_client("watcher")
    house.allow("watcher", "thermo", "/*", "--methods", "all", "--implicit")
    watching = watcher.begin("GET", thermo.uri("/ticks"), count=100)
    assert watcher.answer(watching).startswith("2.05")
    owner("set", "all", "GET /temp")
    assert watcher.answer(watching).startswith(("4.01", "4.03", "NotAllowed"))


def test_a_limit_of_notifications_counts_for_tickets_that_are_out(
    house: House, thermo: ServerNode, owner: Callable[..., None]
):
    observe = message(GET, "/ticks")
    observe.add(OBSERVE, 0)
    exchange = presenter_of(ticket(house, "follower", ("/ticks", 1))).protect(observe)
    owner("set", "all", "--notifications-per-at", "2")
    with Peer(thermo.port) as peer, Peer(thermo.port) as tick:
        assert exchange.unprotect(peer.request(exchange.message)).code == CONTENT
        codes = []
        for _ in range(3):
            tick.bare(POST, "/tick")
            codes.append(exchange.unprotect(notified(peer)).code)
    assert codes == [CONTENT, CONTENT, UNAUTHORIZED]


def test_a_server_that_is_cut_off_is_told_by_a_client(house: House, thermo: ServerNode):
    old = presenter_of(ticket(house, "old", ("/temp", 1)))
    assert house.relay
    house.relay.cut.add(thermo.port)
    try:
        said = ("server", "range", "set", "thermo", "all", "--level", "integrity", "--wait", "0")
        house.owner(*said)
        with Peer(thermo.port) as peer:
            assert demanded(peer, old) == POP
            carrier = house.add_client("carrier")
            house.allow("carrier", "thermo", "/temp")
            assert carrier.ask("GET", thermo.uri("/temp")) == GOOD
            assert demanded(peer, old) == INTEGRITY
    finally:
        house.relay.cut.clear()


def test_a_server_keeps_them_over_a_restart(
    house: House, thermo: ServerNode, owner: Callable[..., None]
):
    presenter = presenter_of(ticket(house, "stayer", ("/temp", 1)))
    owner("set", "all", "--level", "integrity")
    thermo.kill()
    assert house.relay
    house.relay.cut.add(thermo.port)
    try:
        thermo.start("ready")
        with Peer(thermo.port) as peer:
            assert demanded(peer, presenter) == INTEGRITY
    finally:
        house.relay.cut.clear()
