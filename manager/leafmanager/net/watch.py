"""Notices what the owner does in other processes while this one serves.

Requests that wait for the owner hear of the answer, and observers of the revocation list of what
is new on it. Servers hear of it from the courier.
"""

import asyncio

from leafmanager import consent, issue
from leafmanager.errors import ManagerError
from leafmanager.net.observers import Observers
from leafmanager.store.database import Store

# How often the database is looked at.
LOOK_SECONDS = 0.2
# Requests that wait for the owner: of one node, and in all.
MAX_WAITING_OF_NODE = 16
MAX_WAITING = 256


class Watch:
    """Looks for decisions as long as `run` runs."""

    def __init__(self, store: Store, observers: Observers):
        self._store = store
        self._observers = observers
        # What each request waits for, and the node it is from.
        self._waiting: dict[asyncio.Event, tuple[int, int]] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        changes = self._store.changes()
        due = False
        try:
            while True:
                due = changes.any() or due or self._observers.is_due()
                if due:
                    due = not self._look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            changes.close()

    async def answered(self, number: int, node_id: int, seconds: float) -> bool:
        """Wait until a question is not open any more; False after `seconds`.

        False at once if too many requests wait already.
        """
        nodes = [node for _, node in self._waiting.values()]
        if len(nodes) >= MAX_WAITING or nodes.count(node_id) >= MAX_WAITING_OF_NODE:
            return False
        event = asyncio.Event()
        self._waiting[event] = (number, node_id)
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return False
        finally:
            del self._waiting[event]
        return True

    def _look(self) -> bool:
        """Wake whom it concerns; False if somebody held the database for too long."""
        try:
            with self._store.transaction() as session:
                still_open = consent.open_ids(session, issue.now()) if self._waiting else set()
                self._observers.look(session)
        except ManagerError:
            return False
        for event, (number, _) in self._waiting.items():
            if number not in still_open:
                event.set()
        return True
