"""What stands before a server's resources: PAT for its clients, and what the manager may do."""

import asyncio

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_CBOR,
    BAD_REQUEST,
    CHANGED,
    CONFLICT,
    CONTENT_FORMAT,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    POST,
)
from leafkey.codec import cbor
from leafkey.errors import DecodeError, OutOfStep, StateError, UnsupportedError
from leafkey.pat import tokens
from leafkey.pat.follower import Follower
from leafkey.pat.verifier import Session, Verifier
from leafnode.node import Node
from leafnode.state import VerifierState
from leafnode.uplink import SERVER_TOKEN_PATH

_SERVER_TOKEN_SEGMENTS = (SERVER_TOKEN_PATH[1:].encode(),)


class Guard:
    """The ST under which clients come, which the manager changes.

    `log(text)` is told of damaged state, never of a secret.
    """

    def __init__(self, node: Node, log):
        identity, sam = node.identity, node.uplink.token_uri
        state = identity.server_token()
        self.clients = Verifier(node.provider, node.random_bytes, state, sam, identity.name)
        _load(self.clients, state, log)
        self._follower = Follower(node.provider, self.clients, state, state.last)
        # Set when the manager wants to change an ST that this node does not have, or somebody
        # carried a change here of which the manager has not heard yet.
        self.wants_token = asyncio.Event()
        # Called after each change of the ST: grants may have ended.
        self.on_change = _nothing

    @property
    def version(self) -> int:
        """The version of the ST in force, 0 for none: what a server token request says."""
        token = self.clients.token
        return token[tokens.VERSION] if token else 0

    def unprotect(self, message: Message, level_of, now: int) -> Session:
        """Return the session of a client's authorized request.

        Refused carries every other answer; `level_of` and times as for Verifier.unprotect.
        """
        return self.clients.unprotect(message, level_of, now)

    def refuse(self) -> Message:
        """Return the answer to a request that carries no AT and may not go without: message (4)."""
        return self.clients.refuse()

    def apply(self, payload: bytes, now: int):
        """Take the ST in a payload from SAM; errors as of Verifier.apply."""
        self.clients.apply(tokens.decode_server_token(payload), now)
        self.on_change()

    def follow(self, payload: bytes, now: int) -> Message:
        """Return the answer to sealed commands, whoever carried them here (SPEC 9.3)."""
        version = self.version
        try:
            receipt = self._follower.follow(payload, now)
        finally:
            if self.version != version:
                self.wants_token.set()
                self.on_change()
        if receipt is None:
            return self.refuse()
        return Message(CHANGED, ((CONTENT_FORMAT, APPLICATION_CBOR),), receipt)

    def is_current(self, holder, now: int) -> bool:
        """Tell whether the grant of an admission.Holder still stands; a given context does."""
        grant = holder.grant
        return not isinstance(grant, tuple) or self.clients.is_current(grant, now)

    def next_end(self, now: int) -> int | None:
        """Return when the next grant of a client ends, ms; None if none does by itself."""
        return self.clients.next_end(now)

    def manage(self, request: Message, now: int) -> Message:
        """Return the answer to a whole request of the manager: message (3) sent by SAM."""
        if request.path() != _SERVER_TOKEN_SEGMENTS:
            return Message(NOT_FOUND)
        if request.code != POST:
            return Message(METHOD_NOT_ALLOWED)
        if self.version == 0:
            # What was pushed may be old: only the answer to a request of ours is fresh.
            self.wants_token.set()
            return self._state(CONFLICT)
        try:
            self.apply(request.payload, now)
        except OutOfStep:
            return self._state(CONFLICT)
        except (DecodeError, UnsupportedError):
            return self._state(BAD_REQUEST)
        return self._state(CHANGED)

    def _state(self, code: int) -> Message:
        token = self.clients.token
        epoch = token[tokens.EPOCH] if token else 0
        payload = cbor.encode({tokens.EPOCH: epoch, tokens.VERSION: self.version})
        return Message(code, ((CONTENT_FORMAT, APPLICATION_CBOR),), payload)


def _nothing():
    pass


def _load(verifier: Verifier, store: VerifierState, log):
    """Damaged state is as good as none: nothing is accepted until SAM sends a fresh ST."""
    try:
        stored = store.load()
    except StateError as error:
        log(str(error) + "; nothing is accepted under it")
        return
    if stored is not None:
        verifier.load(*stored)
