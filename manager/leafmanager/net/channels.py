"""The manager's channels to its nodes, which it knows by their kids (SPEC section 10).

What the two share lies in the database, and is looked up for each request: a node that was added
meanwhile is known at once, and one that is gone is not. The contexts are in memory alone.
"""

import asyncio
import secrets
import time

from sqlalchemy import select

from leafkey.coap.message import Message
from leafkey.coap.numbers import OSCORE, UNAUTHORIZED
from leafkey.crypto.provider import default_provider
from leafkey.errors import Refused
from leafkey.oscore.association import Association
from leafkey.oscore.context import Incoming
from leafkey.oscore.material import Material
from leafkey.oscore.recipients import Recipients, unprotect
from leafmanager.kdc import rights
from leafmanager.provision import manager_of
from leafmanager.store.database import Store
from leafmanager.store.tables import Channel, Shared

# How long a context lasts, and for how many requests of both ends together.
MAX_SECONDS = 24 * 3600
MAX_REQUESTS = 1 << 20


def now_ms() -> int:
    """Return the milliseconds of a clock that never goes back."""
    return time.monotonic_ns() // 1_000_000


def association(shared: Shared) -> Association:
    """Return a new association for what a row says; its contexts are still to be made."""
    made = Material(shared.alg, shared.secret, shared.sender_id, shared.recipient_id)
    return Association(default_provider(), secrets.token_bytes, made, asyncio.Lock())


class NodeChannel:
    """An association with a node, whose contexts are dropped when they have served for long."""

    def __init__(self, row: Channel):
        self.node_id = row.node_id
        self.name = row.node.name
        self.role = row.node.role
        self._rotations = row.rotations
        self._association = association(row)
        self._name: bytes | None = None
        self._since = now_ms()
        self._requests = 0

    def rotate(self, rotations: int) -> None:
        """Drop the contexts if the owner has wanted that since, or if it is time.

        The next request, of either end, makes a new one; what is under way ends in the old one.
        """
        is_old = now_ms() - self._since >= MAX_SECONDS * 1000
        if rotations != self._rotations or is_old or self._requests >= MAX_REQUESTS:
            self._association.drop()
            self._begin(None)
        self._rotations = rotations

    def holds(self, incoming: Incoming) -> bool:
        """Tell whether what an earlier request began may go on in its context."""
        return self._association.holds(incoming.context)

    def receive(self, message: Message, header) -> Incoming | None:
        """Return what a request of the node carries, as Association.receive."""
        incoming = self._association.receive(message, header)
        self._count()
        return incoming

    async def request(self, message: Message, send) -> Message:
        """Return the node's response, as Association.request."""
        response = (await self._association.request(message, send))[1]
        self._count()
        return response

    def _count(self) -> None:
        newest = self._association.id_context
        if newest != self._name:
            self._begin(newest)
        self._requests += 1

    def _begin(self, name: bytes | None) -> None:
        self._name, self._since, self._requests = name, now_ms(), 0


class Channels:
    """Those of one manager."""

    def __init__(self, store: Store):
        self._store = store
        self._open: dict[bytes, NodeChannel] = {}
        with store.transaction() as session:
            self.name = manager_of(session).name

    def unprotect(
        self, message: Message, others: Recipients | None = None
    ) -> tuple[object, Incoming]:
        """Return whose request this is, and the request; Refused carries the answer to all others.

        That is a NodeChannel, or one of `others`. What is not protected at all gets no word of
        help: nodes know what to do.
        """
        if message.option(OSCORE) is None:
            raise Refused(Message(UNAUTHORIZED))
        known = Recipients() if others is None else others
        return unprotect(message, lambda kid: known.alike(kid) or self._with_kid(kid))

    def to(self, node_id: int) -> NodeChannel:
        """Return the channel to a node."""
        with self._store.transaction() as session:
            return self._opened(session.get_one(Channel, node_id))

    def reach(self, subject: str):
        """Return what makes requests to a member of a group, None if it has no channel here."""
        if not subject.startswith(rights.NODE):
            return None
        with self._store.transaction() as session:
            row = session.get(Channel, rights.node_of(subject))
            return None if row is None else self._opened(row).request

    def _with_kid(self, kid: bytes) -> list[NodeChannel]:
        with self._store.transaction() as session:
            row = session.scalar(select(Channel).where(Channel.recipient_id == kid))
            if row is not None:
                return [self._opened(row)]
        self._open.pop(kid, None)
        return []

    def _opened(self, row: Channel) -> NodeChannel:
        if row.recipient_id not in self._open:
            self._open[row.recipient_id] = NodeChannel(row)
        channel = self._open[row.recipient_id]
        channel.rotate(row.rotations)
        return channel
