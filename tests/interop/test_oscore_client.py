"""The MicroPython C uses aiocoap's server and libcoap's coap-server in OSCORE."""

from collections.abc import Callable

import pytest

from tests.interop.oscore_peers import (
    CHACHA20_POLY1305,
    Shared,
    aiocoap_oscore_server,
    libcoap_oscore_server,
    our_oscore_client,
)
from tests.interop.peers import BODY_CRC, OBSERVED

SHARED = Shared(id_context=b"\x0a\x0b")
# What the two servers call a word, a place to put bytes, and something that changes.
PATHS = {
    aiocoap_oscore_server: ("/hello", "/store", "/ticks"),
    libcoap_oscore_server: ("/", "/example_data", "/time"),
}
CASES = {
    "aiocoap": (aiocoap_oscore_server, Shared()),
    "aiocoap-id-context": (aiocoap_oscore_server, SHARED),
    "aiocoap-chacha20": (aiocoap_oscore_server, Shared(alg=CHACHA20_POLY1305)),
    "aiocoap-empty-id": (aiocoap_oscore_server, Shared(b"", b"Server.", salt=b"")),
    "libcoap": (libcoap_oscore_server, Shared(b"", b"Server.")),
    "libcoap-id-context": (libcoap_oscore_server, SHARED),
}


def uris(serve: Callable, port: int) -> list[str]:
    return [f"coap://127.0.0.1:{port}{path}" for path in PATHS[serve]]


@pytest.fixture(scope="module", params=sorted(CASES))
def results(request, tmp_path_factory) -> list[str]:
    serve, shared = CASES[request.param]
    folder = tmp_path_factory.mktemp("oscore")
    server, port = serve(shared, folder)
    with server:
        word, store, changing = uris(serve, port)
        # libcoap 4.3.4 remembers one Echo a context: the first request to it must be alone.
        first = our_oscore_client(folder, shared, ("get", word))
        actions = ("put", store), ("observe", changing), ("get", word + "nowhere")
        return first + our_oscore_client(folder, shared, *actions)


def test_get(results):
    assert results[0] in (
        "2.05 hello",
        "2.05 This is a test server made with libcoap (see https://libcoap.net)",
    )


def test_put_and_get_4000_bytes(results):
    assert results[1] in (f"2.04 2.05 {BODY_CRC}", f"2.01 2.05 {BODY_CRC}")


def test_observe(results):
    seen = results[2].split()
    assert len(seen) == len(set(seen)) == OBSERVED


def test_errors(results):
    assert results[3].startswith("4.04")


@pytest.mark.parametrize("serve", PATHS, ids=["aiocoap", "libcoap"])
@pytest.mark.parametrize("mine", [Shared(secret=bytes(16)), Shared(b"nobody")])
def test_a_server_that_does_not_know_us(serve, mine, tmp_path):
    server, port = serve(Shared(), tmp_path)
    with server:
        word = uris(serve, port)[0]
        (refused,) = our_oscore_client(tmp_path, mine, ("get", word))
    assert refused.startswith("failed: NotProtected")
