"""MicroPython's RS and C with an AS of aiocoap and cwt, and the RS with a client of aiocoap."""

import os
from collections.abc import Iterator
from pathlib import Path

import aiocoap
import cbor2
import pytest
from aiocoap import oscore

from tests.interop.ace_peers import (
    AUDIENCE,
    Authority,
    Client,
    Mint,
    Visitor,
    authority,
    resource_server,
)

MINT = Mint()
WIDE = cbor2.dumps([["/temp", 1], ["/vent", 5]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("ace")


@pytest.fixture(scope="module")
def issuing(folder) -> Iterator[Authority]:
    started = authority(folder)
    with started.process:
        yield started


@pytest.fixture(scope="module")
def port(folder, issuing) -> Iterator[int]:
    server, port = resource_server(folder / "rs", issuing.uri)
    with server:
        yield port
        assert "never" not in server.output


@pytest.fixture
def visitor(port, tmp_path) -> Visitor:
    return Visitor(port, tmp_path)


def test_from_hints_to_an_observation_and_through_a_restart(tmp_path):
    started = authority(tmp_path)
    server, port = resource_server(tmp_path / "rs", started.uri)
    base = f"coap://127.0.0.1:{port}"
    client = Client(tmp_path / "c", started.uri)
    with started.process, client.process:
        with server:
            assert client.does(f"GET {base}/temp") == "2.05 21.5"
            assert client.does(f"GET {base}/temp") == "2.05 21.5"
            assert len([x for x in started.process.lines if x.startswith("asked")]) == 1
            # A further right in the context that there is.
            assert client.does(f"PUT {base}/vent open") == "2.04 "
            assert "update" in started.process.lines[-1]
            assert client.does(f"GET {base}/vent") == "2.05 open"
            assert client.does(f"PUT {base}/temp 30").startswith("NotAllowed")
            assert client.does(f"GET {base}/secret").startswith("NotAllowed")
        server, _ = resource_server(tmp_path / "rs", started.uri, port)
        with server:
            # What was posted before the restart counts as over: C gets another token.
            assert client.does(f"GET {base}/vent") == "2.05 shut"
            asked = [x for x in started.process.lines if x.startswith("asked")]
            assert "update" not in asked[-1]
            assert "never" not in server.output


def test_an_observation_goes_on_under_the_next_token(tmp_path):
    started = authority(tmp_path, lifetime=4)
    server, port = resource_server(tmp_path / "rs", started.uri)
    client = Client(tmp_path / "c", started.uri)
    with started.process, client.process, server:
        # The second value comes with the renewal, since the resource never changes.
        client.process.say(f"observe coap://127.0.0.1:{port}/temp")
        server.wait_for("temp GET")
        server.wait_for("temp GET", 30)
        assert len([x for x in started.process.lines if x.startswith("asked")]) >= 2


def test_a_client_of_aiocoap(visitor):
    answer = visitor.ask_openly(aiocoap.GET, "/temp")
    assert str(answer.code) == "4.01 Unauthorized"
    assert answer.opt.content_format == 19
    said = cbor2.loads(answer.payload)
    assert said[5] == AUDIENCE
    assert str(visitor.present(MINT.make()).code) == "2.01 Created"
    assert visitor.ask(aiocoap.GET, "/temp") == ("2.05 Content", b"21.5")
    assert visitor.ask(aiocoap.PUT, "/temp", b"30")[0] == "4.05 Method Not Allowed"
    assert visitor.ask(aiocoap.GET, "/secret")[0] == "4.03 Forbidden"
    assert visitor.ask(aiocoap.GET, "/nowhere")[0] == "4.03 Forbidden"


def test_exp_counts_from_the_cnonce(visitor):
    cnonce = cbor2.loads(visitor.ask_openly(aiocoap.GET, "/temp").payload)[39]
    dated = {"exi": None, "cti": None, "iat": 1700000000, "exp": 1700003600}
    assert str(visitor.present(MINT.make(cnonce=cnonce, **dated)).code) == "2.01 Created"
    assert visitor.ask(aiocoap.GET, "/temp") == ("2.05 Content", b"21.5")


def test_rights_change_in_the_context(visitor):
    first = MINT.make()
    visitor.present(first)
    assert visitor.ask(aiocoap.PUT, "/vent", b"open")[0] == "4.03 Forbidden"
    key = {3: first.material[0]}
    narrow = {1: MINT.make(cnf={3: b"another"}, scope=WIDE).token}
    assert visitor.ask(aiocoap.POST, "/authz-info", cbor2.dumps(narrow), 19)[0].startswith("4.01")
    assert visitor.ask(aiocoap.PUT, "/vent", b"open")[0] == "4.03 Forbidden"
    wide = cbor2.dumps({1: MINT.make(cnf=key, scope=WIDE).token})
    assert visitor.ask(aiocoap.POST, "/authz-info", wide, 42)[0].startswith("4.15")
    assert visitor.ask(aiocoap.POST, "/authz-info", wide, 19) == ("2.01 Created", b"")
    assert visitor.ask(aiocoap.PUT, "/vent", b"open")[0] == "2.04 Changed"


# Name: the token, and what it is answered.
BAD = {
    "another audience": (lambda: MINT.make(aud="lamp").token, "4.03"),
    "no audience": (lambda: MINT.make(aud=None).token, "4.03"),
    "over": (lambda: MINT.make(exi=0).token, "4.01"),
    "another server's number": (lambda: MINT.make(cti=b"lamp\0\0\0\1").token, "4.00"),
    "no end": (lambda: MINT.make(exi=None).token, "4.00"),
    "a bad tag": (lambda: MINT.make().token[:-1] + b"\0", "4.01"),
    "another key": (lambda: MINT.make(key=os.urandom(16)).token, "4.01"),
    "another kid": (lambda: MINT.make(kid=b"as-2").token, "4.01"),
    "no cnf": (lambda: MINT.make(cnf=None).token, "4.00"),
    "a kid alone": (lambda: MINT.make(cnf={3: b"\x01"}).token, "4.00"),
    "no Master Secret": (lambda: MINT.make(cnf={4: {0: b"\x01"}}).token, "4.00"),
    "a scope in words": (lambda: MINT.make(scope="read write").token, "4.00"),
    "no cnonce": (lambda: MINT.make(exi=None, cti=None, iat=1, exp=2000000000).token, "4.01"),
    "a stale cnonce": (
        lambda: MINT.make(exi=None, cti=None, iat=1, exp=2000000000, cnonce=bytes(8)).token,
        "4.01",
    ),
    "claims that are none": (lambda: MINT.sealed(b"\xff"), "4.00"),
    "a reference": (lambda: b"\x01\x02\x03\x04", "4.00"),
    "nothing": (lambda: b"", "4.00"),
    "oversized": (lambda: MINT.make(cti=AUDIENCE.encode() + b"\0" * 1200).token, "4.00"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tokens(visitor, name):
    make, code = BAD[name]
    answer = visitor.post(cbor2.dumps({1: make(), 40: os.urandom(8), 43: b"\x01"}))
    assert str(answer.code).startswith(code)
    assert (answer.opt.content_format == 19) == (code == "4.01")


@pytest.mark.parametrize("content_format", [None, 0, 42, 60, 61])
def test_another_content_format(visitor, content_format):
    payload = cbor2.dumps({1: MINT.make().token, 40: os.urandom(8), 43: b"\x01"})
    assert str(visitor.post(payload, content_format).code).startswith("4.15")


@pytest.mark.parametrize("lacks", [1, 40, 43])
def test_a_map_that_lacks_something(visitor, lacks):
    fields = {1: MINT.make().token, 40: os.urandom(8), 43: b"\x01"}
    del fields[lacks]
    assert str(visitor.post(cbor2.dumps(fields)).code).startswith("4.00")


@pytest.mark.parametrize("code", [aiocoap.GET, aiocoap.PUT, aiocoap.DELETE, aiocoap.FETCH])
def test_only_posts_go_to_authz_info(visitor, code):
    assert str(visitor.ask_openly(code, "/authz-info").code).startswith("4.05")


def test_whoever_replays_a_token_gets_nothing_and_ends_nothing(visitor, port, tmp_path):
    minted = MINT.make()
    visitor.present(minted)
    assert visitor.ask(aiocoap.GET, "/temp") == ("2.05 Content", b"21.5")
    recorded = cbor2.dumps({1: minted.token, 40: visitor.nonce1, 43: b"\x16\x45"})
    thief = Visitor(port, tmp_path / "thief")
    for _ in range(10):
        assert str(thief.post(recorded).code) == "2.01 Created"
    assert visitor.ask(aiocoap.GET, "/temp") == ("2.05 Content", b"21.5")
    # With the token but without its key there is no context.
    thief.present(minted._replace(material={**minted.material, 2: os.urandom(16)}))
    with pytest.raises(oscore.NotAProtectedMessage):
        thief.ask(aiocoap.GET, "/temp")
    assert visitor.ask(aiocoap.GET, "/temp") == ("2.05 Content", b"21.5")


def test_a_body_of_a_token_in_blocks(visitor):
    long = "/" + "x" * 120
    scope = cbor2.dumps([["/temp", 1], *[[f"{long}{n}", 1] for n in range(5)]])
    minted = MINT.make(scope=scope)
    padded = {1: minted.token, 40: visitor.nonce1, 43: b"\x16\x45", "padding": bytes(1000)}
    assert str(visitor.post(cbor2.dumps(padded)).code) == "2.01 Created"
    assert str(visitor.present(minted).code) == "2.01 Created"
    assert visitor.ask(aiocoap.GET, "/temp") == ("2.05 Content", b"21.5")
