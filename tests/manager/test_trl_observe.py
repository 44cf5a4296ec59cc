"""Nodes that observe their part of the revocation list (RFC 7641, RFC 9770 section 10)."""

import asyncio
import os
import time
from collections.abc import Iterator

import pytest

from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    ACK,
    BAD_REQUEST,
    CON,
    CONTENT,
    EMPTY,
    GET,
    OBSERVE,
    RST,
    SERVICE_UNAVAILABLE,
    URI_QUERY,
    is_request,
)
from leafmanager import trl
from leafmanager.net.observers import MAX_OF_NODE
from tests.manager.answers import TEMP, granted
from tests.manager.nodes import ClientNode, Node, ServerNode, decoded
from tests.manager.processes import Leafkey, Serving

PATIENCE = 10
# Longer than a notification takes.
SILENCE = 1.5


class Observing:
    """A registration of a node's; `first` is the answer to it. All on the node's own socket."""

    def __init__(self, node: Node, *query: str, observe: int = 0, token: bytes = b""):
        self._node = node
        self.token = token or os.urandom(4)
        request = Message(GET)
        request.set_path("/trl")
        for part in query:
            request.add(URI_QUERY, part.encode())
        request.add(OBSERVE, observe)
        asked = node.association.request(request, self._exchange)
        self._outgoing, self.first = asyncio.run(asked)

    async def _exchange(self, message: Message) -> Message:
        sent = message.copy()
        # What makes a context has another token, as every request of its own.
        sent.token = self.token if message.option(OBSERVE) is not None else os.urandom(4)
        sent.type, sent.mid = CON, int.from_bytes(os.urandom(2), "big")
        self._node.socket.sendto(encode(sent), self._node.manager)
        found = self._received(sent.token, PATIENCE, ACK)
        assert found
        return found

    def hears(self, seconds: float = PATIENCE) -> Message | None:
        """Return the next notification; None if none comes in time."""
        found = self._received(self.token, seconds, ACK)
        return found and self._outgoing.unprotect(found)

    def refuses(self) -> None:
        """Answer the next notification as who knows of none."""
        assert self._received(self.token, PATIENCE, RST)

    def _received(self, token: bytes, seconds: float, answer: int) -> Message | None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                data, address = self._node.socket.recvfrom(2048)
            except TimeoutError:
                continue
            message = decode(data)
            if message.type == CON and not is_request(message.code):
                reply = Message(EMPTY, type=answer, mid=message.mid)
                self._node.socket.sendto(encode(reply), address)
            if message.token == token and not is_request(message.code):
                return message
        return None


def said(message: Message | None) -> dict:
    """Return what a notification says."""
    assert message
    assert message.code == CONTENT
    assert message.option(OBSERVE) is not None
    return decoded(message.payload)


class Display:
    """Gets tickets, which the owner takes back."""

    def __init__(self, home: Leafkey, node: ClientNode):
        self.home, self.node = home, node

    def revoked(self, *words: str) -> bytes:
        """Get a ticket, have it taken back, and return its hash."""
        self.home.ok("policy", "allow", self.node.name, "thermo", "/temp", *words)
        response = self.node.ask("thermo", TEMP)
        granted(response)
        self.home.ok("revoke", self.node.name)
        return trl.token_hash(decoded(response.payload)[1])


@pytest.fixture
def asking(home: Leafkey, display: ClientNode, ready: ServerNode) -> Display:
    """The display as who gets tickets."""
    return Display(home, display)


@pytest.fixture
def watcher(home: Leafkey, serving: Serving) -> Iterator[ClientNode]:
    """The display once more, on another socket and with another context, which observes."""
    with ClientNode(home.directory / "display.identity", serving.port) as node:
        yield node


def test_each_update_of_the_own_part_is_told(asking: Display, watcher: ClientNode):
    watching = Observing(watcher)
    assert said(watching.first) == {0: [], 2: None}
    first = asking.revoked()
    assert said(watching.hears()) == {0: [first], 2: 0}
    second = asking.revoked()
    assert said(watching.hears()) == {0: [first, second], 2: 1}
    assert watching.hears(SILENCE) is None


def test_differences_are_told_with_their_cursor(asking: Display, watcher: ClientNode):
    watching = Observing(watcher, "diff=0", "cursor=0")
    assert said(watching.first) == {1: [], 2: None, 3: False}
    asking.revoked()
    assert said(watching.hears()) == {1: [], 2: 0, 3: False}
    second = asking.revoked()
    assert said(watching.hears()) == {1: [[[], [second]]], 2: 1, 3: False}


def test_what_expires_is_told_when_it_does(asking: Display, watcher: ClientNode):
    watching = Observing(watcher, "diff=1")
    revoked = asking.revoked("--for", "3s")
    assert said(watching.hears()) == {1: [[[], [revoked]]], 2: 0, 3: False}
    assert said(watching.hears()) == {1: [[[revoked], []]], 2: 1, 3: False}


def test_others_hear_nothing(asking: Display, home: Leafkey, serving: Serving, watcher: ClientNode):
    home.ok("client", "add", "phone")
    with ClientNode(home.directory / "phone.identity", serving.port) as phone:
        other, own = Observing(phone), Observing(watcher)
        asking.revoked()
        assert said(own.hears())
        assert other.hears(SILENCE) is None


def test_a_wrong_query_observes_nothing(asking: Display, watcher: ClientNode):
    watching = Observing(watcher, "diff=x")
    assert watching.first.code == BAD_REQUEST
    assert watching.first.option(OBSERVE) is None
    asking.revoked()
    assert watching.hears(SILENCE) is None


def test_only_the_list_is_observed(watcher: ClientNode):
    request = Message(GET, ((OBSERVE, b""),))
    request.set_path("/token")
    response = watcher.ask_for(request)
    assert response.code != CONTENT
    assert response.option(OBSERVE) is None


@pytest.mark.parametrize("how", ["reset", "deregister"])
def test_who_takes_its_interest_back_hears_no_more(asking: Display, watcher: ClientNode, how: str):
    watching = Observing(watcher)
    if how == "reset":
        asking.revoked()
        watching.refuses()
    else:
        last = Observing(watcher, observe=1, token=watching.token)
        assert last.first.option(OBSERVE) is None
    asking.revoked()
    assert watching.hears(SILENCE) is None


def test_with_its_context_an_observation_ends(asking: Display, home: Leafkey, watcher: ClientNode):
    watching = Observing(watcher)
    home.ok("channel", "rotate", "display")
    asking.revoked()
    last = watching.hears()
    assert last
    assert last.code == SERVICE_UNAVAILABLE
    assert last.option(OBSERVE) is None
    asking.revoked()
    assert watching.hears(SILENCE) is None
    assert len(said(Observing(watcher).first)[0]) == 2


def test_the_last_registrations_of_a_node_count(asking: Display, watcher: ClientNode):
    watching = [Observing(watcher) for _ in range(MAX_OF_NODE + 1)]
    revoked = asking.revoked()
    # In whatever order they come, on one socket.
    found = set()
    end = time.monotonic() + PATIENCE
    while len(found) < MAX_OF_NODE and time.monotonic() < end:
        found |= {one.token for one in watching[1:] if one.hears(0.3)}
    assert revoked
    assert found == {one.token for one in watching[1:]}
