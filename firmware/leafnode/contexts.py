"""Requests that come to a server in OSCORE (RFC 8613): whose they are, and what they may do."""

from collections import OrderedDict

from leafkey.coap.message import Message
from leafkey.coap.numbers import BAD_OPTION, PAT, UNAUTHORIZED
from leafkey.coap.options import SUPPORTED, screen
from leafkey.compat import const
from leafkey.errors import (
    AuthenticationError,
    DecodeError,
    Refused,
    ReplayError,
    UnknownToken,
    UsedToken,
)
from leafkey.oscore.association import Association
from leafkey.oscore.context import Incoming, header_of
from leafkey.oscore.preset import Preset
from leafkey.oscore.recipients import NOT_FOUND, Recipients, refused
from leafkey.pat import functions, option, oscore, tokens
from leafkey.pat.channel import Channel, Offer
from leafkey.pat.verifier import Verifier

# Channels that ATs have opened; the one that was heard least recently makes room.
MAX_CHANNELS = const(16)


class Trusted:
    """A request in a context that this node was given: whoever has its keys may do everything.

    `peer` is the recipient (leafkey.oscore.recipients).
    It stands in place of a leafkey.pat.session.Session.
    """

    renewal = None
    # Function (request, now) that answers in place of a resource; None: a resource does.
    answer = None

    def __init__(self, recipient, incoming: Incoming):
        self.peer = recipient
        self.request = incoming.request
        self._incoming = incoming

    def pseudonym(self) -> bytes:
        """Return by which name the application knows the peer: its Sender ID."""
        return self.peer.kid

    def is_current(self, _now: int) -> bool:
        """True: a context that was given does not end."""
        return True

    def protect(self, response: Message, _counter: int = 0) -> Message:
        """Return the response protected as its request was."""
        return self._incoming.protect(response)


class ChannelSession:
    """A request in a channel, in place of a leafkey.pat.session.Session."""

    answer = None

    def __init__(self, channel: Channel, request: Message, protect):
        """`protect(response)` is what the channel does for a response."""
        self.peer = channel.peer
        self.request = request
        self.pseudonym = channel.pseudonym
        self._channel = channel
        self._protect = protect

    @property
    def renewal(self):
        """What one AT of this grant may carry."""
        return self._channel.renewal

    def is_current(self, now: int) -> bool:
        """Tell whether the channel goes on, and its grant covers the request."""
        return self._channel.is_current(now) and self._channel.covers(self.request)

    def protect(self, response: Message, _counter: int = 0) -> Message:
        """Return the response protected as its request was."""
        return self._protect(response)


class Contexts:
    """The contexts of one server: those that it was given, and those that ATs open."""

    def __init__(self, provider):
        self._provider = provider
        self._recipients = Recipients()
        self._given = []
        # Under which ATs open channels; None where there are none.
        self.verifier: Verifier | None = None
        self._manager = None
        # Contexts under access tokens; None where there are none.
        self.tokens = None
        # {recipient: Channel}, heard least recently first.
        self._channels = OrderedDict()
        # Called when a channel was opened: it may have an end.
        self.on_open = _nothing

    @property
    def recipients(self) -> Recipients:
        """Where all contexts are registered, of whatever kind."""
        return self._recipients

    def add(self, recipient):
        """Trust a recipient (leafkey.oscore.recipients) with everything."""
        if not self._recipients.add(recipient):
            raise ValueError("too many contexts with one Recipient ID")
        self._given.append(recipient)

    def take_tokens(self, tokens):
        """Serve clients with access tokens: `tokens` is a leafnode.authz_info.AuthzInfo."""
        self.tokens = tokens

    def serve_manager(self, association: Association):
        """Take what comes in the association with the manager as its word."""
        self.add(association)
        self._manager = association

    def unprotect(self, message: Message, now: int):
        """Return the session of a request that is protected by OSCORE.

        Refused carries every other answer; OSError comes from the store.
        """
        if message.option(PAT) is not None and not self._knows(message):
            recipient, incoming = self._opened(message, now)
        else:
            recipient, incoming = self._unprotected(message, now)
        if recipient in self._given:
            return _trusted(recipient, incoming)
        session = None
        if self.tokens is not None:
            session = self.tokens.session(recipient, incoming, now)
        return session or self._of_channel(recipient, incoming, now)

    def _of_channel(self, recipient, incoming: Incoming, now: int) -> ChannelSession:
        channel = self._channels.pop(recipient, None)
        if channel is None or not channel.is_current(now):
            self._recipients.remove(recipient)
            raise refused(UNAUTHORIZED, NOT_FOUND)
        self._channels[recipient] = channel
        return self._in_channel(recipient, channel, incoming)

    def is_manager(self, session) -> bool:
        """Tell the manager from everybody else."""
        return self._manager is not None and session.peer is self._manager

    def is_current(self, grant, now: int) -> bool:
        """Tell whether an access token still stands; True of what is none."""
        return self.tokens is None or self.tokens.is_current(grant, now)

    def close_ended(self, now: int):
        """Forget the channels whose grant has ended, or the time of their AT, and ended tokens."""
        if self.tokens is not None:
            self.tokens.server.accesses.close_ended(now)
        for recipient in list(self._channels):
            if not self._channels[recipient].is_current(now):
                self._forget(recipient)

    def next_end(self) -> int | None:
        """Return when the time of the next channel or token is over, ms; None if there is none."""
        ends = [channel.end() for channel in self._channels.values()]
        if self.tokens is not None:
            ends.append(self.tokens.server.accesses.next_end())
        ends = [end for end in ends if end is not None]
        return min(ends) if ends else None

    def _in_channel(self, recipient, channel: Channel, incoming: Incoming) -> ChannelSession:
        answer = channel.admit(incoming.request)
        if channel.is_spent():
            # This one is still answered; the next one needs another AT.
            self._forget(recipient)
        if answer is not None:
            raise Refused(incoming.protect(answer))
        return ChannelSession(channel, incoming.request, incoming.protect)

    def _opened(self, message: Message, now: int) -> tuple:
        """Return (recipient, Incoming) of the first request in a channel (SPEC 5.8)."""
        verifier = self.verifier
        if verifier is None or verifier.token is None:
            raise Refused(Message(BAD_OPTION))
        try:
            offer = verifier.find(_at(message, verifier.token), now)
            recipient = self._recipient(offer, verifier.token)
            incoming = recipient.receive(message, header_of(message))
            if offer.is_used or incoming is None:
                raise verifier.refusal(offer)
            channel = verifier.accept(offer, now)
        except (AuthenticationError, DecodeError, ReplayError, UnknownToken, UsedToken, ValueError):
            raise verifier.refusal(None)
        self._recipients.add(recipient)
        self._channels[recipient] = channel
        self._make_room()
        self.on_open()
        return recipient, incoming

    def _unprotected(self, message: Message, now: int) -> tuple:
        try:
            return self._recipients.unprotect(message)
        except Refused as refusal:
            # Its client may have a token that this server does not know any more.
            if self.tokens is not None and refusal.response.payload == NOT_FOUND:
                raise self.tokens.refusal(now)
            raise

    def _knows(self, message: Message) -> bool:
        try:
            return self._recipients.has(header_of(message).kid)
        except DecodeError:
            return False

    def _recipient(self, offer: Offer, token: tokens.ServerToken) -> Preset:
        suite = functions.suite(self._provider, token[tokens.SUITE])
        made = oscore.context(self._provider, suite, token[tokens.AEAD], offer.psk(), True)
        return Preset(made, _no_echo)

    def _make_room(self):
        while len(self._channels) > MAX_CHANNELS:
            self._forget(next(iter(self._channels)))

    def _forget(self, recipient):
        self._channels.pop(recipient, None)
        self._recipients.remove(recipient)


def _trusted(recipient, incoming: Incoming) -> Trusted:
    # The endpoint has screened what is outside; what was sealed is seen here first.
    refusal_code = screen(incoming.request, SUPPORTED)
    if refusal_code:
        raise Refused(incoming.protect(Message(refusal_code)))
    return Trusted(recipient, incoming)


def _at(message: Message, token: tokens.ServerToken) -> bytes:
    values = message.options_of(PAT)
    if len(values) != 1:
        raise DecodeError("one PAT option")
    return option.decode_channel(values[0], token[tokens.AT_LEN])


def _no_echo(size: int) -> bytes:
    """The context begins with its channel: its window is never lost."""
    return bytes(size)


def _nothing():
    pass
