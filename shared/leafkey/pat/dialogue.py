"""One authorized request from first AT to answer, whatever gets in its way (SPEC 7.2).

A coroutine without I/O: `send(message)` is awaited for each message, and gives the response or
raises. Nodes and the manager run it alike.
"""

from leafkey.coap.message import Message
from leafkey.coap.numbers import ECHO, ENDORSEMENT, PATCH, POST
from leafkey.compat import const
from leafkey.errors import AuthenticationError, DecodeError, OutcomeUnknown, ProtocolError
from leafkey.pat.presenter import (
    EchoDemanded,
    EndorsementDemanded,
    Exchange,
    LevelDemanded,
    NotRecognized,
)
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, POP

MAX_ATTEMPTS = const(6)


class Dialogue:
    """Makes requests under one CT."""

    def __init__(self, presenter, send):
        """`presenter` is a Presenter, or an oscore.ChannelPresenter in its place."""
        self._presenter = presenter
        self._send = send

    async def request(self, message: Message, level: int | None = None) -> tuple:
        """Return (exchange, response without protection).

        NotRecognized: S does not know this CT; a new ticket is needed. OutcomeUnknown: a POST may
        or may not have been acted on. ProtocolError: S's answers make no sense. TokensExhausted,
        and whatever `send` raises.
        """
        for _ in range(MAX_ATTEMPTS):
            # Others may use numbers up while a probe is under way.
            while self._presenter.must_probe():
                await self.probe()
            exchange = self._presenter.protect(message, level)
            try:
                return exchange, await self._answer(exchange)
            except LevelDemanded as demanded:
                level = max(level or 0, demanded.level)
            except EndorsementDemanded:
                # Inside alone: it is the same in all requests of this grant.
                level = CONFIDENTIAL
                message = with_option(message, ENDORSEMENT, self._presenter.endorsement)
            except EchoDemanded as demanded:
                message = with_option(message, ECHO, demanded.echo)
            except NotRecognized as refused:
                level = await self._recover(refused, exchange, message)
        raise ProtocolError("the server refuses each attempt in another way")

    async def _answer(self, exchange: Exchange) -> Message:
        """The same bytes go out a second time if the first refusal proves nothing."""
        for last in (False, True):
            try:
                return exchange.unprotect(await self._send(exchange.message))
            except NotRecognized as refused:
                if refused.hinted or last:
                    raise
            except (AuthenticationError, DecodeError):
                continue
        raise ProtocolError("the answers do not verify")

    async def _recover(self, refused: NotRecognized, exchange: Exchange, message: Message) -> int:
        """Return the level to try again at, after S proved that it knows this CT."""
        if not refused.hinted:
            await self.probe()
        if message.code in (POST, PATCH):
            raise OutcomeUnknown("the server may have acted on this request already")
        # An AT alone gets no authenticated answer: what refused it may be a higher demand.
        return POP if exchange.level == BEARER else exchange.level

    async def probe(self):
        """Learn from S where to go on; NotRecognized if it does not know this CT."""
        exchange = self._presenter.probe()
        try:
            await self._answer(exchange)
        except NotRecognized as refused:
            if not refused.hinted:
                raise
            return
        raise ProtocolError("a probe was not answered with a hint")


def with_option(message: Message, number: int, value: bytes) -> Message:
    """Return the request made anew: S surely did not act on the one before, be it a POST."""
    renewed = message.copy()
    renewed.remove(number)
    renewed.add(number, value)
    return renewed
