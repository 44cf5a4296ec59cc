"""Who observes what of the manager (RFC 7641): each subscription waits for what it is sent next."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from leafkey.coap.message import Message

# Subscriptions altogether, and of one peer. Past it there is an answer, and no subscription.
MAX_SUBSCRIPTIONS = 4096
MAX_OF_PEER = 32


class Subscription:
    """One peer that observes one path. `seen` is what it was told last, as its resource counts."""

    def __init__(self, peer: str, path: str, seen: tuple):
        self.peer = peer
        self.path = path
        self.seen = seen
        # The newest alone: what nobody has sent yet is out of date.
        self._next: Message | None = None
        self._is_last = False
        self._wake = asyncio.Event()

    def notify(self, message: Message | None, is_last: bool = False) -> None:
        """Send a notification, in place of one that was not sent yet; the last may be None."""
        if not self._is_last:
            self._next, self._is_last = message, is_last
            self._wake.set()

    async def next(self, ready: Callable[[], Awaitable]) -> tuple[Message | None, bool]:
        """Wait for a notification, and whether it is the last: the newest once `ready` returns."""
        await self._wake.wait()
        await ready()
        self._wake.clear()
        return self._next, self._is_last


class Observed(NamedTuple):
    """The answer to a request that registers a subscription."""

    response: Message
    subscription: Subscription


class Subscriptions:
    """All subscriptions, by peer and path."""

    def __init__(self) -> None:
        self._present: dict[tuple[str, str], Subscription] = {}

    def add(self, peer: str, path: str, seen: tuple) -> Subscription | None:
        """Return a new subscription, in the place of one that there was; None if there are many."""
        old = self._present.pop((peer, path), None)
        if old is not None:
            # The peer goes by its new request.
            old.notify(None, is_last=True)
        of_peer = sum(1 for known, _ in self._present if known == peer)
        if len(self._present) >= MAX_SUBSCRIPTIONS or of_peer >= MAX_OF_PEER:
            return None
        made = self._present[(peer, path)] = Subscription(peer, path, seen)
        return made

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        key = (subscription.peer, subscription.path)
        if self._present.get(key) is subscription:
            del self._present[key]

    def below(self, prefix: str) -> list[Subscription]:
        """Return the subscriptions of paths that begin so."""
        return [one for one in self._present.values() if one.path.startswith(prefix)]
