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


class ReplyCache:
    """The replies to what was received, or the exchange that is still to make the reply.

    A key is (remote, datagram). `accepted`, `refused` and `responses` are the caches to `keep` in.
    """

    def __init__(self):
        self._known = {}
        self.accepted = Ring(self._known, ACCEPTED_ENTRIES, ACCEPTED_BYTES)
        self.refused = Ring(self._known, REFUSED_ENTRIES, REFUSED_BYTES)
        self.responses = Ring(self._known, RESPONSE_ENTRIES, RESPONSE_BYTES)

    def __len__(self) -> int:
        return len(self._known)

    def find(self, key: tuple, now: int):
        """The reply bytes (empty: silence), the open exchange, or None for a new message."""
        known = self._known.get(key)
        if not isinstance(known, tuple):
            return known
        reply, expiry, ring = known
        if now < expiry:
            return reply
        ring.drop_expired(now)
        return None

    def hold(self, key: tuple, exchange: object):
        """Know the message as one whose reply is still to come; not dropped by itself."""
        self._known[key] = exchange

    def release(self, key: tuple):
        """Forget a held message."""
        self._known.pop(key, None)


class Ring:
    """Cached replies with one lifetime, bounded in entries and in bytes, the oldest out first."""

    def __init__(self, known: dict, entries: int, size: int):
        self._known = known
        self._size = size
        self._keys: list = [None] * entries
        self._oldest = 0
        self.count = 0
        self.bytes = 0

    def keep(self, key: tuple, reply: bytes, now: int):
        """Cache the reply to `key` for EXCHANGE_LIFETIME, or for as long as there is room."""
        cost = len(key[1]) + len(reply)
        entries = len(self._keys)
        while self.count == entries or (self.count and self.bytes + cost > self._size):
            self._drop()
        self._known[key] = (reply, now + EXCHANGE_LIFETIME, self)
        self._keys[(self._oldest + self.count) % entries] = key
        self.count += 1
        self.bytes += cost

    def drop_expired(self, now: int):
        """Drop all replies whose lifetime is over."""
        while self.count and self._known[self._keys[self._oldest]][1] <= now:
            self._drop()

    def _drop(self):
        key = self._keys[self._oldest]
        self._keys[self._oldest] = None
        self._oldest = (self._oldest + 1) % len(self._keys)
        self.count -= 1
        self.bytes -= len(key[1]) + len(self._known.pop(key)[0])
