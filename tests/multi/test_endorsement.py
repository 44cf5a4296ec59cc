"""Permissions that a client brings to its server, and implicit authorization, between processes."""

import pytest

from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, ENDORSEMENT, FORBIDDEN, GET, PAT_DEMAND
from leafkey.pat import tokens
from leafkey.pat.presenter import EndorsementDemanded
from tests.multi.house import ClientNode, House, ServerNode
from tests.multi.peer import Insider, Peer, message

POP, CONFIDENTIAL = tokens.POP, tokens.CONFIDENTIAL
TEMP = ("/temp", 1)


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    """The server of all."""
    return house.add_server("thermo")


@pytest.fixture(scope="module")
def bringer(house: House, thermo: ServerNode) -> ClientNode:
    """A client that brings what it may do."""
    client = house.add_client("bringer")
    house.allow("bringer", "thermo", "/temp", "--endorsed")
    house.allow("bringer", "thermo", "/count", "--methods", "POST", "--endorsed")
    return client


def levels(thermo: ServerNode, before: int) -> list[int]:
    return thermo.presented()[before:]


def test_shown_once_inside_confidential(thermo: ServerNode, bringer: ClientNode):
    before = len(thermo.presented())
    assert bringer.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert bringer.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    # Unknown, asked for the endorsement, shown, and then never again.
    assert levels(thermo, before) == [-1, POP, CONFIDENTIAL, POP]


def test_both_remember_it_over_power_cuts(thermo: ServerNode, bringer: ClientNode):
    thermo.kill()
    thermo.start()
    bringer.kill()
    bringer.start()
    before = len(thermo.presented())
    assert bringer.ask("GET", thermo.uri("/temp"), "pop") == "2.05 21.5"
    assert CONFIDENTIAL not in levels(thermo, before)


def test_a_post_under_a_new_ticket_is_done_once(thermo: ServerNode, bringer: ClientNode):
    assert bringer.ask("POST", thermo.uri("/count"), text="once") == "2.04"
    assert thermo.acted.count("once") == 1


def test_what_nobody_endorsed(thermo: ServerNode, bringer: ClientNode):
    assert bringer.ask("GET", thermo.uri("/who")).startswith("NotAllowed")
    assert bringer.ask("GET", thermo.uri("/temp")) == "2.05 21.5"


class Cheat:
    """A client that shows what it likes."""

    def __init__(self, house: House, thermo: ServerNode, name: str):
        identity = house.provision(name)
        house.allow(name, "thermo", "/temp", "--endorsed")
        self.peer = Peer(thermo.port)
        self.insider = Insider(identity, house.manager_port)
        self.presenter = self.insider.granted("thermo", TEMP)

    def show(self, data: bytes, path: str = "/temp") -> Message:
        """Return the answer to a request with this endorsement; b"" for none."""
        asked = message(GET, path)
        if data:
            asked.add(ENDORSEMENT, data)
        exchange = self.presenter.protect(asked, CONFIDENTIAL)
        return exchange.unprotect(self.peer.request(exchange.message))

    def close(self) -> None:
        """Free the ports."""
        self.peer.__exit__()
        self.insider.close()


def test_forged_swapped_and_older_ones(house: House, thermo: ServerNode):
    one, other = Cheat(house, thermo, "one"), Cheat(house, thermo, "other")
    old = one.presenter.endorsement
    one.presenter = one.insider.granted("thermo", TEMP)
    new = one.presenter.endorsement
    assert new != old
    wider = new.replace(b"/temp", b"/tick")
    for data in (other.presenter.endorsement, old, wider, new[:-1] + bytes((new[-1] ^ 1,)), b"x"):
        answer = one.show(data)
        assert (answer.code, answer.payload, answer.option(PAT_DEMAND)) == (FORBIDDEN, b"", None)
    with pytest.raises(EndorsementDemanded):
        one.show(b"")
    assert one.show(new).code == CONTENT
    assert one.show(b"").code == CONTENT
    assert one.show(wider, "/ticks").code == FORBIDDEN
    one.close()
    other.close()


def test_implicit_authorization(house: House, thermo: ServerNode):
    client = house.add_client("keyholder")
    house.allow("keyholder", "thermo", "/*", "--methods", "all", "--implicit")
    before = len(thermo.presented())
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert levels(thermo, before) == [-1, POP]
    assert client.ask("GET", thermo.uri("/nowhere")) == "4.04"
