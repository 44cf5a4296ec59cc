"""Contexts between a manager and its nodes: made anew, rotated, and never used twice (SPEC 10)."""

import asyncio
import os
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    BAD_REQUEST,
    CHANGED,
    CON,
    CREATED,
    FORBIDDEN,
    GET,
    OSCORE,
    POST,
    UNAUTHORIZED,
    is_request,
)
from leafkey.errors import Refused
from leafkey.oscore.association import NONCE_LEN, NotKnown
from leafkey.oscore.recipients import NOT_FOUND
from leafkey.pat import ticket
from leafmanager import provision
from leafmanager.net import channels
from leafmanager.net.channels import Channels
from leafmanager.store import database
from tests.manager.answers import TEMP, granted, refused, sent, token_request
from tests.manager.nodes import ClientNode, ServerNode
from tests.manager.processes import CamServing, Leafkey, Serving
from tests.support.channel import CHANNEL, fields_of, kid_context_of, node_end
from tests.support.processes import free_port
from tests.support.relay import Relay

HOST = "127.0.0.1"


@pytest.fixture
def busy(home: Leafkey, display: ClientNode, ready: ServerNode) -> Leafkey:
    """The display has a ticket: each channel has a context."""
    home.ok("policy", "allow", "display", "thermo", "/temp")
    granted(display.ask("thermo", TEMP))
    return home


def test_both_directions_are_one_context(busy: Leafkey, ready: ServerNode, display: ClientNode):
    assert len(ready.pushed) == 1
    (begun,) = {kid_context_of(message) for message in ready.heard[1:]}
    assert begun is not None
    assert begun[2:] == ready.association.id_context
    granted(display.ask("thermo", TEMP))
    assert begun[2:] == ready.association.id_context


def test_a_rotation_changes_the_context_and_loses_nothing(
    busy: Leafkey, ready: ServerNode, display: ClientNode
):
    names = {display.association.id_context}
    for number in range(4):
        before = (display.association.id_context, ready.association.id_context)
        busy.ok("channel", "rotate", "--all")
        granted(display.ask("thermo", TEMP))
        after = (display.association.id_context, ready.association.id_context)
        assert not set(before) & set(after)
        assert ready.generation(1) == number + 2
        names.add(after[0])
    assert len(names) == 5


def test_requests_under_way_survive_a_rotation(busy: Leafkey, display: ClientNode):
    """The owner rotates while a node has one request after the other under way."""
    done, names = threading.Event(), set()
    answers: list[int] = []

    def ask() -> None:
        while not done.is_set():
            answers.append(display.ask("thermo", TEMP).code)
            names.add(display.association.id_context)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(12):
            busy.ok("channel", "rotate", "display")
            count = len(answers)
            while len(answers) < count + 2:
                assert asking.is_alive()
    finally:
        done.set()
        asking.join()
    assert set(answers) == {CREATED}
    assert len(names) >= 12


def test_a_rotation_while_the_owner_is_asked(busy: Leafkey, display: ClientNode, serving: Serving):
    busy.ok("policy", "ask", "display", "thermo", "/vent", "--methods", "PUT")
    answers: list[Message] = []
    waiting = threading.Thread(target=lambda: answers.append(display.ask("thermo", ("/vent", 4))))
    waiting.start()
    serving.line("question 1")
    busy.ok("channel", "rotate", "--all")
    busy.ok("consent", "approve", "1")
    waiting.join()
    granted(answers[0])


def test_one_node_alone(busy: Leafkey, ready: ServerNode, display: ClientNode):
    before = (display.association.id_context, ready.association.id_context)
    busy.ok("channel", "rotate", "thermo")
    granted(display.ask("thermo", TEMP))
    assert display.association.id_context == before[0]
    assert ready.association.id_context != before[1]


def test_whose_channel(home: Leafkey):
    assert "no node named 'nobody'" in home.fails("channel", "rotate", "nobody")
    assert "--all" in home.fails("channel", "rotate", code=2)
    assert "--all" in home.fails("channel", "rotate", "display", "--all", code=2)


def test_a_node_that_is_gone_is_a_stranger_at_once(busy: Leafkey, display: ClientNode):
    with sqlite3.connect(busy.state / database.FILE_NAME) as connection:
        chosen = "SELECT id FROM nodes WHERE name = 'display'"
        connection.execute(f"DELETE FROM channels WHERE node_id = ({chosen})")
    connection.close()
    with pytest.raises(NotKnown):
        display.ask("thermo", TEMP)
    refused(sent(display, display.heard[-1]), UNAUTHORIZED, NOT_FOUND)


# Restarts


def test_both_ends_restart_at_once(busy: Leafkey, ready: ServerNode, display: ClientNode, serving):
    names = [display.association.id_context]
    serving.kill()
    for _ in range(3):
        with Serving(busy) as again:
            for node in (display, ready):
                node.manager = (HOST, again.port)
                node.restart()
            ready.rest()
            ready.pull()
            ready.resume()
            granted(display.ask("thermo", TEMP))
            names.append(display.association.id_context)
            again.kill()
    assert len(set(names)) == 4


def test_a_restored_manager_goes_on_serving_and_repeats_nothing(
    busy: Leafkey, ready: ServerNode, display: ClientNode, serving: Serving
):
    """An old copy of the database, over and over, and each time with contexts of its own."""
    serving.stop()
    copy = busy.directory / "copy"
    shutil.copytree(busy.state, copy)
    names = [node.association.id_context for node in (display, ready)]
    display.heard.clear()
    for _ in range(3):
        shutil.rmtree(busy.state)
        shutil.copytree(copy, busy.state)
        with Serving(busy) as restored:
            display.manager = (HOST, restored.port)
            ready.rest()
            ready.manager = (HOST, restored.port)
            # It has an ST that this manager does not remember, and gets a fresh one (SPEC 9.1).
            ready.post("/server-token", b"\xa1\x13\x18\x63")
            ready.resume()
            assert display.ask("thermo", TEMP).code in (CREATED, 0xA3)
            names += [node.association.id_context for node in (display, ready)]
            # What was said under the last copy is worth nothing now.
            for message in list(display.heard):
                worthless(display, message)
            restored.stop()
    # A context has the keys of its name: no name came twice, so no key and nonce did.
    assert len(set(names)) == len(names)


def worthless(node: ClientNode, message: Message) -> None:
    """Send what was sent before; it may ask for a new context again, and get nowhere by that."""
    name = kid_context_of(message)
    answer = sent(node, message.copy())
    assert answer
    if name is not None and len(name) == 1 + NONCE_LEN:
        assert answer.code == CHANGED
    else:
        assert (answer.code in (UNAUTHORIZED, BAD_REQUEST), answer.option(OSCORE)) == (True, None)


# Rotation by time and count


class Clock:
    """The manager's clock, in ms."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(channels, "now_ms", made)
    return made


class Pair:
    """A registry of channels, and a node of it, without a network."""

    def __init__(self, directory: Path):
        row = provision.manager_row("home", "coap://127.0.0.1", 10)
        self.store = database.create(directory / "state", [row])
        with self.store.transaction() as session:
            identity = provision.add_client(session, "display", 1)
        (directory / "identity").write_bytes(identity)
        self.channels = Channels(self.store)
        fields = fields_of(directory / "identity")
        self.node = node_end(fields)
        self.kid = fields[CHANNEL][2]

    async def send(self, message: Message) -> Message:
        try:
            _, incoming = self.channels.unprotect(over_the_air(message))
        except Refused as answer:
            return over_the_air(answer.response)
        return over_the_air(incoming.protect(Message(FORBIDDEN)))

    def ask(self) -> bytes | None:
        """Make a request; return the ID Context that it ended in."""
        answered = asyncio.run(self.node.request(Message(POST, (), b"x"), self.send))
        assert answered[1].code == FORBIDDEN
        return self.node.id_context


def over_the_air(message: Message) -> Message:
    sent_as = message.copy()
    sent_as.type, sent_as.mid, sent_as.token = CON, 1, b""
    return decode(encode(sent_as))


@pytest.fixture
def pair(tmp_path: Path, clock: Clock) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.store.close()


def test_a_context_lasts_a_day(pair: Pair, clock: Clock):
    first = pair.ask()
    clock.now = channels.MAX_SECONDS * 1000 - 1
    assert pair.ask() == first
    clock.now += 1
    second = pair.ask()
    assert second != first
    clock.now += channels.MAX_SECONDS * 1000 - 1
    assert pair.ask() == second
    clock.now += 1
    assert pair.ask() not in (first, second)


def test_a_context_lasts_for_a_number_of_requests(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(channels, "MAX_REQUESTS", 5)
    names = [pair.ask() for _ in range(20)]
    assert len(set(names)) == 4
    assert [names.count(name) for name in dict.fromkeys(names)] == [5, 5, 5, 5]


def test_what_strangers_send_counts_for_nothing(pair: Pair, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(channels, "MAX_REQUESTS", 5)
    name = pair.ask()
    spoilt = Message(POST, ((OSCORE, b"\x09\x7f" + pair.kid),), bytes(20))
    for _ in range(50):
        with pytest.raises(Refused):
            pair.channels.unprotect(over_the_air(spoilt))
        with pytest.raises(Refused):
            pair.channels.unprotect(Message(GET))
    assert pair.ask() == name


# A CAM and its SAM


class Forger(Relay):
    """Puts an unprotected 4.01 in the place of the next `forging` answers."""

    forging = 0

    def _pass(self, direction: int, used: socket.socket, data: bytes, address: tuple) -> None:
        answer = decode(data)
        if direction == 1 and self.forging and not is_request(answer.code) and answer.code:
            self.forging -= 1
            forged = Message(UNAUTHORIZED, (), b"", answer.type, answer.mid, answer.token)
            data = encode(forged)
        super()._pass(direction, used, data, address)


class Pass:
    """A manager behind a relay that a CAM has joined, and a client of the CAM."""

    def __init__(self, leafkey: Leafkey, relay: Forger, port: int):
        self.leafkey = leafkey
        self.relay = relay
        self.port = port
        self.sam = f"coap://{HOST}:{relay.port}/token"

    def serving(self) -> Serving:
        """The manager, at the port behind the relay."""
        return Serving(self.leafkey, "--port", str(self.port))

    def names(self) -> set[bytes]:
        """The ID Contexts that the CAM has made so far."""
        found = [kid_context_of(message) for message in self.sealed()]
        return {name[2:] for name in found if name and len(name) > 1 + NONCE_LEN}

    def sealed(self) -> list[Message]:
        """What the CAM has sent to the manager."""
        messages = [decode(data) for data in list(self.relay.heard)]
        return [one for one in messages if is_request(one.code) and one.option(OSCORE) is not None]


@pytest.fixture
def cam_and_sam(leafkey: Leafkey) -> Iterator[Pass]:
    port = free_port()
    with Forger((HOST, port)) as relay:
        leafkey.ok("init", "--name", "home", "--uri", f"coap://{HOST}:{relay.port}")
        leafkey.ok("server", "add", "thermo")
        leafkey.ok("client", "add", "hallway")
        leafkey.ok("policy", "allow", "hallway/*", "thermo", "/temp")
        leafkey.ok("cam", "init", "--name", "hallway", "--uri", "coap://127.0.0.1:5693")
        leafkey.ok("cam", "join", "hallway.identity")
        leafkey.ok("cam", "client", "add", "lamp")
        leafkey.ok("cam", "policy", "allow", "lamp", "thermo", "/temp")
        yield Pass(leafkey, relay, port)


def test_a_cam_and_its_sam(cam_and_sam: Pass):
    leafkey, seen = cam_and_sam.leafkey, []
    identity = leafkey.directory / "lamp.identity"
    with CamServing(leafkey) as cam, ClientNode(identity, cam.port) as lamp:
        for _ in range(2):
            with (
                cam_and_sam.serving() as serving,
                ServerNode(leafkey.directory / "thermo.identity", serving.port) as thermo,
            ):
                thermo.pull()
                thermo.start()
                granted(wished(lamp, cam_and_sam))
                seen.append(cam_and_sam.names())
                leafkey.ok("channel", "rotate", "hallway")
                leafkey.ok("cam", "channel", "rotate", "--all")
                before = lamp.association.id_context
                granted(wished(lamp, cam_and_sam))
                assert lamp.association.id_context != before
                seen.append(cam_and_sam.names())
                generation = thermo.generation(1)
                with ClientNode(identity, serving.port) as listener:
                    for message in cam_and_sam.sealed():
                        worthless(listener, message)
                    refused(sent(listener, token_request()))
                assert thermo.generation(1) == generation
    # Each start of the manager and each rotation made another context, and none came twice.
    assert [len(names) for names in seen] == [1, 2, 3, 4]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_forged_refusals_do_a_cam_no_harm(cam_and_sam: Pass, count: int):
    """Whoever answers in the manager's place has the CAM ask again, and gains nothing by it."""
    leafkey = cam_and_sam.leafkey
    identity = leafkey.directory / "lamp.identity"
    with (
        CamServing(leafkey) as cam,
        ClientNode(identity, cam.port) as lamp,
        cam_and_sam.serving() as serving,
        ServerNode(leafkey.directory / "thermo.identity", serving.port) as thermo,
    ):
        thermo.pull()
        thermo.start()
        for _ in range(2):
            cam_and_sam.relay.forging = count
            granted(wished(lamp, cam_and_sam))
            assert cam_and_sam.relay.forging == 0
        assert not any("does not know" in line for line in cam.lines)


def wished(lamp: ClientNode, place: Pass) -> Message:
    """Return the CAM's answer to message (5)."""
    asked = ticket.TokenRequest("thermo", [TEMP], os.urandom(8), sam=place.sam)
    return lamp.post("/token", ticket.encode_request(asked))
