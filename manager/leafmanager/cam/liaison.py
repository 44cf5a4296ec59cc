"""The CAM's channels to SAMs, in which it is a client like others (SPEC section 10)."""

import asyncio
from collections import defaultdict

import aiocoap
from sqlalchemy import update

from leafkey.coap import uri as coap_uri
from leafkey.coap.message import Message
from leafkey.crypto.provider import default_provider
from leafkey.pat.presenter import Presenter
from leafmanager.cam.tables import Authority
from leafmanager.net import outgoing
from leafmanager.store.database import Store
from leafmanager.units import bracketed

# A SAM may hold an answer for 20 s until its owner has spoken, and then needs its server.
ANSWER_SECONDS = 40
# Requests under way at one SAM: below the window of the channel, so that none has to probe.
MAX_UNDER_WAY = 6


class Liaison:
    """Posts to SAMs. Shows each AT once, across restarts too."""

    def __init__(self, store: Store, context: aiocoap.Context):
        self._store = store
        self._context = context
        self._presenters: dict[int, Presenter] = {}
        self._room = defaultdict(lambda: asyncio.Semaphore(MAX_UNDER_WAY))

    async def post(self, authority_id: int, path: str, payload: bytes, form: int) -> Message:
        """Return a SAM's answer. TimeoutError, or what `outgoing.post` raises."""
        address = self._address(authority_id)
        async with asyncio.timeout(ANSWER_SECONDS), self._room[authority_id]:
            presenter = self._presenter(authority_id)
            return await outgoing.post(self._context, address, presenter, path, payload, form)

    def _address(self, authority_id: int) -> str:
        with self._store.transaction() as session:
            host, port, _ = coap_uri.parse(session.get_one(Authority, authority_id).uri)
        return f"{bracketed(host)}:{port}"

    def _presenter(self, authority_id: int) -> Presenter:
        if authority_id not in self._presenters:
            self._presenters[authority_id] = self._restored(authority_id)
        return self._presenters[authority_id]

    def _restored(self, authority_id: int) -> Presenter:
        def save(state: bytes) -> None:
            with self._store.transaction() as session:
                own = update(Authority).where(Authority.id == authority_id)
                session.execute(own.values(channel_state=state))

        with self._store.transaction() as session:
            state = session.get_one(Authority, authority_id).channel_state
        return Presenter.restore(default_provider(), state, save)
