"""What is no valid request, whoever sends it: its answer, and that the next one is heard."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from leafkey.ace import labels
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    ACK,
    BAD_OPTION,
    BAD_REQUEST,
    CHANGED,
    CON,
    EMPTY,
    FORBIDDEN,
    GET,
    NON,
    OSCORE,
    PAT,
    POST,
    PROXY_URI,
    PROXYING_NOT_SUPPORTED,
    PUT,
    RST,
    UNAUTHORIZED,
    URI_PATH,
)
from leafkey.codec import cbor
from leafkey.oscore import option
from leafkey.oscore.association import NotKnown
from leafkey.oscore.context import Outgoing, header_of
from leafkey.oscore.recipients import NOT_FOUND, REPLAYED, UNDECIPHERABLE, UNREADABLE
from leafkey.pat import ticket
from tests.manager.answers import TEMP, error_of, refused, sent, token_request
from tests.manager.nodes import ClientNode, decoded
from tests.manager.processes import Leafkey, Serving
from tests.support.channel import CHANNEL, kid_context_of, newest


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


@pytest.mark.parametrize("profile", [None, 1, 2])
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
def test_what_is_not_protected_is_refused_alike(display: ClientNode, path: str, code: int):
    message = Message(code, payload=b"x")
    message.set_path(path)
    refused(sent(display, message))


@pytest.mark.parametrize("value", [b"", b"\x03", b"\x03" + bytes(16), bytes(40), b"\x07" * 25])
def test_an_at_is_no_protection_here(display: ClientNode, value: bytes):
    refused(sent(display, Message(POST, ((PAT, value),), b"x" * 40)))


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (b"", BAD_OPTION, UNREADABLE),
        (b"\x00", BAD_OPTION, UNREADABLE),
        (b"\x09", BAD_OPTION, UNREADABLE),
        (b"\xe9\x00abcd", BAD_OPTION, UNREADABLE),
        (b"\x0e" + b"\x01" * 6 + b"abcd", BAD_OPTION, UNREADABLE),
        (b"\x19\x00\xffabcd", BAD_OPTION, UNREADABLE),
        (b"\x01\x00", BAD_OPTION, UNREADABLE),
        (b"\x09\x00", UNAUTHORIZED, NOT_FOUND),
        (b"\x09\x00abcd", UNAUTHORIZED, NOT_FOUND),
        (b"\x19\x00\x09\x48" + bytes(8) + b"abcd", UNAUTHORIZED, NOT_FOUND),
    ],
)
def test_what_names_no_context(display: ClientNode, value: bytes, code: int, text: bytes):
    refused(sent(display, Message(POST, ((OSCORE, value),), b"x" * 40)), code, text)
    refused(sent(display, Message(POST, ((OSCORE, b"\x09\x00abcd"),))), BAD_OPTION, UNREADABLE)


def sealed(node: ClientNode, request: Message) -> Outgoing:
    """Return a request of a node's in the context that it has."""
    node.ask("nobody", TEMP)
    return newest(node.association).protect_request(request)


def test_a_replayed_request_is_refused(display: ClientNode):
    outgoing = sealed(display, token_request())
    answer = sent(display, outgoing.message)
    assert answer
    outgoing.unprotect(answer)
    refused(sent(display, outgoing.message), UNAUTHORIZED, REPLAYED)
    error_of(display.ask("nobody", TEMP))


@pytest.mark.parametrize("place", [0, 9, -1])
def test_a_changed_request_is_refused_and_uses_nothing_up(display: ClientNode, place: int):
    outgoing = sealed(display, token_request())
    spoilt = outgoing.message.copy()
    spoilt.payload = bytes(
        byte ^ (i == place % len(spoilt.payload)) for i, byte in enumerate(spoilt.payload)
    )
    refused(sent(display, spoilt), BAD_REQUEST, UNDECIPHERABLE)
    assert outgoing.unprotect(sent(display, outgoing.message) or Message(EMPTY))


def test_requests_that_made_a_context_are_worth_nothing_again(display: ClientNode):
    display.restart()
    display.heard.clear()
    error_of(display.ask("nobody", TEMP))
    asked, concluding = display.heard
    # Who repeats the first is answered as if it were new, and gains nothing by it.
    again = sent(display, asked)
    assert again
    assert again.code == CHANGED
    assert kid_context_of(again) != kid_context_of(sent(display, asked) or Message(EMPTY))
    refused(sent(display, concluding), UNAUTHORIZED, REPLAYED)
    display.restart()
    error_of(display.ask("nobody", TEMP))
    display.restart()
    error_of(display.ask("nobody", TEMP))
    # By now the manager has forgotten that context.
    refused(sent(display, concluding), UNAUTHORIZED, NOT_FOUND)
    name = display.association.id_context
    error_of(display.ask("nobody", TEMP))
    assert display.association.id_context == name


def test_the_same_datagram_gets_the_same_answer(display: ClientNode):
    outgoing = sealed(display, token_request())
    outgoing.message.mid, outgoing.message.token = 4711, b"t"
    data = encode(outgoing.message)
    first = display.raw(data)
    assert first
    assert display.raw(data) == first


def test_another_request_with_the_same_message_id_is_no_duplicate(display: ClientNode):
    outgoing = sealed(display, token_request())
    spoilt = Message(POST, ((PAT, b"x"),), b"", CON, 4711, b"t")
    refused(decode(display.raw(encode(spoilt)) or b""))
    outgoing.message.mid, outgoing.message.token = 4711, b"t"
    assert outgoing.unprotect(decode(display.raw(encode(outgoing.message)) or b""))


def test_a_node_of_another_manager_is_not_known(tmp_path: Path, display: ClientNode):
    other = Leafkey(tmp_path)
    other.ok("init", "--name", "home", "--uri", "coap://127.0.0.1:5683")
    other.ok("client", "add", "display")
    stranger = ClientNode(other.directory / "display.identity", display.manager[1])
    with stranger, pytest.raises(NotKnown):
        stranger.ask("thermo", TEMP)


def test_a_node_does_not_pass_for_another(house: tuple[Leafkey, Serving], display: ClientNode):
    home, _ = house
    home.ok("client", "add", "twin")
    with ClientNode(home.directory / "twin.identity", display.manager[1]) as twin:
        outgoing = sealed(twin, token_request())
        posing = header_of(outgoing.message)
        other = newest(display.association).keys.sender_id
        posing = posing._replace(kid=other, piv=b"\x7f")
        outgoing.message.remove(OSCORE)
        outgoing.message.add(OSCORE, option.encode(*posing))
        refused(sent(twin, outgoing.message), BAD_REQUEST, UNDECIPHERABLE)
        # Nor with its own secret from the beginning.
        alg, secret, _, manager = twin.fields[CHANNEL]
        twin.fields[CHANNEL] = [alg, secret, display.fields[CHANNEL][2], manager]
        twin.restart()
        with pytest.raises(NotKnown):
            twin.ask("nobody", TEMP)


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
    refused(sent(display, Message(GET)))


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
    refused(sent(display, Message(GET)))


def test_a_ping_is_answered(display: ClientNode):
    assert decode(display.raw(b"\x40\x00\x12\x34") or b"").type == RST
