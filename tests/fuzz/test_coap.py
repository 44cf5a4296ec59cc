"""leafkey.coap on what hypothesis makes: against aiocoap, and against what it promises."""

from aiocoap import Message as AiocoapMessage
from aiocoap import error
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from leafkey.coap.endpoint import Endpoint, RequestEvent
from leafkey.coap.message import MAX_OPTIONS, Message, decode, encode
from leafkey.coap.uri import build, parse
from leafkey.errors import DecodeError
from tests.unit.coap.network import Generator
from tests.unit.coap.test_flood import LIMITS

# Opaque in aiocoap too, so that values compare as bytes: If-Match, ETag, Echo, Request-Tag, PAT.
OPAQUE = (1, 4, 252, 292, 65001)
NUMBERS = st.one_of(st.sampled_from(OPAQUE), st.integers(0, 65535))
OPTIONS = st.lists(st.tuples(NUMBERS, st.binary(max_size=300)), max_size=MAX_OPTIONS)
HEADERS = st.builds(
    lambda version, type, token, code, mid: (
        bytes((version << 6 | type << 4 | len(token), code)) + mid.to_bytes(2, "big") + token
    ),
    st.sampled_from((0, 1, 1, 1, 1, 1, 2, 3)),
    st.integers(0, 3),
    st.binary(max_size=15),
    st.one_of(st.integers(0, 6), st.integers(0, 255)),
    st.integers(0, 65535),
)
DATAGRAMS = st.one_of(
    st.binary(max_size=60),
    st.builds(lambda head, tail: head + tail, HEADERS, st.binary(max_size=60)),
    st.builds(
        lambda options, payload, code, type, token: encode(
            Message(code, options, payload, type, 1, token)
        ),
        OPTIONS,
        st.binary(max_size=20),
        st.integers(1, 255),
        st.integers(0, 3),
        st.binary(max_size=8),
    ),
)


def read_by_aiocoap(data: bytes) -> AiocoapMessage | None:
    try:
        return AiocoapMessage.decode(data)
    except (error.UnparsableMessage, UnicodeDecodeError, ValueError, IndexError):
        return None


def read(data: bytes) -> Message | None:
    try:
        return decode(data)
    except DecodeError:
        return None


def comparable(options: list) -> list:
    """Options as (number, value), the value only where aiocoap keeps its bytes."""
    return [(number, value if number in OPAQUE else None) for number, value in options]


@settings(max_examples=500, deadline=None)
@given(DATAGRAMS)
def test_decoding_agrees_with_aiocoap_where_both_accept(data):
    ours, theirs = read(data), read_by_aiocoap(data)
    if ours is None or theirs is None:
        reject()
    assert (ours.type, ours.code, ours.mid) == (theirs.mtype, theirs.code, theirs.mid)
    assert (ours.token, ours.payload) == (theirs.token, theirs.payload)
    found = [(int(option.number), option.encode()) for option in theirs.opt.option_list()]
    assert comparable(ours.options) == comparable(found)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(OPAQUE), st.binary(max_size=300)), max_size=MAX_OPTIONS),
    st.binary(max_size=40),
    st.binary(max_size=8),
)
def test_aiocoap_reads_what_we_write(options, payload, token):
    message = Message(2, options, payload, mid=7, token=token)
    theirs = AiocoapMessage.decode(encode(message))
    found = [(int(option.number), option.encode()) for option in theirs.opt.option_list()]
    assert found == message.options
    assert (theirs.payload, theirs.token) == (payload, token)


@settings(max_examples=300, deadline=None)
@given(DATAGRAMS)
def test_what_is_decoded_is_encoded_to_the_same_bytes(data):
    message = read(data)
    if message is None:
        reject()
    assert encode(message) == data


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(DATAGRAMS, st.integers(0, 3), st.integers(0, 100000)), max_size=40))
def test_an_endpoint_takes_anything(datagrams):
    endpoint = Endpoint(Generator(1).bytes)
    now = 0
    for data, remote, pause in datagrams:
        endpoint.receive_datagram(data, remote, now)
        now += pause
        for sent, _ in endpoint.datagrams_to_send(now):
            decode(sent)
        event = endpoint.next_event()
        if isinstance(event, RequestEvent) and pause % 2:
            endpoint.respond(event.handle, Message(69, payload=b"x"), now)
        usage = endpoint.usage()
        assert all(usage[name] <= LIMITS[name] for name in usage)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.text().map(lambda text: "coap://" + text)))
def test_a_uri_is_refused_or_comes_back(text):
    try:
        parsed = parse(text)
    except DecodeError:
        return
    assert parse(build(*parsed)) == parsed
