"""How this node gets into servers: refused first, a ticket from the manager, then fresh ATs."""

import asyncio
from hashlib import sha256

from leafkey.ace import aif, hints
from leafkey.coap.message import Message
from leafkey.coap.numbers import FETCH, FORBIDDEN, GET, PATCH, POST, UNAUTHORIZED, code_text
from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import (
    ConsentPending,
    DecodeError,
    NotAllowed,
    OutcomeUnknown,
    ProtocolError,
    StateError,
    TokensExhausted,
    Unreachable,
    UnsupportedError,
)
from leafkey.pat.dialogue import Dialogue
from leafkey.pat.oscore import ChannelPresenter
from leafkey.pat.presenter import NotRecognized, Presenter
from leafkey.pat.tokens import BEARER, DTLS_LEVEL, INTEGRITY, OSCORE_LEVEL, POP
from leafnode.carrier import Carrier
from leafnode.clock import now_ms
from leafnode.contact import check_audience, greeting, needed
from leafnode.identity import GRANT_PREFIX
from leafnode.node import Node
from leafnode.tickets import Ticket, Tickets, Wish

# Milliseconds between two tickets because of refusals that anybody may have made.
HEALING_MS = const(10000)


class Grant:
    """One CT of this node, in one record: for which server, where it is, and what it allows.

    `sam` is the URI that grants were asked of. `denied` is what the CAM does not let this node do;
    `commands` must reach the server before the first AT does; b"" for none.
    """

    def __init__(self, storage, name: tuple, origin: tuple, limits: tuple, commands: bytes):
        """`name` is (sam, audience), `limits` (scope, denied)."""
        self.sam, self.audience = name
        self.origin = origin
        self.scope, self.denied = limits
        self.commands = commands
        # Set by whoever makes a grant: it needs `save` of this object.
        self.presenter: Presenter
        # The channel by OSCORE under this grant, opened with the first request that wants one.
        self.channel: ChannelPresenter | None = None
        self._storage = storage
        self._record = GRANT_PREFIX + sha256(cbor.encode(list(name))).digest()[:6].hex()

    @classmethod
    def restore(cls, provider, storage, record: str) -> "Grant":
        """Return the grant in a record; StateError if it is damaged."""
        try:
            fields = cbor.decode_array(storage.read(record), 8)
            sam, audience, host, port, scope, denied, commands, state = fields
            limits = aif.from_cbor(scope), aif.from_cbor(denied)
            grant = cls(storage, (sam, audience), (host, port), limits, commands)
        except (DecodeError, ValueError, TypeError):
            raise StateError("record " + record + " is not readable")
        grant.presenter = Presenter.restore(provider, state, grant.save)
        return grant

    def save(self, state: bytes):
        """Store the presenter's state with everything else, in one write."""
        scope, denied = aif.to_cbor(self.scope), aif.to_cbor(self.denied)
        name = [self.sam, self.audience, self.origin[0], self.origin[1]]
        self._storage.write(self._record, cbor.encode(name + [scope, denied, self.commands, state]))

    def forget(self):
        """Remove the record."""
        self._storage.remove(self._record)


def no_dtls():
    """In place of connections, where there are none."""
    raise UnsupportedError("no DTLS here")


class Access:
    """Holds the grants of this node, by origin (host, port), and gets new ones."""

    def __init__(self, node: Node, send_to, consent_wait: int = 0, connections=no_dtls):
        """`send_to(message, remote)` makes one CoAP exchange, with the manager too.

        `consent_wait`: seconds that a request waits for the owner's consent. `connections()` gives
        leafnode.dtls_connections.Connections.
        """
        self._node = node
        self._consent_ms = consent_wait * 1000
        self._storage = node.identity.storage
        self._trace = node.trace
        self._send_to = send_to
        self._connections = connections
        self._carrier = Carrier(node, send_to)
        self._tickets = Tickets(node, send_to)
        self._locks = {}
        self._grants = {}
        self._healed_at = {}
        # By grant: what makes its requests in DTLS sessions.
        self._dialogues = {}
        for record in self._storage.names(GRANT_PREFIX):
            self._restore(record)

    def pseudonym(self, origin: tuple) -> bytes | None:
        """Return pseudonym 1 of this node at an origin, 32 bytes; None without a ticket for it."""
        grant = self._grants.get(origin)
        return None if grant is None else grant.presenter.pseudonym()

    async def exchange(self, message: Message, origin: tuple, level: int | None, send) -> tuple:
        """Return (response without protection, what opens its notifications or None).

        `send(message)` makes one CoAP exchange with the origin. NotAllowed if the owner's policy
        says no, ConsentDenied if the owner does, ConsentPending if nobody has decided yet;
        Unreachable, OutcomeUnknown and ProtocolError as their names say.
        """
        grant = self._grants.get(origin)
        if grant is None:
            first = greeting(message, level)
            response = await send(first)
            if response.code != UNAUTHORIZED:
                return await self._unguarded(message, first, response, level, send), None
            self._trace(1, _line(first))
            grant = await self._introduced(needed(message), origin, response)
        elif not aif.permits(grant.scope, message.path(), message.code):
            _obey(grant, message)
            grant = await self._renewed(grant, needed(message))
        try:
            return await self._authorized(grant, message, level, send)
        except NotRecognized:
            grant = await self._healed(grant, needed(message))
            if message.code in (POST, PATCH):
                raise OutcomeUnknown("the server refused, but may have acted")
        except TokensExhausted:
            grant = await self._renewed(grant, needed(message))
        try:
            return await self._authorized(grant, message, level, send)
        except NotRecognized:
            # What this origin said of itself at the first contact may have been wrong (SPEC 8).
            self._grants.pop(origin, None)
            if grant not in self._grants.values():
                self._leave(grant)
                grant.forget()
            raise ProtocolError("the server refuses a fresh ticket")

    async def authorize(self, scope: list, origin: tuple, send) -> list:
        """Get a ticket for `scope` before it is needed; return what this node may do then.

        `send` and errors as in `exchange`.
        """
        grant = self._grants.get(origin)
        if grant is None:
            response = await send(Message(GET))
            if response.code != UNAUTHORIZED:
                raise NotAllowed("the server asks for no authorization, and so protects nothing")
            grant = await self._introduced(scope, origin, response)
        elif aif.minus(aif.minus(scope, grant.denied), grant.scope):
            grant = await self._renewed(grant, scope)
        return grant.scope

    async def _unguarded(self, message, first, response, level: int | None, send) -> Message:
        """Return the answer of a server that asked for no authorization."""
        if level is not None:
            raise NotAllowed("the server asks for no authorization, and so protects nothing")
        return response if first is message else await send(message)

    async def _authorized(self, grant: Grant, message: Message, level, send) -> tuple:
        _obey(grant, message)
        if grant.commands:
            await self._carrier.carry(grant.audience, grant.commands, send)
            # The next write of the grant leaves them out; until then they may go there twice.
            grant.commands = b""
        self._trace(11, _line(message) + " to " + grant.audience)
        exchange, response = await self._asked(grant, message, level, send)
        self._trace(12, code_text(response.code) + " from " + grant.audience)
        if response.code == FORBIDDEN:
            raise NotAllowed("the server says that this grant does not cover the request")
        return response, exchange

    async def _asked(self, grant: Grant, message: Message, level: int | None, send) -> tuple:
        """(exchange, response) of a request under a grant; errors as of Dialogue.request."""
        if level == DTLS_LEVEL:
            return await self._in_session(grant).request(message, send)
        dialogue = Dialogue(self._shows(grant, level), send)
        return await dialogue.request(message, _least_level(message, level))

    def _in_session(self, grant: Grant):
        """What makes requests in DTLS sessions; UnsupportedError if this firmware cannot."""
        if grant not in self._dialogues:
            # A client without DTLS needs no memory for it.
            from leafnode.dtls_dialogue import DtlsDialogue

            made = DtlsDialogue(grant.presenter, self._connections(), grant.origin)
            self._dialogues[grant] = made
        return self._dialogues[grant]

    def _leave(self, grant: Grant):
        """Another grant has taken this one's place."""
        dialogue = self._dialogues.pop(grant, None)
        if dialogue is not None:
            dialogue.close()

    def _shows(self, grant: Grant, level: int | None) -> Presenter | ChannelPresenter:
        """What shows the ATs of a grant: one for each request, or one for a channel."""
        if level != OSCORE_LEVEL:
            return grant.presenter
        if grant.channel is None:
            grant.channel = ChannelPresenter(self._node.provider, grant.presenter, now_ms)
        return grant.channel

    async def _introduced(self, needed: list, origin: tuple, response: Message) -> Grant:
        """Take the hints of message (4) to the manager."""
        try:
            sam, audience, _ = hints.decode(response.payload)
        except DecodeError:
            raise NotAllowed("refused, and told nothing about whom to ask")
        self._trace(4, "4.01, ask " + sam)
        # A CAM knows the managers that it may ask, and a node without one its own.
        if not self._node.identity.has_cam and sam != self._node.uplink.token_uri:
            raise NotAllowed("the server names a manager that this node does not know")
        check_audience(audience, origin[0])
        return await self._replaced(None, Wish(sam, audience, needed, []), origin)

    async def _healed(self, grant: Grant, needed: list) -> Grant:
        """Replace a grant that the server does not know; not often, since a refusal is cheap."""
        last = self._healed_at.get(grant.origin)
        if last is not None and now_ms() - last < HEALING_MS:
            raise Unreachable("the server keeps refusing: try again later")
        self._healed_at[grant.origin] = now_ms()
        return await self._renewed(grant, needed)

    async def _renewed(self, grant: Grant, needed: list) -> Grant:
        """Replace a grant by a new ticket for what is needed now, and what else it covered."""
        wish = Wish(grant.sam, grant.audience, needed, grant.scope)
        return await self._replaced(grant, wish, grant.origin)

    async def _replaced(self, old: Grant | None, wish: Wish, origin: tuple) -> Grant:
        """Get a ticket in place of `old`, if nobody else has meanwhile; wait for the owner.

        A server has one grant for us, at however many origins: a second would end the first.
        """
        name = (wish.sam, wish.audience)
        lock = self._locks[name] = self._locks.get(name) or asyncio.Lock()
        start = now_ms()
        while True:
            try:
                async with lock:
                    present = self._named(name)
                    if present is not None and present is not old:
                        self._grants[origin] = present
                        if not aif.minus(aif.minus(wish.scope, present.denied), present.scope):
                            return present
                        old = present
                        wish = Wish(wish.sam, wish.audience, wish.scope, present.scope)
                    return self._granted(await self._tickets.get(wish), wish, origin)
            except ConsentPending as pending:
                if now_ms() - start + pending.seconds * 1000 > self._consent_ms:
                    raise
                await asyncio.sleep(pending.seconds)

    def _granted(self, made: Ticket, wish: Wish, origin: tuple) -> Grant:
        """Store a ticket before it is used."""
        limits = made.scope, made.denied
        grant = Grant(self._storage, (wish.sam, wish.audience), origin, limits, made.commands)
        grant.presenter = Presenter(self._node.provider, made.token, grant.save)
        for other in list(self._grants):
            old = self._grants[other]
            if (old.sam, old.audience) == (wish.sam, wish.audience):
                self._leave(old)
                self._grants[other] = grant
        self._grants[origin] = grant
        return grant

    def _named(self, name: tuple) -> Grant | None:
        for grant in self._grants.values():
            if (grant.sam, grant.audience) == name:
                return grant
        return None

    def _restore(self, record: str):
        """A grant that is damaged is given up: its server knows it, and a new ticket heals it."""
        try:
            grant = Grant.restore(self._node.provider, self._storage, record)
        except StateError:
            self._storage.remove(record)
            return
        self._grants[grant.origin] = grant


def _obey(grant: Grant, message: Message):
    """What the CAM said no to is not asked of anybody, as long as this grant lasts (SPEC 9.6)."""
    if aif.permits(grant.denied, message.path(), message.code):
        raise NotAllowed("the CAM of this node does not allow this")


def _least_level(message: Message, level: int | None) -> int:
    """What any server demands of such a request (SPEC 5.1): to show less would be refused."""
    level = level or BEARER
    if message.payload:
        return max(level, INTEGRITY)
    return level if message.code in (GET, FETCH) else max(level, POP)


def _line(message: Message) -> str:
    """A request as a person reads it; the path is our own application's."""
    try:
        return aif.text(needed(message))
    except NotAllowed:
        return "request"
