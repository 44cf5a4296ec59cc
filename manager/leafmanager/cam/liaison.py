"""The CAM's channels to SAMs, in which it is a client like others (SPEC section 10)."""

import asyncio
from collections import defaultdict

import aiocoap

from leafkey.coap import uri as coap_uri
from leafkey.coap.message import Message
from leafkey.oscore.association import Association
from leafmanager.cam.tables import Authority
from leafmanager.net import outgoing
from leafmanager.net.channels import association
from leafmanager.store.database import Store
from leafmanager.units import bracketed

# A SAM may hold an answer for 20 s until its owner has spoken, and then needs its server.
ANSWER_SECONDS = 40
# Requests under way at one SAM: less than its replay window, and as many as it lets wait.
MAX_UNDER_WAY = 16


class Liaison:
    """Posts to SAMs."""

    def __init__(self, store: Store, context: aiocoap.Context):
        self._store = store
        self._context = context
        self._associations: dict[int, Association] = {}
        self._room = defaultdict(lambda: asyncio.Semaphore(MAX_UNDER_WAY))

    async def post(self, authority_id: int, path: str, payload: bytes, form: int) -> Message:
        """Return a SAM's answer. TimeoutError, or what `outgoing.post` raises."""
        address, shared = self._authority(authority_id)

        async def request(message: Message, send: outgoing.Send) -> Message:
            return (await shared.request(message, send))[1]

        async with asyncio.timeout(ANSWER_SECONDS), self._room[authority_id]:
            return await outgoing.post(self._context, address, request, path, payload, form)

    def _authority(self, authority_id: int) -> tuple[str, Association]:
        with self._store.transaction() as session:
            found = session.get_one(Authority, authority_id)
            host, port, _ = coap_uri.parse(found.uri)
            if authority_id not in self._associations:
                self._associations[authority_id] = association(found)
        return f"{bracketed(host)}:{port}", self._associations[authority_id]
