"""How a plain ACE client gets into resource servers: a token of its AS, posted at the RS, and the
OSCORE context under it (RFC 9203).
"""

import asyncio
import os

from leafkey.ace import aif, hints, labels
from leafkey.ace.client import Held, Posting, decode_response, encode_request, encode_update
from leafkey.ace.token import decode_error
from leafkey.coap import uri
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    BAD_REQUEST,
    CONTENT_FORMAT,
    CREATED,
    FORBIDDEN,
    GET,
    MAX_AGE,
    METHOD_NOT_ALLOWED,
    PATCH,
    POST,
    SERVICE_UNAVAILABLE,
    TOO_MANY_REQUESTS,
    UNAUTHORIZED,
    code_text,
)
from leafkey.compat import const
from leafkey.crypto.provider import default_provider
from leafkey.errors import (
    ConsentPending,
    DecodeError,
    NotAllowed,
    OutcomeUnknown,
    ProtocolError,
    Unreachable,
    UnsupportedError,
)
from leafkey.oscore.dialogue import Dialogue, NotProtected
from leafnode.clock import now_ms
from leafnode.contact import check_audience, greeting, needed
from leafnode.transfer import transfer, unfragmented

# Milliseconds between two tokens because of refusals that anybody may have made.
HEALING_MS = const(10000)
AUTHZ_INFO_PATH = "/authz-info"
# How often, and at most how long (s) each time, to wait for an RS that has too much to do.
MAX_WAITS = const(3)
MAX_WAIT = const(10)


class TokenAccess:
    """Holds the tokens of a client, in memory alone, by origin (host, port) of the RS."""

    def __init__(self, endpoint: str, ask, taken: tuple = ()):
        """`endpoint`: URI of the token endpoint. `ask(message)` makes one exchange with its AS, in
        a security context; a message may be sent twice. `taken`: Recipient IDs that this node has
        already.
        """
        self._provider = default_provider()
        self._endpoint = endpoint
        self._ask = ask
        self._taken = taken
        self._held = {}
        self._lock = asyncio.Lock()
        self._healed_at = {}

    async def exchange(self, message: Message, origin: tuple, level: int | None, send) -> tuple:
        """Return (response without protection, what opens its notifications or None).

        `send(message)` makes one CoAP exchange with the RS. NotAllowed if the AS or the RS says no,
        ConsentPending if the AS has not decided yet; Unreachable, OutcomeUnknown and ProtocolError
        as their names say.
        """
        visit = _Visit(origin, send)
        held = self._held.get(origin)
        if held is None:
            first = greeting(message, level)
            response = await send(first)
            if response.code != UNAUTHORIZED:
                if level is not None:
                    raise NotAllowed("the server asks for no authorization, so protects nothing")
                return response if first is message else await send(message), None
            held = await self._obtained(visit, needed(message), None, response)
        elif held.is_over(now_ms()) or not _covers(held, message):
            held = await self._obtained(visit, needed(message), held)
        try:
            return await self._authorized(held, message, send)
        except NotProtected as error:
            if error.code != UNAUTHORIZED:
                raise
            held = await self._healed(visit, held, needed(message))
            if message.code in (POST, PATCH):
                raise OutcomeUnknown("the server refused, but may have acted")
        try:
            return await self._authorized(held, message, send)
        except NotProtected:
            self._held.pop(origin, None)
            raise ProtocolError("the server refuses a fresh token")

    async def authorize(self, scope: list, origin: tuple, send) -> list:
        """Get a token for `scope` before it is needed; return what this node may do then.

        `send` and errors as in `exchange`.
        """
        visit = _Visit(origin, send)
        held = self._held.get(origin)
        if held is None:
            response = await send(Message(GET))
            if response.code != UNAUTHORIZED:
                raise NotAllowed("the server asks for no authorization, and so protects nothing")
            held = await self._obtained(visit, scope, None, response)
        elif held.is_over(now_ms()) or aif.minus(scope, held.permissions):
            held = await self._obtained(visit, scope, held)
        return held.permissions

    async def _authorized(self, held: Held, message: Message, send) -> tuple:
        if held.context is None:
            raise NotProtected(UNAUTHORIZED)
        dialogue = Dialogue(held.context, held.context.keys.id_context)
        outgoing, response = await dialogue.request(message, unfragmented(send))
        is_method = response.code == METHOD_NOT_ALLOWED and not _covers(held, message)
        if response.code == FORBIDDEN or is_method:
            raise NotAllowed("the server says that the token does not cover the request")
        if response.code == UNAUTHORIZED:
            # The token has ended there.
            raise NotProtected(UNAUTHORIZED)
        return response, outgoing

    # Tokens

    async def _obtained(self, visit, scope: list, old: Held | None, refusal=None) -> Held:
        """Return a token for `scope`, and what `old` covers, that the RS has accepted.

        Whoever comes late takes what another request has got meanwhile.
        """
        async with self._lock:
            present = self._held.get(visit.origin)
            if present is not None and present is not old:
                if not present.is_over(now_ms()) and not aif.minus(scope, present.permissions):
                    return present
                old = present
            if old is not None:
                scope = aif.joined(scope, old.permissions)
                if await self._widened(visit, scope, old):
                    return self._held[visit.origin]
            held = await self._fresh(visit, scope, old, refusal)
            self._held[visit.origin] = held
            return held

    async def _widened(self, visit, scope: list, old: Held) -> bool:
        """Change the rights of a context that goes on; tell whether that has worked."""
        if old.is_over(now_ms()) or old.context is None:
            return False
        try:
            held = await self._asked(old.audience, scope, None, old)
            if not held.is_update:
                # The AS wants another key: the new token goes the way of a first one.
                return await self._posted(visit, held) is None
            request = _post(encode_update(held))
            response, _ = await self._authorized(held, request, visit.send)
        except (NotProtected, NotAllowed, ProtocolError, OutcomeUnknown):
            return False
        if response.code != CREATED:
            return False
        self._held[visit.origin] = held
        return True

    async def _fresh(self, visit, scope: list, old: Held | None, refusal) -> Held:
        """Get a token and post it; once more with the cnonce of an RS that wants one."""
        for _ in range(2):
            audience, cnonce = self._hinted(visit.origin, old, refusal)
            held = await self._asked(audience, scope, cnonce, None)
            refusal = await self._posted(visit, held)
            if refusal is None:
                return held
        raise ProtocolError("the server refuses a fresh token")

    def _hinted(self, origin: tuple, old: Held | None, refusal: Message | None) -> tuple:
        """Return (audience, cnonce or None) to ask the AS with."""
        if refusal is None and old is not None:
            return old.audience, None
        try:
            said = {} if refusal is None else hints.decode_ace(refusal.payload)
        except DecodeError:
            said = {}
        audience = said.get(labels.AUDIENCE)
        if audience is None:
            raise NotAllowed("refused, and told nothing about whom to ask")
        if said.get(labels.AS, self._endpoint) != self._endpoint:
            raise NotAllowed("the server names an AS that this client does not know")
        if old is None:
            check_audience(audience, origin[0])
        elif audience != old.audience:
            raise NotAllowed("the server calls itself by another name than before")
        return audience, said.get(labels.CNONCE)

    async def _asked(self, audience: str, scope: list, cnonce, old: Held | None) -> Held:
        """Ask the AS: for a token with the key of `old`, or with a new one."""
        key_id = None if old is None else old.material.id
        request = Message(POST, uri.parse(self._endpoint)[2])
        request.add(CONTENT_FORMAT, APPLICATION_ACE_CBOR)
        request.payload = encode_request(audience, scope, cnonce, key_id)
        response = await transfer(request, self._ask)
        if response.code == SERVICE_UNAVAILABLE:
            raise ConsentPending(response.uint(MAX_AGE) or 1)
        try:
            if response.code == CREATED:
                return decode_response(response.payload, audience, scope, now_ms(), old)
            if response.code == BAD_REQUEST:
                raise NotAllowed("the AS says " + str(decode_error(response.payload)))
        except DecodeError:
            raise ProtocolError("the answer of the AS is not readable")
        raise ProtocolError("the AS answered " + code_text(response.code))

    async def _posted(self, visit, held: Held) -> Message | None:
        """Post a token without protection; return None, or the 4.01 of an RS that refuses it."""
        posting = Posting(held, os.urandom, self._is_free)
        response = await transfer(_post(posting.payload), visit.send)
        for _ in range(MAX_WAITS):
            if response.code != TOO_MANY_REQUESTS:
                break
            await asyncio.sleep(min(response.uint(MAX_AGE) or 1, MAX_WAIT))
            response = await transfer(_post(posting.payload), visit.send)
        if response.code == UNAUTHORIZED:
            return response
        if response.code != CREATED:
            raise ProtocolError("the server answered a token with " + code_text(response.code))
        try:
            posting.accepted(self._provider, response.payload)
        except (DecodeError, UnsupportedError, ValueError):
            raise ProtocolError("the server's answer to a token is not readable")
        self._held[visit.origin] = held
        return None

    async def _healed(self, visit, held: Held, scope: list) -> Held:
        """The RS does not know a context: it may have restarted, or anybody says so.

        The token is posted again, and replaced only if that is refused, or if it was good for its
        context alone; not often, since a refusal is cheap.
        """
        refusal = None
        if not held.is_update:
            refusal = await self._posted(visit, held)
            if refusal is None:
                return held
        last = self._healed_at.get(visit.origin)
        if last is not None and now_ms() - last < HEALING_MS:
            raise Unreachable("the server keeps refusing: try again later")
        self._healed_at[visit.origin] = now_ms()
        held.context = None
        return await self._obtained(visit, scope, held, refusal)

    def _is_free(self, id: bytes) -> bool:
        contexts = [held.context for held in self._held.values() if held.context is not None]
        return id not in self._taken and all(one.keys.recipient_id != id for one in contexts)


class _Visit:
    """One exchange: with whom, and how."""

    def __init__(self, origin: tuple, send):
        self.origin = origin
        self.send = send


def _covers(held: Held, message: Message) -> bool:
    return aif.permits(held.permissions, message.path(), message.code)


def _post(payload: bytes) -> Message:
    message = Message(POST, ((CONTENT_FORMAT, APPLICATION_ACE_CBOR),), payload)
    message.set_path(AUTHZ_INFO_PATH)
    return message
