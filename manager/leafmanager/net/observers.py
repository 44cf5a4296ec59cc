"""Which nodes observe their part of the revocation list, and when each is to be told (RFC 7641)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from leafmanager import issue, trl
from leafmanager.store.database import Store

# One for each way to ask, and some that a node has forgotten; the oldest make room.
MAX_OF_NODE = 4


class Observation:
    """One registration. `seen` is the number of the latest update when its node was last told."""

    def __init__(self, seen: int | None):
        self.seen = seen
        self._is_over = False
        self._woken = asyncio.Event()

    async def changed(self) -> bool:
        """Wait until there is news; False if a later registration took this one's place."""
        await self._woken.wait()
        self._woken.clear()
        return not self._is_over

    def tell(self, latest: int | None) -> None:
        """There may be news: wake up unless it is known."""
        if latest != self.seen:
            self.seen = latest
            self._woken.set()

    def end(self) -> None:
        """Nobody is to be told any more."""
        self._is_over = True
        self._woken.set()


class Observers:
    """All observations of one manager."""

    def __init__(self, store: Store):
        self._store = store
        # By node, the oldest first.
        self._of: dict[int, list[Observation]] = {}
        self._next_end: int | None = None

    @contextmanager
    def joined(self, node_id: int) -> Iterator[Observation]:
        """Count one more observation of a node's as long as the context lasts."""
        with self._store.transaction() as session:
            made = Observation(trl.latest(session, node_id, issue.now()))
            self._next_end = trl.next_end(session)
        ours = self._of.setdefault(node_id, [])
        ours.append(made)
        for old in ours[:-MAX_OF_NODE]:
            old.end()
        try:
            yield made
        finally:
            ours.remove(made)
            if not ours:
                self._of.pop(node_id, None)

    def is_due(self) -> bool:
        """Tell whether a token that is on the list has expired since `look`."""
        return bool(self._of) and self._next_end is not None and self._next_end <= issue.now()

    def look(self, session: Session) -> None:
        """Wake those for whom there is news."""
        if not self._of:
            return
        trl.expire(session, issue.now())
        latest = trl.latest_of_all(session)
        self._next_end = trl.next_end(session)
        for node_id, observations in self._of.items():
            for observation in observations:
                observation.tell(latest.get(node_id))
