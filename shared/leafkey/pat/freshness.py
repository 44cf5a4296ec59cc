"""Requests that were made just now: the Echo option under PAT (SPEC 6.4; RFC 9175 section 2).

An AT says who asks, not when: who holds a request back can deliver it as long as its number is in
the window. A fresh resource acts only on requests that carry a value which S gave out seconds ago.
"""

from leafkey.coap.message import Message
from leafkey.coap.numbers import ECHO, UNAUTHORIZED
from leafkey.compat import const
from leafkey.crypto.compare import equal

ECHO_LEN = const(8)
# Milliseconds: a retransmission or two may come in between.
VALID_MS = const(10000)
MAX_OUTSTANDING = const(32)


class _Challenge:
    """One value given out, for whom and what, and when it ends."""

    def __init__(self, key: tuple, value: bytes, deadline: int):
        self.key = key
        self.value = value
        self.deadline = deadline

    @property
    def peer(self):
        return self.key[0]


class Freshness:
    """The Echo values that one server has given out: in memory only, at most MAX_OUTSTANDING.

    With no room left, whoever holds most loses the oldest of his: nobody can crowd out others.
    """

    def __init__(self, random_bytes, valid_ms: int = VALID_MS):
        """`random_bytes(n)` must be unpredictable; a value is good for `valid_ms`."""
        self._random_bytes = random_bytes
        self._valid_ms = valid_ms
        # In the order in which they were given out, and so in that in which they end.
        self._challenges = []

    def __len__(self) -> int:
        return len(self._challenges)

    def check(self, peer, request: Message, now: int) -> Message | None:
        """Return None if `request` may be acted on, else the 4.01 to answer, without protection.

        A value counts once, and only for the same peer, method and path. `peer`: hashable;
        `request`: after its check and its permissions; `now`: ms of a monotonic clock.
        """
        self._expire(now)
        key = (peer, request.code, request.path())
        if self._redeem(key, request.option(ECHO)):
            return None
        if len(self._challenges) >= MAX_OUTSTANDING:
            self._make_room()
        value = self._random_bytes(ECHO_LEN)
        self._challenges.append(_Challenge(key, value, now + self._valid_ms))
        return Message(UNAUTHORIZED, ((ECHO, value),))

    def _expire(self, now: int):
        self._challenges = [given for given in self._challenges if now < given.deadline]

    def _redeem(self, key: tuple, value: bytes | None) -> bool:
        if value is None:
            return False
        for given in self._challenges:
            if given.key == key and equal(given.value, value):
                self._challenges.remove(given)
                return True
        return False

    def _make_room(self):
        held = {}
        for given in self._challenges:
            held[given.peer] = held.get(given.peer, 0) + 1
        most = max(held.values())
        for given in self._challenges:
            if held[given.peer] == most:
                self._challenges.remove(given)
                return
