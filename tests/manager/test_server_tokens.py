"""Server tokens over loopback: (2) and (3)."""

import pytest

from leafkey.ace import labels
from leafkey.coap.numbers import (
    CHANGED,
    CONTENT_FORMAT,
    SERVICE_UNAVAILABLE,
)
from leafkey.codec import cbor
from leafkey.pat import tokens
from tests.manager.answers import TEMP, error_of, granted
from tests.manager.nodes import ClientNode, ServerNode
from tests.manager.processes import Leafkey, Serving


def test_a_server_gets_its_token(thermo: ServerNode, serving: Serving, home: Leafkey):
    token = thermo.pull()
    assert token.is_whole()
    assert token.params[tokens.AUDIENCE] == "thermo"
    assert token.params[tokens.SAM] == "coap://127.0.0.1:5683/token"
    assert serving.line("(2)  thermo -> home  server token request: has version 0")
    assert serving.line("(3)  home -> thermo  server token: whole, version 1")
    table = home.ok("server", "list")
    assert f"127.0.0.1:{thermo.socket.getsockname()[1]}" in table


def test_a_token_of_many_slots_comes_in_blocks(home: Leafkey, serving: Serving):
    home.ok("server", "add", "lock", "--slots", "64")
    for number in range(24):
        home.ok("client", "add", f"c{number}", "--out", f"c{number}")
        home.ok("policy", "allow", f"c{number}", "lock", "/" + "x" * 60)
    with ServerNode(home.directory / "lock.identity", serving.port) as lock:
        lock.pull()
        lock.start()
        for number in range(24):
            with ClientNode(home.directory / f"c{number}", serving.port) as client:
                granted(client.ask("lock", ("/" + "x" * 60, 1)))
        lock.rest()
        token = lock.pull()
    assert len(token.params[tokens.SLOTS]) == 24
    assert len(tokens.encode_server_token(token)) > 1472


@pytest.mark.parametrize("payload", [b"", b"x", cbor.encode({}), cbor.encode({19: -1})])
def test_what_is_no_server_token_request_is_refused(thermo: ServerNode, payload: bytes):
    assert error_of(thermo.post("/server-token", payload)) == labels.INVALID_REQUEST
    thermo.pull()


def test_a_server_that_lost_its_token_takes_none_that_it_did_not_ask_for(
    home: Leafkey, display: ClientNode, ready: ServerNode, serving: Serving
):
    home.ok("policy", "allow", "display", "thermo", "/temp")
    granted(display.ask("thermo", TEMP))
    ready.forget()
    assert display.ask("thermo", TEMP).code == SERVICE_UNAVAILABLE
    assert serving.line("it has none, and asks for one by itself")
    assert [token.is_whole() for token in ready.pushed] == [False]


def test_a_server_that_is_ahead_shows_that_the_manager_was_restored(
    thermo: ServerNode, serving: Serving
):
    response = thermo.post("/server-token", cbor.encode({tokens.VERSION: 99}))
    assert response.code == SERVICE_UNAVAILABLE
    assert serving.line("this manager's memory is out of date")


def test_changed_answers_are_cbor(thermo: ServerNode):
    response = thermo.post("/server-token", cbor.encode({19: 0}))
    assert response.code == CHANGED
    assert response.uint(CONTENT_FORMAT) == 60
