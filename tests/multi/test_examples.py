"""The programs a reader starts from do what they say, started as they say."""

import pytest

from tests.multi.house import HOST, ClientNode, House
from tests.support.processes import ROOT, Process, free_port, micropython

EXAMPLES = ROOT / "firmware" / "examples"
CHANGE_DIRECTORY = 'cd "$1" && shift && exec "$@"'


def start(house: House, example: str, name: str, argument: str) -> Process:
    """Start an example in a directory of its own, with its identity in leafkey/identity."""
    directory = house.path(name)
    (directory / "leafkey").mkdir()
    (directory / "identity").rename(directory / "leafkey" / "identity")
    command = [micropython(), str(EXAMPLES / example), argument]
    return house.start(["sh", "-c", CHANGE_DIRECTORY, "sh", str(directory), *command])


def serve(house: House, example: str, name: str) -> tuple[Process, str]:
    """Start an example that serves; return it and the URI of its root."""
    house.path(name).mkdir()
    house.owner("server", "add", name, "--out", str(house.path(name) / "identity"))
    port = free_port()
    process = start(house, example, name, str(port))
    process.wait_for("(3)")
    return process, f"coap://{HOST}:{port}"


@pytest.fixture(scope="module")
def lamp(house: House) -> tuple[Process, str]:
    return serve(house, "lamp.py", "lamp")


@pytest.fixture(scope="module")
def hand(house: House, lamp: object) -> ClientNode:
    """Whoever may switch the lamp."""
    client = house.add_client("hand")
    house.allow("hand", "lamp", "/lamp", "--methods", "GET,PUT")
    return client


def test_the_lamp_is_switched(lamp: tuple[Process, str], hand: ClientNode):
    process, root = lamp
    assert hand.ask("PUT", root + "/lamp", cbor={"on": True}) == "2.04"
    assert process.wait_for("the lamp") == "the lamp is on"
    assert hand.ask("PUT", root + "/lamp", cbor={"on": False}) == "2.04"
    assert process.wait_for("the lamp") == "the lamp is off"
    assert hand.ask("PUT", root + "/lamp", cbor={"on": "maybe"}) == "4.00"


def test_the_display_shows_the_temperature(house: House):
    _, root = serve(house, "thermometer.py", "thermo")
    identity = house.provision("display")
    house.allow("display", "thermo", "/temp")
    display = start(house, "display.py", identity.parent.name, root + "/temp")
    assert 15 < float(display.wait_for("display: ").split()[1]) < 30


def test_the_display_shows_each_change(house: House, lamp: tuple[Process, str], hand: ClientNode):
    _, root = lamp
    identity = house.provision("window")
    house.allow("window", "lamp", "/lamp")
    display = start(house, "display.py", identity.parent.name, root + "/lamp")
    display.wait_for("display: ")
    for on in (True, False):
        hand.ask("PUT", root + "/lamp", cbor={"on": on})
        assert display.wait_for("display: ") == f"display: {{'on': {on}}}"


def test_the_display_says_that_it_may_not(house: House, lamp: tuple[Process, str]):
    identity = house.provision("stranger")
    display = start(house, "display.py", identity.parent.name, lamp[1] + "/lamp")
    assert "not allowed" in display.wait_for("display: ")


def test_examples_are_short():
    for path in EXAMPLES.glob("*.py"):
        assert len(path.read_text().splitlines()) < 60, path
