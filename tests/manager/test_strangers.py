"""What is no valid request, whoever sends it: its answer, and that the next one is heard."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from leafkey.ace import labels
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    ACK,
    BAD_OPTION,
    CON,
    EMPTY,
    FORBIDDEN,
    GET,
    NON,
    PAT,
    POST,
    PROXY_URI,
    PROXYING_NOT_SUPPORTED,
    PUT,
    RST,
    URI_PATH,
)
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.pat import ticket, tokens
from leafkey.pat.presenter import LevelDemanded, NotRecognized, Presenter
from tests.manager.answers import TEMP, error_of, refusal, sent, token_request
from tests.manager.nodes import ClientNode, decoded
from tests.manager.processes import Leafkey, Serving


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Leafkey, Serving]]:
    """One manager for all that happens here: it must survive it."""
    leafkey = Leafkey(tmp_path_factory.mktemp("house"))
    leafkey.ok("init", "--name", "home", "--uri", "coap://127.0.0.1:5683")
    leafkey.ok("server", "add", "thermo")
    leafkey.ok("client", "add", "display")
    with Serving(leafkey) as serving:
        yield leafkey, serving
        assert serving.stop() == 0
        assert not any("Traceback" in line for line in serving.lines)


@pytest.fixture(scope="module")
def display(house: tuple[Leafkey, Serving]) -> Iterator[ClientNode]:
    """Its client."""
    leafkey, serving = house
    node = ClientNode(leafkey.directory / "display.identity", serving.port)
    yield node
    node.close()


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
    exchange = display.presenter.protect(token_request())
    answer = sent(display, exchange.message)
    assert answer
    exchange.unprotect(answer)
    refusal(sent(display, exchange.message))


def test_the_same_datagram_gets_the_same_answer(display: ClientNode):
    exchange = display.presenter.protect(token_request())
    exchange.message.mid, exchange.message.token = 4711, b"t"
    data = encode(exchange.message)
    first = display.raw(data)
    assert first
    assert display.raw(data) == first


def test_another_request_with_the_same_message_id_is_no_duplicate(display: ClientNode):
    spoilt = Message(POST, ((PAT, b"x"),), b"", CON, 4711, b"t")
    refusal(decode(display.raw(encode(spoilt)) or b""))
    exchange = display.presenter.protect(token_request())
    exchange.message.mid, exchange.message.token = 4711, b"t"
    assert exchange.unprotect(decode(display.raw(encode(exchange.message)) or b""))


def test_the_at_of_another_manager_is_refused(tmp_path: Path, display: ClientNode):
    other = Leafkey(tmp_path)
    other.ok("init", "--name", "home", "--uri", "coap://127.0.0.1:5683")
    other.ok("client", "add", "display")
    stranger = ClientNode(other.directory / "display.identity", display.manager[1])
    with pytest.raises(NotRecognized):
        stranger.ask("thermo", TEMP)
    stranger.close()


@pytest.mark.parametrize("level", [tokens.POP, tokens.INTEGRITY])
def test_nothing_below_confidential_is_accepted(
    house: tuple[Leafkey, Serving], display: ClientNode, level: int
):
    home, _ = house
    home.ok("client", "add", f"careless{level}")
    identity = decoded((home.directory / f"careless{level}.identity").read_bytes())
    token = tokens.client_token(identity[3])
    token.params[tokens.LEVEL] = level
    careless = Presenter(default_provider(), token, lambda state: None)
    exchange = careless.protect(token_request())
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


def test_a_node_added_meanwhile_is_served_at_once(
    house: tuple[Leafkey, Serving], display: ClientNode
):
    home, _ = house
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
    [
        b"",
        b"\x40",
        b"\x40\x01\x00",
        b"\x00\x01\x12\x34",
        b"\x80\x01\x12\x34",
        b"\xff" * 1473,
        # A response with a Location-Path that is no text.
        b"\x50\x45\x12\x34\x81\xfc",
    ],
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
