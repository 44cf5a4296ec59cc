"""Every request that reaches the manager: who asks is settled here, before anything else."""

import asyncio
import secrets

from leafkey.coap.assembler import Assembler
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    CONTENT,
    FORBIDDEN,
    GET,
    INTERNAL_SERVER_ERROR,
    MAX_AGE,
    OBSERVE,
    OSCORE,
    POST,
    SERVICE_UNAVAILABLE,
    UNAUTHORIZED,
    is_success,
)
from leafkey.coap.options import SUPPORTED, screen
from leafkey.errors import Refused
from leafkey.oscore.context import Incoming
from leafmanager import issue
from leafmanager.ace.authz_info import OwnServers
from leafmanager.errors import ManagerError
from leafmanager.events import NOTE, Event, Sink
from leafmanager.net import transport
from leafmanager.net.channels import Channels, NodeChannel, now_ms
from leafmanager.net.convert import from_aiocoap, to_aiocoap
from leafmanager.net.gate import Bucket
from leafmanager.net.observers import Observation, Observers
from leafmanager.net.peer import Answer, Observable, Peer
from leafmanager.net.subscriptions import Observed, Subscription, Subscriptions

# Lines a second about requests of strangers; more would let them fill a disk.
_REFUSALS_TOLD = 5
_BUSY_SECONDS = 10
# News that come faster are told together.
_GAP_SECONDS = 1
# How often it is looked whether a subscriber has acknowledged what it was sent last.
_LOOK_SECONDS = 0.05
# Bits of the option Observe.
_ORDER_MASK = 0xFFFFFF
# The option No-Response: none of any class is wanted.
_SILENT = 26

# What answers, by path. It takes and gives messages without their protection.
Routes = dict[str, Answer]


class Front:
    """An aiocoap site that hands all requests, whatever their path, to the channels."""

    def __init__(
        self,
        channels: Channels,
        routes: Routes,
        tell: Sink,
        reads: Routes | None = None,
        observers: Observers | None = None,
        own: OwnServers | None = None,
        subscriptions: Subscriptions | None = None,
    ):
        """`routes` answer a POST, and `reads` a GET, of nodes in their channels alone; `own` is
        what access tokens lead to, too.

        `observers` are those of the revocation list, and `subscriptions` what there is to observe
        behind `own`; without, nothing can be observed.
        """
        self._channels = channels
        self._observers = observers
        self._tell = tell
        self._told = Bucket(_REFUSALS_TOLD, _REFUSALS_TOLD, now_ms() / 1000)
        self._assembler = Assembler(secrets.token_bytes)
        self._routes = {POST: routes, GET: reads or {}}
        self._own = own
        self._subscriptions = subscriptions

    async def render_to_pipe(self, pipe) -> None:
        """Answer one request, and go on if it observes (the interface aiocoap calls)."""
        address = pipe.request.remote.hostinfo
        try:
            peer, incoming = self._asking(from_aiocoap(pipe.request), address)
        except Refused as refused:
            self._tell_refusal(refused.response, address)
            return _say(pipe, refused.response)
        except ManagerError as error:
            return _say(pipe, self._busy(address, error))
        if self._observers and peer.access is None and _observes(incoming.request):
            return await self._observed(pipe, incoming, peer, self._observers)
        response, subscription = await self._serve(incoming, peer)
        if subscription is None:
            return _say(pipe, incoming.protect(response))
        _say(pipe, incoming.protect(response), is_last=False)
        return await self._forward(pipe, incoming, peer, subscription)

    async def _forward(
        self, pipe, incoming: Incoming, peer: Peer, subscription: Subscription
    ) -> None:
        """Send what a subscription is notified of, until the peer or its context is gone."""

        async def ready() -> None:
            # Who is slow is sent the newest alone, and holds nobody else up.
            while transport.owes_acknowledgement(pipe.request.remote):
                await asyncio.sleep(_LOOK_SECONDS)

        try:
            is_last = False
            while not is_last:
                message, is_last = await subscription.next(ready)
                if peer.access is None and not self._channels.to(peer.id).holds(incoming):
                    message, is_last = Message(SERVICE_UNAVAILABLE), True
                if message is not None:
                    message = self._assembler.response(
                        peer.key, incoming.request, message, now_ms()
                    )
                _say(pipe, message and incoming.protect(message), is_last)
        finally:
            if self._subscriptions is not None:
                self._subscriptions.remove(subscription)

    def _asking(self, message: Message, address: str) -> tuple[Peer, Incoming]:
        """Settle who asks. Refused carries the answer to everybody else, and to what is open."""
        own = self._own
        if own is not None and message.option(OSCORE) is None:
            raise Refused(own.in_the_open(message, address))
        found, incoming = self._channels.unprotect(message, own and own.recipients)
        if isinstance(found, NodeChannel):
            return Peer(found.node_id, found.name, found.role, address), incoming
        if own is None:
            raise Refused(Message(UNAUTHORIZED))
        return own.peer(found, address), incoming

    async def _observed(self, pipe, incoming: Incoming, peer: Peer, observers: Observers) -> None:
        """Answer, and again after each update, until the peer or its context is gone.

        aiocoap cancels this when the peer takes its interest back, or does not acknowledge.
        """
        try:
            with observers.joined(peer.id) as observation:
                last = await self._notify(pipe, incoming, peer, observation)
        except ManagerError as error:
            last = self._busy(peer.name, error)
        _say(pipe, last and incoming.protect(last))

    async def _notify(
        self, pipe, incoming: Incoming, peer: Peer, observation: Observation
    ) -> Message | None:
        """Send a response and notifications; return what ends them, None if nothing is to."""
        number, (response, _) = 0, await self._serve(incoming, peer)
        while is_success(response.code):
            response.add(OBSERVE, number & _ORDER_MASK)
            _say(pipe, incoming.protect(response), is_last=False)
            if number:
                await asyncio.sleep(_GAP_SECONDS)
            if not await observation.changed():
                return None
            if not self._channels.to(peer.id).holds(incoming):
                return Message(SERVICE_UNAVAILABLE)
            number, (response, _) = number + 1, await self._serve(incoming, peer)
        return response

    async def _serve(self, incoming: Incoming, peer: Peer) -> tuple[Message, Subscription | None]:
        refusal = screen(incoming.request, SUPPORTED)
        if refusal:
            return Message(refusal), None
        request, immediate = self._assembler.request(peer.key, incoming.request, now_ms())
        if immediate:
            return immediate, None
        response, subscription = await self._routed(peer, request), None
        if isinstance(response, Observed):
            response, subscription = response
        return self._assembler.response(peer.key, request, response, now_ms()), subscription

    async def _routed(self, peer: Peer, request: Message) -> Message | Observed:
        answer = self._resource(peer, request)
        if answer is None:
            return Message(FORBIDDEN)
        try:
            return await answer(peer, request)
        except ManagerError as error:
            return self._busy(peer.name, error)
        except Exception as error:
            text = f"internal error: {type(error).__name__}"
            self._tell(Event(NOTE, peer.name, self._channels.name, text))
            return Message(INTERNAL_SERVER_ERROR)

    def _resource(self, peer: Peer, request: Message) -> Observable | None:
        if peer.access is None:
            path = b"/" + b"/".join(request.path())
            found = self._routes.get(request.code, {}).get(path.decode("utf-8", "replace"))
            if found is not None:
                return found
        return None if self._own is None else self._own.resource(peer, request)

    def _busy(self, who: str, error: ManagerError) -> Message:
        self._tell(Event(NOTE, who, self._channels.name, f"not served: {error}"))
        return Message(SERVICE_UNAVAILABLE, ((MAX_AGE, _BUSY_SECONDS),))

    def _tell_refusal(self, response: Message, address: str) -> None:
        # Who makes a new context has a protected answer, and a token that was taken a success.
        is_refusal = response.option(OSCORE) is None and not is_success(response.code)
        if is_refusal and self._told.take(now_ms() / 1000):
            text = "refused: in no context of a node"
            self._tell(Event(NOTE, self._channels.name, address, text))


def _observes(request: Message) -> bool:
    """Tell whether a request registers for what can be observed: the revocation list alone."""
    path = b"/" + b"/".join(request.path())
    registers = request.code == GET and request.option(OBSERVE) == b""
    return registers and path == issue.TRL_PATH.encode()


def _say(pipe, response: Message | None, is_last: bool = True) -> None:
    """Send a response; None ends without one."""
    sent = to_aiocoap(response or Message(CONTENT))
    if response is None:
        # RFC 7967: aiocoap forgets the request, and says nothing.
        sent.opt.no_response = _SILENT
    pipe.add_response(sent, is_last=is_last)
