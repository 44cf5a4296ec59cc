"""A channel by OSCORE from the PSK of one AT, without a handshake (SPEC 5.8)."""

from leafkey.coap.message import Message
from leafkey.coap.numbers import OSCORE, PAT, UNAUTHORIZED
from leafkey.coap.options import SUPPORTED, screen
from leafkey.compat import const
from leafkey.errors import AuthenticationError, DecodeError, ReplayError
from leafkey.oscore.context import Context, Outgoing
from leafkey.oscore.keys import derive
from leafkey.oscore.replay import ReplayWindow
from leafkey.oscore.sequence import Sequence
from leafkey.pat import functions, option, tokens
from leafkey.pat.presenter import NotRecognized, Presenter, raise_demand
from leafkey.pat.tree import Leaf

ID_LEN = const(6)
# Of the seconds of an AT, in sixteenths, how long C makes requests in its channel: what is under
# way then still arrives in time, and an observation is renewed in the next channel.
LASTING = const(12)
_CLIENT_ID = const(1)
_SERVER_ID = const(2)


def ids(suite, psk: bytes) -> tuple:
    """Return the Sender IDs (of C, of S) under a PSK, 6 bytes each."""
    return tuple([suite.f(functions.PSEUDONYM, psk, i)[:ID_LEN] for i in (_CLIENT_ID, _SERVER_ID)])


def context(provider, suite, aead: int, psk: bytes, is_server: bool) -> Context:
    """Return the context that lives as long as the channel, in memory.

    Master Secret = PSK, no Master Salt, no ID Context. ValueError if the two IDs are equal, as
    once in 2^48 ATs: nobody can use such a one.
    """
    client_id, server_id = ids(suite, psk)
    own, other = (server_id, client_id) if is_server else (client_id, server_id)
    keys = derive(provider, psk, own, other, alg=aead)
    return Context(provider, keys, Sequence(), ReplayWindow())


class ChannelPresenter:
    """C's side: shows one AT after the other, each for as many requests as its rule allows.

    Takes the place of a Presenter in a dialogue.Dialogue.
    """

    def __init__(self, provider, presenter: Presenter, now_ms):
        """`now_ms()` returns the time, in ms of a clock that never goes back."""
        self._provider = provider
        self._presenter = presenter
        self._now_ms = now_ms
        self._channel = None

    @property
    def endorsement(self) -> bytes:
        """What SAM endorsed, to be shown when S asks for it; b"" for nothing."""
        return self._presenter.endorsement

    def must_probe(self) -> bool:
        """Tell whether only a probe may be shown now (SPEC 7.3)."""
        return self._live() is None and self._presenter.must_probe()

    def probe(self):
        """Show the number kept for a probe."""
        return self._presenter.probe()

    def protect(self, message: Message, level: int | None = None) -> "ChannelExchange":
        """Return the exchange of a request in the channel, opening one if need be.

        Errors as of Presenter.protect; the level of what is inside is always the highest.
        """
        channel = self._live()
        if channel is None:
            channel = self._channel = _Channel(self._provider, self._presenter, self._now_ms())
        return channel.exchange(message)

    def _live(self) -> "_Channel | None":
        if self._channel is not None and self._channel.is_over(self._now_ms()):
            self._channel = None
        return self._channel


class _Channel:
    """One AT, and the requests that it still carries."""

    def __init__(self, provider, presenter: Presenter, now: int):
        self.presenter = presenter
        self.leaf: Leaf = presenter.take()
        psk = self.leaf.key(functions.PSK)
        self.context = context(provider, presenter.suite, presenter.aead, psk, False)
        self.is_known = False
        self.is_lost = False
        self._since = now
        self._left = None
        if presenter.renewal is not None:
            self._left = presenter.renewal.requests

    def is_over(self, now: int) -> bool:
        """True if the AT has done its share, or S has forgotten it."""
        rule = self.presenter.renewal
        seconds = None if rule is None else rule.seconds
        late = seconds is not None and now - self._since >= LASTING * 1000 * seconds // 16
        return self.is_lost or late or self._left == 0

    def exchange(self, message: Message) -> "ChannelExchange":
        if self._left is not None:
            self._left -= 1
        return ChannelExchange(self, message)


class ChannelExchange:
    """One request in a channel: `message` to send, and what opens its answers."""

    level = tokens.CONFIDENTIAL

    def __init__(self, channel: _Channel, message: Message):
        self._channel = channel
        self.renewal = channel.presenter.renewal
        self._outgoing: Outgoing = channel.context.protect_request(message)
        self._heard = 0
        self.message = self._outgoing.message
        if not channel.is_known:
            at = channel.leaf.at(channel.presenter.at_len)
            self.message.add(PAT, option.encode_channel(at))

    @property
    def counter(self) -> int:
        """How many notifications were heard."""
        return max(0, self._heard - 1)

    def unprotect(self, response: Message) -> Message:
        """Return the response, or the next notification; errors as of presenter.Exchange."""
        channel = self._channel
        if response.option(OSCORE) is None:
            raise self._not_recognized(response)
        try:
            plain = self._outgoing.unprotect(response)
        except ReplayError:
            raise DecodeError("a notification that is not new")
        if screen(plain, SUPPORTED) or plain.option(OSCORE) is not None:
            raise DecodeError("a critical option inside is not understood")
        channel.is_known = True
        channel.presenter.answered(channel.leaf.number)
        self._heard += 1
        if self._heard == 1:
            raise_demand(plain, channel.presenter)
        return plain

    def _not_recognized(self, response: Message):
        """S may have forgotten the channel, or anybody says so: the next request opens another."""
        self._channel.is_lost = True
        if response.code != UNAUTHORIZED:
            return AuthenticationError("the response is not protected")
        if self._channel.is_known:
            return NotRecognized(None, None, False)
        hint_key = self._channel.leaf.key(functions.HINT)
        return self._channel.presenter.not_recognized(response, hint_key)
