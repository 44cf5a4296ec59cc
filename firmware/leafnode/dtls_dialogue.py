"""The requests of one grant in DTLS sessions, one after the other (SPEC 5.9)."""

import asyncio

from leafkey.coap.message import Message
from leafkey.coap.numbers import ECHO, ENDORSEMENT, PAT_DEMAND, PATCH, POST, UNAUTHORIZED
from leafkey.compat import const
from leafkey.errors import (
    AuthenticationError,
    LeafkeyError,
    OutcomeUnknown,
    ProtocolError,
    Unreachable,
    UnsupportedError,
)
from leafkey.pat import functions, tokens
from leafkey.pat.dialogue import Dialogue, with_option
from leafkey.pat.option import ANOTHER_AT
from leafkey.pat.oscore import LASTING
from leafkey.pat.presenter import (
    EchoDemanded,
    EndorsementDemanded,
    LevelDemanded,
    Presenter,
    raise_demand,
)
from leafnode.clock import now_ms
from leafnode.dtls import AT_LEN, NOT_OFFERED, identity, is_offered
from leafnode.dtls_connection import Connection

MAX_ATTEMPTS = const(6)
# Handshakes in a row that a server may refuse.
MAX_REFUSALS = const(2)
# A server that has lost the session, by a restart, does not say so: this long after a request
# nothing must have come of it, not even an acknowledgement. ms.
PATIENCE = const(8000)


class AnotherDemanded(LeafkeyError):
    """The session is over, and S did nothing: the request may go in another one."""

    def __init__(self):
        super().__init__("another AT is demanded")


class Session:
    """One session, and what its AT still carries."""

    def __init__(self, presenter: Presenter, connection: Connection, number: int, now: int):
        """`number` is that of the AT."""
        self.connection = connection
        self.number = number
        self._rule = presenter.renewal
        self._since = now
        self._left = None if self._rule is None else self._rule.requests

    def is_over(self, now: int) -> bool:
        """True if the AT has done its share, or the session has ended."""
        seconds = None if self._rule is None else self._rule.seconds
        late = seconds is not None and now - self._since >= LASTING * 1000 * seconds // 16
        return late or self._left == 0 or self.connection.is_over

    def is_fit(self, message: Message, now: int) -> bool:
        """Tell whether a request may go out here: not where it may get lost, if it is a POST."""
        if self.is_over(now):
            return False
        return _is_repeatable(message) or not self.connection.is_quiet(now)

    def count(self):
        """A request goes out."""
        if self._left is not None:
            self._left -= 1


class SessionExchange:
    """One request in a session: looks at its answers, which the session has protected."""

    level = tokens.CONFIDENTIAL

    def __init__(self, presenter: Presenter, number: int):
        self.renewal = presenter.renewal
        self._presenter = presenter
        self._number = number
        self._heard = 0

    @property
    def counter(self) -> int:
        """How many notifications were heard."""
        return max(0, self._heard - 1)

    def unprotect(self, response: Message) -> Message:
        """Return the response, or the next notification.

        EchoDemanded and EndorsementDemanded as of presenter.Exchange; AnotherDemanded.
        """
        self._heard += 1
        self._presenter.answered(self._number)
        if self._heard == 1:
            if response.code == UNAUTHORIZED and response.uint(PAT_DEMAND) == ANOTHER_AT:
                raise AnotherDemanded
            raise_demand(response, self._presenter)
        return response


class DtlsDialogue:
    """Makes requests under one CT, in a session with the server of an origin."""

    def __init__(self, presenter: Presenter, connections, origin: tuple):
        """`connections`: Connections. UnsupportedError if this firmware has no PSK."""
        if not is_offered():
            raise UnsupportedError(NOT_OFFERED)
        self._presenter = presenter
        self._connections = connections
        self._origin = origin
        self._session: Session | None = None
        self._lock = asyncio.Lock()

    async def request(self, message: Message, send) -> tuple:
        """Return (exchange, response).

        `send(message, remote)` makes one CoAP exchange, with the origin if there is no `remote`.
        Errors as of leafkey.pat.dialogue.Dialogue.request.
        """
        for _ in range(MAX_ATTEMPTS):
            session = await self._live(message, send)
            exchange = SessionExchange(self._presenter, session.number)
            try:
                return exchange, exchange.unprotect(await self._ask(session, message, send))
            except EchoDemanded as demanded:
                message = with_option(message, ECHO, demanded.echo)
            except EndorsementDemanded:
                message = with_option(message, ENDORSEMENT, self._presenter.endorsement)
            except AnotherDemanded:
                self._leave(session)
            except LevelDemanded:
                raise ProtocolError("there is no higher level than a session's")
            except Unreachable:
                if not session.connection.is_over:
                    raise
                self._leave(session)
                if not _is_repeatable(message):
                    raise OutcomeUnknown("the server was lost, but may have acted")
        raise ProtocolError("the server refuses each attempt in another way")

    def close(self):
        """There will be no further requests."""
        if self._session is not None:
            self._leave(self._session)

    async def _live(self, message: Message, send) -> Session:
        async with self._lock:
            session, now = self._session, now_ms()
            if session is not None and session.is_fit(message, now):
                return session
            self._session = await self._opened(send)
            if session is not None:
                self._connections.retire(session.connection)
            return self._session

    async def _opened(self, send) -> Session:
        """Show the next AT in a handshake; if it is refused, learn from a probe where to go on."""
        prober = Dialogue(self._presenter, send)
        for _ in range(MAX_REFUSALS):
            while self._presenter.must_probe():
                await prober.probe()
            start, leaf = now_ms(), self._presenter.take()
            name, key = identity(leaf.at(AT_LEN)), leaf.key(functions.PSK)
            try:
                connection = await self._connections.open(self._origin, name, key)
            except AuthenticationError:
                await prober.probe()
                continue
            return Session(self._presenter, connection, leaf.number, start)
        raise Unreachable("the server refuses a DTLS session: it may have no room")

    async def _ask(self, session: Session, message: Message, send) -> Message:
        session.count()
        watch = asyncio.create_task(self._watch(session.connection))
        try:
            return await send(message, session.connection.remote)
        finally:
            watch.cancel()

    async def _watch(self, connection: Connection):
        start = now_ms()
        await asyncio.sleep(PATIENCE / 1000)
        if connection.heard < start:
            self._connections.close(connection)

    def _leave(self, session: Session):
        if self._session is session:
            self._session = None
        self._connections.retire(session.connection)


def _is_repeatable(message: Message) -> bool:
    return message.code not in (POST, PATCH)
