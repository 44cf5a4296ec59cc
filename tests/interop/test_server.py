"""The MicroPython S answers aiocoap's client and Debian's coap-client, on IPv4 and IPv6."""

import pytest

from tests.interop.peers import BODY, OBSERVED, AiocoapClient, LibcoapClient, our_server

CLIENTS = {"aiocoap": AiocoapClient(), "libcoap": LibcoapClient()}


@pytest.fixture(scope="module")
def server_port():
    server, port = our_server()
    with server:
        yield port


@pytest.fixture(params=["127.0.0.1", "[::1]"])
def base(server_port, request):
    return f"coap://{request.param}:{server_port}"


@pytest.fixture(params=sorted(CLIENTS))
def client(request):
    return CLIENTS[request.param]


def test_get(client, base):
    assert client.get(base + "/hello") == ("2.05", b"hello")


def test_separate_response(client, base):
    assert client.get(base + "/slow") == ("2.05", b"slow")


def test_put_and_get_4000_bytes(client, base):
    assert client.put(base + "/store") == ("2.04", BODY)


def test_observe(client, base):
    seen = client.observe(base + "/ticks")
    assert len(seen) == OBSERVED
    assert seen == sorted(set(seen))


def test_errors(client, base):
    assert client.get(base + "/nowhere")[0] == "4.04"


def test_discovery(client, base):
    code, links = client.get(base + "/.well-known/core")
    assert code == "2.05"
    assert b"</ticks>;obs" in links.split(b",")
