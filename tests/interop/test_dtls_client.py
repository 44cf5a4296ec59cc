"""The MicroPython C opens DTLS sessions with OpenSSL and with both builds of libcoap."""

import secrets
from pathlib import Path

import pytest

from tests.interop.dtls_peers import (
    BUILDS,
    Leaf,
    leaves,
    libcoap_server,
    openssl_server,
    our_client,
)

LIBCOAP = "2.05 This is a test server made with libcoap (see https://libcoap.net)"


@pytest.fixture(scope="module")
def leaf() -> Leaf:
    return next(leaves(secrets.token_bytes(32), "1.1", range(1, 33)))


@pytest.mark.parametrize("build", BUILDS)
def test_libcoap(build: str, leaf: Leaf, tmp_path: Path):
    server, port = libcoap_server(build, leaf, tmp_path)
    with server:
        assert our_client(port, leaf, "/", "/") == ["open", LIBCOAP, LIBCOAP]


@pytest.mark.parametrize("build", BUILDS)
def test_libcoap_knows_another_key(build: str, leaf: Leaf, tmp_path: Path):
    server, port = libcoap_server(build, leaf, tmp_path)
    with server:
        # One says so, the other one says nothing.
        (outcome,) = our_client(port, Leaf(leaf.identity, "00" * 32), "/")
        assert outcome in ("AuthenticationError", "Unreachable")


def test_openssl(leaf: Leaf):
    server, port = openssl_server(leaf.psk)
    with server:
        server.say("from the server")
        assert our_client(port, leaf, "hello") == ["open", "from the server"]
        server.wait_for("hello")


def test_openssl_knows_another_key(leaf: Leaf):
    server, port = openssl_server("00" * 32)
    with server:
        (outcome,) = our_client(port, leaf, "hello")
        assert outcome in ("AuthenticationError", "Unreachable")
