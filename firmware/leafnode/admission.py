"""Which requests reach a server's resources."""

from collections import namedtuple

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BAD_OPTION,
    FETCH,
    GET,
    NOT_FOUND,
    OSCORE,
    PAT,
    PAT_DEMAND,
    UNAUTHORIZED,
)
from leafkey.errors import Refused
from leafkey.pat.channel import Channel
from leafkey.pat.option import ANOTHER_AT
from leafnode.contexts import ChannelSession, Contexts
from leafnode.guard import Guard
from leafnode.router import OPEN, Route, Router

# Who holds the grant behind a request: the manager, or a client by (epoch, slot, generation); or
# whoever shares a context with this node, by that.
Holder = namedtuple("Holder", ("grant",))


class Admitted:
    """A request to an open resource: anybody may make it, and its answer goes out as it is.

    `request` is the Message as its client made it. `peer` tells clients apart in block-wise
    transfers, `observer` observations; both are hashable. `route` is where it goes, None if
    nothing serves it. `expendable`: a duplicate may be answered anew, so that the cached reply may
    make room for others.
    """

    is_manager = False
    # Function () -> the client's pseudonym; None: anybody.
    who = None
    # Function (request, now) that answers in place of a resource; None: a resource does.
    answer = None
    # What one AT may carry (leafkey.pat.renewal.Renewal); None: no limit.
    renewal = None

    def __init__(self, request: Message, remote: tuple, route: Route | None):
        self.request = request
        self.peer = remote
        self.route = route
        self.expendable = request.code in (GET, FETCH)

    @property
    def observer(self) -> tuple:
        """One endpoint may observe a resource twice, under two tokens (RFC 7641 section 4.1)."""
        return self.peer, self.request.token

    def is_current(self, now: int) -> bool:
        """True as long as notifications may go on; now: ms."""
        return True

    def protect(self, response: Message, counter: int = 0) -> Message:
        """The Message to send for a response."""
        return response


class Authorized(Admitted):
    """A request under an accepted AT, from a client or from the manager."""

    def __init__(self, session, is_manager: bool, route: Route | None, answer=None):
        """`session` is a Session, or what leafnode.contexts puts in its place."""
        self._session = session
        self.request = session.request
        self.route = route
        self.is_manager = is_manager
        self.answer = answer
        self.expendable = False
        self.who = session.pseudonym
        self.peer = Holder(session.peer)

    @property
    def observer(self) -> tuple:
        """A client observes a resource once, from whatever endpoint (SPEC 5.6)."""
        return self.peer

    @property
    def renewal(self):
        return self._session.renewal

    def is_current(self, now: int) -> bool:
        return self._session.is_current(now)

    def protect(self, response: Message, counter: int = 0) -> Message:
        return self._session.protect(response, counter)


def admit(
    router: Router,
    guard: Guard | None,
    contexts: Contexts,
    message: Message,
    remote: tuple,
    now: int,
) -> Admitted:
    """Let a request through, or raise leafkey.errors.Refused with the answer to give.

    Without a guard only open resources are served.
    """
    channel = _channel_of(remote)
    if channel is not None:
        return _in_channel(router, channel, message, remote, now)
    if message.option(OSCORE) is not None:
        session = contexts.unprotect(message, now)
        route = router.find(session.request)
        return Authorized(session, contexts.is_manager(session), route, session.answer)
    if message.option(PAT) is None:
        route = router.find(message)
        if _is_open(router, route, message):
            return Admitted(message, remote, route)
        raise _refusal(router, guard, contexts, message, now)
    if guard is None:
        raise Refused(Message(BAD_OPTION))
    session = guard.unprotect(message, router.level_of, now)
    return Authorized(session, False, router.find(session.request))


def _channel_of(remote: tuple) -> Channel | None:
    """The channel that a request came in by the way it came: a DTLS session."""
    return getattr(remote[2], "channel", None) if len(remote) > 2 else None


def _in_channel(
    router: Router, channel: Channel, message: Message, remote: tuple, now: int
) -> Admitted:
    """Admit a request in a DTLS session, which protects the answer too (SPEC 5.9)."""
    if not channel.is_current(now) or channel.is_spent():
        raise Refused(Message(UNAUTHORIZED, ((PAT_DEMAND, bytes((ANOTHER_AT,))),)))
    if message.option(PAT) is not None or message.option(OSCORE) is not None:
        raise Refused(Message(BAD_OPTION))
    route = router.find(message)
    if _is_open(router, route, message):
        return Admitted(message, remote, route)
    answer = channel.admit(message)
    if answer is not None:
        raise Refused(answer)
    return Authorized(ChannelSession(channel, message, _as_it_is), False, route)


def _is_open(router: Router, route: Route | None, message: Message) -> bool:
    return router.is_open(message) if route is None else route.level == OPEN


def _as_it_is(response: Message) -> Message:
    return response


def _refusal(
    router: Router, guard: Guard | None, contexts: Contexts, message: Message, now: int
) -> Refused:
    if guard is not None:
        return Refused(guard.refuse())
    if contexts.tokens is not None:
        return contexts.tokens.refusal(now)
    return Refused(Message(UNAUTHORIZED if router.has(message) else NOT_FOUND))
