"""What RFC 8613 section 8 refuses gets its defined answer from the MicroPython S, which goes on."""

import random
from collections.abc import Iterator

import pytest

from leafkey.coap.message import Message, decode, encode_uint
from leafkey.coap.numbers import (
    BAD_OPTION,
    BAD_REQUEST,
    BLOCK1,
    BLOCK2,
    CHANGED,
    CONTENT,
    CONTINUE,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    OSCORE,
    PROXYING_NOT_SUPPORTED,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    UNAUTHORIZED,
)
from tests.interop.oscore_insider import Insider, of, with_option
from tests.interop.oscore_peers import Shared, our_oscore_server
from tests.support.vectors import load, unhex
from tests.vectors.cases.common import flip
from tests.vectors.reference import coap, oscore
from tests.vectors.reference.protect import Plain

ALICE, BOB = Shared(b"alice"), Shared(b"bob", secret=bytes(range(2, 18)))
UNKNOWN_CRITICAL = 2049
BODY = bytes(i & 0xFF for i in range(3000))
SZX, SIZE = 6, 1024
MUTATIONS = 400


@pytest.fixture(scope="module")
def port(tmp_path_factory) -> Iterator[int]:
    server, port = our_oscore_server(tmp_path_factory.mktemp("oscore"), ALICE, BOB)
    with server:
        yield port


@pytest.fixture(scope="module")
def alice(port) -> Insider:
    return Insider(ALICE, port)


@pytest.fixture(scope="module")
def bob(port) -> Insider:
    return Insider(BOB, port)


@pytest.fixture(autouse=True)
def goes_on(alice, bob) -> Iterator[None]:
    """Whatever a test does, both are served after it."""
    yield
    assert alice.ask() == (CONTENT, b"hello")
    assert bob.ask() == (CONTENT, b"hello")


def refused(insider: Insider, message: Message) -> int:
    """The code of an answer without protection."""
    response = insider.peer.request(message)
    assert response.option(OSCORE) is None
    return response.code


def answered(insider: Insider, sent: oscore.Protected) -> int:
    """The code of an answer under protection."""
    return insider.opened(sent.bound, insider.peer.request(of(sent)))[0]


# Section 8.2 step 2


@pytest.mark.parametrize(
    "value", [unhex(case["encoded"]) for _, case in load("oscore/option_failure")], ids=bytes.hex
)
def test_options_that_are_none(alice, value):
    assert refused(alice, with_option(alice.request(), value)) == BAD_OPTION


def test_options_that_lack_what_a_request_needs(alice):
    sent = alice.request()
    for value in (
        b"",
        oscore.encode_option(sent.bound.piv),
        oscore.encode_option(b"", None, sent.bound.kid),
    ):
        assert refused(alice, with_option(sent, value)) == BAD_OPTION


def test_two_options(alice):
    value = oscore.encode_option(b"\x01", None, b"alice")
    assert refused(alice, with_option(alice.request(), value, value)) == BAD_OPTION


def test_an_option_of_256_bytes(alice):
    value = oscore.encode_option(b"\x01", bytes(248), b"alice")
    assert len(value) == 256
    assert refused(alice, with_option(alice.request(), value)) == BAD_OPTION


def test_no_payload(alice):
    assert refused(alice, of(alice.request()._replace(payload=b""))) == BAD_OPTION


@pytest.mark.parametrize("kid", [b"", b"a", b"alicf", b"alice\0", b"S", bytes(8), bytes(200)])
def test_unknown_kids(alice, kid):
    value = oscore.encode_option(b"\x01", None, kid)
    assert refused(alice, with_option(alice.request(), value)) == UNAUTHORIZED


@pytest.mark.parametrize("kid_context", [b"", b"house", bytes(200)])
def test_unknown_kid_contexts(alice, kid_context):
    value = oscore.encode_option(b"\x01", kid_context, b"alice")
    assert refused(alice, with_option(alice.request(), value)) == UNAUTHORIZED


# Step 3


def test_replays(alice):
    put = alice.request(Plain(coap.PUT, coap.path("/store"), b"first"))
    assert answered(alice, put) == CHANGED
    assert alice.ask(Plain(coap.PUT, coap.path("/store"), b"second"))[0] == CHANGED
    response = alice.peer.request(of(put))
    assert (response.code, response.payload) == (UNAUTHORIZED, b"Replay detected")
    assert response.option(OSCORE) is None
    assert alice.ask(Plain(coap.GET, coap.path("/store"))) == (CONTENT, b"second")


def test_numbers_that_are_too_old(alice):
    held_back = alice.request()
    for _ in range(32):
        assert alice.ask() == (CONTENT, b"hello")
    assert refused(alice, of(held_back)) == UNAUTHORIZED


def test_numbers_that_are_late(alice):
    held_back = [alice.request() for _ in range(31)]
    assert alice.ask() == (CONTENT, b"hello")
    for sent in reversed(held_back):
        assert answered(alice, sent) == CONTENT


# Step 6


def test_the_kid_of_another_peer(alice, bob):
    value = oscore.encode_option(oscore.partial_iv(bob.number()), None, b"bob")
    assert refused(alice, with_option(alice.request(), value)) == BAD_REQUEST


def test_ciphertexts_that_do_not_verify(alice):
    sent = alice.request()
    for payload in (
        sent.payload[:1],
        sent.payload[:7],
        sent.payload[:-1],
        flip(sent.payload),
        flip(sent.payload, 0),
        sent.payload + b"\0",
        bytes(1000),
    ):
        assert refused(alice, of(sent._replace(payload=payload))) == BAD_REQUEST
    # None of them has used the number up.
    assert answered(alice, sent) == CONTENT


def test_a_forged_number_moves_nothing(alice):
    value = oscore.encode_option(b"\xff" * 5, None, b"alice")
    sent = alice.request()
    assert refused(alice, with_option(sent, value)) == BAD_REQUEST
    assert answered(alice, sent) == CONTENT


# What is inside


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"\0",
        b"\x45",
        b"\x01\xb5hell",
        b"\x01\xbf",
        b"\x01\xf1a",
        b"\x01\xb5hello\xff",
        b"\x01" + b"\0" * 40,
    ],
    ids=bytes.hex,
)
def test_no_request_inside(alice, plaintext):
    assert refused(alice, of(alice.sealed(plaintext))) == BAD_REQUEST


def test_protection_inside_protection(alice):
    inner = alice.request()
    nested = alice.sealed(coap.message(inner.code, inner.options, inner.payload))
    assert answered(alice, nested) == BAD_OPTION


@pytest.mark.parametrize(
    ("plain", "code"),
    [
        (Plain(coap.GET, coap.path("/nowhere")), NOT_FOUND),
        (Plain(coap.DELETE, coap.path("/hello")), METHOD_NOT_ALLOWED),
        (Plain(coap.GET, [*coap.path("/hello"), (UNKNOWN_CRITICAL, b"")]), BAD_OPTION),
        (Plain(coap.GET, [*coap.path("/hello"), (BLOCK2, b"\x07")]), BAD_OPTION),
        (Plain(coap.PUT, [*coap.path("/store"), (BLOCK1, b"\x1e")], BODY[:SIZE]), 0x88),
    ],
)
def test_requests_that_are_refused_under_protection(alice, plain, code):
    assert answered(alice, alice.request(plain)) == code


# What is outside


def outside(sent: oscore.Protected, *added: tuple[int, bytes], code: int | None = None) -> Message:
    return Message(code or sent.code, [*sent.options, *added], sent.payload)


def test_the_outer_code_does_not_count(alice):
    for code in (coap.GET, coap.PUT, coap.DELETE, coap.FETCH):
        sent = alice.request()
        response = alice.peer.request(outside(sent, code=code))
        assert alice.opened(sent.bound, response) == (CONTENT, b"hello")


def test_outer_options_do_not_count(alice):
    for added in ((coap.URI_PATH, b"nowhere"), (coap.OBSERVE, b""), (coap.ECHO, b"echo")):
        sent = alice.request()
        response = alice.peer.request(outside(sent, added))
        assert alice.opened(sent.bound, response) == (CONTENT, b"hello")


def test_outer_options_that_nobody_understands(alice):
    sent = alice.request()
    assert refused(alice, outside(sent, (UNKNOWN_CRITICAL, b""))) == BAD_OPTION
    proxy = outside(sent, (coap.PROXY_SCHEME, b"coap"))
    assert refused(alice, proxy) == PROXYING_NOT_SUPPORTED


# Outer block-wise (section 4.1.3.4.2)


def fragments(sent: oscore.Protected) -> list[Message]:
    """A request cut as an OSCORE-unaware proxy does it."""
    pieces = [sent.payload[at : at + SIZE] for at in range(0, len(sent.payload), SIZE)]
    return [
        Message(
            sent.code,
            [*sent.options, (BLOCK1, encode_uint(i << 4 | (i < len(pieces) - 1) << 3 | SZX))],
            piece,
        )
        for i, piece in enumerate(pieces)
    ]


def test_a_request_in_outer_blocks(alice):
    sent = alice.request(Plain(coap.PUT, coap.path("/store"), BODY))
    *parts, last = fragments(sent)
    assert len(parts) == 2
    for part in parts:
        assert refused(alice, part) == CONTINUE
    assert alice.opened(sent.bound, alice.peer.request(last))[0] == CHANGED
    whole = alice.request(Plain(coap.GET, coap.path("/store")))
    assert alice.opened(whole.bound, alice.peer.request(of(whole)))[1] == BODY[:SIZE]


def test_outer_blocks_out_of_order(alice):
    parts = fragments(alice.request(Plain(coap.PUT, coap.path("/store"), BODY)))
    assert refused(alice, parts[0]) == CONTINUE
    assert refused(alice, parts[2]) == REQUEST_ENTITY_INCOMPLETE


def test_outer_blocks_without_end(alice):
    parts = fragments(alice.request(Plain(coap.PUT, coap.path("/store"), bytes(20000))))
    codes = [refused(alice, part) for part in parts[:10]]
    assert codes[0] == CONTINUE
    assert REQUEST_ENTITY_TOO_LARGE in codes


def test_a_response_in_outer_blocks(alice):
    assert alice.ask(Plain(coap.PUT, coap.path("/store"), BODY[:900]))[0] == CHANGED
    sent = alice.request(Plain(coap.GET, coap.path("/store")))
    szx, whole, number, more = 2, b"", 0, True
    first = None
    while more:
        block = (BLOCK2, encode_uint(number << 4 | szx))
        payload = b"" if number else sent.payload
        response = alice.peer.request(Message(sent.code, [*sent.options, block], payload))
        first = first or response
        value = int.from_bytes(response.option(BLOCK2) or b"", "big")
        assert (value >> 4, value & 7) == (number, szx)
        whole += response.payload
        number, more = number + 1, bool(value & 8)
    assert number > 10
    first.payload = whole
    assert alice.opened(sent.bound, first) == (CONTENT, BODY[:900])


# Noise


def test_a_flipped_bit_anywhere(alice):
    draw = random.Random(8613)
    answers = []
    for mid in range(MUTATIONS):
        data = bytearray(alice.request().message())
        place = draw.randrange(1, len(data))
        data[place] ^= 1 << draw.randrange(8)
        head = b"\x42\x02" + mid.to_bytes(2, "big") + b"tk"
        answers += alice.peer.answers(head + bytes(data[1:]), 0)
    codes = {decode(answer).code for answer in answers}
    assert {BAD_REQUEST, UNAUTHORIZED, BAD_OPTION} <= codes
    assert all(decode(answer).option(OSCORE) is None for answer in answers)
