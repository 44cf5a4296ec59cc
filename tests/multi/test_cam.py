"""A CAM of its own between a MicroPython client and the manager of a MicroPython server."""

import json
from collections.abc import Iterator

import pytest

from tests.multi.cam import Cam
from tests.multi.house import House, ServerNode
from tests.multi.leaks import PART, of_grants

# Lines that a CAM and a client print for messages, by their numbers in the draft's Figure 2.
ACCESS_REQUEST, TICKET_REQUEST, TICKET_GRANT, TRANSFER, CAI = "(5)", "(6)", "(7)", "(8)", "(9)"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose manager is reached through a relay, which can be cut."""
    with House(tmp_path_factory.mktemp("house"), relay={}) as made:
        yield made


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    """A server of the house."""
    return house.add_server("thermo")


@pytest.fixture(scope="module")
def cam(house: House, thermo: ServerNode) -> Cam:
    """A CAM whose clients may have everything, as far as the house's owner is concerned."""
    made = Cam(house, "hallway")
    house.allow("hallway/*", "thermo", "/*", "--methods", "all")
    return made


def numbers(lines: list[str]) -> list[str]:
    """Return the numbers of the messages that somebody printed."""
    return [line.split()[0] for line in lines if line.startswith("(")]


def test_the_whole_figure(house: House, thermo: ServerNode, cam: Cam):
    client = cam.add_client("display")
    cam.allow("display", "thermo", "/temp")
    seen = len(cam.lines)
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert numbers(client.process.lines) == ["(1)", "(4)", "(5)", "(8)", "(11)", "(12)"]
    assert cam.says(TRANSFER, "display")
    assert numbers(cam.lines[seen:]) == [ACCESS_REQUEST, TICKET_REQUEST, TICKET_GRANT, TRANSFER]
    assert any("hallway -> home  ticket request for display" in line for line in house.told("(6)"))
    # The next one is between client and server alone.
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert numbers(cam.lines[seen:]) == ["(5)", "(6)", "(7)", "(8)"]


def test_nothing_of_a_ticket_stays_at_the_cam(house: House, thermo: ServerNode, cam: Cam):
    client = cam.add_client("witness")
    cam.allow("witness", "thermo", "/temp")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    secrets = list(of_grants(house.path("manager")))
    assert secrets
    kept = cam.files()
    assert "cam.db" in kept
    for content in kept.values():
        for secret in secrets:
            parts = (secret[i : i + PART] for i in range(len(secret) - PART + 1))
            assert not any(part in content for part in parts)
    # To show that it would be found: the client has it, once in its own record.
    records = list(house.path("witness").glob("ct-*"))
    assert any(secret in record.read_bytes() for record in records for secret in secrets)


def test_the_cam_denies_what_the_house_would_allow(house: House, thermo: ServerNode, cam: Cam):
    client = cam.add_client("child")
    cam.allow("child", "thermo", "/temp")
    cam.owner("policy", "deny", "child", "thermo", "/temp", "--methods", "GET")
    asked = len(house.told("ticket request for child"))
    assert client.ask("GET", thermo.uri("/temp")).startswith("NotAllowed")
    assert len(house.told("ticket request for child")) == asked
    assert not house.tickets("hallway/child")


def test_the_cam_shows_its_owner_a_server_that_nobody_spoke_of(thermo: ServerNode, cam: Cam):
    client = cam.add_client("curious")
    assert client.ask("GET", thermo.uri("/temp")).startswith("NotAllowed")
    assert cam.says(ACCESS_REQUEST, "curious", "wants thermo GET /temp, of coap://")
    assert cam.says("!", "curious", "no rule of the CAM names this server")


def test_the_house_decides_for_each_client_of_a_cam(house: House, thermo: ServerNode, cam: Cam):
    client = cam.add_client("guest")
    cam.allow("guest", "thermo", "/*", "--methods", "all")
    house.owner("policy", "deny", "hallway/guest", "thermo", "/temp")
    assert client.ask("GET", thermo.uri("/temp")).startswith("NotAllowed")
    assert client.ask("GET", thermo.uri("/secret")) == "2.05 sealed"


def test_a_client_obeys_what_its_cam_takes_away(thermo: ServerNode, cam: Cam):
    client = cam.add_client("tenant")
    cam.allow("tenant", "thermo", "/temp")
    cam.allow("tenant", "thermo", "/count", "--methods", "PUT")
    wanted = {"/temp": ["GET"], "/count": ["PUT", "POST"], "/secret": ["GET"]}
    may = json.loads(client.ask("AUTHORIZE", thermo.uri("/"), permissions=wanted))
    assert may == {"/temp": ["GET"], "/count": ["PUT"]}
    assert CAI in numbers(client.process.lines)
    assert cam.says(CAI, "tenant", "GET /temp", "PUT /count")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    before = len(thermo.presented())
    asked = len([line for line in cam.lines if "tenant" in line])
    assert client.ask("POST", thermo.uri("/count"), text="tenant").startswith("NotAllowed")
    assert client.ask("GET", thermo.uri("/secret")).startswith("NotAllowed")
    assert len(thermo.presented()) == before
    assert len([line for line in cam.lines if "tenant" in line]) == asked
    assert "tenant" not in thermo.acted
    # Also after a restart; what it may do it still can.
    client.kill()
    client.start()
    assert client.ask("GET", thermo.uri("/secret")).startswith("NotAllowed")
    assert len(thermo.presented()) == before
    assert client.ask("PUT", thermo.uri("/count"), text="allowed") == "2.04"
    assert "allowed" in thermo.acted


def test_what_was_not_asked_for_is_asked_of_the_cam(thermo: ServerNode, cam: Cam):
    client = cam.add_client("grower")
    cam.allow("grower", "thermo", "/temp")
    cam.allow("grower", "thermo", "/secret")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert client.ask("GET", thermo.uri("/secret")) == "2.05 sealed"
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert cam.says(ACCESS_REQUEST, "grower", "GET /temp")
    assert cam.says(ACCESS_REQUEST, "grower", "GET /secret")


def test_clients_of_one_cam_do_not_disturb_each_other(thermo: ServerNode, cam: Cam):
    first, second = cam.add_client("left"), cam.add_client("right")
    for name in ("left", "right"):
        cam.allow(name, "thermo", "/who")
    name = first.ask("GET", thermo.uri("/who"))
    assert second.ask("GET", thermo.uri("/who")) != name
    assert first.ask("GET", thermo.uri("/who")) == name


def test_a_cam_that_is_restarted_goes_on(thermo: ServerNode, cam: Cam):
    client = cam.add_client("patient")
    cam.allow("patient", "thermo", "/temp")
    cam.process.kill()
    cam.start()
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"


def test_a_client_of_a_cam_carries_between_a_house_and_its_server(
    house: House, thermo: ServerNode, cam: Cam
):
    client = cam.add_client("porter")
    cam.allow("porter", "thermo", "/temp")
    assert house.relay
    house.relay.cut.add(thermo.port)
    try:
        assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    finally:
        house.relay.cut.clear()
    assert any("with sealed commands" in line for line in house.tickets("hallway"))
    assert house.told("hallway -> home  receipt of thermo")


def test_one_client_of_a_cam_is_revoked(house: House, thermo: ServerNode, cam: Cam):
    gone, stays = cam.add_client("gone"), cam.add_client("stays")
    for client in (gone, stays):
        cam.allow(client.name, "thermo", "/temp")
        assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    house.owner("revoke", "hallway/gone")
    assert gone.ask("GET", thermo.uri("/temp")).startswith("NotAllowed")
    assert stays.ask("GET", thermo.uri("/temp")) == "2.05 21.5"


def test_a_sam_that_the_cam_does_not_know(house: House, cam: Cam, tmp_path_factory):
    client = cam.add_client("stray")
    cam.allow("stray", "thermo", "/temp")
    with House(tmp_path_factory.mktemp("elsewhere")) as elsewhere:
        foreign = elsewhere.add_server("thermo")
        elsewhere.provision("hallway")
        elsewhere.allow("hallway/stray", "thermo", "/temp")
        assert client.ask("GET", foreign.uri("/temp")).startswith("NotAllowed")
        assert not elsewhere.told("(6)")
    assert cam.says("!", "stray", "shares no channel with that SAM")


def test_a_cam_of_two_houses(thermo: ServerNode, cam: Cam, tmp_path_factory):
    client = cam.add_client("both")
    cam.allow("both", "thermo", "/temp")
    with House(tmp_path_factory.mktemp("second")) as second:
        cam.owner("join", str(second.provision("hallway")), "--name", "second")
        there = second.add_server("thermo")
        second.allow("hallway/both", "thermo", "/temp")
        # A rule is about the server of one SAM: another one may call its server the same.
        assert client.ask("GET", there.uri("/temp")).startswith("NotAllowed")
        cam.allow("both", "thermo", "/temp", "--sam", "second")
        assert client.ask("GET", there.uri("/temp")) == "2.05 21.5"
        assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
        assert client.ask("GET", there.uri("/temp")) == "2.05 21.5"
        assert len(second.told("ticket request for both")) == 1
    cam.owner("leave", "second")
