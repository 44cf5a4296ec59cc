"""What a listener can tell apart: nothing by a refusal, and no client by its requests."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest

from leafkey.ace import hints
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import CON, DELETE, FETCH, GET, PAT, POST, PUT
from leafkey.pat import tokens
from leafkey.pat.presenter import Presenter
from tests.multi.house import House, ServerNode
from tests.multi.peer import Insider, Peer, message, raw

REFUSAL_LEN = 24
SAMPLES = 40


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    return house.add_server("thermo")


@pytest.fixture(scope="module")
def presenter(house: House, thermo: ServerNode) -> Iterator[Presenter]:
    insider = Insider(house.provision("insider"), house.manager_port)
    house.allow("insider", "thermo", "/temp")
    yield insider.granted("thermo", ("/temp", 1))
    insider.close()


def masked(peer: Peer, data: bytes) -> bytes:
    """Return the answer without its message ID, token and refusal field."""
    (received,) = peer.answers(data)
    answer = decode(received)
    field = hints.decode(answer.payload)[2]
    assert field is not None
    assert len(field) == REFUSAL_LEN
    answer.mid, answer.token = 0, b""
    return encode(answer).replace(field, bytes(REFUSAL_LEN))


def bare(code: int, path: str, option: bytes | None = None, payload: bytes = b"") -> bytes:
    request = message(code, path, payload)
    if option is not None:
        request.add(PAT, option)
    request.type, request.mid, request.token = CON, 7, b"12345678"
    return encode(request)


def test_all_refusals_are_alike(thermo: ServerNode, presenter: Presenter):
    used = presenter.protect(message(GET, "/temp"))
    stripped = presenter.protect(message(GET, "/temp")).message
    value = stripped.option(PAT) or b""
    forged = presenter.protect(message(GET, "/temp"), tokens.CONFIDENTIAL)
    probe = presenter.protect(message(GET, "/temp")).message.option(PAT) or b""
    cases = {
        "a resource that exists": bare(GET, "/temp"),
        "one that does not": bare(GET, "/nothing"),
        "the root": bare(GET, "/"),
        "a method it has": bare(PUT, "/count", None, b"x"),
        "methods it has not": bare(DELETE, "/temp"),
        "a payload": bare(FETCH, "/nothing", None, b"x" * 500),
        "a level it demands": bare(GET, "/secret"),
        "an unknown At": bare(GET, "/temp", b"\x01" + bytes(24)),
        "an unknown At, nowhere": bare(GET, "/nothing", b"\x01" + bytes(24)),
        "a malformed At": bare(GET, "/temp", b"\x09"),
        "an empty option": bare(POST, "/temp", b""),
        "a known At, stripped": bare(GET, "/temp", b"\x00" + value[1:17]),
        "a known At, stripped, nowhere": bare(GET, "/nothing", b"\x00" + value[1:17]),
        "a wrong MAC": bare(GET, "/temp", value[:-1] + bytes((value[-1] ^ 1,))),
        "a wrong MAC, nowhere": bare(GET, "/nothing", value),
        "no ciphertext": bare(POST, "/temp", forged.message.option(PAT)),
        "a forged probe": bare(POST, "/", b"\x07" + probe[1:]),
        "a used At": raw(used),
    }
    with Peer(thermo.port) as client, Peer(thermo.port) as listener:
        client.answers(raw(used))
        seen = {name: masked(listener, data) for name, data in cases.items()}
    assert set(seen.values()) == {seen["a resource that exists"]}


@pytest.mark.parametrize("level", ["pop", "confidential"])
def test_requests_of_two_clients_differ_in_nothing_constant(
    house: House, thermo: ServerNode, level: str
):
    heard = []
    for name in ("anna", "bert"):
        client = house.add_client(f"{name}-{level}")
        house.allow(f"{name}-{level}", "thermo", "/temp", "--level", level)
        before = len(thermo.relay.heard)
        for _ in range(SAMPLES):
            assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
        messages = [data for data in thermo.relay.heard[before:] if decode(data).option(PAT)]
        assert len(messages) == SAMPLES
        heard.append(messages)
    assert {len(data) for data in heard[0]} == {len(data) for data in heard[1]}
    assert constants(heard[0]) == constants(heard[1])
    for messages in heard:
        assert_drawn_at_random([decode(data) for data in messages])


def constants(messages: list[bytes]) -> dict[int, int]:
    """Return the bits that are the same in all messages, by their place."""
    bits = range(8 * len(messages[0]))
    values = {bit: {data[bit // 8] >> bit % 8 & 1 for data in messages} for bit in bits}
    return {bit: value.pop() for bit, value in values.items() if len(value) == 1}


def assert_drawn_at_random(messages: list[Message]) -> None:
    """Message IDs, tokens and ATs neither repeat nor count."""
    fields = [(sent.mid, sent.token, sent.option(PAT)) for sent in messages]
    for values in zip(*fields, strict=True):
        numbers = [x if isinstance(x, int) else int.from_bytes(x or b"", "big") for x in values]
        assert len(set(numbers)) == SAMPLES
        steps = Counter(after - before for before, after in pairwise(numbers))
        # By chance two steps of message IDs may be the same; a counter's all are.
        assert max(steps.values()) < SAMPLES // 8
