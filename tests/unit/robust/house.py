"""A manager, a server and a client as nodes really are, but for sockets and flash.

Identity, Guard, Contexts, Keeper, Uplink and Access are those of leafnode. What passes between the
nodes is watched: an AT or a protected request accepted twice, an AT shown for two messages, or a
nonce used twice under a key of a channel, is an AssertionError at once.
"""

import asyncio

import leafnode.access as access
from leafkey.coap.message import Message
from leafkey.coap.numbers import CHANGED, CONTENT, CREATED, GET, OSCORE, PAT
from leafkey.codec import cbor
from leafkey.errors import OutcomeUnknown, Refused, Unreachable
from leafkey.oscore.association import Association, NotKnown
from leafkey.oscore.material import Material
from leafkey.oscore.recipients import unprotect
from leafkey.pat import commands, ticket, tokens
from leafkey.pat.tokens import POP, SlotGrant
from leafnode.contexts import Contexts
from leafnode.guard import Guard
from leafnode.identity import load
from leafnode.keeper import Keeper
from leafnode.udp import resolve
from leafnode.uplink import Uplink
from tests.support.nonces import Nonces
from tests.unit.pat.world import (
    AUDIENCE,
    PROVIDER,
    Random,
    client_token,
    over_the_air,
    request,
    run,
    server_token,
)
from tests.unit.robust.flash import Flash, PowerCut

URI = "coap://192.0.2.1:5683"
ORIGIN = ("192.0.2.2", 5683)
DIRECTORY = "leafkey"
WIDTH = 2
# How long a client waits after a failure, ms: longer than it waits between two tickets.
PAUSE = 11000
SERVER, CLIENT = 1, 2
PATIENCE = 8
SHAPE = {"degree": 9, "depth": 2000, "window": WIDTH}


class Watch:
    """What every AT was shown for, and which requests were accepted."""

    def __init__(self):
        self.shown = {}
        self.accepted = {}

    def show(self, message: Message):
        """One AT, one message: its keys and nonces allow nothing else. A probe has its own key."""
        value = message.option(PAT)
        if value is None:
            return
        # A digest of it is enough, and small.
        content = PROVIDER.sha256(value + bytes((message.code,)) + message.payload)[:8]
        if self.shown.setdefault((value[0] == 7, value[1:17]), content) != content:
            raise AssertionError("an AT was shown for two messages")

    def accept(self, message: Message):
        value = message.option(PAT)
        # What is sealed in a context comes once, too.
        name = message.payload if value is None else value[1:17]
        if name in self.accepted:
            raise AssertionError("a request was accepted twice")
        self.accepted[name] = message


class Sam:
    """The manager: it loses nothing, and keeps trying."""

    def __init__(self, house: "House", n_slots: int = 1):
        self._house = house
        self._random = Random(99)
        # By node: this end of its channel.
        self._ends = {}
        self.token = server_token({}, n_clients=n_slots, st=b"\x01" * 32, version=1, **SHAPE)
        self._sent = False
        self.generation = 0
        self.tickets = {}

    def identity(self, node: int) -> bytes:
        """What provisioning leaves on a node: new keys for its channel each time."""
        draw = self._random.bytes
        made = Material(tokens.AES_CCM_16_64_128, draw(32), draw(4), draw(4))
        self._ends[node] = self._house.end(made, draw)
        fields = {1: AUDIENCE, 2: URI, 6: made.mirrored().fields(), 8: "manager"}
        if node == SERVER:
            fields[7] = True
        return cbor.encode(fields)

    def forget_contexts(self):
        """What a restart does, whatever of its store is restored."""
        for end in self._ends.values():
            end.drop()

    def answer(self, message: Message) -> Message:
        """Messages (2) and (6)."""
        try:
            _, incoming = unprotect(message, self._with_kid)
        except Refused as refused:
            return refused.response
        self._house.managed.accept(message)
        if incoming.request.path() == (b"server-token",):
            return incoming.protect(self._server_token(incoming.request.payload))
        return incoming.protect(self._ticket(incoming.request.payload))

    def _with_kid(self, kid: bytes) -> list:
        return [end for end in self._ends.values() if end.kid == kid]

    def push(self, payload: bytes) -> Message:
        """Return the server's answer to message (3)."""
        post = request("/server-token", 2, payload)
        return run(self._ends[SERVER].request(post, self._house.from_sam))[1]

    def change(self, slots: dict, **changes):
        """Bring a change to the server, for as long as it takes."""
        version = self.token[tokens.VERSION] + 1
        params = {tokens.VERSION: version, tokens.SLOTS: slots}
        for name, value in changes.items():
            params[getattr(tokens, name.upper())] = value
        merged = dict(self.token.params)
        merged.update(params)
        merged[tokens.SLOTS] = dict(self.token[tokens.SLOTS])
        merged[tokens.SLOTS].update(slots)
        self.token = tokens.ServerToken(self.token.st, merged)
        self._bring(tokens.encode_server_token(tokens.ServerToken(None, params)), version)

    def replace(self):
        """A fresh St in a new epoch, brought to the server."""
        self._begin_epoch()
        version = self.token[tokens.VERSION]
        self._bring(tokens.encode_server_token(self.token), version)

    def ratchet(self):
        """The next St in a sealed command, which somebody carries to the server."""
        closing = {tokens.VERSION: self.token[tokens.VERSION] + 1, tokens.SLOTS: {}}
        change = tokens.ServerToken(None, closing)
        command = commands.seal(PROVIDER, self.token, commands.RATCHET, change)
        self.token = commands.followed(PROVIDER, self.token, commands.RATCHET, change)
        for _ in range(PATIENCE):
            self._house.carry(commands.encode_list([command]))
            if self._house.server.guard.version == self.token[tokens.VERSION]:
                return
        raise AssertionError("the server takes no command")

    def _begin_epoch(self):
        params = dict(self.token.params)
        params[tokens.EPOCH] += 1
        params[tokens.VERSION] += 1
        params[tokens.SLOTS] = {}
        self.token = tokens.ServerToken(self._random.bytes(32), params)

    def _bring(self, payload: bytes, version: int):
        for _ in range(PATIENCE):
            try:
                answer = self.push(payload)
            except (Unreachable, NotKnown):
                continue
            if answer.code == CHANGED and cbor.decode(answer.payload)[19] >= version:
                return
            if self._house.server.guard.version == 0:
                self._house.server.ask()
            payload = tokens.encode_server_token(self.token)
        raise AssertionError("the server takes no change")

    def _server_token(self, payload: bytes) -> Message:
        version = cbor.decode(payload)[19]
        if version == 0 and self._sent:
            self._begin_epoch()
        self._sent = True
        return Message(CHANGED, (), tokens.encode_server_token(self.token))

    def _ticket(self, payload: bytes) -> Message:
        asked = ticket.decode_request(payload)
        while asked.request_id not in self.tickets:
            self.generation += 1
            grant = SlotGrant(self.generation, 900, POP, permissions=asked.scope)
            self.change({1: grant})
            # A server that had lost its ST got another one, in which this grant is not.
            if 1 in self.token[tokens.SLOTS]:
                ct = client_token(self.token, 1)
                content = ticket.encode_response(ct, asked.scope, bytes(16))
                self.tickets[asked.request_id] = content
        return Message(CREATED, (), self.tickets[asked.request_id])


class NodeParts:
    """What Guard, Keeper and Access want of a leafnode.node.Node."""

    provider = PROVIDER

    def __init__(self, house: "House", flash: Flash, seed: int):
        self.identity = load(PROVIDER, DIRECTORY, flash)
        self.random_bytes = Random(seed).bytes
        self.association = house.end(self.identity.channel, self.random_bytes)
        self.uplink = Uplink(self.association, self.identity, resolve)

    def trace(self, number: int, text: str):
        """Nobody looks."""


class ServerNode:
    """S on its flash. `boots` counts its starts."""

    def __init__(self, house: "House"):
        self.flash = house.make_flash()
        self._house = house
        self.boots = 0
        self.log = []
        self.guard: Guard
        self.provision()

    def provision(self):
        """Lay down a new identity, which the next start takes up."""
        self.flash.put(DIRECTORY + "/identity", self._house.sam.identity(SERVER))

    def boot(self):
        """Start from flash, and ask the manager, until the power stays."""
        for _ in range(PATIENCE):
            self.boots += 1
            try:
                self.start()
                self.ask()
                return
            except PowerCut:
                self.flash.reboot(self._house.keeps_unsynced)
        raise AssertionError("the server does not start")

    def start(self):
        """Take up what is on flash."""
        node = NodeParts(self._house, self.flash, self.boots)
        self.guard = Guard(node, self.log.append)
        self._contexts = Contexts(PROVIDER)
        self._contexts.serve_manager(node.association)
        self._keeper = Keeper(node, self.guard, self._house.to_manager, self.log.append)

    def ask(self):
        """Message (2)."""
        run(self._keeper._ask())

    def answer(self, message: Message) -> Message:
        """What a message gets; PowerCut if the power went."""
        message = over_the_air(message)
        now = self._house.now
        try:
            if message.option(OSCORE) is None:
                session = self.guard.unprotect(message, lambda request: POP, now)
            else:
                session = self._contexts.unprotect(message, now)
        except Refused as refused:
            return over_the_air(refused.response)
        self._house.watch.accept(message)
        response = Message(CONTENT, (), b"21.5")
        if self._contexts.is_manager(session):
            response = self.guard.manage(session.request, now)
        return over_the_air(session.protect(response))


class ClientNode:
    """C on its flash."""

    def __init__(self, house: "House"):
        self.flash = house.make_flash()
        self._house = house
        self.boots = 0
        self.access: access.Access
        self.provision()

    def provision(self):
        """Lay down a new identity, which the next start takes up."""
        self.flash.put(DIRECTORY + "/identity", self._house.sam.identity(CLIENT))

    def boot(self):
        """Start from flash, until the power stays."""
        for _ in range(PATIENCE):
            self.boots += 1
            try:
                node = NodeParts(self._house, self.flash, 1000 + self.boots)
                self.access = access.Access(node, self._house.to_manager)
                return
            except PowerCut:
                self.flash.reboot(self._house.keeps_unsynced)
        raise AssertionError("the client does not start")

    def ask(self, message: Message) -> Message:
        """One request as an application makes it."""
        return run(self.access.exchange(message, ORIGIN, None, self._house.to_server))[0]


class House:
    """All three. `network(message, deliver)` is who stands between the client and the server."""

    def __init__(self, keeps_unsynced: bool = True, make_flash=Flash):
        self.keeps_unsynced = keeps_unsynced
        self.make_flash = make_flash
        self.watch = Watch()
        self.managed = Watch()
        self.nonces = Nonces(PROVIDER)
        self.network = None
        self.now = 0
        access.now_ms = lambda: self.now
        self.sam = Sam(self)
        self.server = ServerNode(self)
        self.client = ClientNode(self)

    def end(self, material: Material, draw) -> Association:
        """One end of a channel."""
        return Association(self.nonces, draw, material, asyncio.Lock())

    def boot(self):
        """Provisioned nodes are switched on."""
        self.server.boot()
        self.client.boot()

    async def to_server(self, message: Message) -> Message:
        self.watch.show(message)
        if self.network is None:
            return self.deliver(message)
        return self.network(message, self.deliver)

    async def from_sam(self, message: Message) -> Message:
        return self.deliver(message)

    async def to_manager(self, message: Message, remote: tuple) -> Message:
        return over_the_air(self.sam.answer(over_the_air(message)))

    def deliver(self, message: Message) -> Message:
        """Whose power goes while it answers says nothing, and starts again."""
        try:
            return self.server.answer(message)
        except PowerCut:
            self.server.flash.reboot(self.keeps_unsynced)
            self.server.boot()
            raise Unreachable("no answer")

    def carry(self, payload: bytes):
        """Sealed commands reach the server."""
        try:
            self.server.guard.follow(payload, self.now)
        except PowerCut:
            self.server.flash.reboot(self.keeps_unsynced)
            self.server.boot()

    def served(self, path: str = "/temp", code: int = GET):
        """The client gets what it asks for, after a few tries and without anybody's help."""
        for _ in range(PATIENCE):
            try:
                answer = self.client.ask(request(path, code))
            except PowerCut:
                self.client.flash.reboot(self.keeps_unsynced)
                self.client.boot()
                continue
            except (Unreachable, OutcomeUnknown):
                self.now += PAUSE
                continue
            if answer.payload != b"21.5":
                raise AssertionError("another answer")
            return
        raise AssertionError("the client is locked out")

    def forget(self):
        """Drop what was watched: for long runs on small heaps."""
        for watch in (self.watch, self.managed):
            watch.shown.clear()
            watch.accepted.clear()
        self.nonces.forget()
        self.sam.tickets.clear()
        self.server.log.clear()

    def replay(self):
        """Say again all that was ever said to server and manager; watched is what gets in twice."""
        for message in list(self.watch.accepted.values()):
            before = len(self.watch.accepted)
            self.deliver(message)
            if len(self.watch.accepted) != before:
                raise AssertionError("a replay got in")
        for message in list(self.managed.accepted.values()):
            self.sam.answer(over_the_air(message))
