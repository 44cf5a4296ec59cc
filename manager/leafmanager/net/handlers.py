"""What nodes ask of the manager: tickets (6) and server tokens (2) (SPEC section 9)."""

from typing import NamedTuple

from sqlalchemy.orm import Session

from leafkey.ace import aif, labels
from leafkey.ace.token import TokenErrorResponse
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_CBOR,
    CHANGED,
    CONTENT_FORMAT,
    CREATED,
    FORBIDDEN,
)
from leafkey.codec import cbor
from leafkey.errors import DecodeError
from leafkey.pat import tokens
from leafkey.pat.ticket import TokenRequest, decode_request, encode_pending, encode_response
from leafmanager import cam_clients, consent, issue, provision, sam, slots, versions
from leafmanager.events import (
    NOTE,
    SERVER_TOKEN,
    SERVER_TOKEN_REQUEST,
    TICKET_GRANT,
    TICKET_REQUEST,
    Event,
    Sink,
)
from leafmanager.holding import has_expired
from leafmanager.net.asking import Question, ace, ace_error, decided, later, question
from leafmanager.net.downlink import Downlink, token_text
from leafmanager.net.peer import Peer
from leafmanager.net.watch import Watch
from leafmanager.store.database import Store
from leafmanager.store.tables import Consent, Grant, Node, Server

# When a client may try again: its server has got a fresh St, does not answer, or is full.
AGAIN_SECONDS = 1
RETRY_SECONDS = 5
FULL_SECONDS = 60


class _Granted(NamedTuple):
    """A grant, and what has to be confirmed before its ticket is released."""

    id: int
    server_id: int
    version: int


class Handlers:
    """The manager's two resources; both take and give messages without their protection."""

    def __init__(
        self,
        store: Store,
        downlink: Downlink,
        watch: Watch,
        manager: str,
        tell: Sink,
        answer_seconds: int = consent.ANSWER_SECONDS,
    ):
        """`answer_seconds`: how long the owner has to answer a question."""
        self._store = store
        self._downlink = downlink
        self._watch = watch
        self._answer_seconds = answer_seconds
        self._manager = manager
        self._tell = tell

    def routes(self) -> dict:
        """Return what answers, by path."""
        return {issue.TOKEN_PATH: self.ticket, issue.SERVER_TOKEN_PATH: self.server_token}

    async def ticket(self, peer: Peer, request: Message) -> Message:
        """Decide, or let the owner decide, let the server know, and then release the ticket.

        A server that does not answer is told by the client, which carries sealed commands to it.
        """
        try:
            asked = decode_request(request.payload)
            self._tell_of(TICKET_REQUEST, peer, f"ticket request{_scope_text(asked)}")
            granted = await decided(
                lambda: self._decided(peer, asked),
                self._watch,
                peer.id,
                lambda text: self._tell_of(NOTE, peer, text),
            )
            if granted is None:
                self._tell_of(TICKET_GRANT, peer, "no ticket yet: the owner has not answered")
                return later(AGAIN_SECONDS, encode_pending())
            await self._downlink.deliver(granted.server_id, granted.version)
            return self._released(peer, granted.id)
        except TokenErrorResponse as error:
            self._tell_of(TICKET_GRANT, peer, f"no ticket: {error}")
            return ace_error(error.error, str(error))
        except slots.Full as error:
            self._tell_of(NOTE, peer, f"no ticket: {error}; a slot is free when a grant ends")
            return later(FULL_SECONDS)
        except consent.TooMany as error:
            self._tell_of(NOTE, peer, f"the owner is not asked: {error}")
            return later(FULL_SECONDS)

    async def server_token(self, peer: Peer, request: Message) -> Message:
        """Answer a server with its whole ST, and remember where it is and what it has."""
        if peer.role != provision.SERVER:
            return Message(FORBIDDEN)
        try:
            has = _version(request.payload)
        except DecodeError as error:
            return ace_error(labels.INVALID_REQUEST, str(error))
        self._tell_of(SERVER_TOKEN_REQUEST, peer, f"server token request: has version {has}")
        now = issue.now()
        with self._store.transaction() as session:
            server = session.get_one(Server, peer.id)
            was_heard = server.heard_at is not None
            server.address, server.heard_at, server.off_since = peer.address, now, None
            if has > server.sent:
                return self._outdated(peer)
            if has == 0 and was_heard:
                # It was given the present St, and cannot tell any more which ATs it has seen.
                self._tell_of(NOTE, peer, "it has lost its state: a fresh St, in a new epoch")
                slots.begin_epoch(session, server, now)
            slots.close_expired(session, server, now)
            versions.confirm(session, server, has)
            token = issue.whole(session, server, now)
            server.sent = max(server.sent, server.version)
        self._downlink.heard(peer.id, token.params[tokens.VERSION])
        self._tell_of(SERVER_TOKEN, peer, token_text(token))
        payload = tokens.encode_server_token(token)
        return Message(CHANGED, ((CONTENT_FORMAT, APPLICATION_CBOR),), payload)

    def _outdated(self, peer: Peer) -> Message:
        """A manager restored from an old backup must not grant again what it granted before."""
        self._tell_of(NOTE, peer, "it has a later ST: this manager's memory is out of date")
        self._downlink.ahead(peer.id)
        return later(RETRY_SECONDS)

    def _decided(self, peer: Peer, asked: TokenRequest) -> _Granted | Question:
        now = issue.now()
        with self._store.transaction() as session:
            node = session.get_one(Node, peer.id)
            client = cam_clients.asking(session, node, asked.client_id, now)
            found = sam.grant_ticket(session, client, asked, now, self._answer_seconds)
            if isinstance(found, Consent):
                return question(found, now)
            return _Granted(found.id, found.server_id, found.version)

    def _released(self, peer: Peer, grant_id: int) -> Message:
        with self._store.transaction() as session:
            grant = session.get(Grant, grant_id)
            now = issue.now()
            if grant is None:
                # Undone by a new epoch: the same request is granted there.
                return later(AGAIN_SECONDS)
            if grant.ended_at is not None or has_expired(grant, now):
                raise TokenErrorResponse("the grant has ended meanwhile", labels.INVALID_REQUEST)
            carried = self._carried(session, grant)
            if carried is None:
                self._tell_of(TICKET_GRANT, peer, "no ticket yet: the server has not confirmed it")
                return later(RETRY_SECONDS)
            grant.released_at = grant.released_at or now
            scope = aif.decode(grant.permissions)
            token = issue.client_token(session, grant, now)
            payload = encode_response(token, scope, grant.access_token, carried)
            text = f"ticket: {grant.server.node.name} {aif.text(scope)}, {_grant_text(grant, now)}"
            text += ", with sealed commands" if carried else ""
        self._tell_of(TICKET_GRANT, peer, text)
        return ace(CREATED, payload)

    def _carried(self, session: Session, grant: Grant) -> bytes | None:
        """Return the commands that a ticket has to bring along, b"" for none; None: not yet."""
        if grant.server.confirmed >= grant.version:
            return b""
        # Neither is anything sealed before the server has shown that this memory is good.
        if not self._downlink.has_met(grant.server_id):
            return None
        return versions.sealed(session, grant.server) or None

    def _tell_of(self, number: int, peer: Peer, text: str) -> None:
        incoming = number in (TICKET_REQUEST, SERVER_TOKEN_REQUEST)
        ends = (peer.name, self._manager) if incoming else (self._manager, peer.name)
        self._tell(Event(number, *ends, text))


def _scope_text(asked: TokenRequest) -> str:
    behalf = "" if asked.client_id is None else f" for {asked.client_id}"
    return f"{behalf}: {asked.audience} {aif.text(asked.scope)}"


def _grant_text(grant: Grant, now: int) -> str:
    level = next(name for name, number in tokens.LEVELS.items() if number == grant.level)
    ats = grant.last - grant.first + 1
    until = "" if grant.expires_at is None else f", {grant.expires_at - now} s"
    return f"slot {grant.slot} generation {grant.generation}, {ats} ATs, {level}{until}"


def _version(payload: bytes) -> int:
    fields = cbor.decode(payload)
    if not isinstance(fields, dict) or set(fields) != {tokens.VERSION}:
        raise DecodeError("a server token request is a version")
    version = fields[tokens.VERSION]
    if type(version) is not int or version < 0:
        raise DecodeError("a server token request is a version")
    return version
