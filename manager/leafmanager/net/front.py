"""Every request that reaches the manager: who asks is settled here, before anything else."""

import secrets
from collections.abc import Awaitable, Callable

from leafkey.coap.assembler import Assembler
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    FORBIDDEN,
    GET,
    INTERNAL_SERVER_ERROR,
    MAX_AGE,
    OSCORE,
    POST,
    SERVICE_UNAVAILABLE,
)
from leafkey.coap.options import SUPPORTED, screen
from leafkey.errors import Refused
from leafkey.oscore.context import Incoming
from leafmanager.errors import ManagerError
from leafmanager.events import NOTE, Event, Sink
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
    """An aiocoap site that hands all requests, whatever their path, to the channels."""

    def __init__(self, channels: Channels, routes: Routes, tell: Sink, reads: Routes | None = None):
        """`routes` answer a POST, and `reads` a GET; nodes get nothing else."""
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
            channel, incoming = self._channels.unprotect(message)
        except Refused as refused:
            self._tell_refusal(refused.response, address)
            return refused.response
        except ManagerError as error:
            self._tell(Event(NOTE, address, self._channels.name, f"not served: {error}"))
            return Message(SERVICE_UNAVAILABLE, ((MAX_AGE, _BUSY_SECONDS),))
        peer = Peer(channel.node_id, channel.name, channel.role, address)
        return incoming.protect(await self._serve(incoming, peer))

    async def _serve(self, incoming: Incoming, peer: Peer) -> Message:
        refusal = screen(incoming.request, SUPPORTED)
        if refusal:
            return Message(refusal)
        request, immediate = self._assembler.request(peer.id, incoming.request, now_ms())
        if immediate:
            return immediate
        response = await self._routed(peer, request)
        return self._assembler.response(peer.id, request, response, now_ms())

    async def _routed(self, peer: Peer, request: Message) -> Message:
        path = b"/" + b"/".join(request.path())
        answer = self._routes.get(request.code, {}).get(path.decode("utf-8", "replace"))
        if answer is None:
            return Message(FORBIDDEN)
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
        # Who makes a new context has a protected answer.
        if response.option(OSCORE) is None and self._told.take(now_ms() / 1000):
            text = "refused: in no context of a node"
            self._tell(Event(NOTE, self._channels.name, address, text))
