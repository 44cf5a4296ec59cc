"""C's side of one CT: fresh ATs for requests, never one twice (SPEC section 7)."""

from leafkey.ace import hints
from leafkey.coap.message import Message
from leafkey.coap.numbers import ECHO, FORBIDDEN, PAT, PAT_DEMAND, POST, UNAUTHORIZED
from leafkey.coap.options import SUPPORTED, screen
from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import (
    AuthenticationError,
    DecodeError,
    LeafkeyError,
    StateError,
    TokensExhausted,
    TokenTooFar,
)
from leafkey.pat import functions, option, refusal, tokens
from leafkey.pat.protection import Protection
from leafkey.pat.tree import Branch, Leaf, position, pseudonym_key

MAX_AHEAD = const(4096)
# Bytes of an Echo (RFC 9175 section 2.2.1).
MAX_ECHO = const(40)


class NotRecognized(LeafkeyError):
    """An unprotected 4.01: from S, or from anybody.

    `sam` and `audience` are what it claims, or None; `hinted` tells whether it held a hint that
    verified, and so came from S.
    """

    def __init__(self, sam: str | None, audience: str | None, hinted: bool):
        super().__init__("refused without protection")
        self.sam = sam
        self.audience = audience
        self.hinted = hinted


class LevelDemanded(LeafkeyError):
    """S took the AT, and demands `level` for this request."""

    def __init__(self, level: int):
        super().__init__("a higher level is demanded")
        self.level = level


class EchoDemanded(LeafkeyError):
    """S took the AT, did nothing, and wants the request again with this Echo (SPEC 6.4)."""

    def __init__(self, echo: bytes):
        super().__init__("proof of freshness is demanded")
        self.echo = echo


class EndorsementDemanded(LeafkeyError):
    """S took the AT, did nothing, and wants the request again with the endorsement (SPEC 4.4)."""

    def __init__(self):
        super().__init__("an endorsement is demanded")


class Exchange:
    """One AT shown: `message` to send, and what opens its answers. Holds no parent of the tree.

    `renewal` is what the AT may carry (renewal.Renewal), or None.
    """

    def __init__(self, presenter: "Presenter", leaf, protection: Protection, message: Message):
        self.renewal = presenter.renewal
        self._presenter = presenter
        self._protection = protection
        self._hint_key = leaf.key(functions.HINT)
        self._counter = -1
        self.number = leaf.number
        self.message = protection.protect_request(message)

    @property
    def level(self) -> int:
        """The level the AT is presented at."""
        return self._protection.level

    @property
    def counter(self) -> int:
        """How many notifications S has sent under the AT; 0 at `bearer`, which does not count."""
        return max(0, self._counter)

    def unprotect(self, response: Message) -> Message:
        """Return the response, or the next notification, without its protection.

        NotRecognized for an unprotected 4.01, LevelDemanded and EchoDemanded for a protected one
        with a level or an Echo, EndorsementDemanded for a protected 4.03 that asks for what C has;
        AuthenticationError if it does not verify, DecodeError if malformed
        or an old notification: such a response is to be ignored.
        """
        if response.code == UNAUTHORIZED and self._is_open(response):
            raise self._presenter.not_recognized(response, self._hint_key)
        plain, counter = self._protection.unprotect_response(response)
        if self.level != tokens.BEARER:
            if counter <= self._counter:
                raise DecodeError("a notification that is not new")
            self._counter = counter
            self._presenter.answered(self.number)
        if screen(plain, SUPPORTED):
            raise DecodeError("a critical option inside is not understood")
        # Later it only ends an observation.
        if counter == 0:
            raise_demand(plain, self._presenter)
        return plain

    def _is_open(self, response: Message) -> bool:
        """Tell a response that anybody may have made."""
        return self.level == tokens.BEARER or response.option(PAT) is None


class Presenter:
    """Holds one CT. `save(state)` is durable when it returns; state is secret bytes."""

    def __init__(self, provider, token: tokens.ClientToken, save, resume: tuple | None = None):
        self._provider = provider
        self._params = token.params
        self._save = save
        self._suite = functions.suite(provider, token[tokens.SUITE])
        first = token[tokens.FIRST]
        place = resume or (first - 1, first, 0, pseudonym_key(self._suite, token.ct))
        self._acked, self._reserved, level, self._pseudonym_key = place
        self._next = min(self._reserved, self._acked + token[tokens.WINDOW])
        self._branch = Branch(self._suite, token[tokens.DEGREE], token.ct, level)
        if resume is None:
            self._store(first)

    @classmethod
    def restore(cls, provider, state: bytes, save) -> "Presenter":
        """Return the presenter that goes on where `state` says; StateError if it says nothing."""
        try:
            params, acked, reserved, level, psk, parent = cbor.decode_array(state, 6)
            token = tokens.client_token([parent, params])
            _check_place(token, acked, reserved, level)
            if not isinstance(psk, bytes) or len(psk) != tokens.SECRET_LEN:
                raise DecodeError("PsK has 32 bytes")
        except (DecodeError, ValueError, TypeError):
            raise StateError("the stored state of a CT is not readable")
        return cls(provider, token, save, (acked, reserved, level, psk))

    @property
    def audience(self) -> str:
        """The server this CT is for."""
        return self._params[tokens.AUDIENCE]

    @property
    def level(self) -> int:
        """The lowest level the grant allows."""
        return self._params[tokens.LEVEL]

    @property
    def suite(self):
        """The functions of this CT (leafkey.pat.functions)."""
        return self._suite

    @property
    def aead(self) -> int:
        """The AEAD of this CT, by its COSE number."""
        return self._params[tokens.AEAD]

    @property
    def at_len(self) -> int:
        """How many bytes of an At travel."""
        return self._params[tokens.AT_LEN]

    @property
    def renewal(self):
        """What one AT may carry: a renewal.Renewal, or None."""
        return self._params.get(tokens.RENEWAL)

    @property
    def endorsement(self) -> bytes:
        """What SAM endorsed, to be shown when S asks for it; b"" for nothing."""
        return self._params.get(tokens.ENDORSEMENT, b"")

    @property
    def left(self) -> int:
        """How many ATs are left."""
        return max(0, self._params[tokens.LAST] + 1 - self._next)

    def pseudonym(self, j: int = 1) -> bytes:
        """Return pseudonym j, 32 bytes; S names C to its applications by the first (SPEC 3.4)."""
        return self._suite.f(functions.PSEUDONYM, self._pseudonym_key, j)

    def must_probe(self) -> bool:
        """Tell whether only a probe may be shown now (SPEC 7.3)."""
        return self._next >= self._acked + self._params[tokens.WINDOW]

    def protect(self, message: Message, level: int | None = None) -> Exchange:
        """Show the next AT for a request, at the grant's level or a higher `level`.

        The number is stored first. TokensExhausted past the grant; TokenTooFar when a probe must
        come first; OSError from `save`, and then nothing was shown.
        """
        return self._exchange(self.take(), max(level or 0, self.level), message)

    def take(self) -> Leaf:
        """Return the next AT, to be shown once, as by `protect`; errors as of that."""
        if self.must_probe():
            raise TokenTooFar("too many requests are unanswered: probe first")
        number = self._next
        self._reserve(number)
        self._next = number + 1
        return self._branch.leaf(number)

    def probe(self) -> Exchange:
        """Show the number kept for a probe, which is the same until it is answered."""
        number = self._acked + self._params[tokens.WINDOW]
        self._reserve(number)
        leaf = self._branch.copy().leaf(number)
        return self._exchange(leaf, tokens.PROBE_LEVEL, Message(POST))

    def answered(self, number: int):
        """Note that S answered an AT authentically."""
        self._acked = max(self._acked, number)

    def not_recognized(self, response: Message, hint_key: bytes) -> NotRecognized:
        """Return the NotRecognized for an unprotected 4.01, after following its hint, if any."""
        try:
            sam, audience, field = hints.decode(response.payload)
        except DecodeError:
            return NotRecognized(None, None, False)
        return NotRecognized(sam, audience, self.take_hint(hint_key, field))

    def take_hint(self, hint_key: bytes, field: bytes | None) -> bool:
        """Move to where a refusal field says; tell whether it verifies and is in reach."""
        try:
            number = refusal.read(self._provider, hint_key, field)
        except AuthenticationError:
            return False
        if not self._next <= number <= self._next + MAX_AHEAD:
            return False
        self._acked = number - 1
        self._next = number
        return True

    def _exchange(self, leaf, level: int, message: Message) -> Exchange:
        at_len, aead = self._params[tokens.AT_LEN], self._params[tokens.AEAD]
        protection = Protection(self._provider, aead, level, leaf, at_len)
        return Exchange(self, leaf, protection, message)

    def _reserve(self, number: int):
        """Make sure that no restart shows `number` again for another request (SPEC 7.1)."""
        if number > self._params[tokens.LAST]:
            raise TokensExhausted("the grant has no AT left")
        if number >= self._reserved:
            self._store(self._acked + self._params[tokens.WINDOW] + 1)

    def _store(self, reserved: int):
        """Reserve the numbers below `reserved`: they count as reserved only once that is durable.

        The parent that is stored is that of the number a restart goes on at.
        """
        branch = self._branch.copy()
        branch.advance(min(reserved, self._acked + self._params[tokens.WINDOW]))
        params = tokens.ClientToken(branch.parent, self._params).params_c()
        place = [self._acked, reserved, branch.level]
        state = [params] + place + [self._pseudonym_key, branch.parent]
        self._save(cbor.encode(state))
        self._reserved = reserved


def _check_place(token: tokens.ClientToken, acked: int, reserved: int, level: int):
    """Refuse a place at which no presenter can have been stored."""
    for value in (acked, reserved, level):
        if value is True or value is False or not isinstance(value, int):
            raise DecodeError("a place is three integers")
    limit = acked + token[tokens.WINDOW]
    if not token[tokens.FIRST] - 1 <= acked < reserved <= limit + 1:
        raise DecodeError("a place outside of the grant")
    if position(min(reserved, limit), token[tokens.DEGREE])[0] != level:
        raise DecodeError("a parent of another level")


def raise_demand(answer: Message, presenter: Presenter):
    """Raise what a protected answer demands of a further attempt, if anything."""
    if answer.code == FORBIDDEN:
        asked = answer.uint(PAT_DEMAND) == option.SHOW_ENDORSEMENT
        if asked and presenter.endorsement:
            raise EndorsementDemanded
    if answer.code != UNAUTHORIZED:
        return
    level = _level_demanded(answer)
    if level is not None:
        raise LevelDemanded(level)
    echo = answer.option(ECHO)
    if echo is not None and 1 <= len(echo) <= MAX_ECHO:
        raise EchoDemanded(echo)


def _level_demanded(answer: Message) -> int | None:
    """Return the level in a protected 4.01, or None."""
    level = answer.uint(PAT_DEMAND)
    return level if level in (tokens.POP, tokens.INTEGRITY, tokens.CONFIDENTIAL) else None
