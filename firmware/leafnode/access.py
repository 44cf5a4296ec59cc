"""How this node gets into servers: refused first, a ticket from the manager, then fresh ATs.

The CAM is this node itself: messages (5), (8) and (9) of the draft stay inside.
"""

import asyncio
from hashlib import sha256

from leafkey.ace import aif, hints, labels
from leafkey.coap import uri
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    BAD_REQUEST,
    CREATED,
    FORBIDDEN,
    GET,
    MAX_AGE,
    PATCH,
    POST,
    SERVICE_UNAVAILABLE,
    UNAUTHORIZED,
    code_text,
)
from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import (
    ConsentDenied,
    ConsentPending,
    DecodeError,
    NotAllowed,
    OutcomeUnknown,
    ProtocolError,
    StateError,
    TokensExhausted,
    Unreachable,
)
from leafkey.pat import ticket
from leafkey.pat.dialogue import Dialogue
from leafkey.pat.presenter import NotRecognized, Presenter
from leafnode.carrier import Carrier
from leafnode.clock import now_ms
from leafnode.identity import GRANT_PREFIX
from leafnode.node import Node
from leafnode.uplink import TOKEN_PATH

REFUSALS = {
    labels.INVALID_SCOPE: "the owner's policy does not allow this",
    labels.INVALID_REQUEST: "the manager does not know this server, or does not take the request",
    labels.ACCESS_DENIED: "the owner was asked, and does not consent",
}
MAX_TICKET_TRIES = const(5)
MAX_TICKET_WAIT = const(60)
# Milliseconds between two tickets because of refusals that anybody may have made.
HEALING_MS = const(10000)


class Grant:
    """One CT of this node, in one record: for which server, where it is, and what it allows.

    `commands` must reach the server before the first AT does; b"" for none.
    """

    def __init__(self, storage, audience: str, origin: tuple, scope: list, commands: bytes):
        self.audience = audience
        self.origin = origin
        self.scope = scope
        self.commands = commands
        # Set by whoever makes a grant: it needs `save` of this object.
        self.presenter: Presenter
        self._storage = storage
        self._record = GRANT_PREFIX + sha256(audience.encode()).digest()[:6].hex()

    @classmethod
    def restore(cls, provider, storage, record: str) -> "Grant":
        """Return the grant in a record; StateError if it is damaged."""
        try:
            fields = cbor.decode_array(storage.read(record), 6)
            audience, host, port, scope, commands, state = fields
            grant = cls(storage, audience, (host, port), aif.from_cbor(scope), commands)
        except (DecodeError, ValueError, TypeError):
            raise StateError("record " + record + " is not readable")
        grant.presenter = Presenter.restore(provider, state, grant.save)
        return grant

    def save(self, state: bytes):
        """Store the presenter's state with everything else, in one write."""
        host, port = self.origin
        fields = [self.audience, host, port, aif.to_cbor(self.scope), self.commands, state]
        self._storage.write(self._record, cbor.encode(fields))

    def forget(self):
        """Remove the record."""
        self._storage.remove(self._record)


class Access:
    """Holds the grants of this node, by origin (host, port), and gets new ones."""

    def __init__(self, node: Node, send_to, consent_wait: int = 0):
        """`send_to(message, remote)` makes one CoAP exchange, with the manager too.

        `consent_wait`: seconds that a request waits for the owner's consent.
        """
        self._node = node
        self._consent_ms = consent_wait * 1000
        self._storage = node.identity.storage
        self._trace = node.trace
        self._send_to = send_to
        self._carrier = Carrier(node, send_to)
        self._locks = {}
        self._grants = {}
        self._healed_at = {}
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
            greeting = _greeting(message, level)
            response = await send(greeting)
            if response.code != UNAUTHORIZED:
                return await self._unguarded(message, greeting, response, level, send), None
            self._trace(1, _line(greeting))
            grant = await self._introduced(_needed(message), origin, response)
        elif not aif.permits(grant.scope, message.path(), message.code):
            grant = await self._renewed(grant, _needed(message))
        try:
            return await self._authorized(grant, message, level, send)
        except NotRecognized:
            grant = await self._healed(grant, _needed(message))
            if message.code in (POST, PATCH):
                raise OutcomeUnknown("the server refused, but may have acted")
        except TokensExhausted:
            grant = await self._renewed(grant, _needed(message))
        try:
            return await self._authorized(grant, message, level, send)
        except NotRecognized:
            # What this origin said of itself at the first contact may have been wrong (SPEC 8).
            grant.forget()
            self._grants.pop(origin, None)
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
        elif _lacks(grant.scope, scope):
            grant = await self._renewed(grant, scope)
        return grant.scope

    async def _unguarded(self, message, greeting, response, level: int | None, send) -> Message:
        """Return the answer of a server that asked for no authorization."""
        if level is not None:
            raise NotAllowed("the server asks for no authorization, and so protects nothing")
        return response if greeting is message else await send(message)

    async def _authorized(self, grant: Grant, message: Message, level, send) -> tuple:
        if grant.commands:
            await self._carrier.carry(grant.audience, grant.commands, send)
            # The next write of the grant leaves them out; until then they may go there twice.
            grant.commands = b""
        self._trace(11, _line(message) + " to " + grant.audience)
        dialogue = Dialogue(grant.presenter, send)
        exchange, response = await dialogue.request(message, level)
        self._trace(12, code_text(response.code) + " from " + grant.audience)
        if response.code == FORBIDDEN:
            raise NotAllowed("the server says that this grant does not cover the request")
        return response, exchange

    async def _introduced(self, needed: list, origin: tuple, response: Message) -> Grant:
        """Take the hints of message (4) to the manager."""
        try:
            sam, audience, _ = hints.decode(response.payload)
        except DecodeError:
            raise NotAllowed("refused, and told nothing about whom to ask")
        self._trace(4, "4.01, ask " + sam)
        if sam != self._node.uplink.token_uri:
            raise NotAllowed("the server names a manager that this node does not know")
        _check_audience(audience, origin[0])
        return await self._replaced(None, audience, origin, needed)

    async def _healed(self, grant: Grant, needed: list) -> Grant:
        """Replace a grant that the server does not know; not often, since a refusal is cheap."""
        last = self._healed_at.get(grant.origin)
        if last is not None and now_ms() - last < HEALING_MS:
            raise Unreachable("the server keeps refusing: try again later")
        self._healed_at[grant.origin] = now_ms()
        return await self._renewed(grant, needed)

    async def _renewed(self, grant: Grant, needed: list) -> Grant:
        """Replace a grant by a new ticket for what is needed now, and what else it covered."""
        return await self._replaced(grant, grant.audience, grant.origin, needed)

    async def _replaced(self, old: Grant | None, audience: str, origin: tuple, needed) -> Grant:
        """Get a ticket in place of `old`, if nobody else has meanwhile; wait for the owner."""
        lock = self._locks[origin] = self._locks.get(origin) or asyncio.Lock()
        start = now_ms()
        while True:
            try:
                async with lock:
                    present = self._grants.get(origin)
                    if present is not None and present is not old:
                        return present
                    return await self._ticket(audience, origin, needed, old.scope if old else [])
            except ConsentPending as pending:
                if now_ms() - start + pending.seconds * 1000 > self._consent_ms:
                    raise
                await asyncio.sleep(pending.seconds)

    async def _ticket(self, audience: str, origin: tuple, scope: list, kept: list) -> Grant:
        """Messages (6) and (7): what comes back is stored before it is used."""
        self._trace(6, "ticket for " + audience + ": " + aif.text(scope))
        token, granted, commands = self._granted(await self._asked(audience, scope, kept))
        if token.params[ticket.tokens.AUDIENCE] != audience:
            raise ProtocolError("the manager granted another audience")
        grant = Grant(self._storage, audience, origin, granted, commands)
        grant.presenter = Presenter(self._node.provider, token, grant.save)
        self._grants[origin] = grant
        self._trace(7, "granted " + aif.text(granted) + ", %d ATs" % grant.presenter.left)
        return grant

    async def _asked(self, audience: str, scope: list, kept: list) -> Message:
        request_id = self._node.random_bytes(ticket.REQUEST_ID_LEN)
        request = ticket.TokenRequest(audience, scope, request_id, kept=kept)
        payload = ticket.encode_request(request)
        post = self._node.uplink.post
        for _ in range(MAX_TICKET_TRIES):
            response = await post(self._send_to, TOKEN_PATH, payload, APPLICATION_ACE_CBOR)
            if response.code != SERVICE_UNAVAILABLE:
                return response
            seconds = min(response.uint(MAX_AGE) or 1, MAX_TICKET_WAIT)
            if ticket.is_pending(response.payload):
                self._trace(7, "not yet: the owner is asked")
                raise ConsentPending(seconds)
            await asyncio.sleep(seconds)
        raise Unreachable("the manager cannot reach the server now")

    def _granted(self, response: Message) -> tuple:
        try:
            if response.code == CREATED:
                token, scope = ticket.decode_response(response.payload)
                return token, scope, ticket.decode_commands(response.payload)
            if response.code == BAD_REQUEST:
                refusal = ticket.decode_error(response.payload)
                self._trace(7, "refused: " + str(refusal))
                kind = ConsentDenied if refusal.error == labels.ACCESS_DENIED else NotAllowed
                raise kind(REFUSALS.get(refusal.error, str(refusal)))
        except DecodeError:
            raise ProtocolError("the manager's answer is not readable")
        raise ProtocolError("the manager answered " + code_text(response.code))

    def _restore(self, record: str):
        """A grant that is damaged is given up: its server knows it, and a new ticket heals it."""
        try:
            grant = Grant.restore(self._node.provider, self._storage, record)
        except StateError:
            self._storage.remove(record)
            return
        self._grants[grant.origin] = grant


def _greeting(message: Message, level: int | None) -> Message:
    """Message (1): what a stranger may read goes out as it is, all else as a bare GET."""
    if level is None and message.code == GET and not message.payload:
        return message
    return Message(GET)


def _check_audience(audience: str, host: str):
    """A server is who the application's URI names, whatever it says of itself (SPEC 8)."""
    if not uri.is_address(host) and audience not in (host, host.split(".", 1)[0]):
        raise NotAllowed("the server calls itself by another name than the URI")


def _needed(message: Message) -> list:
    try:
        path = "/" + "/".join([segment.decode() for segment in message.path()])
    except UnicodeError:
        raise NotAllowed("no permission can name this path")
    return [(path, aif.method_bit(message.code))]


def _lacks(scope: list, needed: list) -> bool:
    methods = dict(scope)
    return any(bits & ~methods.get(path, 0) for path, bits in needed)


def _line(message: Message) -> str:
    """A request as a person reads it; the path is our own application's."""
    try:
        return aif.text(_needed(message))
    except NotAllowed:
        return "request"
