"""A node on a serial line, reached through `leafkey bridge` by clients that know UDP alone."""

import os
import socket
from collections.abc import Iterator

import pytest

from leafkey.coap import slipmux
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import CON, CONTENT, EMPTY, GET, NON, OBSERVE, RST
from tests.interop.peers import BODY, NODES, OBSERVED, AiocoapClient, LibcoapClient
from tests.support.lines import Board, node
from tests.support.processes import free_port

CLIENTS = [AiocoapClient(), LibcoapClient()]
PATIENCE = 30
# What an interpreter at the other end says, half frames, frames that are no messages, and noise.
NOISE = (
    b"\r\nMicroPython v1.28.0 on 2026-04-06; Raspberry Pi Pico\r\n>>> ",
    b"Traceback (most recent call last):\r\n",
    b"\xc0\xa9\x40\x01",
    b"\xc0\xa9\x40\x01\xdb",
    b"\xc0" + os.urandom(3) + b"\xa9" * 5 + b"\xc0\xc0",
    slipmux.encode(b"\x40"),
    bytes(5000),
)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    path = tmp_path_factory.mktemp("line") / "tty"
    with Board(path, free_port(), node(NODES / "server.py", "line")) as made:
        yield made


@pytest.fixture(params=CLIENTS, ids=["aiocoap", "libcoap"])
def client(request: pytest.FixtureRequest):
    return request.param


class Peer:
    """A UDP peer with message IDs and tokens of its choice."""

    def __init__(self, board: Board):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(("127.0.0.1", board.port))

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, message: Message) -> None:
        self._socket.send(encode(message))

    def receive(self) -> Message:
        return decode(self._socket.recv(4096))

    def request(
        self, mid: int, path: str, *options, token: bytes = b"same", type: int = CON
    ) -> None:
        message = Message(GET, options, b"", type, mid, token)
        message.set_path(path)
        self.send(message)


def test_it_is_read(board, client):
    assert client.get(board.uri("/hello")) == ("2.05", b"hello")


def test_a_body_in_blocks(board, client):
    assert client.put(board.uri("/store")) == ("2.04", BODY)


def test_a_separate_response(board, client):
    assert client.get(board.uri("/slow")) == ("2.05", b"slow")


def test_it_is_observed(board, client):
    seen = client.observe(board.uri("/ticks"))
    assert len(seen) == OBSERVED
    assert seen == sorted(set(seen))


def test_two_peers_with_the_same_ids_and_tokens(board):
    with Peer(board) as one, Peer(board) as two:
        one.request(7, "/slow")
        two.request(7, "/hello")
        answer = two.receive()
        assert (answer.mid, answer.token, answer.payload) == (7, b"same", b"hello")
        acknowledgement = one.receive()
        assert (acknowledgement.code, acknowledgement.mid) == (EMPTY, 7)
        answer = one.receive()
        assert (answer.type, answer.token, answer.payload) == (CON, b"same", b"slow")
        one.send(Message(EMPTY, type=2, mid=answer.mid))


def test_two_observers_with_the_same_token(board):
    with Peer(board) as one, Peer(board) as two:
        for peer in (one, two):
            peer.request(9, "/ticks", (OBSERVE, b""), type=NON)
        seen = {}
        for peer in (one, two):
            values = []
            while len(values) < 3:
                notification = peer.receive()
                assert notification.token == b"same"
                values.append(int(notification.payload))
                if notification.type == CON:
                    peer.send(Message(EMPTY, type=2, mid=notification.mid))
            seen[peer] = values
        for values in seen.values():
            assert values == sorted(set(values))
        # A Reset of the one ends nothing for the other.
        notification = one.receive()
        one.send(Message(EMPTY, type=RST, mid=notification.mid))
        assert two.receive().code == CONTENT


def test_a_message_that_is_sent_again_is_answered_alike(board):
    with Peer(board) as peer:
        answers = []
        for _ in range(3):
            peer.request(11, "/hello")
            answers.append(encode(peer.receive()))
        assert len(set(answers)) == 1


def test_a_ping_reaches_the_node(board):
    with Peer(board) as peer:
        peer.send(Message(EMPTY, type=CON, mid=12))
        answer = peer.receive()
        assert (answer.type, answer.code, answer.mid) == (RST, EMPTY, 12)


@pytest.mark.parametrize("noise", NOISE, ids=range(len(NOISE)))
def test_noise_on_the_line(board, noise):
    with Peer(board) as peer:
        for write in (board.tty.to_bridge, board.tty.to_node):
            write(noise)
            # Each frame begins with END: even the first one behind noise arrives.
            peer.request(13, "/hello")
            assert peer.receive().payload == b"hello"


def test_diagnostics_are_shown_as_one_harmless_line(board):
    board.tty.to_bridge(slipmux.encode_diagnostic("door \x1b[31mopen\x07"))
    assert board.bridge.wait_for("door", PATIENCE) == "board: door \\u001b[31mopen\\u0007"


def test_the_bridge_is_killed_and_started_anew(board):
    board.bridge.kill()
    board.start_bridge()
    with Peer(board) as peer:
        peer.request(14, "/hello")
        assert peer.receive().payload == b"hello"


def test_the_device_vanishes_and_comes_back(board):
    board.node.kill()
    board.tty.unplug()
    board.bridge.wait_for("has vanished", PATIENCE)
    board.tty.plug()
    board.bridge.wait_for("is back", PATIENCE)
    board.start()
    with Peer(board) as peer:
        peer.request(15, "/hello")
        assert peer.receive().payload == b"hello"


def test_it_ends_cleanly(board):
    board.bridge.stop()
    assert board.bridge.finish() == 0
    assert "Traceback" not in board.bridge.output
    board.start_bridge()
