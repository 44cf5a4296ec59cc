"""The manager's access tokens in the hands of aiocoap: at the manager, and at a MicroPython server.

Token requests are made by hand, with cbor2, in the channel of a node.
"""

from collections.abc import Iterator
from pathlib import Path

import aiocoap
import cbor2
import pytest

from leafkey.coap.numbers import CREATED
from tests.interop.ace_peers import Minted, Visitor
from tests.manager.nodes import ClientNode
from tests.multi.house import House

PUBLISH, READ = 6, 10


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path) as running:
        yield running


@pytest.fixture
def panel(house: House) -> Iterator[ClientNode]:
    """A client of whom nothing but its channel is Leafkey's."""
    node = ClientNode(house.provision("panel"), house.manager_port)
    yield node
    node.close()


def asked(node: ClientNode, audience: str, scope: object, more: dict | None = None) -> Minted:
    fields: dict = {5: audience, 9: scope if isinstance(scope, str) else cbor2.dumps(scope)}
    answer = node.post("/token", cbor2.dumps(fields | (more or {})))
    assert answer.code == CREATED
    said = cbor2.loads(answer.payload)
    return Minted(said[1], said[8][4] if 8 in said else {})


def test_at_the_manager(house: House, panel: ClientNode, tmp_path: Path):
    house.allow("panel", "kdc", "floor2", "--roles", "publish,read")
    minted = asked(panel, "kdc", [["floor2", PUBLISH]])
    visitor = Visitor(house.manager_port, tmp_path)
    assert str(visitor.present(minted).code) == "2.01 Created"
    # Protected, or aiocoap would not have it: there is no such resource.
    assert visitor.ask(aiocoap.GET, "/nothing") == ("4.03 Forbidden", b"")
    wider = asked(panel, "kdc", "publish,read:floor2", {4: {3: minted.material[0]}})
    assert not wider.material
    update = cbor2.dumps({1: wider.token})
    assert visitor.ask(aiocoap.POST, "/authz-info", update, 19) == ("2.01 Created", b"")
    house.owner("token", "revoke", "2")
    with pytest.raises(aiocoap.oscore.NotAProtectedMessage) as caught:
        visitor.ask(aiocoap.GET, "/nothing")
    hints = cbor2.loads(caught.value.plain_message.payload)
    assert hints[1] == f"coap://127.0.0.1:{house.manager_port}/token"
    assert hints[5] == "kdc"


def test_at_a_node(house: House, panel: ClientNode, tmp_path: Path):
    thermo = house.add_server("thermo", "--ace")
    house.allow("panel", "thermo", "/temp")
    visitor = Visitor(thermo.port, tmp_path)
    minted = asked(panel, "thermo", [["/temp", 3], ["/store", 1]])
    assert str(visitor.present(minted).code) == "2.01 Created"
    assert visitor.ask(aiocoap.GET, "/temp") == ("2.05 Content", b"21.5")
    assert visitor.ask(aiocoap.POST, "/temp")[0] == "4.05 Method Not Allowed"
    assert visitor.ask(aiocoap.GET, "/store")[0] == "4.03 Forbidden"
