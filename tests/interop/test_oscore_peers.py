"""aiocoap and libcoap speak OSCORE with each other: what fails here is not ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.oscore_peers import (
    AiocoapOscoreClient,
    LibcoapOscoreClient,
    Shared,
    aiocoap_oscore_server,
    libcoap_oscore_server,
)
from tests.interop.peers import BODY, OBSERVED, AiocoapClient, LibcoapClient

SHARED = Shared(id_context=b"\x0a\x0b")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("oscore")


@pytest.fixture(scope="module")
def at_aiocoap(folder) -> Iterator[str]:
    server, port = aiocoap_oscore_server(SHARED, folder)
    with server:
        yield f"coap://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def libcoap(folder) -> LibcoapClient:
    return LibcoapOscoreClient(SHARED, folder)


@pytest.fixture(scope="module")
def at_libcoap(folder) -> Iterator[str]:
    server, port = libcoap_oscore_server(SHARED, folder)
    with server:
        yield f"coap://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def aiocoap(folder) -> AiocoapClient:
    return AiocoapOscoreClient(SHARED, folder)


def test_libcoap_reads_from_aiocoap(libcoap, at_aiocoap):
    assert libcoap.get(at_aiocoap + "/hello") == ("2.05", b"hello")


def test_libcoap_puts_4000_bytes_to_aiocoap(libcoap, at_aiocoap):
    assert libcoap.put(at_aiocoap + "/store") == ("2.04", BODY)


def test_libcoap_observes_aiocoap(libcoap, at_aiocoap):
    seen = libcoap.observe(at_aiocoap + "/ticks")
    assert len(seen) == OBSERVED
    assert seen == sorted(set(seen))


def test_aiocoap_reads_from_libcoap(aiocoap, at_libcoap):
    code, text = aiocoap.get(at_libcoap + "/")
    assert code == "2.05"
    assert text.startswith(b"This is a test server")


def test_aiocoap_puts_4000_bytes_to_libcoap(aiocoap, at_libcoap):
    assert aiocoap.put(at_libcoap + "/example_data") == ("2.01", BODY)


def test_nobody_reads_from_aiocoap_without_oscore(at_aiocoap):
    assert AiocoapClient().get(at_aiocoap + "/hello")[0] == "4.03"
