"""Notices what the owner does in other processes while this one serves.

Requests that wait for the owner hear of the answer, and servers of the slots that were closed.
"""

import asyncio

from sqlalchemy import select

from leafmanager import consent, issue
from leafmanager.errors import ManagerError
from leafmanager.net.downlink import Downlink
from leafmanager.store.database import Store
from leafmanager.store.tables import Server, Slot

# How often the database is looked at.
LOOK_SECONDS = 0.2
# Requests that wait for the owner: of one node, and in all.
MAX_WAITING_OF_NODE = 16
MAX_WAITING = 256
# A server that is off is told again after this; each time the pause doubles.
FIRST_PAUSE, LONGEST_PAUSE = 5, 60


class Watch:
    """Looks for decisions and closed slots as long as `run` runs."""

    def __init__(self, store: Store, downlink: Downlink):
        self._store = store
        self._downlink = downlink
        # What each request waits for, and the node it is from.
        self._waiting: dict[asyncio.Event, tuple[int, int]] = {}
        self._closing: dict[int, asyncio.Task] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        changes = self._store.changes()
        try:
            while True:
                if changes.any():
                    self._look()
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            changes.close()
            for task in self._closing.values():
                task.cancel()

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

    def _look(self) -> None:
        try:
            with self._store.transaction() as session:
                still_open = consent.open_ids(session, issue.now()) if self._waiting else set()
                unheard = select(Slot.server_id).join(Server).where(*_unheard())
                servers = set(session.scalars(unheard))
        except ManagerError:
            # Somebody holds the database: whatever changed will be seen once it is free.
            return
        for event, (number, _) in self._waiting.items():
            if number not in still_open:
                event.set()
        for server_id in servers - self._closing.keys():
            self._closing[server_id] = asyncio.create_task(self._close(server_id))

    async def _close(self, server_id: int) -> None:
        """Tell a server of its closed slots until it confirms them."""
        pause = FIRST_PAUSE
        try:
            while (version := self._unheard_version(server_id)) is not None:
                if not await self._downlink.deliver(server_id, version):
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            del self._closing[server_id]

    def _unheard_version(self, server_id: int) -> int | None:
        with self._store.transaction() as session:
            ours = (Slot.server_id == server_id, *_unheard())
            return session.scalar(
                select(Slot.version)
                .join(Server)
                .where(*ours)
                .order_by(Slot.version.desc())
                .limit(1)
            )


def _unheard():
    """Closed slots of servers that were heard of: the others ask for their whole ST anyway."""
    return Slot.grant_id.is_(None), Slot.version > Server.confirmed, Server.address.is_not(None)
