"""What a bridge renames, to whom it brings answers, and what neither side can make it do."""

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafkey.coap.destination import addressed
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    ACK,
    BAD_REQUEST,
    CON,
    CONTENT,
    EMPTY,
    GET,
    NON,
    OBSERVE,
    REQUEST_ENTITY_TOO_LARGE,
    RST,
    URI_HOST,
    URI_PATH,
)
from leafkey.coap.parameters import MAX_DATAGRAM
from leafmanager.net import crossing
from leafmanager.net.crossing import Crossing, Table

ONE, TWO, SERVER = ("192.0.2.1", 1000), ("192.0.2.1", 1001), ("192.0.2.9", 5683)
LIFETIME = 247.0


class Ends:
    """Both ends of a crossing: what came out at each."""

    def __init__(self):
        self.line: list[Message] = []
        self.udp: list[tuple[Message, tuple]] = []
        self.now = 0.0
        self.crossing = Crossing(
            lambda data: self.line.append(decode(data)),
            lambda data, peer: self.udp.append((decode(data), peer)),
        )

    def peer(self, peer: tuple, message: Message) -> list[Message]:
        """Let a peer send; return what came to the line."""
        before = len(self.line)
        self.crossing.from_peer(encode(message), peer, self.now)
        return self.line[before:]

    def node(self, message: Message) -> list[tuple[Message, tuple]]:
        """Let the node send an answer; return what came to UDP."""
        before = len(self.udp)
        assert self.crossing.from_line(encode(message), self.now) is None
        return self.udp[before:]

    def node_asks(self, message: Message, server: tuple) -> Message:
        """Let the node send a request; return it as it came to the server."""
        data = addressed(encode(message), *server)
        assert self.crossing.from_line(data, self.now) is not None
        self.crossing.forward(data, server, self.now)
        assert self.udp[-1][1] == server
        return self.udp[-1][0]


@pytest.fixture
def ends() -> Ends:
    return Ends()


def get(mid: int = 1, token: bytes = b"t", type: int = CON, *options) -> Message:
    return Message(GET, (*options, (URI_PATH, b"temp")), b"", type, mid, token)


def content(type: int, mid: int | None, token: bytes, *options) -> Message:
    return Message(CONTENT, options, b"21.5", type, mid, token)


def empty(type: int, mid: int | None) -> Message:
    return Message(EMPTY, (), b"", type, mid)


def only(messages: list):
    assert len(messages) == 1
    return messages[0]


def test_two_peers_with_the_same_id_and_token(ends):
    asked = {peer: only(ends.peer(peer, get())) for peer in (ONE, TWO)}
    assert asked[ONE].mid != asked[TWO].mid
    assert asked[ONE].token != asked[TWO].token
    for peer in (TWO, ONE):
        answer, to = only(ends.node(content(ACK, asked[peer].mid, asked[peer].token)))
        assert (to, answer.mid, answer.token, answer.payload) == (peer, 1, b"t", b"21.5")


def test_nothing_but_id_and_token_is_changed(ends):
    sent = get(7, b"", NON, (URI_HOST, b"thermo"), (65001, bytes(25)))
    came = only(ends.peer(ONE, sent))
    assert (came.code, came.type, came.options) == (GET, NON, sent.options)


def test_tokens_name_the_peer(ends):
    tokens = [only(ends.peer(ONE, get(mid, bytes((mid,))))).token for mid in range(5)]
    other = only(ends.peer(TWO, get())).token
    assert {len(token) for token in (*tokens, other)} == {7}
    assert len(set(tokens)) == 5
    assert len({token[:3] for token in tokens}) == 1
    assert other[:3] != tokens[0][:3]


def test_what_is_sent_again_is_the_same_on_the_line(ends):
    assert encode(only(ends.peer(ONE, get()))) == encode(only(ends.peer(ONE, get())))


def test_an_id_used_again_later_is_another_message(ends):
    first = only(ends.peer(ONE, get()))
    ends.now += LIFETIME
    assert only(ends.peer(ONE, get())).mid != first.mid


def test_a_separate_response_and_its_acknowledgement(ends):
    asked = only(ends.peer(ONE, get()))
    acknowledged, to = only(ends.node(empty(ACK, asked.mid)))
    assert (to, acknowledged.type, acknowledged.mid) == (ONE, ACK, 1)
    answer, to = only(ends.node(content(CON, 500, asked.token)))
    assert (to, answer.mid, answer.token) == (ONE, 500, b"t")
    assert ends.peer(TWO, empty(ACK, 500)) == []
    assert only(ends.peer(ONE, empty(ACK, 500))).mid == 500


def test_a_ping_of_a_peer_is_answered_by_the_node(ends):
    ping = only(ends.peer(ONE, empty(CON, 9)))
    answer, to = only(ends.node(empty(RST, ping.mid)))
    assert (to, answer.type, answer.mid) == (ONE, RST, 9)


def test_a_ping_of_the_node_is_answered_by_the_bridge(ends):
    assert ends.node(empty(CON, 9)) == []
    assert (ends.line[-1].type, ends.line[-1].mid) == (RST, 9)


def test_an_observation_outlives_every_silence_and_every_flood(ends):
    registered = only(ends.peer(ONE, get(1, b"watch", CON, (OBSERVE, b""))))
    ends.node(content(ACK, registered.mid, registered.token, (OBSERVE, b"\x01")))
    for number in range(crossing.MAX_EXCHANGES + 10):
        ends.peer(("198.51.100.1", number), get(1, b"flood", NON, (OBSERVE, b"")))
    ends.now += 100 * LIFETIME
    told, to = only(ends.node(content(CON, 77, registered.token, (OBSERVE, b"\x02"))))
    assert (to, told.token, told.mid) == (ONE, b"watch", 77)
    # A registration that is refreshed replaces itself.
    again = only(ends.peer(ONE, get(2, b"watch", CON, (OBSERVE, b""))))
    assert again.token == registered.token


def test_an_observation_ends_with_an_error(ends):
    registered = only(ends.peer(ONE, get(1, b"watch", CON, (OBSERVE, b""))))
    ends.node(content(ACK, registered.mid, registered.token, (OBSERVE, b"\x01")))
    ends.node(Message(BAD_REQUEST, (), b"", CON, 78, registered.token))
    ends.now += LIFETIME
    assert ends.node(content(CON, 79, registered.token, (OBSERVE, b"\x03"))) == []


def test_what_nobody_asked_for_is_reset_towards_the_node(ends):
    for type in (CON, NON):
        assert ends.node(content(type, 80, b"unknown", (OBSERVE, b"\x01"))) == []
        assert (ends.line[-1].type, ends.line[-1].mid) == (RST, 80)


def test_an_answer_needs_id_and_token_of_one_peer(ends):
    one, two = only(ends.peer(ONE, get())), only(ends.peer(TWO, get()))
    assert ends.node(content(ACK, one.mid, two.token)) == []
    assert ends.node(content(ACK, 12345, one.token)) == []


def test_requests_of_the_node(ends):
    asked = ends.node_asks(get(40, b"node-tkn"), SERVER)
    assert (asked.mid, asked.token, asked.options) == (40, b"node-tkn", [(URI_PATH, b"temp")])
    for stranger in (ONE, ("192.0.2.9", 5684)):
        assert ends.peer(stranger, content(ACK, 40, b"node-tkn")) == []
        assert ends.peer(stranger, content(CON, 41, b"node-tkn")) == []
        assert (ends.udp[-1][0].type, ends.udp[-1][1]) == (RST, stranger)
        assert ends.peer(stranger, empty(RST, 40)) == []
    assert ends.peer(SERVER, content(ACK, 39, b"node-tkn")) == []
    answer = only(ends.peer(SERVER, content(ACK, 40, b"node-tkn")))
    assert (answer.mid, answer.token) == (40, b"node-tkn")


def test_a_separate_response_to_the_node(ends):
    ends.node_asks(get(40, b"node-tkn"), SERVER)
    assert only(ends.peer(SERVER, empty(ACK, 40))).mid == 40
    answer = only(ends.peer(SERVER, content(CON, 1, b"node-tkn")))
    # Its ID could be that of another peer's message.
    request = only(ends.peer(ONE, get(1)))
    assert answer.mid != request.mid
    acknowledged, to = only(ends.node(empty(ACK, answer.mid)))
    assert (to, acknowledged.mid) == (SERVER, 1)


def test_an_observation_of_the_node(ends):
    ends.node_asks(get(40, b"node-tkn", CON, (OBSERVE, b"")), SERVER)
    ends.peer(SERVER, content(ACK, 40, b"node-tkn", (OBSERVE, b"\x01")))
    ends.now += 100 * LIFETIME
    told = only(ends.peer(SERVER, content(NON, 2, b"node-tkn", (OBSERVE, b"\x02"))))
    rejected, to = only(ends.node(empty(RST, told.mid)))
    assert (to, rejected.mid) == (SERVER, 2)


def test_a_request_that_goes_nowhere(ends):
    ends.crossing.refuse(get(40))
    assert (ends.line[-1].type, ends.line[-1].mid) == (RST, 40)
    ends.crossing.refuse(get(41, b"", NON))
    assert len(ends.line) == 1


def test_what_is_malformed_goes_no_further(ends):
    for data in (b"", b"\x40", b"\x40\x01\x00", b"\xff" * 20, b"\x80\x01\x00\x01"):
        ends.crossing.from_peer(data, ONE, 0)
        assert ends.crossing.from_line(data, 0) is None
    assert (ends.line, ends.udp) == ([], [])
    malformed = b"\x40\x01\x00\x07\xff"
    ends.crossing.from_peer(malformed, ONE, 0)
    assert (ends.udp[-1][0].type, ends.udp[-1][0].mid, ends.udp[-1][1]) == (RST, 7, ONE)
    assert ends.crossing.from_line(malformed, 0) is None
    assert (ends.line[-1].type, ends.line[-1].mid) == (RST, 7)


def test_a_datagram_that_no_node_takes(ends):
    too_long = encode(get()) + b"\xff" + bytes(MAX_DATAGRAM)
    ends.crossing.from_peer(too_long, ONE, 0)
    answer, to = only(ends.udp)
    assert (answer.code, answer.type, answer.mid, answer.token, to) == (
        REQUEST_ENTITY_TOO_LARGE,
        ACK,
        1,
        b"t",
        ONE,
    )
    ends.crossing.from_peer(b"\x60\x45" + bytes(MAX_DATAGRAM), ONE, 0)
    assert (len(ends.udp), ends.line) == (1, [])


DATAGRAMS = st.one_of(
    st.binary(max_size=30),
    st.builds(
        lambda type, code, mid, token, options: encode(
            Message(code, options, b"", type, mid, token)
        ),
        st.integers(0, 3),
        st.sampled_from((0, 1, 2, 69, 132, 255)),
        st.integers(0, 5),
        st.sampled_from((b"", b"a", b"bridged", b"12345678")),
        st.sampled_from(((), ((6, b""),), ((6, b"\x05"),), ((3, b"host"), (7, b"\x10")))),
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from((ONE, TWO, SERVER, None)), DATAGRAMS), max_size=60))
def test_nobody_makes_it_raise_or_grow(steps):
    ends = Ends()
    for source, data in steps:
        ends.now += 1
        if source is not None:
            ends.crossing.from_peer(data, source, ends.now)
        elif ends.crossing.from_line(data, ends.now) is not None:
            ends.crossing.forward(data, SERVER, ends.now)
    # Who has sent nothing, and was not asked anything, gets nothing.
    heard = {source for source, _ in steps} | {SERVER}
    assert {peer for _, peer in ends.udp} <= heard
    assert max(ends.crossing.usage()) <= len(steps)


def test_a_flood_fills_tables_to_their_limits_alone(ends):
    chance = random.Random(1)
    for _ in range(2 * crossing.MAX_EXCHANGES):
        peer = ("198.51.100.1", chance.randrange(65536))
        request = only(ends.peer(peer, get(chance.randrange(65536), chance.randbytes(8))))
        ends.node(content(CON, chance.randrange(65536), request.token, (OBSERVE, b"\x01")))
        ends.node_asks(get(chance.randrange(65536), chance.randbytes(8)), peer)
    limit = crossing.MAX_EXCHANGES + crossing.MAX_OBSERVATIONS
    assert max(ends.crossing.usage()) <= limit


def test_a_table_forgets_what_is_old_and_what_is_too_much():
    table = Table(3, 10)
    for number in range(4):
        table.put(number, str(number), number)
    assert [table.find(number, 5) for number in range(4)] == [None, "1", "2", "3"]
    assert table.find(1, 14) == "1"
    assert table.find(2, 15) is None
    assert Table(1, math.inf).find("nothing", 0) is None
