"""Duplicates of a message get the bytes the first one got (RFC 7252 sections 4.2 and 4.5).

A message is known by its remote and all its bytes: a duplicate gets the cached reply, never a
recomputed one, and a reused message ID with other bytes is a new message.
"""

from leafkey.coap.parameters import (
    ACCEPTED_BYTES,
    ACCEPTED_ENTRIES,
    EXCHANGE_LIFETIME,
    REFUSED_BYTES,
    REFUSED_ENTRIES,
    RESPONSE_BYTES,
    RESPONSE_ENTRIES,
)
from leafkey.compat import const

_PARTS = const(32)


class ReplyCache:
    """The replies to what was received, or the exchange that is still to make the reply.

    A key is (remote, datagram). `accepted`, `refused` and `responses` are the caches to `keep` in.
    """

    def __init__(self):
        self._known = Index()
        self.accepted = Ring(self._known, ACCEPTED_ENTRIES, ACCEPTED_BYTES)
        self.refused = Ring(self._known, REFUSED_ENTRIES, REFUSED_BYTES)
        self.responses = Ring(self._known, RESPONSE_ENTRIES, RESPONSE_BYTES)

    def __len__(self) -> int:
        return len(self._known)

    def find(self, key: tuple, now: int):
        """The reply bytes (empty: silence), the open exchange, or None for a new message."""
        known = self._known.part(key).get(key)
        if not isinstance(known, tuple):
            return known
        reply, expiry, ring = known
        if now < expiry:
            return reply
        ring.drop_expired(now)
        return None

    def hold(self, key: tuple, exchange: object):
        """Know the message as one whose reply is still to come; not dropped by itself."""
        self._known.part(key)[key] = exchange

    def release(self, key: tuple):
        """Forget a held message."""
        self._known.part(key).pop(key, None)


class Index:
    """A dict in many small parts.

    After some removals MicroPython's dict compares a new key with all that are in it.
    """

    def __init__(self):
        self._parts = [{} for _ in range(_PARTS)]

    def __len__(self) -> int:
        return sum([len(part) for part in self._parts])

    def part(self, key: tuple) -> dict:
        """The dict for a key (remote, datagram)."""
        return self._parts[hash(key[1]) % _PARTS]


class Ring:
    """Cached replies with one lifetime, bounded in entries and in bytes, the oldest out first."""

    def __init__(self, known: Index, entries: int, size: int):
        self._known = known
        self._entries = entries
        self._size = size
        # (key, bytes), the oldest first.
        self._kept = []
        self.bytes = 0

    @property
    def count(self) -> int:
        """How many replies it holds."""
        return len(self._kept)

    def keep(self, key: tuple, reply: bytes, now: int):
        """Cache the reply to `key` for EXCHANGE_LIFETIME, or for as long as there is room."""
        kept = self._kept
        cost = len(key[1]) + len(reply)
        while kept and (self.bytes + cost > self._size or len(kept) == self._entries):
            self._drop()
        kept.append((key, cost))
        self.bytes += cost
        self._known.part(key)[key] = (reply, now + EXCHANGE_LIFETIME, self)

    def drop_expired(self, now: int):
        """Drop all replies whose lifetime is over."""
        while self._kept and self._expiry() <= now:
            self._drop()

    def _expiry(self) -> int:
        key = self._kept[0][0]
        return self._known.part(key)[key][1]

    def _drop(self):
        key, cost = self._kept.pop(0)
        self._known.part(key).pop(key)
        self.bytes -= cost
