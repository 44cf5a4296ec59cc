"""Every request that reaches the manager: who asks is settled here, before anything else."""

import secrets
from collections.abc import Awaitable, Callable

from leafkey.coap.assembler import Assembler
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    GET,
    INTERNAL_SERVER_ERROR,
    MAX_AGE,
    METHOD_NOT_ALLOWED,
    PAT,
    POST,
    SERVICE_UNAVAILABLE,
)
from leafkey.coap.options import SUPPORTED, screen
from leafkey.errors import Refused
from leafmanager.errors import ManagerError
from leafmanager.events import NOTE, REFUSAL, Event, Sink
from leafmanager.net.channels import Channels, now_ms
from leafmanager.net.convert import from_aiocoap, to_aiocoap
from leafmanager.net.gate import Bucket
from leafmanager.net.handlers import Peer

# Lines a second about requests of strangers; more would let them fill a disk.
_REFUSALS_TOLD = 5
_BUSY_SECONDS = 10

# What answers, by path. It takes and gives messages without their protection.
Routes = dict[str, Callable[[Peer, Message], Awaitable[Message]]]


class Front:
    """An aiocoap site that hands all requests, whatever their path, to the PAT verifier."""

    def __init__(self, channels: Channels, routes: Routes, tell: Sink, reads: Routes | None = None):
        """`routes` answer a POST, and `reads` a GET."""
        self._channels = channels
        self._tell = tell
        self._told = Bucket(_REFUSALS_TOLD, _REFUSALS_TOLD, now_ms() / 1000)
        self._assembler = Assembler(secrets.token_bytes)
        self._routes = {POST: routes, GET: reads or {}}

    async def render_to_pipe(self, pipe) -> None:
        """Answer one request (the interface aiocoap calls)."""
        request = pipe.request
        response = await self._answer(from_aiocoap(request), request.remote.hostinfo)
        pipe.add_response(to_aiocoap(response), is_last=True)

    async def _answer(self, message: Message, address: str) -> Message:
        try:
            session = self._channels.unprotect(message)
            node_id, name = self._channels.node_of(session)
        except Refused as refused:
            self._tell_refusal(refused.response, address)
            return refused.response
        except (ManagerError, OSError) as error:
            self._tell(Event(NOTE, address, self._channels.name, f"not served: {error}"))
            return Message(SERVICE_UNAVAILABLE, ((MAX_AGE, _BUSY_SECONDS),))
        return session.protect(await self._serve(session, Peer(node_id, name, address)))

    async def _serve(self, session, peer: Peer) -> Message:
        refusal = screen(session.request, SUPPORTED)
        if refusal:
            return Message(refusal)
        request, immediate = self._assembler.request(session.peer, session.request, now_ms())
        if immediate:
            return immediate
        response = await self._routed(peer, request)
        return self._assembler.response(session.peer, request, response, now_ms())

    async def _routed(self, peer: Peer, request: Message) -> Message:
        path = "/" + "/".join(segment.decode() for segment in request.path())
        answer = self._routes.get(request.code, {}).get(path)
        if answer is None:
            return Message(METHOD_NOT_ALLOWED)
        try:
            return await answer(peer, request)
        except ManagerError as error:
            self._tell(Event(NOTE, peer.name, self._channels.name, f"not served: {error}"))
            return Message(SERVICE_UNAVAILABLE, ((MAX_AGE, _BUSY_SECONDS),))
        except Exception as error:
            text = f"internal error: {type(error).__name__}"
            self._tell(Event(NOTE, peer.name, self._channels.name, text))
            return Message(INTERNAL_SERVER_ERROR)

    def _tell_refusal(self, response: Message, address: str) -> None:
        if self._told.take(now_ms() / 1000):
            known = response.option(PAT) is not None
            text = "refused: not allowed" if known else "refused: no valid AT"
            self._tell(Event(REFUSAL, self._channels.name, address, text))
