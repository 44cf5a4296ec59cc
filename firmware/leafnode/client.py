"""A node's client: one awaited call is one request, however many messages it takes."""

import asyncio
import os

from leafkey.ace import aif
from leafkey.coap import uri as coap_uri
from leafkey.coap.endpoint import Endpoint
from leafkey.coap.message import Message
from leafkey.coap.numbers import ACCEPT, CONTENT_FORMAT, OBSERVE
from leafkey.coap.observe import REGISTER
from leafkey.compat import const
from leafkey.errors import NotAllowed, Unreachable
from leafkey.oscore.dialogue import Dialogue
from leafkey.oscore.preset import Preset
from leafkey.pat.tokens import DTLS_LEVEL, LEVELS, OSCORE_LEVEL
from leafnode.access import Access
from leafnode.content import encode
from leafnode.link import Link
from leafnode.node import open_node
from leafnode.observation import Observation
from leafnode.request import METHODS
from leafnode.response import Response, from_message
from leafnode.sender import Sender
from leafnode.transfer import transfer, unfragmented
from leafnode.udp import UdpSocket, resolve

# A request for everybody to read, as only an application may decide.
OPEN = const(-1)
_LEVELS = dict(LEVELS, open=OPEN, oscore=OSCORE_LEVEL, dtls=DTLS_LEVEL)

# Hosts whose address is remembered until they do not answer any more.
MAX_HOSTS = const(8)


class Target:
    """Where requests for one URI go, and at which protection level."""

    def __init__(self, origin: tuple, remote: tuple, options: list, level: int | None):
        self.origin = origin
        self.remote = remote
        self.options = options
        self.level = level


class Client:
    """Makes requests. Responses of every code are returned, except where access is refused.

        async with Client() as house:
            print((await house.get("coap://thermo/temp")).text)

    Values to send are str, bytes or anything CBOR carries. Every request may raise, from
    leafkey.errors: Unreachable, NotAllowed, OutcomeUnknown, ProtocolError; ConsentPending and
    ConsentDenied (a NotAllowed) where the owner is asked; DecodeError for a URI that is none,
    EncodeError for a value that cannot be sent.
    """

    def __init__(
        self,
        state: str = "leafkey",
        log=print,
        server=None,
        servers: dict | None = None,
        consent_wait: int = 0,
        line=None,
        oscore: dict | None = None,
        ace: str | bool = False,
    ):
        """`state`: the directory with this node's identity; without one in it, only open resources
        answer. `server`: a leafnode.server.Server of the same node, whose identity and socket are
        shared while it serves. `servers`: names to addresses, {"thermo": "192.0.2.17"}, where no
        name service knows them. A URI with a name reaches the server of that name alone; one with
        an address trusts whoever answers there first. `consent_wait`: seconds that a request waits
        for the owner, if it takes consent, before it raises ConsentPending; the owner has some 20 s
        in any case. `line`: a leafnode.serial.SerialLine to ask through, in place of UDP.
        `oscore`: Credentials (leafnode.credentials) by URI of the server,
        {"coap://192.0.2.17": Credentials(..)}, for requests that need no manager. `ace`: the URI of
        a token endpoint, "coap://192.0.2.1/token", in place of a manager: its AS gives tokens for
        all servers that are not in `oscore`, and is there itself. True: this node's manager, which
        is asked for access tokens in place of tickets.

        `log`: function (text) for what an operator should know; it gets no secret. StateError when
        the identity is damaged, ValueError where the AS of `ace` is not in `oscore`, or there
        is no manager.
        """
        self._line = line
        if server is None:
            self._resolve = resolve if line is None else line.resolve
            node = open_node(state, log, self._resolve)
        else:
            self._resolve = server.resolve
            node = server.node
        self._node = node
        self._access = None
        if node is not None:
            self._access = Access(node, self.send, consent_wait, self.connections)
        self._servers = servers or {}
        self._presets = {}
        for uri, credentials in (oscore or {}).items():
            self._presets[coap_uri.parse(uri)[:2]] = credentials.open(state)
        self._tokens = self._token_access(ace) if ace else None
        self._log = log
        self._link = None if server is None else server.link
        self._pump = None
        self._remotes = {}
        self._connections = None
        self._groups = []

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, kind: object, error: object, trace: object):
        await self.close()

    async def get(self, uri: str, level: str | None = None, accept: int | None = None) -> Response:
        """GET. `level`: the lowest protection to use, or "open" for none at all; without one the
        server's owner decides. "oscore" and "dtls" open a channel for many requests, "dtls" on
        the port above that of the URI; UnsupportedError where the firmware has no DTLS. `accept`:
        the Content-Format wanted.
        """
        return await self.request("GET", uri, None, level, accept=accept)

    async def put(self, uri: str, value: object, level: str | None = None) -> Response:
        """PUT a value."""
        return await self.request("PUT", uri, value, level)

    async def post(self, uri: str, value: object = None, level: str | None = None) -> Response:
        """POST a value, or nothing."""
        return await self.request("POST", uri, value, level)

    async def delete(self, uri: str, level: str | None = None) -> Response:
        """DELETE."""
        return await self.request("DELETE", uri, None, level)

    async def fetch(self, uri: str, value: object, level: str | None = None) -> Response:
        """FETCH (RFC 8132): a GET with a body."""
        return await self.request("FETCH", uri, value, level)

    async def request(
        self,
        method: str,
        uri: str,
        value: object = None,
        level: str | None = None,
        content_format: int | None = None,
        accept: int | None = None,
    ) -> Response:
        """Any method, any Content-Format, bodies of any size."""
        target = self._target(uri, level)
        message = Message(METHODS[method], target.options)
        message.payload, usual_format = encode(value)
        content_format = usual_format if content_format is None else content_format
        if content_format is not None:
            message.add(CONTENT_FORMAT, content_format)
        if accept is not None:
            message.add(ACCEPT, accept)

        sender = Sender(self, target.remote)

        async def exchange(block: Message) -> Message:
            return (await self._exchange(block, target, sender.send))[0]

        try:
            return from_message(await transfer(message, exchange))
        finally:
            sender.close()

    def observe(self, uri: str, level: str | None = None) -> Observation:
        """Follow a resource: `async for response in client.observe(uri)`, now and at each change.

        An error response is the last one; so is the first one of a resource that is not
        observable. Leaving the loop early leaves the server sending: use `async with`, or call
        `cancel()`.
        """
        target = self._target(uri, level)
        message = Message(METHODS["GET"], target.options)
        message.add(OBSERVE, REGISTER)
        return Observation(self, message, target)

    async def authorize(self, uri: str, permissions: dict) -> dict:
        """Ask for all that will be needed at a server, so that its owner is asked but once.

        `permissions`: methods by path, {"/temp": ("GET",), "/vent": ("GET", "PUT")}. Returns what
        this node may do, in the same form; it may be less. The URI names the server alone.
        """
        access = self._tokens or self._access
        if access is None:
            raise NotAllowed("no identity to ask with: provision this node")
        target = self._target(uri, None)
        scope = [(path, _bits(permissions[path])) for path in permissions]
        sender = Sender(self, target.remote)
        try:
            granted = await access.authorize(scope, target.origin, sender.send)
        finally:
            sender.close()
        return {path: tuple(aif.method_names(bits).split(",")) for path, bits in granted}

    async def join(self, uri: str, roles: tuple = ("publish", "read")):
        """Become a member of a group, or go on being one after a restart: a leafnode.group.Group.

            floor = await client.join("coap://manager/ace-group/floor2")

        `roles`: "publish", "read" or both, no more than the owner allows. NotAllowed otherwise,
        Unreachable, ProtocolError; OSError if the keys cannot be stored, UnsupportedError for a
        group whose algorithms this firmware lacks.
        """
        # A node without groups needs no memory for them.
        from leafnode.group import Group
        from leafnode.membership import Membership

        if self._node is None:
            raise NotAllowed("no identity to join with: provision this node")
        membership = Membership(self, self._node, uri, roles)
        await membership.begin()
        group = Group(self, membership)
        self._groups.append(group)
        return group

    def log(self, text: str):
        """Tell the operator."""
        self._log(text)

    def pseudonym(self, uri: str) -> bytes | None:
        """By which name, 32 bytes, the server of a URI knows this client: its `request.client`.

        None before the first ticket; another one with each new ticket.
        """
        host, port, _ = coap_uri.parse(uri)
        return None if self._access is None else self._access.pseudonym((host, port))

    async def send(self, message: Message, remote: tuple) -> Message:
        """Make one CoAP exchange, from a fresh port, without protection."""
        return await self.link.request_afresh(message, remote)

    def remote(self, origin: tuple) -> tuple:
        """Where the server of an origin (host, port) is; Unreachable if nobody knows."""
        remote = self._remotes.get(origin)
        if remote is None:
            if len(self._remotes) >= MAX_HOSTS:
                self._remotes.clear()
            host, port = origin
            remote = self._remotes[origin] = self._resolve(self._servers.get(host, host), port)
        return remote

    def connections(self):
        """The DTLS sessions of this client (leafnode.dtls_connections.Connections)."""
        if self._connections is None:
            # A client without DTLS needs no memory for it.
            from leafnode.dtls_connections import Connections

            self._connections = Connections(self)
        return self._connections

    async def close(self):
        """End everything under way with errors.Unreachable, and free the port."""
        for group in self._groups:
            group.close()
        if self._pump is None:
            return
        pump, self._pump, self._link = self._pump, None, None
        pump.cancel()
        try:
            await pump
        except asyncio.CancelledError:
            return

    @property
    def link(self) -> Link:
        """The link, opened with the first request."""
        if self._link is None:
            endpoint = Endpoint(os.urandom)
            socket = UdpSocket() if self._line is None else self._line.serve(endpoint)
            self._link = Link(endpoint, socket, self._log)
            self._pump = asyncio.create_task(self._link.run())
        return self._link

    async def _exchange(self, message: Message, target: Target, send) -> tuple:
        """(response, what unprotects the notifications that follow it or None) for one message."""
        try:
            if target.level == OPEN:
                return await send(message), None
            if target.origin in self._presets:
                return await self._in_preset(self._presets[target.origin], message, send)
            if self._node is not None and self._node.uplink.leads_to(target.origin):
                return await self._node.uplink.exchange(message, send)
            if self._tokens is not None:
                return await self._tokens.exchange(message, target.origin, target.level, send)
            if self._access is None:
                if target.level is not None:
                    raise NotAllowed("no identity to protect a request with: provision this node")
                return await send(message), None
            return await self._access.exchange(message, target.origin, target.level, send)
        except Unreachable:
            # Its address may have changed: the next request looks the name up again.
            self._remotes.pop(target.origin, None)
            raise

    def _token_access(self, endpoint: str | bool):
        # A client without tokens needs no memory for them.
        from leafnode.token_access import TokenAccess

        if isinstance(endpoint, bool):
            return self._tokens_of_manager(TokenAccess)
        host, port, _ = coap_uri.parse(endpoint)
        preset = self._presets.get((host, port))
        if preset is None:
            raise ValueError("no context with the AS of the token endpoint")
        dialogue = Dialogue(preset.context, preset.context.keys.id_context, True)

        async def ask(message: Message) -> Message:
            return (await dialogue.request(message, unfragmented(self._sender(host, port))))[1]

        return TokenAccess(endpoint, ask, (preset.context.keys.recipient_id,))

    def _tokens_of_manager(self, made):
        if self._node is None:
            raise ValueError("no identity, so no manager to ask for access tokens")
        uplink = self._node.uplink

        async def ask(message: Message) -> Message:
            return (await uplink.exchange(message, self._sender(*uplink.origin)))[0]

        return made(uplink.token_uri, ask)

    def _sender(self, host: str, port: int):
        async def send(message: Message) -> Message:
            return await self.send(message, self._resolve(host, port))

        return send

    async def _in_preset(self, preset: Preset, message: Message, send) -> tuple:
        """(response, Outgoing) in a context that this client was given."""
        dialogue = Dialogue(preset.context, preset.context.keys.id_context)
        outgoing, response = await dialogue.request(message, unfragmented(send))
        return response, outgoing

    def _target(self, uri: str, level: str | None) -> Target:
        host, port, options = coap_uri.parse(uri)
        origin = (host, port)
        if self._node is not None and self._node.uplink.leads_to(origin):
            origin = self._node.uplink.origin
        number = None if level is None else _LEVELS[level]
        return Target(origin, self.remote(origin), options, number)


def _bits(methods: tuple) -> int:
    bits = 0
    for method in methods:
        bits |= aif.method_bit(METHODS[method])
    return bits
