"""Whatever arrives, a MicroPython node with a small heap neither stops nor grows."""

import random
import socket
import time
from pathlib import Path

import cbor2
import pytest

from leafkey.coap import numbers
from leafkey.coap.message import Message, decode, encode
from tests.support.processes import Process, free_port, micropython

NODE = Path(__file__).parent / "nodes" / "flooded.py"
# The sources alone take 240 KB when a node compiles them itself.
HEAP = "heapsize=640k"
PEERS = 60
DATAGRAMS = 6000
BURST = 20
PAUSE = 0.004
# What the bounded caches hold after a flood differs by up to 7 KB from time to time; one object
# leaked by every twentieth datagram is more than this.
MARGIN = 16000


@pytest.fixture
def port():
    chosen = free_port()
    with Process([micropython(), "-X", HEAP, str(NODE), str(chosen)]) as node:
        node.wait_for("ready")
        yield chosen


def _request(draw: random.Random, code: int, path: str, options=(), payload=b"") -> bytes:
    kind = draw.choice((numbers.CON, numbers.NON))
    message = Message(code, options, payload, kind, draw.randrange(65536), draw.randbytes(4))
    message.set_path(path)
    return encode(message)


def _noise(draw: random.Random) -> bytes:
    return draw.randbytes(draw.randrange(80))


def _damaged(draw: random.Random) -> bytes:
    data = bytearray(_request(draw, numbers.GET, "/hello"))
    data[draw.randrange(len(data))] = draw.randrange(256)
    return bytes(data)


def _plain(draw: random.Random) -> bytes:
    return _request(draw, numbers.GET, "/hello")


def _observer(draw: random.Random) -> bytes:
    return _request(draw, numbers.GET, "/hello", ((numbers.OBSERVE, b""),))


def _upload_begun(draw: random.Random) -> bytes:
    block = ((numbers.BLOCK1, 0x0E.to_bytes(1, "big")),)
    return _request(draw, numbers.PUT, "/store", block, bytes(1024))


def _response(draw: random.Random) -> bytes:
    return encode(Message(0x45, (), b"x", draw.randrange(4), draw.randrange(65536), b"abcd"))


KINDS = (_noise, _damaged, _plain, _observer, _upload_begun, _response)


def _flood(port: int, seed: int) -> None:
    draw = random.Random(seed)
    peers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(PEERS)]
    for i in range(DATAGRAMS):
        draw.choice(peers).sendto(draw.choice(KINDS)(draw), ("127.0.0.1", port))
        if i % BURST == 0:
            time.sleep(PAUSE)
    for peer in peers:
        peer.close()


def _ask(port: int, path: str) -> bytes:
    draw = random.Random()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(1)
        for _ in range(10):
            asking.sendto(_request(draw, numbers.GET, path), ("127.0.0.1", port))
            try:
                response = decode(asking.recv(2048))
            except TimeoutError:
                continue
            if response.code == numbers.CONTENT:
                return response.payload
    raise AssertionError("the node does not answer any more")


def test_a_flood_leaves_no_trace(port):
    _flood(port, 1)
    assert _ask(port, "/hello") == b"hello"
    before = cbor2.loads(_ask(port, "/heap"))
    for seed in (2, 3):
        _flood(port, seed)
    assert _ask(port, "/hello") == b"hello"
    assert cbor2.loads(_ask(port, "/heap")) < before + MARGIN
