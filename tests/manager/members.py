"""A member of groups made of the core alone, in its node's channel with the manager."""

import asyncio
import os
import time
from pathlib import Path

from leafkey.coap.message import Message, encode
from leafkey.coap.numbers import (
    ACK,
    APPLICATION_ACE_GROUPCOMM_CBOR,
    CHANGED,
    CONTENT_FORMAT,
    CREATED,
    DELETE,
    DELETED,
    FETCH,
    GET,
    LOCATION_PATH,
    OBSERVE,
    POST,
)
from leafkey.crypto.provider import default_provider
from leafkey.errors import Refused
from leafkey.group import credential, evidence, labels, messages, problem, scope
from leafkey.group.member import Member
from tests.manager.nodes import Node
from tests.support.channel import received

FORMAT = ((CONTENT_FORMAT, APPLICATION_ACE_GROUPCOMM_CBOR),)
PUBLISH_READ = labels.PUBLISH | labels.READ


class Store:
    """What a member stores, kept in memory."""

    def __init__(self) -> None:
        self.state = b""
        self.bound: bytes | None = None

    def put_state(self, data: bytes) -> None:
        """Store the state."""
        self.state = data

    def put_bound(self, data: bytes) -> None:
        """Store the numbers."""
        self.bound = data


class Observing:
    """One observation of this node's: its token, and what opens notifications."""

    def __init__(self, token: bytes, outgoing, response: Message):
        self.token = token
        self.outgoing = outgoing
        self.response = response


class GroupNode(Node):
    """Joins a group, follows its keys, and says and hears publications."""

    def __init__(self, identity: Path, port: int, group: str = "floor2"):
        super().__init__(identity, port)
        self.group = group
        self.store = Store()
        self.signer = default_provider().ed25519_key(os.urandom(32))
        # The public keys of others, by Sender ID.
        self.peers: dict[bytes, bytes] = {}
        self.member = Member(default_provider(), self.store, group, self.signer, self.peers.get)
        self.nonce: bytes | None = None
        # Where this node is to the KDC: /ace-group/G/nodes/N.
        self.path = ""
        self._token = b""
        # Requests of the KDC's, and what it is answered.
        self.requests: list[Message] = []

    async def exchange(self, message: Message) -> Message:
        """Send a request, and remember its token."""
        response = await super().exchange(message)
        self._token = response.token
        return response

    def send(self, code: int, path: str, payload: bytes = b"", options: tuple = ()) -> Message:
        """Return the KDC's answer to a request."""
        request = Message(code, options, payload)
        request.set_path(path)
        return self.ask_for(request)

    def get(self, path: str) -> Message:
        """Return the answer to a GET below the group's resource."""
        return self.send(GET, f"/ace-group/{self.group}{path}")

    def fetch(self, path: str, payload: bytes, options: tuple = FORMAT) -> Message:
        """Return the answer to a FETCH below the group's resource."""
        return self.send(FETCH, f"/ace-group/{self.group}{path}", payload, options)

    def join_request(self, roles: int = PUBLISH_READ, **more) -> dict:
        """Return the parameters of a Join Request; with evidence where a nonce is known."""
        entry = scope.encode(scope.Scope(self.group, roles))
        request = {labels.SCOPE: entry, labels.CNONCE: os.urandom(8), labels.GET_CREDS: None}
        if self.nonce is not None:
            signed = evidence.client_input(entry, self.nonce, request[labels.CNONCE])
            request[labels.CLIENT_CRED] = credential.encode(self.signer.public)
            request[labels.CLIENT_CRED_VERIFY] = self.signer.sign(signed)
        request.update({getattr(labels, name): value for name, value in more.items()})
        return request

    def post_join(self, request: dict | bytes) -> Message:
        """Return the answer to a Join Request."""
        payload = request if isinstance(request, bytes) else messages.encode(request)
        return self.send(POST, f"/ace-group/{self.group}", payload, FORMAT)

    def challenge(self) -> dict:
        """Ask with an empty request for what a Join Request needs, and remember the nonce."""
        told = messages.decode_challenge(self.post_join(b"").payload)
        self.nonce = told[labels.KDCCHALLENGE]
        return told

    def join(self, roles: int = PUBLISH_READ, is_signed: bool = False, **more) -> dict:
        """Join; return the parameters of the Join Response."""
        if is_signed:
            self.challenge()
        request = self.join_request(roles, **more)
        response = self.post_join(request)
        assert response.code in (CREATED, CHANGED), response.code
        told = messages.decode_join_response(response.payload)
        parts = [value.decode() for value in response.options_of(LOCATION_PATH)]
        self.path = "/" + "/".join(parts)
        public = evidence.kdc_public(default_provider(), told, request[labels.CNONCE])
        self.learn(told)
        self.member.join(told, 0, None, public, response.code == CREATED)
        return told

    def learn(self, told: dict) -> None:
        """Remember the credentials in an answer."""
        for id, cred in zip(
            told.get(labels.PEER_IDENTIFIERS, []), told.get(labels.CREDS, []), strict=True
        ):
            self.peers[id] = credential.decode(cred)

    def catch_up(self) -> int:
        """Fetch the keying material in force; return what came of it."""
        response = self.send(GET, self.path)
        return self.member.take(messages.decode_keys(response.payload), 0)

    def leave(self) -> None:
        """Leave the group."""
        assert self.send(DELETE, self.path).code == DELETED

    def observe(self, path: str) -> Observing:
        """Observe a resource."""
        request = Message(GET, ((OBSERVE, b""),))
        request.set_path(path)
        outgoing, response = asyncio.run(self.association.request(request, self.exchange))
        return Observing(self._token, outgoing, response)

    def notified(self, observing: Observing, seconds: float = 10) -> Message:
        """Return the next notification of an observation."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self._receive()
            if message and message.token == observing.token:
                return observing.outgoing.unprotect(message)
        raise AssertionError("no notification")

    def served(self, seconds: float = 10) -> Message:
        """Answer the KDC until it has made a request; return that."""
        end, before = time.monotonic() + seconds, len(self.requests)
        while time.monotonic() < end and len(self.requests) == before:
            message = self._receive()
            if message and message.code in (GET, POST, DELETE):
                self._answer(message)
        assert len(self.requests) > before, "the KDC has not asked"
        return self.requests[-1]

    def _answer(self, message: Message) -> None:
        try:
            incoming = received(self.association, message)
        except Refused as refused:
            response = refused.response
        else:
            self.requests.append(incoming.request)
            response = incoming.protect(self._taken(incoming.request))
        response.type, response.mid, response.token = ACK, message.mid, message.token
        self.socket.sendto(encode(response), self.manager)

    def _taken(self, request: Message) -> Message:
        if request.code == DELETE:
            return Message(DELETED)
        told = messages.decode_keys(request.payload)
        self.learn(told)
        self.member.take(told, 0)
        return Message(CHANGED)


def error_of(response: Message) -> int | None:
    """Return the error id of an answer of the KDC's; None if it has none."""
    if response.uint(CONTENT_FORMAT) != 257:
        return None
    error_id = problem.decode(response.payload)[0]
    assert error_id is not None and problem.CODES[error_id] == response.code
    return error_id
