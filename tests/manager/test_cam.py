"""A CAM and a SAM that serve, and clients that say more than a node would."""

import itertools
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from leafkey.ace import labels
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BAD_REQUEST,
    FORBIDDEN,
    MAX_AGE,
    NOT_FOUND,
    SERVICE_UNAVAILABLE,
)
from leafkey.codec import cbor
from leafkey.errors import LeafkeyError
from leafkey.pat import commands, ticket
from leafmanager import cam_clients
from tests.manager.answers import error_of, granted, refused, sent, token_request
from tests.manager.nodes import ClientNode, ServerNode, Wire, decoded
from tests.manager.processes import CamServing, Leafkey, Serving
from tests.support.processes import free_port

GET, PUT = 1, 4
TEMP, VENT = ("/temp", GET), ("/vent", GET | PUT)
_numbers = itertools.count(1)


class Place(NamedTuple):
    """A manager `home` with the server thermo, and a CAM `hallway`."""

    leafkey: Leafkey
    sam: str
    serving: Serving
    cam: CamServing

    def add(self, name: str) -> "CamClient":
        """Add a client of the CAM."""
        self.leafkey.ok("cam", "client", "add", name)
        return CamClient(self.leafkey.directory / f"{name}.identity", self.cam.port)


class CamClient(ClientNode):
    """Asks its CAM for tickets."""

    def wish(self, place: Place, *scope: tuple[str, int], **more) -> Message:
        """Return the CAM's answer to message (5)."""
        request = ticket.TokenRequest(
            more.pop("audience", "thermo"),
            list(scope),
            more.pop("request_id", None) or os.urandom(8),
            sam=more.pop("sam", place.sam),
            **more,
        )
        return self.post("/token", ticket.encode_request(request))


def make(leafkey: Leafkey) -> Iterator[Place]:
    """Both serve; the CAM has joined `home`, which lets its clients have /temp and /vent."""
    port = free_port()
    uri = f"coap://127.0.0.1:{port}"
    leafkey.ok("init", "--name", "home", "--uri", uri)
    leafkey.ok("server", "add", "thermo", "--slots", "64")
    leafkey.ok("client", "add", "hallway")
    for path in ("/temp", "/vent"):
        leafkey.ok("policy", "allow", "hallway/*", "thermo", path, "--methods", "GET,PUT")
    leafkey.ok("cam", "init", "--name", "hallway", "--uri", "coap://127.0.0.1:5693")
    leafkey.ok("cam", "join", "hallway.identity")
    with Serving(leafkey, "--port", str(port)) as serving, CamServing(leafkey) as cam:
        yield Place(leafkey, uri + "/token", serving, cam)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place for the tests that leave it as it is."""
    yield from make(Leafkey(tmp_path_factory.mktemp("place")))


@pytest.fixture
def own(leafkey: Leafkey) -> Iterator[Place]:
    """A place of one's own, in which the server is off."""
    yield from make(leafkey)


@pytest.fixture(scope="module")
def thermo(place: Place) -> Iterator[ServerNode]:
    """The server has its ST and answers."""
    node = ServerNode(place.leafkey.directory / "thermo.identity", place.serving.port)
    node.pull()
    node.start()
    yield node
    node.close()


@pytest.fixture
def lamp(place: Place) -> Iterator[CamClient]:
    """A new client, which may read /temp as far as its CAM is concerned."""
    with place.add(f"lamp-{next(_numbers)}") as node:
        place.leafkey.ok("cam", "policy", "allow", node.name, "thermo", "/temp")
        yield node


def test_a_ticket_comes_through(place: Place, thermo: ServerNode, lamp: CamClient):
    answer = lamp.wish(place, TEMP)
    token = granted(answer)
    assert token.params[9] == "thermo"
    assert ticket.decode_response(answer.payload)[1] == [TEMP]
    assert ticket.decode_cai(answer.payload) is None
    assert place.serving.line(f"ticket request for {lamp.name}: thermo GET /temp")


def test_the_same_request_gets_the_same_ticket(place: Place, thermo: ServerNode, lamp: CamClient):
    first, again = (granted(lamp.wish(place, TEMP, request_id=bytes(8))) for _ in range(2))
    assert first.ct == again.ct
    assert granted(lamp.wish(place, TEMP)).ct != first.ct


def test_the_cam_asks_for_no_more_than_its_owner_allows(
    place: Place, thermo: ServerNode, lamp: CamClient
):
    answer = lamp.wish(place, TEMP, VENT)
    assert ticket.decode_response(answer.payload)[1] == [TEMP]
    assert ticket.decode_cai(answer.payload) == [TEMP]
    assert place.serving.line(f"for {lamp.name}: thermo GET /temp").endswith("GET /temp")
    assert place.cam.line(f"(9)  hallway -> {lamp.name}").endswith("may only GET /temp")


def test_what_is_kept_is_narrowed_too(place: Place, thermo: ServerNode, lamp: CamClient):
    answer = lamp.wish(place, TEMP, kept=[VENT])
    assert ticket.decode_response(answer.payload)[1] == [TEMP]
    assert ticket.decode_cai(answer.payload) == [TEMP]
    place.leafkey.ok("cam", "policy", "allow", lamp.name, "thermo", "/vent")
    answer = lamp.wish(place, TEMP, kept=[VENT])
    assert ticket.decode_response(answer.payload)[1] == [TEMP, ("/vent", GET)]
    assert ticket.decode_cai(answer.payload) == [TEMP, ("/vent", GET)]


def test_cai_is_about_what_was_asked_though_the_ticket_is_wider(
    place: Place, thermo: ServerNode, lamp: CamClient
):
    place.leafkey.ok("cam", "policy", "allow", lamp.name, "thermo", "/vent")
    assert granted(lamp.wish(place, TEMP, ("/vent", GET), request_id=bytes(8)))
    place.leafkey.ok("cam", "policy", "deny", lamp.name, "thermo", "/vent")
    # SAM gives the same ticket to the same request; the CAM has changed its mind.
    answer = lamp.wish(place, TEMP, ("/vent", GET), request_id=bytes(8))
    assert ticket.decode_response(answer.payload)[1] == [TEMP, ("/vent", GET)]
    assert ticket.decode_cai(answer.payload) == [TEMP]


def test_what_the_cam_denies_never_reaches_the_sam(place: Place, lamp: CamClient):
    assert error_of(lamp.wish(place, VENT)) == labels.INVALID_SCOPE
    assert place.cam.line(f"hallway -> {lamp.name}  no ticket: the CAM's policy allows none")
    assert not any(f"request for {lamp.name}" in line for line in place.cam.lines)


def test_a_client_that_the_cam_has_no_rule_for(place: Place):
    with place.add("vase") as vase:
        assert error_of(vase.wish(place, TEMP)) == labels.INVALID_SCOPE
    assert place.cam.line("hallway -> vase  no ticket: no rule of the CAM names this server")


def test_an_audience_that_hints_may_have_made_up(place: Place, lamp: CamClient):
    assert error_of(lamp.wish(place, TEMP, audience="safe")) == labels.INVALID_SCOPE
    assert place.cam.line(f"(5)  {lamp.name} -> hallway  wants safe GET /temp")
    assert place.cam.line(f"{lamp.name}  no ticket: no rule of the CAM").startswith("!")


@pytest.mark.parametrize("sam", [None, "coap://192.0.2.1/token", "token", "coap://127.0.0.1"])
def test_a_sam_that_the_cam_shares_no_channel_with(place: Place, lamp: CamClient, sam: str | None):
    assert error_of(lamp.wish(place, TEMP, sam=sam)) == labels.INVALID_REQUEST
    assert place.cam.line(f"{lamp.name}  no ticket: this CAM shares no channel").startswith("!")
    assert not any(f"request for {lamp.name}" in line for line in place.cam.lines)


def test_a_client_does_not_speak_for_others(place: Place, thermo: ServerNode, lamp: CamClient):
    granted(lamp.wish(place, TEMP, client_id="somebody"))
    assert place.serving.line(f"ticket request for {lamp.name}: thermo")


def test_the_house_says_no(place: Place, thermo: ServerNode, lamp: CamClient):
    place.leafkey.ok("policy", "deny", f"hallway/{lamp.name}", "thermo", "/temp")
    assert error_of(lamp.wish(place, TEMP)) == labels.INVALID_SCOPE
    assert place.cam.line("(7)  home -> hallway  no ticket: invalid_scope")


def test_the_owner_of_the_house_is_asked(place: Place, thermo: ServerNode, lamp: CamClient):
    place.leafkey.ok("cam", "policy", "allow", lamp.name, "thermo", "/lock", "--methods", "PUT")
    place.leafkey.ok("policy", "ask", f"hallway/{lamp.name}", "thermo", "/lock")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(lamp.wish, place, ("/lock", PUT))
        assert "question 1" in place.serving.line("question 1")
        assert f"hallway/{lamp.name}" in place.leafkey.ok("consent", "list")
        place.leafkey.ok("consent", "deny", "1")
        assert error_of(waiting.result()) == labels.ACCESS_DENIED


def test_while_server_or_sam_is_off_the_client_is_told_to_wait(own: Place):
    with own.add("lamp") as lamp:
        own.leafkey.ok("cam", "policy", "allow", "lamp", "thermo", "/temp")
        answer = lamp.wish(own, TEMP)
        assert (answer.code, bool(answer.uint(MAX_AGE))) == (SERVICE_UNAVAILABLE, True)
        assert own.cam.line("hallway -> lamp  no ticket yet")
        own.serving.stop()
        answer = lamp.wish(own, TEMP)
        assert (answer.code, bool(answer.uint(MAX_AGE))) == (SERVICE_UNAVAILABLE, True)
        assert own.cam.line("this SAM does not answer").startswith("!")
        (own.leafkey.state / "leafkey.db").unlink()
        uri = own.sam.removesuffix("/token")
        own.leafkey.ok("init", "--name", "home", "--uri", uri)
        with Serving(own.leafkey, "--port", uri.rpartition(":")[2]):
            assert lamp.wish(own, TEMP).code == SERVICE_UNAVAILABLE
        assert own.cam.line("does not know this CAM any more").startswith("!")


def test_strangers_are_refused_like_everywhere(place: Place):
    with Wire(place.cam.port) as stranger:
        node = ClientNode.__new__(ClientNode)
        node.socket, node.manager = stranger.socket, stranger.manager
        refused(sent(node, token_request()))


def test_clients_of_the_house_are_strangers_to_the_cam(place: Place):
    place.leafkey.ok("client", "add", "display")
    node = ClientNode(place.leafkey.directory / "display.identity", place.cam.port)
    with node, pytest.raises(LeafkeyError):
        node.ask("thermo", TEMP)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({labels.ACE_PROFILE: 2}, labels.INCOMPATIBLE_ACE_PROFILES),
        ({labels.AUDIENCE: 7}, labels.INVALID_REQUEST),
        ({labels.SAM: b"coap://"}, labels.INVALID_REQUEST),
        ({labels.SAM: ""}, labels.INVALID_REQUEST),
        ({labels.SAM: "x" * 256}, labels.INVALID_REQUEST),
        ({labels.REQUEST_ID: bytes(7)}, labels.INVALID_REQUEST),
        ({labels.CLIENT_ID: "x" * 65}, labels.INVALID_REQUEST),
        ({labels.SCOPE: b"\xff"}, labels.INVALID_SCOPE),
    ],
)
def test_malformed_requests(place: Place, lamp: CamClient, change: dict, error: int):
    asked = ticket.TokenRequest("thermo", [TEMP], bytes(8), sam=place.sam)
    fields = decoded(ticket.encode_request(asked)) | change
    assert error_of(lamp.post("/token", cbor.encode(fields))) == error


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\x80", bytes(2000)])
def test_garbage(place: Place, lamp: CamClient, payload: bytes):
    assert error_of(lamp.post("/token", payload)) == labels.INVALID_REQUEST
    assert lamp.post("/receipt", payload).code == BAD_REQUEST


def test_it_has_no_other_resources(place: Place, lamp: CamClient):
    assert lamp.post("/server-token", b"\xa1\x13\x00").code == FORBIDDEN


def test_receipts_find_the_sam_of_the_server(place: Place, thermo: ServerNode, lamp: CamClient):
    report = commands.encode_report("thermo", cbor.encode([1, 99, bytes(9)]))
    assert lamp.post("/receipt", report).code == NOT_FOUND
    granted(lamp.wish(place, TEMP))
    # SAM finds that nobody sealed this.
    assert lamp.post("/receipt", report).code == BAD_REQUEST


def test_a_node_has_a_bounded_number_of_clients_at_a_house(place: Place, thermo: ServerNode):
    place.leafkey.ok("client", "add", "crowd")
    place.leafkey.ok("server", "add", "large", "--slots", "128")
    place.leafkey.ok("policy", "allow", "crowd/*", "large", "/temp")
    node = ClientNode(place.leafkey.directory / "crowd.identity", place.serving.port)
    with node:
        # The owner's "crowd/*" is one of them.
        for i in range(cam_clients.MAX_CLIENTS - 1):
            assert node.post("/token", _request(f"c{i}")).code == SERVICE_UNAVAILABLE
        assert error_of(node.post("/token", _request("one-more"))) == labels.INVALID_REQUEST


def _request(client_id: str) -> bytes:
    return ticket.encode_request(
        ticket.TokenRequest("large", [TEMP], os.urandom(8), client_id=client_id)
    )
