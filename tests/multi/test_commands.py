"""Sealed commands to a real server that its manager does not reach: anybody carries them."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from leafkey.coap.message import Message
from leafkey.coap.numbers import CHANGED, GET, POST, UNAUTHORIZED
from leafkey.crypto.provider import default_provider
from leafkey.pat import commands
from leafkey.pat.presenter import NotRecognized, Presenter
from leafkey.pat.tokens import SLOTS, VERSION, ServerToken
from leafmanager import issue, sam
from leafmanager.store.database import open_existing
from tests.multi.house import ClientNode, House, ServerNode
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


def inside(house: House, thermo: ServerNode, name: str) -> ClientNode:
    """Return a client that reads and observes."""
    client = house.add_client(name)
    house.allow(name, "thermo", "/ticks")
    assert client.ask("GET", thermo.uri("/ticks")) == "2.05 0"
    return client


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
    alice, bob = (inside(house, thermo, name) for name in ("alice", "bob"))
    watches = [client.begin("GET", thermo.uri("/ticks"), count=9) for client in (alice, bob)]
    assert [c.answer(w) for c, w in zip((alice, bob), watches, strict=True)] == ["2.05 0"] * 2
    carrier = Carrier(house, thermo)
    sealed = carrier.sealed(slots={1: None})
    start = time.monotonic()
    response = carrier.carry(sealed)
    assert response.code == CHANGED
    assert not alice.answer(watches[0]).startswith("2.05")
    assert time.monotonic() - start < 1
    carrier.peer.bare(POST, "/tick")
    assert bob.answer(watches[1]) == "2.05 1"
    assert bob.ask("GET", thermo.uri("/ticks")) == "2.05 1"


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
