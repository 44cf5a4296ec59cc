"""What clients ask of their CAM: messages (5), (8) and (9), and what it asks of SAM (SPEC 9.6).

A ticket passes through: nothing of it is stored, shown or kept when it has been passed on.
"""

from leafkey.ace import aif
from leafkey.ace.token import TokenErrorResponse, decode_error, encode_error
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    APPLICATION_CBOR,
    BAD_GATEWAY,
    BAD_REQUEST,
    CONTENT_FORMAT,
    CREATED,
    MAX_AGE,
    NOT_FOUND,
    SERVICE_UNAVAILABLE,
)
from leafkey.errors import DecodeError, LeafkeyError
from leafkey.oscore.association import NotKnown
from leafkey.pat import commands, ticket
from leafkey.pat.ticket import TokenRequest
from leafmanager import issue
from leafmanager.cam import policy
from leafmanager.cam.liaison import Liaison
from leafmanager.cam.policy import Leave, UnknownServer
from leafmanager.cam.tables import Authority
from leafmanager.events import (
    ACCESS_REQUEST,
    CLIENT_INFORMATION,
    NOTE,
    TICKET_GRANT,
    TICKET_REQUEST,
    TICKET_TRANSFER,
    Event,
    Sink,
)
from leafmanager.net.peer import Peer
from leafmanager.store.database import Store

# When a client may try again: the SAM does not answer, or does not know this CAM any more.
RETRY_SECONDS = 5
STRANGE_SECONDS = 60
# Clients and audiences whose SAM is remembered, for receipts.
MAX_ASKED = 256


class Handlers:
    """The CAM's two resources; both take and give messages without their protection."""

    def __init__(self, store: Store, liaison: Liaison, cam: str, tell: Sink):
        self._store = store
        self._liaison = liaison
        self._cam = cam
        self._tell = tell
        self._asked: dict[tuple[int, str], int] = {}

    def routes(self) -> dict:
        """Return what answers, by path."""
        return {issue.TOKEN_PATH: self.ticket, issue.RECEIPT_PATH: self.receipt}

    async def ticket(self, peer: Peer, request: Message) -> Message:
        """Ask SAM for what the owner lets this client have, and pass the answer on."""
        try:
            asked = ticket.decode_request(request.payload)
            self._from_client(ACCESS_REQUEST, peer, f"wants {_text(asked)}, of {asked.sam}")
            leave = self._leave(peer, asked)
        except TokenErrorResponse as error:
            kind = NOTE if isinstance(error, UnknownServer) else TICKET_TRANSFER
            self._to_client(kind, peer, f"no ticket: {error}")
            return _ace(BAD_REQUEST, encode_error(error.error, str(error)))
        self._remember(peer.id, asked.audience, leave.authority_id)
        wanted = TokenRequest(
            asked.audience, leave.scope, asked.request_id, peer.name, kept=leave.kept
        )
        answer = await self._answer(leave.authority_id, wanted)
        return self._passed_on(peer, answer, leave)

    async def receipt(self, peer: Peer, request: Message) -> Message:
        """Pass a server's receipt on to the SAM whose commands the client carried."""
        try:
            audience, _ = commands.decode_report(request.payload)
        except DecodeError:
            return Message(BAD_REQUEST)
        authority_id = self._asked.get((peer.id, audience))
        if authority_id is None:
            return Message(NOT_FOUND)
        post = self._liaison.post
        try:
            answer = await post(authority_id, issue.RECEIPT_PATH, request.payload, APPLICATION_CBOR)
        except (LeafkeyError, TimeoutError):
            return _later(RETRY_SECONDS)
        return Message(answer.code)

    def _leave(self, peer: Peer, asked: TokenRequest) -> Leave:
        with self._store.transaction() as session:
            return policy.decide(session, peer.id, asked)

    async def _answer(self, authority_id: int, wanted: TokenRequest) -> Message:
        """Messages (6) and (7)."""
        with self._store.transaction() as session:
            sam = session.get_one(Authority, authority_id).name
        text = f"ticket request for {wanted.client_id}: {_text(wanted)}"
        self._tell(Event(TICKET_REQUEST, self._cam, sam, text))
        payload = ticket.encode_request(wanted)
        try:
            answer = await self._liaison.post(
                authority_id, issue.TOKEN_PATH, payload, APPLICATION_ACE_CBOR
            )
        except NotKnown:
            text = "it does not know this CAM any more: leave it, and join it with a new identity"
            self._tell(Event(NOTE, sam, self._cam, text))
            return _later(STRANGE_SECONDS)
        except (LeafkeyError, TimeoutError):
            self._tell(Event(NOTE, sam, self._cam, "this SAM does not answer"))
            return _later(RETRY_SECONDS)
        self._tell(Event(TICKET_GRANT, sam, self._cam, _outcome(answer)))
        return answer

    def _passed_on(self, peer: Peer, answer: Message, leave: Leave) -> Message:
        """Messages (8) and (9)."""
        if answer.code == CREATED:
            try:
                ticket.decode_response(answer.payload)
                payload = answer.payload
                if not leave.is_all:
                    payload = ticket.with_cai(payload, leave.cai())
            except DecodeError:
                self._to_client(NOTE, peer, "no ticket: what the SAM answered is none")
                return Message(BAD_GATEWAY)
            self._to_client(TICKET_TRANSFER, peer, "ticket, passed on and not kept")
            if not leave.is_all:
                text = f"of what it asked for it may only {aif.text(leave.cai())}"
                self._to_client(CLIENT_INFORMATION, peer, text)
            return _ace(CREATED, payload)
        self._to_client(TICKET_TRANSFER, peer, _outcome(answer))
        if answer.code == BAD_REQUEST:
            return _ace(BAD_REQUEST, answer.payload)
        if answer.code == SERVICE_UNAVAILABLE:
            return _later(answer.uint(MAX_AGE) or RETRY_SECONDS, answer.payload)
        return Message(BAD_GATEWAY)

    def _remember(self, client_id: int, audience: str, authority_id: int) -> None:
        self._asked.pop((client_id, audience), None)
        self._asked[client_id, audience] = authority_id
        if len(self._asked) > MAX_ASKED:
            del self._asked[next(iter(self._asked))]

    def _from_client(self, number: int, peer: Peer, text: str) -> None:
        self._tell(Event(number, peer.name, self._cam, text))

    def _to_client(self, number: int, peer: Peer, text: str) -> None:
        self._tell(Event(number, self._cam, peer.name, text))


def _text(asked: TokenRequest) -> str:
    return f"{asked.audience} {aif.text(asked.scope)}"


def _outcome(answer: Message) -> str:
    if answer.code == CREATED:
        return "ticket"
    if answer.code == SERVICE_UNAVAILABLE:
        return "no ticket yet" + (
            ": its owner is asked" if ticket.is_pending(answer.payload) else ""
        )
    try:
        return f"no ticket: {decode_error(answer.payload)}"
    except DecodeError:
        return "no ticket"


def _ace(code: int, payload: bytes) -> Message:
    return Message(code, ((CONTENT_FORMAT, APPLICATION_ACE_CBOR),), payload)


def _later(seconds: int, payload: bytes = b"") -> Message:
    made = _ace(SERVICE_UNAVAILABLE, payload) if payload else Message(SERVICE_UNAVAILABLE)
    made.add(MAX_AGE, seconds)
    return made
