"""A node's server: decorated coroutines become resources."""

import asyncio
import os

from leafkey.coap.block import Assembler, is_in_blocks
from leafkey.coap.endpoint import Endpoint
from leafkey.coap.exchange import Exchange
from leafkey.coap.message import Message
from leafkey.coap.numbers import COAP_PORT, CONTENT_FORMAT, OSCORE, UNAUTHORIZED
from leafkey.crypto.provider import default_provider
from leafkey.errors import Refused
from leafkey.pat.freshness import VALID_MS, Freshness
from leafnode.admission import Admitted, admit
from leafnode.carrier import COMMANDS_PATH
from leafnode.clock import now_ms
from leafnode.closing import Closing
from leafnode.contexts import Contexts
from leafnode.guard import Guard
from leafnode.keeper import Keeper
from leafnode.link import Link
from leafnode.node import open_node
from leafnode.observers import Observers
from leafnode.request import Request
from leafnode.response import Response
from leafnode.router import OPEN, Router
from leafnode.udp import UdpSocket, resolve


class Server:
    """The resources of a node, served over CoAP.

        app = Server()

        @app.resource("/temp")
        async def temp(request):
            return 21.5

        app.run()

    A resource returns None, a str, bytes, anything CBOR carries, or a Response. What it raises
    becomes a 5.00 that says nothing; BadRequest becomes a 4.00.
    """

    def __init__(
        self,
        state: str = "leafkey",
        host: str = "",
        port: int = COAP_PORT,
        log=print,
        echo_ms: int = VALID_MS,
        line=None,
        oscore: tuple = (),
        dtls: bool = False,
        ace=None,
    ):
        """`state`: the directory with this node's identity; without one in it, only open resources
        are served. `host`: a local address, "" for all. `echo_ms`: how long clients have to show
        that a request for a fresh resource was made just now. `line`: a leafnode.serial.SerialLine
        to serve on, in place of host and port. `oscore`: Credentials (leafnode.credentials) of
        peers that may use every resource. `dtls`: serve DTLS sessions too, on the port above; a
        firmware that cannot says so in the log. `ace`: a leafnode.authority.AuthorizationServer,
        or True for this node's manager: its clients may use what their access tokens say.

        `log`: function (text) for what an operator should know; it gets no secret. Raises OSError
        when the port is taken, StateError when the identity is damaged.
        """
        # What finds the remote behind a name.
        self.resolve = resolve if line is None else line.resolve
        self.node = open_node(state, log, self.resolve)
        self._guard = None if self.node is None else Guard(self.node, log)
        self._contexts = Contexts(default_provider())
        for credentials in oscore:
            self._contexts.add(credentials.open(state))
        endpoint = Endpoint(os.urandom)
        socket = UdpSocket(host, port) if line is None else line.serve(endpoint)
        self.port = socket.port
        self.link = Link(endpoint, socket, log)
        self._log = log
        self._router = Router(log)
        self._assembler = Assembler(os.urandom)
        self._freshness = Freshness(os.urandom, echo_ms)
        self._observers = Observers(self.link, self._router, self._assembler, log)
        if ace is not None:
            self._take_tokens(ace, state)
        self._closing = Closing(self._guard, self._contexts, self._observers, self._assembler)
        self._dtls = None
        if self.node is not None and self._guard is not None:
            self._contexts.verifier = self._guard.clients
            self._contexts.serve_manager(self.node.association)
            if dtls and line is None:
                self._dtls = self._dtls_listener(host, self._guard)
            self._router.add(COMMANDS_PATH, ("POST",), _commands(self._guard), OPEN, False)
        self.link.serve(self._answer, self._observers.forget)

    def resource(
        self,
        path: str,
        methods: tuple = ("GET",),
        level: str | None = None,
        observable: bool = False,
        fresh: bool = False,
    ):
        """Decorate `async def f(request)`: it serves these methods of `path`.

        `level`: "open" for everybody, or the lowest of "bearer", "pop", "integrity" and
        "confidential" that will do, if the owner's policy does not demand more. `fresh`: act only
        on requests that were made just now, not on one that somebody held back: for locks and
        valves; it costs a second exchange. ValueError for what there is none of, or is served
        already, or for a fresh resource without protection.
        """

        def decorate(handler):
            self._router.add(path, methods, handler, level, observable, fresh)
            return handler

        return decorate

    def notify(self, path: str):
        """The state of an observable resource has changed: tell who observes it."""
        self._observers.notify(path)

    def run(self):
        """Serve until the process ends."""
        asyncio.run(self.serve())

    async def serve(self):
        """Serve until cancelled; then the port is free."""
        tasks = [asyncio.create_task(self._observers.run())]
        tasks.append(asyncio.create_task(self._closing.run()))
        if self.node is not None and self._guard is not None:
            keeper = Keeper(self.node, self._guard, self.link.request, self._log)
            tasks.append(asyncio.create_task(keeper.run()))
        if self._dtls is not None:
            self.link.attach(self._dtls)
        self._log("ready on port %d" % self.port if self.port else "ready on a line")
        try:
            await self.link.run()
        finally:
            for task in tasks:
                task.cancel()

    def _dtls_listener(self, host: str, guard: Guard):
        """The listener for DTLS; None, and a line in the log, where the firmware has none."""
        # A server without DTLS needs no memory for it.
        from leafnode.dtls import NOT_OFFERED, is_offered
        from leafnode.dtls_listener import DtlsListener

        if not is_offered():
            self._log(NOT_OFFERED + "; all else is served")
            return None
        socket = UdpSocket(host, self.port + 1)
        listener = DtlsListener(socket, guard.clients, os.urandom, self._log)
        listener.on_leave = self._observers.close_at
        self._closing.add(listener)
        self._log("DTLS on port %d" % socket.port)
        return listener

    def _take_tokens(self, ace, state: str):
        # A server without tokens needs no memory for them.
        from leafnode.authority import manager_of
        from leafnode.authz_info import AUTHZ_INFO_PATH, RESOURCE_TYPE, AuthzInfo

        if ace is True:
            if self.node is None:
                # The log says already that it is to be provisioned.
                return
            ace = manager_of(default_provider(), self.node.identity)
        made = ace.open(default_provider(), state, self._contexts.recipients)
        tokens = AuthzInfo(made, self._router.is_open)
        self._contexts.take_tokens(tokens)
        self._router.add(AUTHZ_INFO_PATH, ("POST",), tokens.posted, OPEN, False)
        self._router.set_type(AUTHZ_INFO_PATH, RESOURCE_TYPE)

    async def _answer(self, message: Message, remote: tuple, handle: Exchange):
        if message.option(OSCORE) is not None and is_in_blocks(message):
            await self._answer_fragment(message, remote, handle)
            return
        response, expendable = await self._answered(message, remote, handle)
        self.link.respond(handle, response, expendable)

    async def _answer_fragment(self, message: Message, remote: tuple, handle: Exchange):
        """Blocks outside of the protection: of a proxy, or a long one (RFC 8613 4.1.3.4.2)."""
        peer = remote, OSCORE
        whole, response = self._assembler.request(peer, message, now_ms())
        if whole is not None:
            response, _ = await self._answered(whole, remote, handle)
            response = self._assembler.response(peer, whole, response, now_ms())
        self.link.respond(handle, response, True)

    async def _answered(self, message: Message, remote: tuple, handle: Exchange) -> tuple:
        """(response as it travels, True if a duplicate may be answered anew)."""
        now = now_ms()
        try:
            admitted = admit(self._router, self._guard, self._contexts, message, remote, now)
        except Refused as refused:
            return refused.response, True
        challenge = self._challenge(admitted, now)
        if challenge is not None:
            return admitted.protect(challenge), False
        request, response = self._assembler.request(admitted.peer, admitted.request, now)
        if request is not None:
            response = await self._respond(admitted, request, handle)
        return admitted.protect(response), admitted.expendable

    def _challenge(self, admitted: Admitted, now: int) -> Message | None:
        """The answer to a request that may be an old one, before anything of it is kept."""
        route = admitted.route
        if route is None or not route.fresh or admitted.is_manager:
            return None
        return self._freshness.check(admitted.peer, admitted.request, now)

    async def _respond(self, admitted: Admitted, request: Message, handle: Exchange) -> Message:
        """The first block of the response to a whole request."""
        if admitted.is_manager and self._guard is not None:
            now = now_ms()
            response = self._guard.manage(request, now)
        elif admitted.answer is not None:
            now = now_ms()
            response = admitted.answer(request, now)
        else:
            changes = self._observers.changes
            response = await self._router.dispatch(request, admitted.who, admitted.route)
            now = now_ms()
            if not admitted.is_current(now):
                return Message(UNAUTHORIZED)
            self._observers.answered(admitted, request, response, handle, changes)
        return self._assembler.response(admitted.peer, request, response, now)


def _commands(guard: Guard):
    """The resource that takes sealed commands: SAM's word, whoever brings it."""

    async def commands(request: Request) -> Response:
        answer = guard.follow(request.payload, now_ms())
        return Response(answer.payload, answer.code, answer.uint(CONTENT_FORMAT))

    return commands
