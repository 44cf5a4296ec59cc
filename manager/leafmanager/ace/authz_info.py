"""The manager as resource server of its own KDC and broker: `/authz-info`, and what is behind.

The state machine is the core's (`leafkey.ace.server`), one for each audience. Contexts are in
memory alone, in bounded number; whether a token stands is looked up for each request.
"""

import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from leafkey.ace import cwt
from leafkey.ace.server import Authority, ResourceServer
from leafkey.coap.assembler import Assembler
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    CONTENT_FORMAT,
    METHOD_NOT_ALLOWED,
    POST,
    UNAUTHORIZED,
    UNSUPPORTED_CONTENT_FORMAT,
)
from leafkey.coap.options import SUPPORTED, screen
from leafkey.crypto.provider import default_provider
from leafkey.errors import AuthenticationError, Refused
from leafkey.oscore.recipients import Recipients
from leafmanager import audiences, issue, scopes
from leafmanager.ace import tokens
from leafmanager.ace.tables import AccessToken
from leafmanager.net.channels import now_ms
from leafmanager.net.peer import Access, Observable, Peer
from leafmanager.provision import manager_of
from leafmanager.store.database import Store

# Contexts of an audience that wait for their proof, and clients that it has.
MAX_UNPROVEN = 64
MAX_ACCESSES = 4096

_AUTHZ_INFO = (issue.AUTHZ_INFO_PATH[1:].encode(),)
# Adds to the answer of /authz-info: (request, claims) -> parameters by label (RFC 9594 3.3).
More = Callable[[dict, dict], dict]


class _NoMemory:
    """Tokens for this manager have `exp`, so that nothing about them needs to be remembered."""

    def load(self) -> int:
        return -1

    def put(self, number: int) -> None:
        """Nothing is kept."""


class Site(NamedTuple):
    """Resources of this manager: whose tokens lead to them, and what answers, whatever the path."""

    audience: str
    answer: Observable


class OwnServers:
    """The audiences of this manager, and their resources."""

    def __init__(self, store: Store, sites: dict[bytes, Site], more: dict[str, More] | None = None):
        """`sites`, by the first segment of their paths. `more`, by audience, adds to what the
        answer of /authz-info says.
        """
        self._store = store
        self._sites = sites
        self.recipients = Recipients()
        self._bodies = Assembler(secrets.token_bytes)
        added = more or {}
        self._servers = {name: self._server(name, added.get(name)) for name in audiences.OWN}

    def in_the_open(self, message: Message, address: str) -> Message:
        """Return the answer to a request without protection: tokens are posted so."""
        if message.path() == _AUTHZ_INFO:
            return self._posted_in_the_open(message, address)
        site = self._site(message)
        if site is not None:
            return self._servers[site.audience].hints(now_ms())
        return Message(UNAUTHORIZED)

    def resource(self, peer: Peer, request: Message) -> Observable | None:
        """Return what answers a peer's request, None if this is nothing for it."""
        if request.path() == _AUTHZ_INFO:
            return self._token
        site = self._site(request)
        if site is None or (peer.access is not None and peer.access.audience != site.audience):
            return None
        return site.answer

    async def _token(self, peer: Peer, request: Message) -> Message:
        """Take a token in a context: in that of another one, it takes its place (RFC 9203 4.1)."""
        if request.code != POST:
            return Message(METHOD_NOT_ALLOWED)
        if not _is_ace(request):
            return Message(UNSUPPORTED_CONTENT_FORMAT)
        if peer.access is None:
            return self._posted(request.payload)
        server = self._servers[peer.access.audience]
        access = server.accesses.received(peer.access.recipient, now_ms())
        if access is None:
            return Message(UNAUTHORIZED)
        return server.update(access, request.payload, now_ms())

    def _posted_in_the_open(self, message: Message, address: str) -> Message:
        if message.code != POST:
            return Message(METHOD_NOT_ALLOWED)
        refusal = screen(message, SUPPORTED)
        if refusal:
            return Message(refusal)
        if not _is_ace(message):
            return Message(UNSUPPORTED_CONTENT_FORMAT)
        request, immediate = self._bodies.request(address, message, now_ms())
        if immediate:
            return immediate
        return self._bodies.response(address, request, self._posted(request.payload), now_ms())

    def _posted(self, payload: bytes) -> Message:
        """Take a token. It does not name its key: the audience whose key opens it takes it."""
        answer = Message(UNAUTHORIZED)
        for server in self._servers.values():
            answer = server.post(payload, now_ms())
            if answer.code != UNAUTHORIZED:
                break
        return answer

    def _site(self, request: Message) -> Site | None:
        path = request.path()
        return self._sites.get(path[0]) if path else None

    def peer(self, recipient: object, address: str) -> Peer:
        """Return who sent a request that has verified.

        Refused, with the answer, if its token does not stand any more.
        """
        for server in self._servers.values():
            try:
                access = server.accesses.received(recipient, now_ms())
                if access is not None:
                    return self._peer(access.permissions, recipient, address)
            except AuthenticationError:
                raise Refused(server.hints(now_ms())) from None
        raise Refused(Message(UNAUTHORIZED))

    def _server(self, name: str, more: More | None) -> ResourceServer:
        with self._store.transaction() as session:
            audience = audiences.named(session, name, issue.now())
            manager = manager_of(session)
            key = audiences.token_key(session, audience)
            authority = Authority(issue.token_uri(manager), name, key, manager.uri)
        made = ResourceServer(
            default_provider(),
            secrets.token_bytes,
            authority,
            _NoMemory(),
            self.recipients,
            time.time,
            lambda claims: self._understood(name, claims),
            more,
        )
        made.accesses.max_unproven, made.accesses.max_accesses = MAX_UNPROVEN, MAX_ACCESSES
        return made

    def _understood(self, name: str, claims: dict) -> int:
        """Return the row of a token that stands."""
        with self._store.transaction() as session:
            audience = audiences.named(session, name, issue.now())
            row = tokens.find(session, audience, claims.get(cwt.CTI, b""))
            if row is None or not tokens.is_live(row, issue.now()):
                raise AuthenticationError("a token that was revoked")
            return row.id

    def _peer(self, token_id: int, recipient: object, address: str) -> Peer:
        with self._store.transaction() as session:
            row = session.get(AccessToken, token_id)
            if row is None or not tokens.is_live(row, issue.now()):
                raise AuthenticationError("a token that was revoked")
            scope = scopes.stored(row.scope)
            access = Access(row.audience.node.name, scope, row.expires_at, row.id, recipient)
            return Peer(row.client.id, row.client.name, row.client.role, address, access)


def _is_ace(request: Message) -> bool:
    return request.uint(CONTENT_FORMAT) in (None, APPLICATION_ACE_CBOR)
