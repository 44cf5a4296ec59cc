"""Tells servers what was decided, also in other processes, for as long as it takes.

A revocation that is typed elsewhere is seen at the next look at the database. A server that is off
is tried again with growing pauses, and at once when there is news for it or from it.
"""

import asyncio
from typing import NamedTuple

from sqlalchemy import select

from leafmanager.errors import ManagerError
from leafmanager.net.downlink import Downlink
from leafmanager.store.database import Store
from leafmanager.store.tables import Server

# How often the database is looked at: most of the time that a revocation takes.
LOOK_SECONDS = 0.05
# How long a server is left in peace while it receives the ST that it asked for.
GRACE_SECONDS = 1
FIRST_PAUSE, LONGEST_PAUSE = 2, 60


class _News(NamedTuple):
    """What makes another attempt worthwhile when it changes."""

    version: int
    address: str | None
    heard_at: int | None


class Courier:
    """Has a task for each server that does not have its latest ST."""

    def __init__(self, store: Store, downlink: Downlink):
        self._store = store
        self._downlink = downlink
        self._news: dict[int, _News] = {}
        self._wake: dict[int, asyncio.Event] = {}
        self._tasks: dict[int, asyncio.Task] = {}

    async def run(self) -> None:
        """Look for what servers do not know yet, until cancelled."""
        changes, is_due = self._store.changes(), False
        try:
            while True:
                if changes.any() or is_due:
                    is_due = not self._look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            changes.close()
            for task in self._tasks.values():
                task.cancel()

    def _look(self) -> bool:
        """Start what is to be done; False if somebody holds the database for long."""
        try:
            found = self._found()
        except ManagerError:
            return False
        for server_id, news in found.items():
            changed = self._news.get(server_id) != news
            self._news[server_id] = news
            if server_id not in self._tasks:
                self._wake[server_id] = asyncio.Event()
                self._tasks[server_id] = asyncio.create_task(self._tell(server_id))
            elif changed:
                self._wake[server_id].set()
        return True

    def _found(self) -> dict[int, _News]:
        with self._store.transaction() as session:
            heard = session.scalars(select(Server).where(Server.address.is_not(None)))
            return {
                server.node_id: _News(server.version, server.address, server.heard_at)
                for server in heard
                if server.confirmed < server.version or not self._downlink.is_sure(server.node_id)
            }

    async def _tell(self, server_id: int) -> None:
        """Deliver the latest version, whatever that is by then."""
        pause, wake = FIRST_PAUSE, self._wake[server_id]
        try:
            if self._downlink.has_met(server_id) and not self._downlink.is_sure(server_id):
                await _either(wake, GRACE_SECONDS)
            while not await self._is_told(server_id):
                is_news = await _either(wake, pause)
                pause = FIRST_PAUSE if is_news else min(2 * pause, LONGEST_PAUSE)
        finally:
            del self._tasks[server_id]

    async def _is_told(self, server_id: int) -> bool:
        version = self._news[server_id].version
        try:
            done = await self._downlink.deliver(server_id, version, patiently=True)
        except ManagerError:
            return False
        # There may be news since.
        return done and version == self._news[server_id].version


async def _either(wake: asyncio.Event, seconds: float) -> bool:
    """Wait for a time, or for news before it is over; tell which."""
    try:
        await asyncio.wait_for(wake.wait(), seconds)
    except TimeoutError:
        return False
    wake.clear()
    return True
