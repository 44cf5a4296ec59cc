"""The MicroPython S answers aiocoap's and libcoap's clients in OSCORE."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.oscore_peers import (
    CHACHA20_POLY1305,
    AiocoapOscoreClient,
    LibcoapOscoreClient,
    Shared,
    our_oscore_server,
)
from tests.interop.peers import BODY, OBSERVED, AiocoapClient, LibcoapClient

# Each client has a context of its own with the one server; the longest IDs are AES-CCM's.
PLAIN = Shared(b"a1")
NAMED = Shared(b"a2", id_context=b"\x0a\x0b")
CHACHA20 = Shared(b"a3", alg=CHACHA20_POLY1305)
SHORT = Shared(b"", b"Server.", salt=b"")
LIBCOAP = Shared(b"l1", b"Server.")
LIBCOAP_NAMED = Shared(b"l2", id_context=b"house")
UNKNOWN = Shared(b"nobody")
# Of the one whose numbers nobody has used: a used one would be refused before its key is tried.
UNUSED = Shared(b"unused")
FORGED = Shared(b"unused", secret=bytes(16))
CONTEXTS = (PLAIN, NAMED, CHACHA20, SHORT, LIBCOAP, LIBCOAP_NAMED, UNUSED)
CLIENTS = {
    "aiocoap": (AiocoapOscoreClient, PLAIN),
    "aiocoap-id-context": (AiocoapOscoreClient, NAMED),
    "aiocoap-chacha20": (AiocoapOscoreClient, CHACHA20),
    "aiocoap-empty-id": (AiocoapOscoreClient, SHORT),
    "libcoap": (LibcoapOscoreClient, LIBCOAP),
    "libcoap-id-context": (LibcoapOscoreClient, LIBCOAP_NAMED),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("oscore")


@pytest.fixture(scope="module")
def base(folder) -> Iterator[str]:
    server, port = our_oscore_server(folder, *CONTEXTS)
    with server:
        yield f"coap://127.0.0.1:{port}"


@pytest.fixture(scope="module", params=sorted(CLIENTS))
def client(request, folder) -> AiocoapClient | LibcoapClient:
    make, shared = CLIENTS[request.param]
    return make(shared, folder)


def test_get(client, base):
    assert client.get(base + "/hello") == ("2.05", b"hello")


@pytest.mark.parametrize("client", ["aiocoap", "libcoap"], indirect=True)
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


def test_nothing_without_oscore(base):
    assert AiocoapClient().get(base + "/hello")[0] == "4.01"


@pytest.mark.parametrize(("shared", "code"), [(FORGED, "4.00"), (UNKNOWN, "4.01")])
@pytest.mark.parametrize("make", [AiocoapOscoreClient, LibcoapOscoreClient])
def test_strangers(make, shared, code, base, tmp_path):
    assert make(shared, tmp_path).get(base + "/hello")[0] == code
