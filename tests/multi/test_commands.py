"""Sealed commands to a real server that its manager does not reach: anybody carries them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import ACK, CHANGED, EMPTY, GET, OBSERVE, POST, UNAUTHORIZED
from leafkey.crypto.provider import default_provider
from leafkey.pat import commands
from leafkey.pat.presenter import NotRecognized, Presenter
from leafkey.pat.tokens import SLOTS, VERSION, ServerToken
from leafmanager import issue, sam
from leafmanager.store.database import open_existing
from tests.multi.house import House, ServerNode
from tests.multi.peer import Insider, Peer, answered, message

PROVIDER = default_provider()


def in_force(house: House) -> ServerToken:
    """Return the ST of thermo, as its manager knows it."""
    store = open_existing(house.path("manager"))
    with store.transaction() as session:
        server = sam.find_server(session, "thermo")
        assert server
        token = issue.whole(session, server, issue.now())
    store.close()
    return token


class Carrier:
    """A stranger who was given commands for thermo. The manager is gone from then on."""

    def __init__(self, house: House, thermo: ServerNode):
        assert house.manager
        self.token = in_force(house)
        self.version = self.token[VERSION]
        house.manager.kill()
        self.peer = Peer(thermo.port)

    def sealed(self, kind: int = commands.CHANGE, slots: dict | None = None) -> bytes:
        """The next command."""
        self.version += 1
        params = {VERSION: self.version} | ({SLOTS: slots} if slots else {})
        change = ServerToken(None, params)
        made = commands.seal(PROVIDER, self.token, kind, change)
        self.token = commands.followed(PROVIDER, self.token, kind, change)
        return made

    def carry(self, *sealed: bytes) -> Message:
        """What thermo answers."""
        return self.peer.bare(POST, "/commands", commands.encode_list(list(sealed)))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house of its own for each test: none of them leaves a manager that serves."""
    with House(tmp_path) as made:
        yield made


@pytest.fixture
def thermo(house: House) -> ServerNode:
    """The server."""
    return house.add_server("thermo")


class Watching:
    """A client that observes, by hand: a node would go on to ask for a new ticket."""

    def __init__(self, house: House, thermo: ServerNode, name: str):
        observe = message(GET, "/ticks")
        observe.add(OBSERVE, 0)
        self._exchange = holder(house, name).protect(observe)
        self._peer = Peer(thermo.port)
        first = self._exchange.unprotect(self._peer.request(self._exchange.message))
        assert first.payload == b"0"

    def hears(self, seconds: float = 1) -> Message | None:
        """Return the next notification without its protection, None if there is none in time."""
        data = self._peer.receive(seconds)
        if data is None:
            return None
        received = decode(data)
        self._peer.send(encode(Message(EMPTY, type=ACK, mid=received.mid)))
        return self._exchange.unprotect(received)


def holder(house: House, name: str) -> Presenter:
    """Return what shows the ATs of a client with a ticket, without a process of its own."""
    identity = house.provision(name)
    house.allow(name, "thermo", "/ticks")
    insider = Insider(identity, house.manager_port)
    try:
        return insider.granted("thermo", ("/ticks", 1))
    finally:
        insider.close()


def test_a_revoked_client_hears_no_more(house: House, thermo: ServerNode):
    alice, bob = (Watching(house, thermo, name) for name in ("alice", "bob"))
    carrier = Carrier(house, thermo)
    start = time.monotonic()
    assert carrier.carry(carrier.sealed(slots={1: None})).code == CHANGED
    last = alice.hears()
    assert last and last.code == UNAUTHORIZED
    assert time.monotonic() - start < 1
    carrier.peer.bare(POST, "/tick")
    news = bob.hears()
    assert news and news.payload == b"1"
    assert alice.hears(0.3) is None


def test_a_revoked_client_is_refused_at_its_next_request(house: House, thermo: ServerNode):
    alice, bob = (holder(house, name) for name in ("alice", "bob"))
    carrier = Carrier(house, thermo)
    read = message(GET, "/ticks")
    for presenter in (alice, bob):
        assert answered(carrier.peer, presenter, read).payload == b"0"
    assert carrier.carry(carrier.sealed(slots={1: None})).code == CHANGED
    with pytest.raises(NotRecognized):
        answered(carrier.peer, alice, read)
    assert answered(carrier.peer, bob, read).payload == b"0"


def test_the_receipt_is_the_same_over_restarts(house: House, thermo: ServerNode):
    carrier = Carrier(house, thermo)
    before = carrier.token
    sealed = carrier.sealed(), carrier.sealed(commands.RATCHET)
    first = carrier.carry(*sealed)
    receipt = commands.decode(first.payload)
    assert commands.open_receipt(PROVIDER, before, receipt) == commands.TAKEN
    assert receipt.version == carrier.version
    for _ in range(2):
        thermo.kill()
        thermo.start("ready")
        assert carrier.carry(*sealed).payload == first.payload
    assert carrier.carry(carrier.sealed()).code == CHANGED


def test_a_ratchet_ends_every_ct(house: House, thermo: ServerNode):
    holders = [holder(house, name) for name in ("alice", "bob")]
    carrier = Carrier(house, thermo)
    assert carrier.carry(carrier.sealed(commands.RATCHET)).code == CHANGED
    for presenter in holders:
        with pytest.raises(NotRecognized):
            answered(carrier.peer, presenter, message(GET, "/ticks"))


def test_refused_commands_look_like_every_refusal(house: House, thermo: ServerNode):
    carrier = Carrier(house, thermo)
    good = carrier.sealed()
    gap = carrier.sealed()
    forged = good[:-1] + bytes((good[-1] ^ 1,))
    plain = carrier.peer.bare(GET, "/temp")
    refused = [carrier.carry(x) for x in (gap, forged)]
    refused += [carrier.peer.bare(POST, "/commands", x) for x in (b"", b"\xff", bytes(900))]
    for response in refused:
        assert response.code == UNAUTHORIZED
        assert response.options == plain.options
        assert response.payload[:-24] == plain.payload[:-24]
        assert response.payload[-24:] != plain.payload[-24:]
    assert carrier.carry(good).code == CHANGED
