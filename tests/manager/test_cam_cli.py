"""`leafkey cam`: what its owner types, and mistypes."""

import json
import sqlite3
from pathlib import Path

import pytest

from leafkey.codec import cbor
from tests.manager.nodes import decoded
from tests.manager.processes import Leafkey

SAM = "coap://127.0.0.1:5683"


@pytest.fixture
def cam(home: Leafkey) -> Leafkey:
    """A CAM that has joined nobody, with the client lamp, beside the manager `home`."""
    home.ok("cam", "init", "--name", "hallway", "--uri", "coap://127.0.0.1:5693")
    home.ok("cam", "client", "add", "lamp")
    return home


def join(cam: Leafkey, name: str = "hallway") -> None:
    cam.ok("client", "add", name)
    cam.ok("cam", "join", f"{name}.identity")


def test_before_init(home: Leafkey):
    assert "there is no CAM" in home.fails("cam", "sams")
    assert "leafkey cam init" in home.fails("cam", "client", "add", "lamp")


def test_a_cam_is_made_once(cam: Leafkey):
    assert "there is a CAM" in cam.fails("cam", "init", "--name", "x", "--uri", SAM)


def test_a_manager_is_not_a_cam(cam: Leafkey):
    assert "there is no manager" in cam.fails(
        "grant", "list", "--state", str(cam.directory / "cam")
    )
    assert "there is no CAM" in cam.fails("cam", "sams", "--state", str(cam.state))


def test_its_database_has_room_for_nothing_else(cam: Leafkey):
    with sqlite3.connect(cam.directory / "cam" / "cam.db") as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_schema")}
    assert {"grants", "servers", "slots"}.isdisjoint(names)
    assert {"authorities", "client_rules"} <= names
    with sqlite3.connect(cam.state / "leafkey.db") as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_schema")}
    assert {"authorities", "client_rules"}.isdisjoint(names)


def test_a_client_learns_that_its_manager_is_a_cam(cam: Leafkey):
    lamp = decoded((cam.directory / "lamp.identity").read_bytes())
    assert lamp[2] == "coap://127.0.0.1:5693"
    assert lamp[5] is True
    assert 4 not in lamp
    assert 5 not in decoded((cam.directory / "display.identity").read_bytes())


def test_joining(cam: Leafkey):
    join(cam)
    assert not (cam.directory / "hallway.identity").exists()
    assert json.loads(cam.ok("cam", "sams", "--json")) == [
        {"name": "home", "uri": SAM, "known_as": "hallway"}
    ]


def test_an_identity_is_taken_up_once(cam: Leafkey):
    cam.ok("client", "add", "hallway")
    copy = (cam.directory / "hallway.identity").read_bytes()
    cam.ok("cam", "join", "hallway.identity")
    (cam.directory / "copy").write_bytes(copy)
    assert "has joined home" in cam.fails("cam", "join", "copy", "--name", "again")
    assert (cam.directory / "copy").exists()


def test_a_second_sam_needs_another_name(cam: Leafkey):
    join(cam)
    cam.ok("client", "add", "other")
    fields = decoded((cam.directory / "other.identity").read_bytes()) | {2: "coap://other:5683"}
    (cam.directory / "other.identity").write_bytes(cbor.encode(fields))
    assert "--name" in cam.fails("cam", "join", "other.identity")
    cam.ok("cam", "join", "other.identity", "--name", "office")
    assert [sam["name"] for sam in json.loads(cam.ok("cam", "sams", "--json"))] == [
        "home",
        "office",
    ]


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"\xa0", b"\x80", cbor.encode({1: "a", 2: "b", 3: 1})]
)
def test_what_is_no_identity(cam: Leafkey, content: bytes):
    (cam.directory / "file").write_bytes(content)
    assert "no identity for a CAM" in cam.fails("cam", "join", "file", code=2)
    assert (cam.directory / "file").exists()


def test_identities_of_servers_and_of_clients_of_cams(cam: Leafkey):
    for name in ("thermo", "lamp"):
        assert "no identity for a CAM" in cam.fails("cam", "join", f"{name}.identity", code=2)


def test_no_file(cam: Leafkey):
    assert "No such file" in cam.fails("cam", "join", "nowhere")


def test_rules(cam: Leafkey):
    join(cam)
    cam.ok("cam", "policy", "allow", "lamp", "thermo", "/room/*", "--methods", "GET,PUT")
    cam.ok("cam", "policy", "deny", "lamp", "thermo", "/room/lock")
    rules = json.loads(cam.ok("cam", "policy", "list", "--json"))
    assert [(rule["rule"], rule["path"], rule["methods"]) for rule in rules] == [
        ("allow", "/room/*", "GET,PUT"),
        ("deny", "/room/lock", "all"),
    ]
    assert {(rule["client"], rule["server"], rule["sam"]) for rule in rules} == {
        ("lamp", "thermo", "home")
    }
    cam.ok("cam", "policy", "remove", "1")
    assert len(json.loads(cam.ok("cam", "policy", "list", "--json"))) == 1
    assert "no rule 1" in cam.fails("cam", "policy", "remove", "1")


def test_rules_that_name_nobody(cam: Leafkey):
    allow = ("cam", "policy", "allow")
    assert "joined no SAM" in cam.fails(*allow, "lamp", "thermo", "/temp")
    join(cam)
    assert "no client named 'vase'" in cam.fails(*allow, "vase", "thermo", "/temp")
    assert "no SAM called" in cam.fails(*allow, "lamp", "thermo", "/temp", "--sam", "office")
    cam.fails(*allow, "lamp", "thermo", "temp", code=2)
    cam.fails(*allow, "lamp", "no server", "/temp", code=2)
    cam.fails(*allow, "lamp", "thermo", "/temp", "--methods", "LOOK", code=2)


def test_leaving_takes_the_rules_along(cam: Leafkey):
    join(cam)
    cam.ok("cam", "policy", "allow", "lamp", "thermo", "/temp")
    cam.ok("cam", "leave", "home")
    assert json.loads(cam.ok("cam", "policy", "list", "--json")) == []
    assert "joined no SAM" in cam.fails("cam", "leave", "home")
    join(cam, "hallway-2")


def test_clients(cam: Leafkey):
    assert [one["name"] for one in json.loads(cam.ok("cam", "client", "list", "--json"))] == [
        "lamp"
    ]
    assert "there is a client named 'lamp'" in cam.fails("cam", "client", "add", "lamp", "--force")


def test_its_files_are_its_owners_alone(cam: Leafkey):
    state = cam.directory / "cam"
    assert state.stat().st_mode & 0o077 == 0
    assert Path(state / "cam.db").stat().st_mode & 0o077 == 0


def test_the_house_has_rules_for_a_client_of_a_cam(home: Leafkey):
    home.ok("policy", "allow", "display/lamp", "thermo", "/temp")
    home.ok("policy", "allow", "display/*", "thermo", "/temp")
    rules = json.loads(home.ok("policy", "list", "--json"))
    assert [rule["client"] for rule in rules] == ["display/lamp", "display/*"]
    assert "no client named 'nobody'" in home.fails("policy", "allow", "nobody/x", "thermo", "/a")
    home.fails("policy", "allow", "display/", "thermo", "/temp")
    home.fails("policy", "allow", "display/" + "x" * 65, "thermo", "/temp")
