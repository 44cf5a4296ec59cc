"""The MicroPython C uses aiocoap's server and Debian's coap-server, on IPv4 and IPv6."""

import pytest

from tests.interop.peers import BODY_CRC, aiocoap_server, libcoap_server, our_client

# What the two servers call a word, a place to put bytes, and something that changes.
PATHS = {
    "aiocoap": ("/hello", "/store", "/ticks"),
    "libcoap": ("/", "/example_data", "/time"),
}
WORDS = {"aiocoap": "2.05 hello", "libcoap": "2.05 This is a test server"}


@pytest.fixture(scope="module", params=["127.0.0.1", "::1"])
def host(request):
    return request.param


@pytest.fixture(scope="module", params=sorted(PATHS))
def results(request, host):
    name = request.param
    server, port = libcoap_server(host) if name == "libcoap" else aiocoap_server()
    base = f"coap://[{host}]:{port}" if ":" in host else f"coap://{host}:{port}"
    word, store, changing = (base + path for path in PATHS[name])
    with server:
        done = our_client(("get", word), ("put", store), ("observe", changing))
    return name, done


def test_get(results):
    name, (got, _, _) = results
    assert got.startswith(WORDS[name])


def test_put_and_get_4000_bytes(results):
    _, (_, put, _) = results
    assert put in (f"2.04 2.05 {BODY_CRC}", f"2.01 2.05 {BODY_CRC}")


def test_observe(results):
    _, (_, _, observed) = results
    seen = observed.split()
    assert len(seen) == len(set(seen)) == 4
