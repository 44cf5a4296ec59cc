"""A context that both ends were given, and that is derived once (RFC 8613 appendix B.1)."""

from leafkey.coap.message import Message
from leafkey.coap.numbers import ECHO, UNAUTHORIZED
from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import Refused
from leafkey.oscore.context import Context, Incoming

ECHO_LEN = const(8)


class Preset:
    """One context, in both roles. After a start its replay window may be lost."""

    def __init__(self, context: Context, random_bytes):
        self.context = context
        self.kid = context.keys.recipient_id
        # Shown by whoever has heard of this start; the same for all requests until one has it.
        self._echo = random_bytes(ECHO_LEN)

    def receive(self, message: Message, header) -> Incoming | None:
        """Return the Incoming of a request; None if its kid context names another one.

        Refused with a protected Echo as long as the request could be an old one (B.1.2); errors
        as of Context.unprotect_request.
        """
        wanted = self.context.keys.id_context
        if header.kid_context is not None and header.kid_context != wanted:
            return None
        incoming = self.context.unprotect_request(message)
        if self.context.window.is_lost:
            self._check_echo(incoming)
        return incoming

    def _check_echo(self, incoming: Incoming):
        if not equal(incoming.request.option(ECHO) or b"", self._echo):
            challenge = Message(UNAUTHORIZED, ((ECHO, self._echo),))
            raise Refused(incoming.protect(challenge))
        incoming.settle()
