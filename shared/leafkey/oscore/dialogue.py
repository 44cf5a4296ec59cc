"""One protected request from first try to answer, as pat.dialogue is for ATs.

A coroutine without I/O: `send(message)` is awaited for each message, and gives the response or
raises.
"""

from leafkey.coap.message import Message
from leafkey.coap.numbers import ECHO, OSCORE, PATCH, POST, UNAUTHORIZED
from leafkey.compat import const
from leafkey.errors import (
    AuthenticationError,
    DecodeError,
    OutcomeUnknown,
    ProtocolError,
    ReplayError,
)
from leafkey.oscore.context import Context, Outgoing

MAX_ATTEMPTS = const(3)
MAX_ECHO = const(40)


class NotProtected(ProtocolError):
    """The answer came without protection: anybody may have made it. `code` is its CoAP code."""

    def __init__(self, code: int):
        super().__init__("the server does not take part in the security context")
        self.code = code


class Dialogue:
    """Makes requests in one context. `repeat_all` says that even a POST may be sent twice."""

    def __init__(self, context: Context, kid_context: bytes | None, repeat_all: bool = False):
        """`kid_context` goes into each request: the ID Context of the context, or None."""
        self._context = context
        self._kid_context = kid_context
        self._repeat_all = repeat_all

    async def request(self, message: Message, send) -> tuple:
        """Return (Outgoing, response without protection).

        NotProtected, ProtocolError if answers do not verify, OutcomeUnknown if a POST may have
        been acted on; SequenceExhausted, and whatever `send` raises.
        """
        for _ in range(MAX_ATTEMPTS):
            outgoing = self._context.protect_request(message, self._kid_context)
            response = await self._answer(outgoing, message, send)
            echo = response.option(ECHO)
            if response.code != UNAUTHORIZED or not echo or len(echo) > MAX_ECHO:
                return outgoing, response
            # It was not acted on: the server wants to see that it was made just now.
            message = message.copy()
            message.remove(ECHO)
            message.add(ECHO, echo)
        raise ProtocolError("the server refuses each Echo that it gave")

    async def _answer(self, outgoing: Outgoing, message: Message, send) -> Message:
        response = await send(outgoing.message)
        if response.option(OSCORE) is None:
            raise NotProtected(response.code)
        try:
            return outgoing.unprotect(response)
        except (AuthenticationError, DecodeError, ReplayError):
            if message.code in (POST, PATCH) and not self._repeat_all:
                raise OutcomeUnknown("the answer does not verify")
            raise ProtocolError("the answer does not verify")
