"""/authz-info of a node, and requests under the access tokens that were posted there."""

from leafkey.ace.accesses import Access
from leafkey.ace.server import ResourceServer, denial
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    CONTENT_FORMAT,
    POST,
    TOO_MANY_REQUESTS,
    UNSUPPORTED_CONTENT_FORMAT,
)
from leafkey.coap.options import SUPPORTED, screen
from leafkey.compat import const
from leafkey.errors import AuthenticationError, Refused
from leafkey.oscore.context import Incoming
from leafnode.clock import now_ms
from leafnode.request import Request
from leafnode.response import Response

AUTHZ_INFO_PATH = "/authz-info"
# Of its link (RFC 9200 section 8.15).
RESOURCE_TYPE = "ace.ai"
_SEGMENTS = (AUTHZ_INFO_PATH[1:].encode(),)

# Tokens that are looked at in one go, and ms until there may be one more: each costs an AEAD, and
# anybody may post.
BURST = const(16)
INTERVAL_MS = const(250)


class TokenSession:
    """A request in a context under an access token, in place of a leafkey.pat.session.Session."""

    renewal = None

    def __init__(self, access: Access, incoming: Incoming, is_open: bool, answer):
        """`is_open`: what is asked for needs no token. `answer(request, now)` answers in place of
        a resource; None: a resource does.
        """
        self.peer = access
        self.request = incoming.request
        self.answer = answer
        self._incoming = incoming
        self._is_open = is_open

    def pseudonym(self) -> bytes:
        """Return by which name the application knows the client: the AS's name of its key."""
        return self.peer.id

    def is_current(self, now: int) -> bool:
        """Tell whether the token stands, and covers the request."""
        return self.peer.is_current(now) and not self.denial()

    def denial(self) -> int:
        """Return 0, or the code to refuse the request with."""
        return 0 if self._is_open else denial(self.peer.permissions, self.request)

    def protect(self, response: Message, _counter: int = 0) -> Message:
        """Return the response protected as its request was."""
        return self._incoming.protect(response)


class AuthzInfo:
    """Takes tokens, and gives the sessions of requests under them."""

    def __init__(self, server: ResourceServer, is_open):
        """`is_open(message)` tells whether a request needs no token."""
        self.server = server
        self._is_open = is_open
        self._left = BURST
        self._refilled = now_ms()

    def refusal(self, now: int) -> Refused:
        """Return the answer to a request whose token there is none of, or no more."""
        return Refused(self.server.hints(now))

    def is_current(self, grant, now: int) -> bool:
        """Tell whether a token still stands; True of what is none."""
        return not isinstance(grant, Access) or grant.is_current(now)

    def session(self, recipient, incoming: Incoming, now: int) -> TokenSession | None:
        """Return the session of a request; None if its context is not from here.

        Refused carries every other answer.
        """
        try:
            access = self.server.accesses.received(recipient, now)
        except AuthenticationError:
            raise self.refusal(now)
        if access is None:
            return None
        request = incoming.request
        session = TokenSession(
            access, incoming, self._is_open(request), self._update_of(access, request)
        )
        # The endpoint has screened what is outside; what was sealed is seen here first.
        code = screen(request, SUPPORTED) or session.denial()
        if code:
            raise Refused(incoming.protect(Message(code)))
        return session

    async def posted(self, request: Request) -> Response:
        """The resource: POST, for everybody."""
        if request.content_format != APPLICATION_ACE_CBOR:
            return Response(None, UNSUPPORTED_CONTENT_FORMAT)
        now = now_ms()
        if not self._may_look(now):
            return Response(None, TOO_MANY_REQUESTS, max_age=1)
        answer = self.server.post(request.payload, now)
        return Response(answer.payload or None, answer.code, answer.uint(CONTENT_FORMAT))

    def _update_of(self, access: Access, request: Message):
        """What answers a token that changes the rights of its context."""
        if request.code != POST or request.path() != _SEGMENTS:
            return None

        def update(whole: Message, now: int) -> Message:
            if whole.uint(CONTENT_FORMAT) != APPLICATION_ACE_CBOR:
                return Message(UNSUPPORTED_CONTENT_FORMAT)
            return self.server.update(access, whole.payload, now)

        return update

    def _may_look(self, now: int) -> bool:
        refill = (now - self._refilled) // INTERVAL_MS
        if refill > 0:
            self._left = min(BURST, self._left + refill)
            self._refilled += refill * INTERVAL_MS
        if not self._left:
            return False
        self._left -= 1
        return True
