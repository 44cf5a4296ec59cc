"""`leafkey bridge` as a process: what it forwards for a board of any kind, and what it refuses."""

import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from leafkey.coap import slipmux
from leafkey.coap.destination import addressed
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import ACK, CON, CONTENT, EMPTY, GET, RST, URI_HOST, URI_PATH, URI_PORT
from tests.manager.processes import Leafkey
from tests.support.lines import HOST, Tty, bridge
from tests.support.processes import Process, free_port

PATIENCE = 20


def waiting(sock: socket.socket) -> list[Message]:
    """Return what a socket has got and nobody has taken."""
    found = []
    while select.select([sock], [], [], 0)[0]:
        found.append(decode(sock.recv(4096)))
    return found


class Server:
    """A UDP server of the test's own."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(PATIENCE)
        self._socket.bind((HOST, 0))
        self.port = self._socket.getsockname()[1]

    def receive(self) -> tuple[Message, tuple]:
        data, peer = self._socket.recvfrom(4096)
        return decode(data), peer

    def waiting(self) -> list[Message]:
        return waiting(self._socket)

    def send(self, message: Message, peer: tuple) -> None:
        self._socket.sendto(encode(message), peer)

    def close(self) -> None:
        self._socket.close()


class Board:
    """The test in place of a node, at the other end of a bridge's line."""

    def __init__(self, directory: Path, *words: str):
        self.tty = Tty(directory / "tty")
        self.tty.plug()
        self.port = free_port()
        self.bridge = Process([*bridge(str(self.tty.path), self.port, "board"), *words])
        self.bridge.wait_for("ready", PATIENCE)
        self._decoder = slipmux.Decoder()
        self._frames: list[tuple[int, bytes]] = []

    def close(self) -> None:
        self.bridge.stop()
        self.tty.unplug()

    def send(self, message: Message) -> None:
        self.tty.to_bridge(slipmux.encode(encode(message)))

    def ask(self, mid: int, host: str, port: int) -> None:
        """Send a request to a server."""
        data = encode(Message(GET, ((URI_PATH, b"temp"),), b"", CON, mid, b"token"))
        self.tty.to_bridge(slipmux.encode(addressed(data, host, port)))

    def receive(self, seconds: float = PATIENCE) -> Message | None:
        """Return the next message from the bridge, or None."""
        end = time.monotonic() + seconds
        while not self._frames:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.tty.node_end], [], [], left)[0]:
                return None
            self._frames += self._decoder.feed(os.read(self.tty.node_end, 4096))
        return decode(self._frames.pop(0)[1])

    def reset(self) -> int | None:
        """Wait for a Reset and return its message ID."""
        message = self.receive()
        assert message is not None
        assert (message.type, message.code) == (RST, EMPTY)
        return message.mid


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def board(tmp_path) -> Iterator[Board]:
    made = Board(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("host", [HOST, "localhost"])
def test_a_request_goes_to_whom_it_names_and_the_answer_comes_back(board, server, host):
    board.ask(7, host, server.port)
    request, peer = server.receive()
    assert peer == (HOST, board.port)
    assert request.option(URI_PORT) is None
    assert request.option(URI_HOST) == (None if host == HOST else host.encode())
    server.send(Message(CONTENT, (), b"21.5", ACK, 7, b"token"), peer)
    answer = board.receive()
    assert answer is not None
    assert (answer.mid, answer.token, answer.payload) == (7, b"token", b"21.5")


def test_a_request_that_names_nobody(tmp_path, server):
    board = Board(tmp_path, "--to", f"coap://{HOST}:{server.port}")
    try:
        board.send(Message(GET, ((URI_PATH, b"token"),), b"", CON, 8, b"t"))
        assert server.receive()[0].path() == (b"token",)
    finally:
        board.close()


def test_without_a_default_it_is_rejected(board):
    board.send(Message(GET, (), b"", CON, 8, b"t"))
    assert board.reset() == 8


@pytest.mark.parametrize(
    "host", ["224.0.1.187", "255.255.255.255", "0.0.0.0", "ff02::fd", "no-such-host.invalid"]
)
def test_to_what_is_no_single_host_nothing_is_sent(board, host):
    board.ask(9, host, 5683)
    assert board.reset() == 9
    assert "was not forwarded" in board.bridge.wait_for(host)


def test_a_destination_that_cannot_be_one(board):
    for option in ((URI_HOST, b"\xff\xfe"), (URI_HOST, b"two\nlines"), (URI_PORT, b"")):
        board.send(Message(GET, (option,), b"", CON, 10, b"t"))
        assert board.reset() == 10


def test_a_board_cannot_spray_hosts(board):
    """Sixteen at once, and then one in ten seconds, whatever it does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as everywhere:
        everywhere.bind(("0.0.0.0", 0))
        start = time.monotonic()
        for number in range(1, 41):
            board.ask(number, f"127.1.0.{number}", everywhere.getsockname()[1])
            time.sleep(0.05)
        board.bridge.wait_for("too many hosts")
        asked = {message.mid for message in waiting(everywhere)}
        assert 1 <= len(asked) <= 17 + (time.monotonic() - start) / 10


def test_a_board_cannot_ask_without_limit(board, server):
    """Forty at once, and twenty a second."""
    board.ask(1, HOST, server.port)
    server.receive()
    start = time.monotonic()
    for number in range(2, 302):
        board.ask(number, HOST, server.port)
    # What is behind them on the line has passed them.
    board.send(Message(EMPTY, (), b"", CON, 1000))
    assert board.reset() == 1000
    came = len(server.waiting())
    assert 10 <= came <= 40 + 20 * (time.monotonic() - start)


def test_a_log_without_end_fills_no_disk(board):
    for number in range(20):
        board.tty.to_bridge(b"".join(slipmux.encode_diagnostic(f"{number} x") for _ in range(100)))
    board.tty.to_bridge(slipmux.encode_diagnostic("\xa0" * 3))
    time.sleep(1)
    shown = [line for line in board.bridge.lines if line.startswith("board: ")]
    assert 200 <= len(shown) < 1000


def test_log_lines_that_are_no_text(board):
    board.tty.to_bridge(b"\xc0\x0aone\r\ntw\x00\xff\x1bo\n\xc0")
    assert board.bridge.wait_for("one") == "board: one"
    assert board.bridge.wait_for("tw") == "board: tw\\u0000\ufffd\\u001bo"


def test_one_peer_cannot_fill_the_line(board):
    """Of one address a hundred at once, and fifty a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect((HOST, board.port))
        start = time.monotonic()
        for mid in range(2000):
            peer.send(encode(Message(EMPTY, (), b"", CON, mid)))
        came = 0
        while board.receive(1):
            came += 1
        assert 1 <= came <= 100 + 50 * (time.monotonic() - start)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_told(board, number):
    board.bridge.signal(number)
    assert board.bridge.finish() == 0
    assert "Traceback" not in board.bridge.output


def test_a_line_is_bridged_once(board, leafkey: Leafkey):
    assert "cannot open" in leafkey.fails("bridge", str(board.tty.path))


@pytest.mark.parametrize("port", ["/dev/no-such-device", "foo://bar", "loop://", "/etc/passwd"])
def test_what_is_no_line(leafkey: Leafkey, port):
    assert "cannot open" in leafkey.fails("bridge", port)


@pytest.mark.parametrize(
    "words",
    [("--listen", "127.0.0.1"), ("--listen", "127.0.0.1:65536"), ("--to", "http://manager")],
)
def test_what_is_no_address(leafkey: Leafkey, words):
    leafkey.fails("bridge", "/dev/null", *words, code=2)


def test_an_address_that_is_taken(leafkey: Leafkey, board, tmp_path):
    other = Tty(tmp_path / "other")
    other.plug()
    try:
        taken = f"{HOST}:{board.port}"
        assert "cannot listen" in leafkey.fails("bridge", str(other.path), "--listen", taken)
    finally:
        other.unplug()
