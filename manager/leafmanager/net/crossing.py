"""What crosses between a serial line and UDP, and under which names (SPEC section 15).

A line has no addresses. So the messages of UDP peers get IDs, and their requests tokens, that are
unique on the line and name the peer, and the answers get their own back. The node's own IDs and
tokens are unique already: they stay, and say what may be an answer to the node.
"""

import hashlib
import math
import secrets
from collections.abc import Callable, Hashable
from typing import Any

from leafkey.coap.destination import unaddressed
from leafkey.coap.message import MAX_TOKEN_LENGTH, Message, decode, pack
from leafkey.coap.numbers import (
    ACK,
    CON,
    EMPTY,
    NON,
    OBSERVE,
    REQUEST_ENTITY_TOO_LARGE,
    RST,
    is_request,
    is_response,
    is_success,
)
from leafkey.coap.parameters import EXCHANGE_LIFETIME, MAX_DATAGRAM
from leafkey.errors import DecodeError, MessageError

# Messages and requests that answers are still found for, in each direction.
MAX_EXCHANGES = 4096
# Observations that notifications are brought for, in each direction.
MAX_OBSERVATIONS = 256
_LIFETIME = EXCHANGE_LIFETIME / 1000
# Bytes of a token on the line: those that name the peer, and those that name its request.
_PEER_SIZE, _REQUEST_SIZE = 3, 4
_MIDS = 1 << 16

# An address as sockets have it.
Address = tuple[Any, ...]


class Table:
    """Entries that end `lifetime` seconds after their last use; the one used least recently makes
    room."""

    def __init__(self, limit: int, lifetime: float):
        self._limit = limit
        self._lifetime = lifetime
        self._entries: dict[Hashable, tuple[Any, float]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: Hashable, value: Any, now: float) -> None:
        """Add or replace an entry."""
        self._entries.pop(key, None)
        if len(self._entries) >= self._limit:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = value, now + self._lifetime

    def find(self, key: Hashable, now: float) -> Any:
        """Return the value of an entry, and use it; None if there is none."""
        value, end = self._entries.pop(key, (None, -math.inf))
        if end <= now:
            return None
        self.put(key, value, now)
        return value

    def drop(self, key: Hashable) -> None:
        """Remove an entry, if there is one."""
        self._entries.pop(key, None)


class Requests:
    """Requests that may still be answered. Those that are answered as observations stay apart, so
    that no flood of others ends them."""

    def __init__(self) -> None:
        self._single = Table(MAX_EXCHANGES, _LIFETIME)
        self._observed = Table(MAX_OBSERVATIONS, math.inf)

    def __len__(self) -> int:
        return len(self._single) + len(self._observed)

    def add(self, key: Hashable, value: Any, now: float) -> None:
        """A request goes out, maybe again, maybe about an observation under way."""
        if self._observed.find(key, now) is None:
            self._single.put(key, value, now)

    def find(self, key: Hashable, now: float) -> Any:
        """Return what is known of a request, None if nothing."""
        value = self._observed.find(key, now)
        return self._single.find(key, now) if value is None else value

    def answered(self, key: Hashable, response: Message, now: float) -> None:
        """A response has come: with Observe it is not the last one."""
        value = self.find(key, now)
        goes_on = response.option(OBSERVE) is not None and is_success(response.code)
        kept, left = (self._observed, self._single) if goes_on else (self._single, self._observed)
        left.drop(key)
        kept.put(key, value, now)


class Crossing:
    """Takes messages from both sides, and gives them to the other, or an answer back.

    Times are seconds of a clock that never goes back. What either side sends is bounded here in
    memory, and by whoever calls in number.
    """

    def __init__(self, to_line: Callable[[bytes], None], to_peer: Callable[[bytes, Address], None]):
        self._to_line = to_line
        self._to_peer = to_peer
        self._secret = secrets.token_bytes(32)
        self._last_mid = secrets.randbelow(_MIDS)
        # (peer, ID) to ID on the line, and back.
        self._line_mids = Table(MAX_EXCHANGES, _LIFETIME)
        self._peer_mids = Table(MAX_EXCHANGES, _LIFETIME)
        # Token on the line to (peer, token).
        self._peer_requests = Requests()
        # (peer, ID) and (peer, token) of what the node has sent.
        self._node_mids = Table(MAX_EXCHANGES, _LIFETIME)
        self._node_requests = Requests()

    def usage(self) -> list[int]:
        """Return how many entries each bounded table holds."""
        tables = (self._line_mids, self._peer_mids, self._peer_requests)
        return [len(table) for table in (*tables, self._node_mids, self._node_requests)]

    # From UDP

    def from_peer(self, data: bytes, peer: Address, now: float) -> None:
        """Take a datagram; whatever is in it, nothing is raised."""
        if len(data) > MAX_DATAGRAM:
            self._refuse_long(data, peer)
            return
        message = _decoded(data, lambda reset: self._to_peer(reset, peer))
        if message is None:
            return
        if is_request(message.code):
            self._peer_request(data, message, peer, now)
        elif is_response(message.code):
            self._peer_response(data, message, peer, now)
        elif message.code == EMPTY:
            self._peer_empty(data, message, peer, now)
        elif message.type == CON:
            self._to_peer(_reset(message.mid), peer)

    def _peer_request(self, data: bytes, message: Message, peer: Address, now: float) -> None:
        if message.type not in (CON, NON):
            return
        token = self._line_token(peer, message.token)
        self._peer_requests.add(token, (peer, message.token), now)
        self._to_line(_renamed(data, self._line_mid(peer, message.mid, now), token))

    def _peer_response(self, data: bytes, message: Message, peer: Address, now: float) -> None:
        key = (peer, message.token)
        known = self._node_requests.find(key, now)
        if message.type == ACK:
            known = known and self._node_mids.find((peer, message.mid), now)
        if not known or message.type == RST:
            if message.type == CON or (message.type == NON and message.option(OBSERVE) is not None):
                self._to_peer(_reset(message.mid), peer)
            return
        self._node_requests.answered(key, message, now)
        if message.type != ACK:
            data = _renamed(data, self._line_mid(peer, message.mid, now), message.token)
        self._to_line(data)

    def _peer_empty(self, data: bytes, message: Message, peer: Address, now: float) -> None:
        if message.type == CON:
            self._to_line(_renamed(data, self._line_mid(peer, message.mid, now), b""))
        elif message.type != NON and self._node_mids.find((peer, message.mid), now):
            self._to_line(data)

    def _refuse_long(self, data: bytes, peer: Address) -> None:
        """Answer a request that no node takes, by its header alone."""
        size = data[0] & 15
        if data[0] >> 4 == 4 | CON and size <= MAX_TOKEN_LENGTH and is_request(data[1]):
            mid = int.from_bytes(data[2:4], "big")
            self._to_peer(pack(ACK, REQUEST_ENTITY_TOO_LARGE, mid, data[4 : 4 + size]), peer)

    def _line_mid(self, peer: Address, mid: int | None, now: float) -> int:
        """Return the message's ID on the line: the same one when it is sent again."""
        name = (peer, mid)
        found = self._line_mids.find(name, now)
        while found is None or self._peer_mids.find(found, now) not in (None, name):
            self._last_mid = found = (self._last_mid + 1) % _MIDS
        self._line_mids.put(name, found, now)
        self._peer_mids.put(found, name, now)
        return found

    def _line_token(self, peer: Address, token: bytes) -> bytes:
        """Return a request's token on the line: the same one for the same observation."""
        return self._digest(peer, _PEER_SIZE) + self._digest((peer, token), _REQUEST_SIZE)

    def _digest(self, name: tuple, size: int) -> bytes:
        return hashlib.blake2b(repr(name).encode(), key=self._secret, digest_size=size).digest()

    # From the line

    def from_line(self, data: bytes, now: float) -> Message | None:
        """Take a message of the node's; nothing is raised.

        A request is returned: whoever knows where it goes calls `forward` or `refuse`.
        """
        message = _decoded(data, self._to_line)
        if message is None:
            return None
        if is_request(message.code):
            return message if message.type in (CON, NON) else None
        if is_response(message.code):
            self._node_response(data, message, now)
        elif message.code == EMPTY:
            self._node_empty(message, now)
        return None

    def forward(self, data: bytes, server: Address, now: float) -> None:
        """Send a request of the node's to its server."""
        message = decode(data)
        self._node_requests.add((server, message.token), True, now)
        self._node_mids.put((server, message.mid), True, now)
        self._to_peer(unaddressed(data), server)

    def refuse(self, message: Message) -> None:
        """Tell the node that a request of its goes nowhere."""
        if message.type == CON:
            self._to_line(_reset(message.mid))

    def _node_response(self, data: bytes, message: Message, now: float) -> None:
        peer, token = self._peer_requests.find(message.token, now) or (None, b"")
        mid = message.mid
        if message.type == ACK:
            asker, mid = self._peer_mids.find(mid, now) or (None, mid)
            peer = peer if asker == peer else None
        if peer is None or message.type == RST:
            # As after a restart of ours: the node shall not notify whom nobody knows.
            if message.type in (CON, NON):
                self._to_line(_reset(message.mid))
            return
        self._peer_requests.answered(message.token, message, now)
        if message.type != ACK:
            self._node_mids.put((peer, mid), True, now)
        self._to_peer(_renamed(data, mid, token), peer)

    def _node_empty(self, message: Message, now: float) -> None:
        if message.type == CON:
            self._to_line(_reset(message.mid))
        elif message.type != NON:
            peer, mid = self._peer_mids.find(message.mid, now) or (None, 0)
            if peer is not None:
                self._to_peer(pack(message.type, EMPTY, mid, b""), peer)


def _decoded(data: bytes, answer: Callable[[bytes], None]) -> Message | None:
    """Return a well-formed message; a confirmable one that is not gets a Reset (RFC 7252 4.2)."""
    try:
        return decode(data)
    except MessageError as error:
        if error.type == CON:
            answer(_reset(error.mid))
    except DecodeError:
        return None
    return None


def _renamed(data: bytes, mid: int | None, token: bytes) -> bytes:
    """Return a message with another ID and another token."""
    head = bytes((data[0] & 0xF0 | len(token), data[1])) + (mid or 0).to_bytes(2, "big")
    return head + token + data[4 + (data[0] & 15) :]


def _reset(mid: int | None) -> bytes:
    return pack(RST, EMPTY, mid, b"")
