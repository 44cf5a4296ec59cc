"""Whatever arrives gets its defined answer, or silence where CoAP says so, and is survived."""

import base64
import os
import random
from collections.abc import Callable, Iterator

import pytest

from leafkey.ace import hints, labels
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    BAD_OPTION,
    BAD_REQUEST,
    CHANGED,
    CON,
    CONTENT,
    FORBIDDEN,
    GET,
    OSCORE,
    PAT,
    POST,
    PUT,
    UNAUTHORIZED,
    URI_PATH,
)
from leafkey.codec import cbor
from leafkey.oscore import option
from leafkey.oscore.recipients import REPLAYED
from leafkey.oscore.replay import SIZE as WINDOW
from leafkey.pat import tokens
from leafkey.pat.presenter import NotRecognized, Presenter
from leafkey.pat.ticket import TokenRequest, encode_request
from tests.multi import malformed
from tests.multi.house import House, ServerNode
from tests.multi.leaks import Secrets, channel_of
from tests.multi.peer import Insider, Peer, answered, message, presenter_of, raw

LEVELS = {"pop": tokens.POP, "integrity": tokens.INTEGRITY, "confidential": tokens.CONFIDENTIAL}
EVERYTHING = [("/temp", 1), ("/count", 2 | 4), ("/settings", 4)]
STORM = 5000
BATCH = 25
# Once its caches are full a node takes no more memory; the rest is what the collector cannot tell.
WARM = 1500
HEAP_NOISE = 2048


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    return house.add_server("thermo")


@pytest.fixture(scope="module")
def insider(house: House, thermo: ServerNode) -> Iterator[Insider]:
    """Holds an identity, and the right to everything."""
    identity = house.provision("insider")
    house.allow("insider", "thermo", "/*", "--methods", "all")
    made = Insider(identity, house.manager_port)
    yield made
    made.close()


@pytest.fixture(scope="module")
def presenter(insider: Insider) -> Presenter:
    """What the insider shows to thermo."""
    return insider.granted("thermo", *EVERYTHING)


@pytest.fixture
def peer(thermo: ServerNode) -> Iterator[Peer]:
    """A socket of its own for each test, towards thermo."""
    with Peer(thermo.port) as made:
        yield made


@pytest.fixture(params=["server", "manager"])
def anybody(request: pytest.FixtureRequest, house: House, thermo: ServerNode) -> Iterator[Peer]:
    """A stranger to the MicroPython server, and to the manager."""
    port = thermo.port if request.param == "server" else house.manager_port
    with Peer(port) as made:
        yield made


@pytest.fixture(autouse=True)
def goes_on(
    house: House, thermo: ServerNode, insider: Insider, presenter: Presenter
) -> Iterator[None]:
    """After each test both serve as before."""
    yield
    with Peer(thermo.port) as peer:
        assert answered(peer, presenter, message(GET, "/temp")).payload == b"21.5"
    assert insider.post("/nothing", b"").code == FORBIDDEN


def is_refusal(data: bytes) -> bool:
    """Tell whether this is message (4), as everybody gets it."""
    answer = decode(data)
    if answer.code != UNAUTHORIZED or answer.option(PAT) is not None:
        return False
    sam, audience, field = hints.decode(answer.payload)
    return bool(sam and audience and field)


# Messages that are none


@pytest.mark.parametrize(
    ("data", "answers"),
    [case[1:] for case in malformed.format_errors() + malformed.strays()],
    ids=[case[0] for case in malformed.format_errors() + malformed.strays()],
)
def test_malformed_and_stray_messages(anybody: Peer, data: bytes, answers: list[bytes]):
    assert anybody.answers(data, len(answers)) == answers


@pytest.mark.parametrize(
    ("data", "code"),
    [case[1:] for case in malformed.requests()],
    ids=[case[0] for case in malformed.requests()],
)
def test_senseless_requests(anybody: Peer, data: bytes, code: int):
    answers = anybody.answers(data)
    assert [decode(answer).code for answer in answers] == [code]


def test_an_option_of_2000_bytes(house: House, peer: Peer):
    assert [decode(answer).code for answer in peer.answers(malformed.HUGE_OPTION)] == [BAD_OPTION]
    with Peer(house.manager_port) as stranger:
        assert stranger.answers(malformed.HUGE_OPTION, 0) == malformed.SILENCE


def test_a_path_that_is_no_text(house: House, peer: Peer, presenter: Presenter):
    assert [is_refusal(answer) for answer in peer.answers(malformed.NOT_UTF8)] == [True]
    with Peer(house.manager_port) as stranger:
        codes = [decode(answer).code for answer in stranger.answers(malformed.NOT_UTF8)]
        assert codes == [BAD_OPTION]
    request = Message(GET, [(URI_PATH, b"\xff\xfe\xc0\x80")])
    assert answered(peer, presenter, request).code == FORBIDDEN


# ATs that are none

Change = Callable[[Message], None]


def on_option(change: Callable[[bytes], bytes]) -> Change:
    """Return what changes the value of the PAT option so."""

    def changed(sent: Message) -> None:
        value = sent.option(PAT)
        assert value is not None
        sent.remove(PAT)
        sent.add(PAT, change(value))

    return changed


def flipped(at: int) -> Callable[[bytes], bytes]:
    """Return what turns over one bit of the byte at `at`."""

    def flip(value: bytes) -> bytes:
        changed = bytearray(value)
        changed[at] ^= 4
        return bytes(changed)

    return flip


def other_payload(sent: Message) -> None:
    sent.payload = flipped(-1)(sent.payload)


def other_method(sent: Message) -> None:
    sent.code = POST if sent.code != POST else PUT


def other_path(sent: Message) -> None:
    sent.remove(URI_PATH)
    sent.add(URI_PATH, b"temp2")


TAMPERED = {
    "wrong At": on_option(flipped(1)),
    "last byte of At": on_option(flipped(16)),
    "truncated by one byte": on_option(lambda value: value[:-1]),
    "truncated At": on_option(lambda value: value[:9]),
    "level alone": on_option(lambda value: value[:1]),
    "empty option": on_option(lambda value: b""),
    "a byte more": on_option(lambda value: value + b"\x00"),
    "stripped to bearer": on_option(lambda value: b"\x00" + value[1:17]),
    "another level": on_option(lambda value: bytes((3 - value[0],)) + value[1:]),
    "level 4": on_option(lambda value: b"\x04" + value[1:]),
    "level 255": on_option(lambda value: b"\xff" + value[1:]),
    "as a probe": on_option(lambda value: b"\x07" + value[1:]),
}
COVERED = {
    "pop": {"wrong MAC": on_option(flipped(-1)), "method": other_method, "path": other_path},
    "integrity": {
        "wrong MAC": on_option(flipped(-1)),
        "method": other_method,
        "path": other_path,
        "payload": other_payload,
    },
    "confidential": {
        "wrong tag": other_payload,
        "no payload": lambda m: setattr(m, "payload", b""),
    },
}
CASES = [(level, name) for level in LEVELS for name in {**TAMPERED, **COVERED[level]}]


@pytest.mark.parametrize(("level", "name"), CASES)
def test_what_was_tampered_with_is_refused_and_uses_nothing_up(
    peer: Peer, thermo: ServerNode, presenter: Presenter, level: str, name: str
):
    change = {**TAMPERED, **COVERED[level]}[name]
    # A `pop` request has no payload, and a GET has no effect.
    request = message(GET, "/temp") if level == "pop" else message(PUT, "/count", b"tampered")
    acted = len(thermo.acted)
    exchange = presenter.protect(request, LEVELS[level])
    assert [is_refusal(answer) for answer in peer.answers(raw(exchange, change))] == [True]
    assert len(thermo.acted) == acted
    (answer,) = peer.answers(raw(exchange))
    code = exchange.unprotect(decode(answer)).code
    assert code == (CONTENT if level == "pop" else CHANGED)


def on_header(change: Callable[[bytes], bytes]) -> Change:
    """Return what changes the value of the OSCORE option so."""

    def changed(sent: Message) -> None:
        value = sent.option(OSCORE)
        assert value is not None
        sent.remove(OSCORE)
        sent.add(OSCORE, change(value))

    return changed


def named(piv: bytes | None = None, kid: Callable[[bytes], bytes] = bytes) -> Change:
    """Return what puts another number, or another kid, into the OSCORE option."""

    def changed(value: bytes) -> bytes:
        header = option.decode(value)
        return option.encode(piv or header.piv, None, kid(header.kid))

    return on_header(changed)


# What is done to a sealed message, and the answer to it.
UNSEALED = {
    "wrong tag": (other_payload, BAD_REQUEST),
    "no payload": (lambda sent: setattr(sent, "payload", b""), BAD_OPTION),
    "a tag alone": (lambda sent: setattr(sent, "payload", sent.payload[-8:]), BAD_REQUEST),
    "another number": (named(piv=b"\x7f\xff\xff"), BAD_REQUEST),
    "the last number": (named(piv=b"\xff" * 5), BAD_REQUEST),
    "a number with a zero": (named(piv=b"\x00\x7f\xff"), BAD_OPTION),
    "a number that was used": (named(piv=b"\x00"), UNAUTHORIZED),
    "another kid": (named(kid=flipped(-1)), UNAUTHORIZED),
    "a short kid": (named(kid=lambda kid: kid[:-1]), UNAUTHORIZED),
    "an empty kid": (named(kid=lambda kid: b""), UNAUTHORIZED),
    "no kid": (on_header(lambda value: option.encode(b"\x7f", None, None)), BAD_OPTION),
    "reserved bits": (on_header(lambda value: bytes((value[0] | 0x80,)) + value[1:]), BAD_OPTION),
    "an empty option": (on_header(lambda value: b""), BAD_OPTION),
    "no option": (lambda sent: sent.remove(OSCORE), UNAUTHORIZED),
}


@pytest.mark.parametrize("name", UNSEALED)
def test_what_a_node_sends_to_the_manager_is_held_to_the_same(
    house: House, insider: Insider, name: str
):
    change, code = UNSEALED[name]
    outgoing = insider.sealed(message(POST, "/token", b"x"))
    with Peer(house.manager_port) as stranger:
        answer = decode(stranger.insist(raw(outgoing, change)))
        assert (answer.code, answer.option(OSCORE)) == (code, None)
        answer = outgoing.unprotect(decode(stranger.insist(raw(outgoing))))
        assert answer.code == BAD_REQUEST
        # Once.
        answer = decode(stranger.insist(raw(outgoing)))
        assert (answer.code, answer.payload) == (UNAUTHORIZED, REPLAYED)


@pytest.mark.parametrize("level", LEVELS)
def test_a_reused_at_is_refused(thermo: ServerNode, peer: Peer, presenter: Presenter, level: str):
    exchange = presenter.protect(message(GET, "/temp"), LEVELS[level])
    data = raw(exchange)
    first = peer.answers(data)
    # The same message from the same endpoint is a duplicate, and gets the same bytes.
    assert peer.answers(data) == first
    with Peer(thermo.port) as listener:
        (answer,) = listener.answers(data)
        assert is_refusal(answer)
        (answer,) = listener.answers(raw(exchange))
        assert is_refusal(answer)
    with pytest.raises(NotRecognized) as caught:
        exchange.unprotect(decode(answer))
    assert caught.value.hinted


def test_an_at_of_another_server_is_refused(
    house: House, peer: Peer, insider: Insider, presenter: Presenter
):
    house.add_server("lock")
    house.allow("insider", "lock", "/temp")
    elsewhere = insider.granted("lock", ("/temp", 1))
    for level in LEVELS.values():
        exchange = elsewhere.protect(message(GET, "/temp"), level)
        assert is_refusal(peer.insist(raw(exchange)))


def test_no_at_is_anything_to_the_manager(house: House, presenter: Presenter):
    with Peer(house.manager_port) as manager:
        for level in LEVELS.values():
            answer = decode(manager.insist(raw(presenter.protect(message(POST, "/token"), level))))
            assert (answer.code, answer.options, answer.payload) == (UNAUTHORIZED, [], b"")


def test_an_at_past_the_window_is_refused(house: House, peer: Peer):
    other = Insider(house.provision("other"), house.manager_port)
    house.allow("other", "thermo", "/temp")
    token = other.ticket("thermo", ("/temp", 1))
    window = token[tokens.WINDOW]
    for first, is_reached in ((window + 3, False), (500, False), (window - 1, True)):
        ahead = presenter_of(tokens.ClientToken(token.ct, token.params | {tokens.FIRST: first}))
        (answer,) = peer.answers(raw(ahead.protect(message(GET, "/temp"))))
        assert is_refusal(answer) != is_reached
    other.close()


def test_a_request_behind_the_window_is_refused_by_the_manager(house: House):
    node = Insider(house.provision("hasty"), house.manager_port)
    late = [node.sealed(message(POST, "/token")) for _ in range(2)]
    for _ in range(WINDOW - 1):
        assert error_of(node.post("/token", b"")) == labels.INVALID_REQUEST
    # The window has room for these and the second; the first is behind it.
    answers = [decode(node.peer.insist(raw(outgoing))) for outgoing in late]
    assert (answers[0].code, answers[0].payload) == (UNAUTHORIZED, REPLAYED)
    assert late[1].unprotect(answers[1]).code == BAD_REQUEST
    node.close()


def test_two_ats_are_none(peer: Peer, presenter: Presenter):
    exchange = presenter.protect(message(GET, "/temp"))
    twice = on_option(lambda value: value)
    double = raw(exchange, lambda sent: (twice(sent), sent.add(PAT, sent.option(PAT) or b"")))
    assert [decode(answer).code for answer in peer.answers(double)] == [BAD_OPTION]
    assert decode(peer.answers(raw(exchange))[0]).code == CONTENT


# Sealed nonsense


def error_of(answer: Message) -> int:
    assert answer.code == BAD_REQUEST
    fields = cbor.decode(answer.payload)
    assert isinstance(fields, dict)
    return fields[labels.ERROR]


def test_a_ticket_that_policy_denies(house: House, insider: Insider):
    house.owner("policy", "deny", "insider", "thermo", "/safe")
    for audience, path, error in (
        ("thermo", "/safe", labels.INVALID_SCOPE),
        ("nobody", "/temp", labels.INVALID_REQUEST),
    ):
        asked = TokenRequest(audience, [(path, 1)], os.urandom(8))
        assert error_of(insider.post("/token", encode_request(asked))) == error


@pytest.mark.parametrize("name", malformed.CBOR)
def test_a_payload_that_is_not_the_cbor(
    peer: Peer, insider: Insider, presenter: Presenter, thermo: ServerNode, name: str
):
    payload = malformed.CBOR[name]
    assert error_of(insider.post("/token", payload)) == labels.INVALID_REQUEST
    acted = len(thermo.acted)
    answer = answered(peer, presenter, message(PUT, "/settings", payload), tokens.INTEGRITY)
    assert (answer.code, answer.payload) == (BAD_REQUEST, b"")
    assert len(thermo.acted) == acted


# Storms


def seeds(presenter: Presenter) -> list[bytes]:
    """Return some good messages for the storm to change."""
    good = [encode(Message(GET, [(URI_PATH, b"temp")], type=CON, mid=1, token=b"seed"))]
    for level in LEVELS.values():
        for request in (message(GET, "/temp"), message(PUT, "/count", b"storm-%d" % len(good))):
            good.append(raw(presenter.protect(request, level)))
    return good


def mutated(chance: random.Random, good: list[bytes]) -> bytes:
    """Return noise, or a message with some bytes changed, cut out, doubled or added."""
    if chance.random() < 0.2:
        return chance.randbytes(chance.randrange(80))
    data = bytearray(chance.choice(good))
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(4)
        if kind == 0 and at < len(data):
            data[at] = chance.randrange(256)
        elif kind == 1:
            del data[at : at + chance.randrange(1, 9)]
        elif kind == 2:
            data[at:at] = chance.randbytes(chance.randrange(1, 9))
        else:
            data += data[at:]
    return bytes(data[:1472])


def heap(peer: Peer) -> int:
    answer = peer.bare(GET, "/heap")
    assert answer.code == CONTENT
    return int(answer.payload)


def test_a_storm_at_the_server(peer: Peer, thermo: ServerNode, presenter: Presenter):
    chance = random.Random(65001)
    good = seeds(presenter)
    sizes = []
    for sent in range(0, STORM, BATCH):
        if sent in (WARM, STORM - BATCH):
            sizes.append(heap(peer))
        for _ in range(BATCH):
            peer.send(mutated(chance, good))
        for answer in peer.settled():
            decode(answer)
    assert sizes[1] <= sizes[0] + HEAP_NOISE, sizes
    acted = [word for word in thermo.acted if word.startswith("storm")]
    assert len(acted) == len(set(acted))


def test_a_storm_at_the_manager(house: House, insider: Insider):
    chance = random.Random(65537)
    good = [raw(insider.sealed(message(POST, "/token", b"x"))) for _ in range(4)]
    for _ in range(STORM // 250):
        with Peer(house.manager_port) as stranger:
            for _ in range(250):
                stranger.send(mutated(chance, good))
    assert house.manager
    assert answered_in_spite(house, insider) == FORBIDDEN
    assert len(house.manager.lines) < STORM // 10


def answered_in_spite(house: House, insider: Insider) -> int:
    """Return the code of a good request that is made while the manager still drops others."""
    outgoing = insider.sealed(message(GET, "/nothing"))
    with Peer(house.manager_port) as sender:
        return outgoing.unprotect(decode(sender.insist(raw(outgoing)))).code


# Whether a leak would be seen at all


@pytest.mark.parametrize(
    "show",
    [bytes.hex, lambda x: x.hex().upper(), repr, lambda x: base64.b64encode(x).decode()],
    ids=["hex", "HEX", "repr", "base64"],
)
def test_a_leak_would_be_seen(house: House, thermo: ServerNode, show: Callable[[bytes], str]):
    secrets = Secrets(house.path("manager"), house.path("."))
    whole = channel_of(house.path("thermo") / "node").secret
    for secret in (whole, whole[:12], whole[-15:]):
        assert secrets.found_in(f"error: {show(secret)}, try again")
    assert not secrets.found_in(f"error: {show(os.urandom(32))}, try again")
