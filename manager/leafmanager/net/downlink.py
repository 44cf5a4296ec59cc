"""Sends STs and their changes to servers, and learns what they confirm (SPEC section 9.1)."""

import asyncio
from collections import defaultdict
from typing import NamedTuple

import aiocoap
from aiocoap.error import Error as CoapError
from aiocoap.numbers.constants import TransportTuning
from sqlalchemy import update

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_CBOR,
    CHANGED,
    CONFLICT,
    CONTENT_FORMAT,
    POST,
)
from leafkey.coap.transfer import Transfer
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.errors import DecodeError, LeafkeyError, OutOfStep, Unreachable
from leafkey.pat import tokens
from leafkey.pat.dialogue import Dialogue
from leafkey.pat.presenter import Presenter
from leafmanager import issue
from leafmanager.events import NOTE, SERVER_TOKEN, Event, Sink
from leafmanager.net.convert import from_aiocoap, to_aiocoap
from leafmanager.store.database import Store
from leafmanager.store.tables import Server

# How long a client waits at most for the server to confirm its slot.
DELIVERY_SECONDS = 10
# Up to so many versions behind, a server gets the changes one by one, and then the whole ST.
MAX_CHANGES = 4
# A server that was told everything twice and still has not got it will not get it now.
MAX_MESSAGES = 2 * MAX_CHANGES


class PushTuning(TransportTuning):
    """Three transmissions within four seconds: a server that is off keeps nobody waiting."""

    ACK_TIMEOUT = 1.0
    ACK_RANDOM_FACTOR = 1.2
    MAX_RETRANSMIT = 2


class _Parcel(NamedTuple):
    name: str
    address: str
    token: tokens.ServerToken


class Downlink:
    """The channels from the manager to its servers, one message at a time for each."""

    def __init__(self, store: Store, context: aiocoap.Context, manager: str, tell: Sink):
        self._store = store
        self._context = context
        self._manager = manager
        self._tell = tell
        self._locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._presenters: dict[int, Presenter] = {}
        self._versions: dict[int, int] = {}

    def sent_whole(self, server_id: int, version: int) -> None:
        """Note that a server was given its whole ST; whether it took it is not known yet."""
        self._versions[server_id] = version

    async def deliver(self, server_id: int, version: int) -> bool:
        """Tell whether a server has confirmed `version`, after letting it know if it has not."""
        try:
            async with asyncio.timeout(DELIVERY_SECONDS), self._locks[server_id]:
                for _ in range(MAX_MESSAGES):
                    parcel = self._next_parcel(server_id, version)
                    if parcel is None:
                        return True
                    self._take_answer(server_id, await self._push(server_id, parcel))
        except (TimeoutError, Unreachable):
            self._note(server_id, "the server does not answer")
        except LeafkeyError as error:
            self._note(server_id, f"the server does not take its token: {error}")
        return False

    def _next_parcel(self, server_id: int, version: int) -> _Parcel | None:
        with self._store.transaction() as session:
            server = session.get_one(Server, server_id)
            if server.confirmed >= version:
                return None
            if server.address is None:
                raise Unreachable("the server was never heard of")
            now = issue.now()
            # What is not confirmed is sent again, even if the server was given it.
            has = min(self._versions.get(server_id, server.confirmed), server.version - 1)
            if has > 0 and server.version - has <= MAX_CHANGES:
                token = issue.change(session, server, has + 1, now)
            else:
                token = issue.whole(session, server, now)
            return _Parcel(server.node.name, server.address, token)

    async def _push(self, server_id: int, parcel: _Parcel) -> Message:
        payload = tokens.encode_server_token(parcel.token)
        self._tell(Event(SERVER_TOKEN, self._manager, parcel.name, token_text(parcel.token)))
        request = Message(POST, ((CONTENT_FORMAT, APPLICATION_CBOR),), payload)
        request.set_path(issue.SERVER_TOKEN_PATH)
        dialogue = Dialogue(self._presenter(server_id), self._sender(parcel.address), True)
        transfer = Transfer(request)
        while transfer.response is None:
            _, response = await dialogue.request(transfer.next_request())
            transfer.receive(response)
        return transfer.response

    def _sender(self, address: str):
        async def send(message: Message) -> Message:
            sent = to_aiocoap(message, PushTuning())
            sent.unresolved_remote = address
            try:
                response = await self._context.request(sent, handle_blockwise=False).response
            except CoapError as error:
                raise Unreachable("the server does not answer") from error
            return from_aiocoap(response)

        return send

    def _take_answer(self, server_id: int, answer: Message) -> None:
        """Remember the version a server says it has; DecodeError if it says nothing sensible."""
        epoch, version = _confirmation(answer)
        if version == 0:
            raise OutOfStep("it has none, and asks for one by itself")
        with self._store.transaction() as session:
            server = session.get_one(Server, server_id)
            if (epoch, version) > (server.epoch, server.version):
                raise DecodeError("it has a later one: this manager's memory is out of date")
            has = version if epoch == server.epoch else 0
            server.confirmed = has
        # A change that did not fit: only the whole ST helps.
        self._versions[server_id] = has if answer.code == CHANGED else 0

    def _presenter(self, server_id: int) -> Presenter:
        if server_id not in self._presenters:
            self._presenters[server_id] = self._restored(server_id)
        return self._presenters[server_id]

    def _restored(self, server_id: int) -> Presenter:
        def save(state: bytes) -> None:
            with self._store.transaction() as session:
                own = update(Server).where(Server.node_id == server_id)
                session.execute(own.values(channel_state=state))

        with self._store.transaction() as session:
            server = session.get_one(Server, server_id)
            state, token = server.channel_state, issue.downward_client_token(server)
        if state is None:
            return Presenter(default_provider(), token, save)
        return Presenter.restore(default_provider(), state, save)

    def _note(self, server_id: int, text: str) -> None:
        with self._store.transaction() as session:
            name = session.get_one(Server, server_id).node.name
        self._tell(Event(NOTE, name, self._manager, text))


def token_text(token: tokens.ServerToken) -> str:
    """Return an ST as an owner reads it: "server token: version 3, slot 1 generation 2"."""
    kind = "whole" if token.is_whole() else "change"
    slots = [
        f"slot {slot} " + (f"generation {grant.generation}" if grant else "closed")
        for slot, grant in token.params.get(tokens.SLOTS, {}).items()
    ]
    return ", ".join([f"server token: {kind}, version {token[tokens.VERSION]}", *slots])


def _confirmation(answer: Message) -> tuple[int, int]:
    if answer.code not in (CHANGED, CONFLICT):
        raise DecodeError("it refuses it")
    fields = cbor.decode(answer.payload)
    if not isinstance(fields, dict) or set(fields) != {tokens.EPOCH, tokens.VERSION}:
        raise DecodeError("its answer is no epoch and version")
    epoch, version = fields[tokens.EPOCH], fields[tokens.VERSION]
    if type(epoch) is not int or type(version) is not int:
        raise DecodeError("its answer is no epoch and version")
    return epoch, version
