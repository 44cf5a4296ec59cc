"""The manager's word to its servers: STs, changes and commands, and what they confirm (SPEC 9)."""

import asyncio
from collections import defaultdict
from typing import NamedTuple

import aiocoap
from sqlalchemy.orm import Session

from leafkey.coap.message import Message
from leafkey.coap.numbers import APPLICATION_CBOR, CHANGED, CONFLICT
from leafkey.codec import cbor
from leafkey.errors import DecodeError, LeafkeyError, OutOfStep, Unreachable
from leafkey.pat import commands, tokens
from leafmanager import issue, slots, versions
from leafmanager.events import NOTE, SERVER_TOKEN, Event, Sink
from leafmanager.net import outgoing
from leafmanager.net.channels import Channels
from leafmanager.store.database import Store
from leafmanager.store.tables import Server, Version

# How long a client waits at most for the server to confirm its slot.
DELIVERY_SECONDS = 10
# A server that has just not answered is not waited for again by a client.
SILENT_SECONDS = 10
# Up to so many versions behind, a server gets the changes one by one, and then the whole ST.
MAX_CHANGES = 4
# A server that was told everything twice and still has not got it will not get it now.
MAX_MESSAGES = 2 * MAX_CHANGES + 1
# A change to nothing: its answer says which version the server has.
_QUESTION = tokens.ServerToken(None, {tokens.VERSION: 0})


class _Parcel(NamedTuple):
    """What a server gets next: an ST or a change in the channel, or sealed commands."""

    name: str
    address: str
    payload: bytes
    text: str
    is_sealed: bool = False


class Downlink:
    """The channels from the manager to its servers, one message at a time for each.

    What this manager remembers of a server may be an old copy that somebody restored. So nothing
    is sent to a server or sealed for it before it has said which version it has; if it has one
    that this manager never sent, it gets a fresh St.
    """

    def __init__(self, store: Store, context: aiocoap.Context, channels: Channels, tell: Sink):
        self._store = store
        self._context = context
        self._channels = channels
        self._manager = channels.name
        self._tell = tell
        self._locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Servers that have said which version they have, the version that those of them were given
        # that have not confirmed it, and those that only their whole ST helps.
        self._met: set[int] = set()
        self._given: dict[int, int | None] = {}
        self._lost: set[int] = set()
        self._silent: dict[int, float] = {}
        # When each was last heard of by itself, on the clock of the event loop.
        self._heard: dict[int, float] = {}

    def heard(self, server_id: int, given: int) -> None:
        """Note that a server has said which version it has, and is given a whole ST."""
        self._met.add(server_id)
        self._given[server_id] = given
        self._silent.pop(server_id, None)
        self._heard[server_id] = asyncio.get_running_loop().time()

    def ahead(self, server_id: int) -> None:
        """Note that a server has a version that this manager never sent: ask for its epoch."""
        self._met.discard(server_id)
        self._silent.pop(server_id, None)

    def has_met(self, server_id: int) -> bool:
        """Tell whether this manager's memory of a server was found to be good."""
        return server_id in self._met

    def is_sure(self, server_id: int) -> bool:
        """Tell whether what is noted as confirmed is what the server has."""
        return server_id in self._met and server_id not in self._given

    async def deliver(self, server_id: int, version: int, patiently: bool = False) -> bool:
        """Tell whether a server has confirmed `version`, after letting it know if it has not.

        A server that has just not answered is asked again only `patiently`: a client may carry what
        is for it.
        """
        clock = asyncio.get_running_loop().time
        if not patiently and self.has_met(server_id) and self._silent.get(server_id, 0) > clock():
            return False
        start = clock()
        try:
            async with asyncio.timeout(DELIVERY_SECONDS), self._locks[server_id]:
                for _ in range(MAX_MESSAGES):
                    parcel = self._next_parcel(server_id, version)
                    if parcel is None:
                        return True
                    await self._exchange(server_id, parcel)
        except (TimeoutError, Unreachable):
            # It may have come back while this was under way: then it is not off.
            if self._heard.get(server_id, start) <= start:
                self._silent[server_id] = clock() + SILENT_SECONDS
                self._note_off(server_id)
        except LeafkeyError as error:
            # It answers, so commands that a client carries would fare no better.
            self._met.discard(server_id)
            self._note(server_id, f"the server does not take its token: {error}")
        return False

    def _next_parcel(self, server_id: int, version: int) -> _Parcel | None:
        with self._store.transaction() as session:
            server = session.get_one(Server, server_id)
            if self.is_sure(server_id) and server.confirmed >= version:
                return None
            if server.address is None:
                raise Unreachable("the server was never heard of")
            given = self._given.get(server_id)
            unknown = server_id in self._given and given in (None, server.version)
            if unknown or not self.has_met(server_id):
                return _in_channel(server, _QUESTION, "server token: which version?")
            found = versions.following(session, server, given)
            return _step(session, server, [] if server_id in self._lost else found)

    async def _exchange(self, server_id: int, parcel: _Parcel) -> None:
        self._tell(Event(SERVER_TOKEN, self._manager, parcel.name, parcel.text))
        to, payload = (self._context, parcel.address), parcel.payload
        if parcel.is_sealed:
            path = issue.COMMANDS_PATH
            answer = await outgoing.post_open(*to, path, payload, APPLICATION_CBOR)
            self._take_receipt(server_id, answer)
            return
        request, path = self._channels.to(server_id).request, issue.SERVER_TOKEN_PATH
        answer = await outgoing.post(*to, request, path, payload, APPLICATION_CBOR)
        self._take_answer(server_id, answer)

    def _take_answer(self, server_id: int, answer: Message) -> None:
        """Remember the version a server says it has; DecodeError if it says nothing sensible."""
        epoch, version = _confirmation(answer)
        if version == 0:
            raise OutOfStep("it has none, and asks for one by itself")
        with self._store.transaction() as session:
            server = session.get_one(Server, server_id)
            server.off_since = None
            is_ahead = epoch > server.epoch or version > server.sent
            if is_ahead:
                slots.begin_epoch(session, server, issue.now(), (epoch, version))
            else:
                versions.confirm(session, server, version)
        if is_ahead:
            self._note(server_id, "it has a later ST than this manager gave it: a fresh St")
        self._met.add(server_id)
        self._given.pop(server_id, None)
        self._silent.pop(server_id, None)
        # A change that did not fit: only the whole ST helps.
        (self._lost.discard if answer.code == CHANGED else self._lost.add)(server_id)

    def _take_receipt(self, server_id: int, answer: Message) -> None:
        try:
            receipt = commands.decode(answer.payload) if answer.code == CHANGED else None
        except DecodeError:
            receipt = None
        with self._store.transaction() as session:
            server = session.get_one(Server, server_id)
            if receipt is not None and versions.take_receipt(session, server, receipt):
                server.off_since = None
                self._silent.pop(server_id, None)
                return
        # What anybody may have answered proves nothing: the channel will tell.
        self._given[server_id] = None
        self._lost.add(server_id)

    def _note_off(self, server_id: int) -> None:
        with self._store.transaction() as session:
            server = session.get_one(Server, server_id)
            if server.address is not None and server.off_since is None:
                server.off_since = issue.now()
        self._note(server_id, "the server does not answer")

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


def _step(session: Session, server: Server, found: list[Version]) -> _Parcel:
    """Return what takes a server a step on; `found` are the commands that it lacks, if any help."""
    now = issue.now()
    if any(version.kind == commands.RATCHET for version in found):
        payload = versions.sealed(session, server)
        if payload:
            text = f"sealed commands: to version {server.version}"
            return _Parcel(server.node.name, server.address or "", payload, text, True)
    elif 0 < len(found) <= MAX_CHANGES and all(versions.is_timely(one, now) for one in found):
        server.sent = max(server.sent, found[0].number)
        change = versions.change_of(found[0])
        return _in_channel(server, change, token_text(change))
    server.sent = max(server.sent, server.version)
    whole = issue.whole(session, server, now)
    return _in_channel(server, whole, token_text(whole))


def _in_channel(server: Server, token: tokens.ServerToken, text: str) -> _Parcel:
    payload = tokens.encode_server_token(token)
    return _Parcel(server.node.name, server.address or "", payload, text)


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
