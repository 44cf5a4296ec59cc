"""The protocol over loopback: nodes made of the core, and a manager that is a process."""

import os
import re
import sqlite3
import time

import pytest

from leafkey.ace import aif, hints, labels
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    ACK,
    APPLICATION_ACE_CBOR,
    BAD_OPTION,
    BAD_REQUEST,
    CHANGED,
    CON,
    CONTENT_FORMAT,
    CREATED,
    EMPTY,
    FORBIDDEN,
    GET,
    MAX_AGE,
    NON,
    PAT,
    POST,
    PROXY_URI,
    PROXYING_NOT_SUPPORTED,
    PUT,
    RST,
    SERVICE_UNAVAILABLE,
    UNAUTHORIZED,
    URI_PATH,
)
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.pat import functions, ticket, tokens, tree
from leafkey.pat.presenter import LevelDemanded, NotRecognized, Presenter
from leafmanager.store import database
from tests.manager.nodes import ClientNode, ServerNode, decoded
from tests.manager.processes import Leafkey, Serving

TEMP = ("/temp", 1)


@pytest.fixture
def allowed(home: Leafkey) -> None:
    """The display may read the temperature."""
    home.ok("policy", "allow", "display", "thermo", "/temp", "--ats", "50")


@pytest.fixture
def ready(thermo: ServerNode) -> ServerNode:
    """The server has its ST and answers."""
    thermo.pull()
    thermo.start()
    return thermo


def error_of(response: Message) -> int:
    assert response.code == BAD_REQUEST
    assert response.uint(CONTENT_FORMAT) == APPLICATION_ACE_CBOR
    return decoded(response.payload)[labels.ERROR]


def granted(response: Message) -> tokens.ClientToken:
    assert response.code == CREATED, response.code
    assert response.uint(CONTENT_FORMAT) == APPLICATION_ACE_CBOR
    return ticket.decode_response(response.payload)[0]


# Tickets


def test_a_ticket_is_what_the_server_was_told(
    allowed: None, display: ClientNode, ready: ServerNode, serving: Serving
):
    response = display.ask("thermo", TEMP, ("/vent", 4))
    token, scope = ticket.decode_response(response.payload)
    assert scope == [TEMP]
    assert (token.params[tokens.SLOT], token.params[tokens.LAST]) == (1, 49)
    held = ready.clients.token
    assert held
    suite = functions.suite(default_provider(), held.params[tokens.SUITE])
    assert token.ct == tree.derive(suite, held.st, (1, 1))
    assert aif.permits(held.params[tokens.SLOTS][1].permissions, (b"temp",), GET)
    assert serving.line("(6)  display -> home  ticket request: thermo GET /temp, PUT /vent")
    assert serving.line("(7)  home -> display  ticket: thermo GET /temp, slot 1 generation 1")


def test_the_first_ticket_needs_a_change_and_no_more(
    allowed: None, display: ClientNode, ready: ServerNode
):
    granted(display.ask("thermo", TEMP))
    assert [token.is_whole() for token in ready.pushed] == [False]


def test_the_same_request_id_gets_the_same_ticket(
    allowed: None, display: ClientNode, ready: ServerNode
):
    first = display.ask("thermo", TEMP, request_id=b"12345678")
    again = display.ask("thermo", TEMP, request_id=b"12345678")
    assert granted(first).ct == granted(again).ct
    assert first.payload == again.payload
    assert len(ready.pushed) == 1


def test_a_new_request_id_gets_a_new_generation(
    home: Leafkey, display: ClientNode, ready: ServerNode
):
    home.ok("policy", "allow", "display", "thermo", "/temp")
    first = granted(display.ask("thermo", TEMP))
    second = granted(display.ask("thermo", TEMP))
    assert first.ct != second.ct
    assert first.params[tokens.SLOT] == second.params[tokens.SLOT]
    assert ready.generation(1) == 2


def test_a_rule_counts_from_the_next_ticket_on(
    home: Leafkey, display: ClientNode, ready: ServerNode
):
    assert error_of(display.ask("thermo", TEMP)) == labels.INVALID_SCOPE
    home.ok("policy", "allow", "display", "thermo", "/temp", "--for", "1h")
    assert 3590 <= (granted(display.ask("thermo", TEMP)).expires_in or 0) <= 3600
    home.ok("policy", "deny", "display", "thermo", "/temp")
    assert error_of(display.ask("thermo", TEMP)) == labels.INVALID_SCOPE


def test_what_is_denied_is_said_to_the_owner(
    display: ClientNode, ready: ServerNode, serving: Serving
):
    display.ask("thermo", TEMP)
    assert serving.line("(7)  home -> display  no ticket: policy allows none of this")


def test_an_unknown_audience_is_an_invalid_request(display: ClientNode):
    assert error_of(display.ask("nobody", TEMP)) == labels.INVALID_REQUEST


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"not CBOR",
        b"\xa0\x00",
        b"\xa1\x05\x60\x05\x60",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81" * 1000 + b"\x00",
        cbor.encode([1, 2, 3]),
    ],
)
def test_what_is_no_ticket_request_is_refused_and_survived(display: ClientNode, payload: bytes):
    wanted = labels.INVALID_REQUEST if payload != b"\xa0" else labels.INCOMPATIBLE_ACE_PROFILES
    assert error_of(display.post("/token", payload)) == wanted
    assert error_of(display.ask("nobody", TEMP)) == labels.INVALID_REQUEST


@pytest.mark.parametrize("profile", [None, 1, 2, "coap_pat"])
def test_another_profile_is_incompatible(display: ClientNode, profile: object):
    fields = decoded(ticket.encode_request(ticket.TokenRequest("thermo", [TEMP], b"12345678")))
    if profile is None:
        del fields[labels.ACE_PROFILE]
    else:
        fields[labels.ACE_PROFILE] = profile
    answer = display.post("/token", cbor.encode(fields))
    assert error_of(answer) == labels.INCOMPATIBLE_ACE_PROFILES


@pytest.mark.parametrize("scope", [b"", b"x", cbor.encode("GET /temp"), cbor.encode([["/t", 999]])])
def test_a_malformed_scope_is_an_invalid_scope(display: ClientNode, scope: bytes):
    fields = decoded(ticket.encode_request(ticket.TokenRequest("thermo", [TEMP], b"12345678")))
    fields[labels.SCOPE] = scope
    assert error_of(display.post("/token", cbor.encode(fields))) == labels.INVALID_SCOPE


def test_a_full_server_makes_clients_wait(home: Leafkey):
    home.ok("server", "add", "lock", "--slots", "1")
    home.ok("client", "add", "phone")
    for client in ("display", "phone"):
        home.ok("policy", "allow", client, "lock", "/x")
    serving = Serving(home)
    lock = ServerNode(home.directory / "lock.identity", serving.port)
    clients = [
        ClientNode(home.directory / f"{name}.identity", serving.port)
        for name in ("display", "phone")
    ]
    lock.pull()
    lock.start()
    granted(clients[0].ask("lock", ("/x", 1)))
    response = clients[1].ask("lock", ("/x", 1))
    assert response.code == SERVICE_UNAVAILABLE
    assert (response.uint(MAX_AGE) or 0) >= 10
    assert serving.line("all 1 slots of lock are taken")
    for node in (*clients, lock):
        node.close() if node is not lock else lock.stop()
    assert serving.stop() == 0


# Server tokens


def test_a_server_gets_its_token(thermo: ServerNode, serving: Serving, home: Leafkey):
    token = thermo.pull()
    assert token.is_whole()
    assert token.params[tokens.AUDIENCE] == "thermo"
    assert token.params[tokens.SAM] == "coap://127.0.0.1:5683/token"
    assert serving.line("(2)  thermo -> home  server token request: has version 0")
    assert serving.line("(3)  home -> thermo  server token: whole, version 1")
    table = home.ok("server", "list")
    assert f"127.0.0.1:{thermo.socket.getsockname()[1]}" in table


def test_a_token_of_many_slots_comes_in_blocks(home: Leafkey):
    home.ok("server", "add", "lock", "--slots", "64")
    for number in range(24):
        home.ok("client", "add", f"c{number}", "--out", f"c{number}")
        home.ok("policy", "allow", f"c{number}", "lock", "/" + "x" * 60)
    serving = Serving(home)
    lock = ServerNode(home.directory / "lock.identity", serving.port)
    lock.pull()
    lock.start()
    for number in range(24):
        client = ClientNode(home.directory / f"c{number}", serving.port)
        granted(client.ask("lock", ("/" + "x" * 60, 1)))
        client.close()
    lock.stop()
    again = ServerNode(home.directory / "lock.identity", serving.port)
    again.presenter, again.clients = lock.presenter, lock.clients
    token = again.pull()
    assert len(token.params[tokens.SLOTS]) == 24
    assert len(tokens.encode_server_token(token)) > 1472
    again.close()
    serving.stop()


@pytest.mark.parametrize("payload", [b"", b"x", cbor.encode({}), cbor.encode({19: -1})])
def test_what_is_no_server_token_request_is_refused(thermo: ServerNode, payload: bytes):
    assert error_of(thermo.post("/server-token", payload)) == labels.INVALID_REQUEST
    thermo.pull()


def test_a_ticket_waits_for_a_server_that_was_never_heard(
    allowed: None, display: ClientNode, thermo: ServerNode, serving: Serving
):
    response = display.ask("thermo", TEMP, request_id=b"12345678")
    assert response.code == SERVICE_UNAVAILABLE
    assert (response.uint(MAX_AGE) or 0) > 0
    assert serving.line("the server does not answer")
    thermo.pull()
    thermo.start()
    token = granted(display.ask("thermo", TEMP, request_id=b"12345678"))
    assert token.params[tokens.LAST] == 49


def test_a_ticket_waits_for_a_server_that_is_off(
    allowed: None, home: Leafkey, display: ClientNode, thermo: ServerNode, serving: Serving
):
    thermo.pull()
    thermo.close()
    start = time.monotonic()
    response = display.ask("thermo", TEMP, request_id=b"12345678")
    assert response.code == SERVICE_UNAVAILABLE
    assert time.monotonic() - start < 12
    assert "pending" in home.ok("grant", "list")


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


def test_an_expired_grant_is_closed_and_refused(
    home: Leafkey, display: ClientNode, ready: ServerNode
):
    home.ok("policy", "allow", "display", "thermo", "/temp", "--for", "2s")
    assert granted(display.ask("thermo", TEMP)).expires_in in (1, 2)
    time.sleep(2.1)
    assert error_of(display.ask("thermo", TEMP)) == labels.INVALID_SCOPE
    assert home.run("grant", "list").stdout == ""
    assert ready.pull().params[tokens.SLOTS] == {}


# Whoever is not a node, and what a node may not do


def refusal(response: Message | None) -> bytes:
    assert response
    assert response.code == UNAUTHORIZED
    assert response.option(PAT) is None
    sam, audience, field = hints.decode(response.payload)
    assert (sam, audience) == ("coap://127.0.0.1:5683/token", "home")
    assert field
    return field


def sent(node: ClientNode, message: Message) -> Message | None:
    message.mid, message.token = int.from_bytes(os.urandom(2), "big"), os.urandom(4)
    data = node.raw(encode(message))
    return (data and decode(data)) or None


@pytest.mark.parametrize("path", ["/token", "/server-token", "/", "/nothing", "/.well-known/core"])
@pytest.mark.parametrize("code", [GET, POST, PUT])
def test_without_an_at_all_is_refused_alike(display: ClientNode, path: str, code: int):
    message = Message(code, payload=b"x")
    message.set_path(path)
    refusal(sent(display, message))


@pytest.mark.parametrize("value", [b"", b"\x03", b"\x03" + bytes(16), bytes(40), b"\x07" * 25])
def test_a_malformed_or_unknown_at_is_refused_alike(display: ClientNode, value: bytes):
    refusal(sent(display, Message(POST, ((PAT, value),), b"x" * 40)))


def test_no_two_refusals_are_the_same(display: ClientNode):
    fields = {refusal(sent(display, Message(POST))) for _ in range(4)}
    assert len(fields) == 4


def test_a_used_at_is_refused(display: ClientNode):
    exchange = display.presenter.protect(_token_request())
    answer = sent(display, exchange.message)
    assert answer
    exchange.unprotect(answer)
    refusal(sent(display, exchange.message))


def test_the_same_datagram_gets_the_same_answer(display: ClientNode):
    exchange = display.presenter.protect(_token_request())
    exchange.message.mid, exchange.message.token = 4711, b"t"
    data = encode(exchange.message)
    first = display.raw(data)
    assert first
    assert display.raw(data) == first


def test_another_request_with_the_same_message_id_is_no_duplicate(display: ClientNode):
    spoilt = Message(POST, ((PAT, b"x"),), b"", CON, 4711, b"t")
    refusal(decode(display.raw(encode(spoilt)) or b""))
    exchange = display.presenter.protect(_token_request())
    exchange.message.mid, exchange.message.token = 4711, b"t"
    assert exchange.unprotect(decode(display.raw(encode(exchange.message)) or b""))


def test_the_at_of_another_manager_is_refused(home: Leafkey, display: ClientNode):
    other = Leafkey(home.directory / "elsewhere")
    other.directory.mkdir()
    other.ok("init", "--name", "home", "--uri", "coap://127.0.0.1:5683")
    other.ok("client", "add", "display")
    stranger = ClientNode(other.directory / "display.identity", display.manager[1])
    with pytest.raises(NotRecognized):
        stranger.ask("thermo", TEMP)
    stranger.close()


@pytest.mark.parametrize("level", [tokens.POP, tokens.INTEGRITY])
def test_nothing_below_confidential_is_accepted(display: ClientNode, level: int):
    token = tokens.client_token(display.fields[3])
    token.params[tokens.LEVEL] = level
    careless = Presenter(default_provider(), token, lambda state: None)
    exchange = careless.protect(_token_request())
    with pytest.raises(LevelDemanded) as demanded:
        exchange.unprotect(sent(display, exchange.message) or Message(EMPTY))
    assert demanded.value.level == tokens.CONFIDENTIAL


def test_bearer_is_refused_without_using_the_at_up(display: ClientNode):
    exchange = display.presenter.protect(Message(GET, ((URI_PATH, b"token"),)), tokens.CONFIDENTIAL)
    at = exchange.message.option(PAT) or b""
    refusal(sent(display, Message(GET, ((PAT, b"\x00" + at[1:]),))))
    assert exchange.unprotect(sent(display, exchange.message) or Message(EMPTY)).code == FORBIDDEN


def test_a_client_gets_no_server_token(display: ClientNode):
    assert display.post("/server-token", cbor.encode({19: 0})).code == FORBIDDEN


@pytest.mark.parametrize("path", ["/", "/nothing", "/token/x"])
def test_a_node_gets_no_other_resource(display: ClientNode, path: str):
    assert display.post(path, b"x").code == FORBIDDEN


def test_a_node_added_meanwhile_is_served_at_once(home: Leafkey, display: ClientNode):
    error_of(display.ask("nobody", TEMP))
    home.ok("client", "add", "phone")
    phone = ClientNode(home.directory / "phone.identity", display.manager[1])
    assert error_of(phone.ask("nobody", TEMP)) == labels.INVALID_REQUEST
    phone.close()


# What is no valid CoAP


def test_an_unknown_critical_option_is_a_bad_option(display: ClientNode):
    answer = sent(display, Message(GET, ((65003, b""),)))
    assert answer
    assert (answer.code, answer.type) == (BAD_OPTION, ACK)
    assert sent(display, Message(GET, ((URI_PATH, b"\xff"),))).code == BAD_OPTION  # type: ignore
    assert sent(display, Message(GET, type=NON, options=((65003, b""),))) is None


def test_a_proxy_is_not_here(display: ClientNode):
    answer = sent(display, Message(GET, ((PROXY_URI, b"coap://x"),)))
    assert answer
    assert answer.code == PROXYING_NOT_SUPPORTED


@pytest.mark.parametrize(
    "data",
    [b"", b"\x40", b"\x40\x01\x00", b"\x00\x01\x12\x34", b"\x80\x01\x12\x34", b"\xff" * 1473],
)
def test_what_is_no_message_is_ignored_and_survived(display: ClientNode, data: bytes):
    assert display.raw(data, 0.2) is None
    refusal(sent(display, Message(GET)))


@pytest.mark.parametrize(
    "tail",
    [
        b"\x49\x01\x12\x34" + bytes(9),
        b"\x4f\x01\x12\x34" + bytes(15),
        b"\x40\x01\x12\x34\xff",
        b"\x40\x01\x12\x34\xbd\xff",
        b"\x40\x01\x12\x34\xf0",
        b"\x40\x01\x12\x34\xbe\xff\xff" + bytes(100),
    ],
)
def test_a_malformed_message_is_reset_and_survived(display: ClientNode, tail: bytes):
    answer = display.raw(tail)
    assert answer
    assert decode(answer).type == RST
    refusal(sent(display, Message(GET)))


def test_a_ping_is_answered(display: ClientNode):
    assert decode(display.raw(b"\x40\x00\x12\x34") or b"").type == RST


# Restarts and secrets


def test_a_killed_manager_goes_on_where_it_was(home: Leafkey):
    home.ok("policy", "allow", "display", "thermo", "/temp")
    serving = Serving(home)
    display = ClientNode(home.directory / "display.identity", serving.port)
    thermo = ServerNode(home.directory / "thermo.identity", serving.port)
    thermo.pull()
    thermo.start()
    used = display.presenter.protect(_token_request())
    assert used.unprotect(sent(display, used.message) or Message(EMPTY))
    first = granted(display.ask("thermo", TEMP))
    serving.kill()
    serving = Serving(home)
    for node in (display, thermo):
        node.manager = ("127.0.0.1", serving.port)
    refusal(sent(display, used.message))
    second = granted(display.ask("thermo", TEMP))
    assert first.ct != second.ct
    assert thermo.generation(1) == 2
    display.close()
    thermo.stop()
    assert serving.stop() == 0


def test_only_one_serves_a_manager(home: Leafkey, serving: Serving):
    assert "already" in home.fails("serve", "--host", "127.0.0.1", "--port", "0")


def test_no_secret_is_in_the_output(
    home: Leafkey, display: ClientNode, ready: ServerNode, serving: Serving
):
    home.ok("policy", "allow", "display", "thermo", "/temp")
    token = granted(display.ask("thermo", TEMP))
    display.ask("nobody", TEMP)
    display.ask("thermo\x1b[2J\n", TEMP)
    display.post("/token", b"nonsense")
    refusal(sent(display, Message(GET)))
    serving.stop()
    said = "\n".join(serving.lines)
    for arguments in (("server", "list"), ("client", "list"), ("grant", "list", "--all")):
        result = home.run(*arguments)
        said += result.stdout + result.stderr
    assert "\x1b" not in said
    found = [token.ct, *_secrets(home)]
    assert len(found) >= 5
    for secret in found:
        assert not re.search(_spellings(secret), said, re.IGNORECASE)


def _secrets(home: Leafkey) -> list[bytes]:
    """Every value of 16 bytes and more in a column of bytes, whatever it is for."""
    with sqlite3.connect(home.state / database.FILE_NAME) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        rows = [row for (table,) in tables for row in connection.execute(f"SELECT * FROM {table}")]
    return [value for row in rows for value in row if isinstance(value, bytes) and len(value) >= 16]


def _spellings(secret: bytes) -> str:
    """The secret, its first 8 bytes in hexadecimal, and as Python shows bytes."""
    shown = repr(secret[:8])[2:-1]
    return "|".join(re.escape(text) for text in (secret[:8].hex(), shown))


def _token_request() -> Message:
    message = Message(POST, payload=b"x")
    message.set_path("/token")
    return message


def test_json_events_are_objects(home: Leafkey):
    serving = Serving(home, "--json")
    display = ClientNode(home.directory / "display.identity", serving.port)
    display.ask("nobody", TEMP)
    assert serving.line('{"message": 6, "from": "display", "to": "home", "text": "ticket request')
    display.close()
    serving.stop()


def test_changed_answers_are_cbor(thermo: ServerNode):
    response = thermo.post("/server-token", cbor.encode({19: 0}))
    assert response.code == CHANGED
    assert response.uint(CONTENT_FORMAT) == 60
