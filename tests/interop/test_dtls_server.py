"""The MicroPython S takes DTLS sessions from OpenSSL and from both builds of libcoap."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.interop.dtls_peers import (
    BUILDS,
    CIPHER,
    SECONDS,
    Leaf,
    LibcoapClient,
    OpensslClient,
    branch,
    leaves,
    settled,
)
from tests.multi.house import House, ServerNode

GOOD = ("2.05", b"21.5")
ALERT = "decrypt error"
REQUESTS = 3
DEGREE = 257


class Served(NamedTuple):
    """A server, a port for DTLS, and leaves of a client that nobody has shown yet."""

    server: ServerNode
    port: int
    leaves: Iterator[Leaf]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with House(tmp_path_factory.mktemp("house")) as house:
        # libcoap cannot be given each key: of 256 leaves there are enough, and 16 in a row that it
        # cannot be given are not to be expected.
        shape = ["--degree", str(DEGREE), "--window", "16"]
        server = house.add_server("safe", *shape, dtls={})
        client = house.add_client("owner")
        for path in ("/temp", "/ticks"):
            house.allow("owner", "safe", path, "--requests-per-at", str(REQUESTS))
        # One ticket for both, of which the first AT is used up by this.
        may = client.ask(
            "AUTHORIZE", server.uri("/"), permissions={"/temp": ["GET"], "/ticks": ["GET"]}
        )
        assert "/ticks" in may, may
        assert client.ask("GET", server.uri("/temp"), "pop") == "2.05 21.5"
        root, ct = branch(house.path("manager"))
        yield Served(server, server.dtls_relay.port, leaves(root, ct, range(2, DEGREE)))
        # Nothing has kept the server from serving.
        assert client.ask("GET", server.uri("/temp"), "pop") == "2.05 21.5"


def good(served: Served) -> tuple[str, bytes]:
    """A whole session of somebody who does everything right."""
    with OpensslClient(served.port, next(served.leaves)) as client:
        return client.get("/temp")


@pytest.mark.parametrize("cipher", [CIPHER, "PSK:@SECLEVEL=0"])
def test_openssl(served: Served, cipher: str):
    with OpensslClient(served.port, next(served.leaves), cipher) as client:
        assert client.get("/temp", 1) == GOOD
        # Authorized for something else.
        assert client.get("/secret", 2) == ("4.03", b"")
        assert client.get("/temp", 3) == GOOD
        # The AT has done its share.
        assert client.get("/temp", 4) == ("4.01", b"")


@pytest.mark.parametrize("build", BUILDS)
def test_libcoap(served: Served, build: str):
    assert LibcoapClient(build).get(served.port, next(served.leaves), "/temp") == GOOD


@pytest.mark.parametrize("build", BUILDS)
def test_libcoap_observes(served: Served, build: str):
    client = LibcoapClient(build)
    with client.run(served.port, next(served.leaves), "/ticks", "-w", "-s", str(SECONDS)) as seen:
        assert settled(lambda: len(states(seen.lines)) == 1)
        for count in (2, 3):
            served.server.tick()
            assert settled(lambda wanted=count: len(states(seen.lines)) == wanted), seen.output
        first = states(seen.lines)[0]
        assert states(seen.lines) == [first, first + 1, first + 2]


def states(lines: list[str]) -> list[int]:
    """What coap-client shows of an observation: a number a line, between the lines of its log."""
    numbers = [int(line) for line in lines if line.isdigit()]
    return sorted(set(numbers))


def test_a_leaf_opens_one_session(served: Served):
    leaf = next(served.leaves)
    with OpensslClient(served.port, leaf) as client:
        assert client.get("/temp") == GOOD
        with OpensslClient(served.port, leaf) as again:
            assert ALERT in again.failure()
        assert client.get("/temp", 2) == GOOD


@pytest.mark.parametrize("build", BUILDS)
def test_libcoap_with_a_wrong_key(served: Served, build: str):
    wrong = Leaf(next(served.leaves).identity, b"wrong".hex())
    with LibcoapClient(build).run(served.port, wrong, "/temp") as client:
        client.finish(SECONDS)
        assert ALERT in client.output.lower()
    assert good(served) == GOOD


@pytest.mark.parametrize(
    "identity", ["0" * 32, "x", "0" * 33, "0" * 255, "A" * 32, "f" * 31 + "\u00e9"]
)
def test_identities_that_are_none(served: Served, identity: str):
    with OpensslClient(served.port, Leaf(identity, "00" * 32)) as client:
        assert ALERT in client.failure()
    assert good(served) == GOOD


def test_no_common_cipher(served: Served):
    leaf = Leaf("0" * 32, "00" * 32)
    with OpensslClient(served.port, leaf, "PSK-AES128-CBC-SHA:@SECLEVEL=0") as client:
        assert "handshake failure" in client.failure()
    assert good(served) == GOOD
