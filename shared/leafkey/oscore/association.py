"""Two parties that share a Master Secret for long, and make their contexts anew from it.

RFC 8613 appendix B.2: each new context mixes random strings of both ends, so neither has to store
anything: not after a restart, nor when a store is restored from an old copy. The strings travel
as a kid context that is wrapped in a CBOR byte string.
"""

from leafkey.coap.message import Message
from leafkey.coap.numbers import GET, INTERNAL_SERVER_ERROR, OSCORE, UNAUTHORIZED
from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import (
    AuthenticationError,
    DecodeError,
    ProtocolError,
    Refused,
    ReplayError,
    Unreachable,
)
from leafkey.oscore.context import Context, Incoming, header_of
from leafkey.oscore.dialogue import Dialogue, NotProtected
from leafkey.oscore.keys import derive
from leafkey.oscore.material import Material
from leafkey.oscore.replay import ReplayWindow
from leafkey.oscore.sequence import Sequence

# R1, R3 and S2; R2 = S2 | MAC (B.2.1).
NONCE_LEN = const(8)
R2_LEN = const(16)
ID3_LEN = const(24)
_KEY_LEN = const(32)
# The newest context, and the one before it: requests may be under way when they change.
MAX_CONTEXTS = const(2)
MAX_ATTEMPTS = const(4)


class NotKnown(ProtocolError):
    """The peer says, or somebody in its place, that it shares nothing with this end."""

    def __init__(self):
        super().__init__("the peer does not know this node: provision it")


class Association:
    """One end, in both roles. In memory alone; at most two contexts live at a time."""

    def __init__(self, provider, random_bytes, material: Material, lock):
        """`lock` is an asyncio.Lock of its own, by which requests made at once make one context."""
        self._provider = provider
        self._random_bytes = random_bytes
        self._material = material
        self._lock = lock
        self.kid = material.recipient_id
        # Newest first.
        self._contexts = []
        # By ID Context: the kid context that goes with each request until the first answer.
        self._introductions = {}
        self._key = random_bytes(_KEY_LEN)

    @property
    def id_context(self) -> bytes | None:
        """The ID Context of the newest context, None if there is none."""
        return self._contexts[0].keys.id_context if self._contexts else None

    def holds(self, context: Context) -> bool:
        """Tell whether a context is one of these: what began in it may go on."""
        return context in self._contexts

    def drop(self):
        """End all contexts: the next request, of either end, makes a new one."""
        self._contexts = []
        self._introductions = {}

    # As a server

    def receive(self, message: Message, header) -> Incoming | None:
        """Return the Incoming of a request, None if it names no context that there is.

        Refused with the answer to one that only asks for a new context; errors as of
        Context.unprotect_request.
        """
        if header.kid_context is None:
            return self._received(message, self._contexts)
        name = _unwrapped(header.kid_context)
        present = [context for context in self._contexts if context.keys.id_context == name]
        if present:
            return self._received(message, present)
        if len(name) == NONCE_LEN:
            raise self._answered(message, name)
        return self._concluded(message, name)

    def _received(self, message: Message, contexts: list) -> Incoming | None:
        failure = None
        for context in contexts:
            try:
                return context.unprotect_request(message)
            except (AuthenticationError, ReplayError) as error:
                # A number may be used in one context, and be the other's.
                failure = failure if isinstance(failure, ReplayError) else error
        if failure is not None:
            raise failure
        return None

    def _answered(self, message: Message, r1: bytes) -> Refused:
        """Step 2: R2, under a context that mixes it in."""
        incoming = self._context(r1).unprotect_request(message)
        s2 = self._random_bytes(NONCE_LEN)
        r2 = s2 + self._mac(s2)
        answer = Message(UNAUTHORIZED)
        return Refused(incoming.answer_in(self._context(r2 + r1), answer, cbor.encode(r2)))

    def _concluded(self, message: Message, id3: bytes) -> Incoming | None:
        """Step 4: the peer has R2, so its request and the context are new."""
        s2, mac = id3[:NONCE_LEN], id3[NONCE_LEN:R2_LEN]
        if len(id3) != ID3_LEN or not equal(self._mac(s2), mac):
            return None
        context = self._context(id3)
        incoming = context.unprotect_request(message)
        # Whoever repeats this request finds R2 worth nothing.
        self._key = self._random_bytes(_KEY_LEN)
        self._adopt(context)
        return incoming

    # As a client

    async def request(self, message: Message, send) -> tuple:
        """Return (Outgoing, response without protection) of a request that may be made twice.

        NotKnown if the peer does not know this association, ProtocolError if its answer does not
        verify, Unreachable if it has no time, and whatever `send` raises.
        """
        for _ in range(MAX_ATTEMPTS):
            try:
                return await self._requested(await self._present(send), message, send)
            except NotProtected as answer:
                if answer.code >= INTERNAL_SERVER_ERROR:
                    raise Unreachable("the peer cannot answer now")
        raise NotKnown

    async def _requested(self, context: Context, message: Message, send) -> tuple:
        name = context.keys.id_context
        dialogue = Dialogue(context, self._introductions.get(name), True)
        try:
            answered = await dialogue.request(message, send)
        except NotProtected as answer:
            if answer.code < INTERNAL_SERVER_ERROR:
                # It may have restarted; whoever forged this makes us ask again, no more.
                self._forget(context)
            raise
        self._introductions.pop(name, None)
        return answered

    async def _present(self, send) -> Context:
        """Return the newest context, after making one if there is none."""
        async with self._lock:
            if not self._contexts:
                await self._introduce(send)
            return self._contexts[0]

    async def _introduce(self, send):
        """Steps 1 and 3: adopt a context that the next request makes known."""
        r1 = self._random_bytes(NONCE_LEN)
        outgoing = self._context(r1).protect_request(Message(GET), cbor.encode(r1))
        response = await send(outgoing.message)
        if response.option(OSCORE) is None:
            raise NotProtected(response.code)
        try:
            r2 = _offered(response)
            outgoing.answered_in(self._context(r2 + r1)).unprotect(response)
        except (AuthenticationError, DecodeError):
            raise ProtocolError("the answer does not verify")
        id3 = r2 + self._random_bytes(NONCE_LEN)
        self._introductions[id3] = cbor.encode(id3)
        self._adopt(self._context(id3))

    # Contexts

    def _context(self, id_context: bytes) -> Context:
        made = self._material
        keys = derive(
            self._provider,
            made.secret,
            made.sender_id,
            made.recipient_id,
            id_context=id_context,
            alg=made.alg,
        )
        return Context(self._provider, keys, Sequence(), ReplayWindow())

    def _adopt(self, context: Context):
        self._contexts.insert(0, context)
        for old in self._contexts[MAX_CONTEXTS:]:
            self._forget(old)

    def _forget(self, context: Context):
        if context in self._contexts:
            self._contexts.remove(context)
        self._introductions.pop(context.keys.id_context, None)

    def _mac(self, s2: bytes) -> bytes:
        return self._provider.hmac_sha256(self._key, s2)[: R2_LEN - NONCE_LEN]


def _unwrapped(kid_context: bytes) -> bytes:
    name = cbor.decode(kid_context)
    if not isinstance(name, bytes):
        raise DecodeError("a kid context of this peer is a wrapped byte string")
    return name


def _offered(response: Message) -> bytes:
    """Return R2 of a response that still has to be verified."""
    wrapped = header_of(response).kid_context
    r2 = b"" if wrapped is None else _unwrapped(wrapped)
    if len(r2) != R2_LEN:
        raise DecodeError("no new context in the answer")
    return r2
