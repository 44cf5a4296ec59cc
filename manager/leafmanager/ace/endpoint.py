"""What is asked of the authorization server: access tokens, and what they are (SPEC section 16)."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from leafkey.ace import cwt, introspection, labels
from leafkey.ace import token as ace_token
from leafkey.ace.token import TokenErrorResponse
from leafkey.coap.message import Message
from leafkey.coap.numbers import CREATED, FORBIDDEN
from leafkey.codec import cbor
from leafkey.errors import AuthenticationError, DecodeError
from leafkey.pat.ticket import encode_pending
from leafmanager import audiences, consent, issue, scopes
from leafmanager.ace import authorization, tokens
from leafmanager.ace.cwt import unseal
from leafmanager.events import NOTE, TICKET_GRANT, TICKET_REQUEST, Event, Sink
from leafmanager.net.asking import Question, ace, ace_error, decided, later, question
from leafmanager.net.handlers import AGAIN_SECONDS, FULL_SECONDS
from leafmanager.net.peer import Answer, Peer
from leafmanager.net.watch import Watch
from leafmanager.store.database import Store
from leafmanager.store.tables import Audience, Consent, Node


class Endpoint:
    """`/token` and `/introspect`; both take and give messages without their protection."""

    def __init__(
        self,
        store: Store,
        watch: Watch,
        ticket: Answer,
        manager: str,
        tell: Sink,
        answer_seconds: int = consent.ANSWER_SECONDS,
    ):
        """`ticket` answers requests of profile coap_pat."""
        self._store = store
        self._watch = watch
        self._ticket = ticket
        self._manager = manager
        self._tell = tell
        self._answer_seconds = answer_seconds

    def routes(self) -> dict:
        """Return what answers, by path."""
        return {issue.TOKEN_PATH: self.token, issue.INTROSPECT_PATH: self.introspect}

    async def token(self, peer: Peer, request: Message) -> Message:
        """Answer a token request of whatever profile."""
        if _is_for_ticket(request.payload):
            return await self._ticket(peer, request)
        self._tell(Event(TICKET_REQUEST, peer.name, self._manager, "access token request"))
        try:
            return await self._granted(peer, ace_token.decode_request(request.payload))
        except TokenErrorResponse as error:
            self._told(peer, f"no access token: {error}")
            return ace_error(error.error, str(error))
        except (tokens.TooMany, consent.TooMany) as error:
            self._noted(peer)(f"no access token: {error}")
            return later(FULL_SECONDS)

    async def introspect(self, peer: Peer, request: Message) -> Message:
        """Tell a resource server what a token for it says, and whether it stands."""
        try:
            asked = introspection.decode_request(request.payload)
        except DecodeError as error:
            return ace_error(labels.INVALID_REQUEST, str(error))
        with self._store.transaction() as session:
            audience = session.get(Audience, peer.id)
            if audience is None or not audience.takes_tokens:
                return Message(FORBIDDEN)
            said = introspected(session, audience, asked[introspection.TOKEN], issue.now())
        return ace(CREATED, cbor.encode(said))

    async def _granted(self, peer: Peer, fields: dict) -> Message:
        payload = await decided(
            lambda: self._decided(peer, fields), self._watch, peer.id, self._noted(peer)
        )
        if payload is None:
            self._told(peer, "no access token yet: the owner has not answered")
            return later(AGAIN_SECONDS, encode_pending())
        return ace(CREATED, payload)

    def _decided(self, peer: Peer, fields: dict) -> bytes | Question:
        now = issue.now()
        with self._store.transaction() as session:
            client = session.get_one(Node, peer.id)
            seconds = self._answer_seconds
            found = authorization.grant_token(session, client, fields, now, seconds)
            if isinstance(found, Consent):
                return question(found, now)
            text = scopes.of(found.row.audience).text(found.scope)
            what = f"access token {found.row.id}: {found.row.audience.node.name} {text}"
        self._told(peer, f"{what}, {found.response[labels.EXPIRES_IN]} s")
        return cbor.encode(found.response)

    def _told(self, peer: Peer, text: str) -> None:
        self._tell(Event(TICKET_GRANT, self._manager, peer.name, text))

    def _noted(self, peer: Peer) -> Callable[[str], None]:
        return lambda text: self._tell(Event(NOTE, self._manager, peer.name, text))


def introspected(session: Session, audience: Audience, token: bytes, now: int) -> dict:
    """Return the claims of a token for an audience, or that it does not stand (RFC 9200 5.9.2).

    Why it does not is nobody's business.
    """
    try:
        claims = unseal(audiences.token_key(session, audience), token)
    except (AuthenticationError, DecodeError):
        return {introspection.ACTIVE: False}
    row = tokens.find(session, audience, claims.get(cwt.CTI, b""))
    if row is None or not tokens.is_live(row, now):
        return {introspection.ACTIVE: False}
    if cwt.EXI in claims:
        claims[cwt.EXI] = tokens.seconds_left(row, now)
    return claims | {introspection.ACTIVE: True, labels.TOKEN_TYPE: labels.POP}


def _is_for_ticket(payload: bytes) -> bool:
    try:
        fields = cbor.decode(payload, lenient=True)
    except DecodeError:
        return False
    return isinstance(fields, dict) and fields.get(labels.ACE_PROFILE) == labels.COAP_PAT
