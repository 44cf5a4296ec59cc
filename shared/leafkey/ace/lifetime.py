"""When access tokens end, for an RS that may have no clock (RFC 9200 section 5.10.3)."""

from leafkey.ace import cwt
from leafkey.ace.cnonce import Cnonces
from leafkey.compat import const
from leafkey.errors import AuthenticationError, DecodeError

# Tokens whose end is remembered, by each of the two ways.
MAX_KNOWN = const(32)
# Seconds; what lasts longer than 34 years is not told apart.
_LONGEST = const(1 << 30)
_MAX_SEQUENCE_LEN = const(8)
# How tokens without sequence number are told apart.
_DIGEST_LEN = const(16)


class Lifetimes:
    """Counts the time of tokens from when they are known to have been made, or were seen first.

    A token ends by `exp` where there is a clock. Without one it ends by `exi`, from when it was
    seen first; or by `exp` if its `cnonce` is fresh: then it was not made, and its `iat` was not,
    before that was given out.
    """

    def __init__(self, provider, store, cnonces: Cnonces, audience: str, clock=None):
        """`store` keeps one number: `load()` returns it, -1 at first, `put(number)` makes it
        durable. `clock()` returns the seconds since 1970, or None as long as it does not know.
        """
        self._provider = provider
        self._store = store
        self._cnonces = cnonces
        self._prefix = audience.encode()
        self._clock = clock or _no_clock
        # {sequence number: end} of tokens with exi, and the highest number of which nothing is
        # known but that its time may be over. All of them are, after a restart.
        self._counted = {}
        self._expired = self._stored = store.load()
        # {digest: end} of tokens whose cnonce was fresh when they came first.
        self._fresh = {}

    def end(self, claims: dict, token: bytes, now: int) -> int:
        """Return when a token ends, ms.

        AuthenticationError if that is over, or nothing shows that it is not; DecodeError if the
        token does not say.
        """
        self._forget_ended(now)
        ends = []
        if cwt.EXI in claims:
            ends.append(self._end_counted(claims, now))
        if cwt.EXP in claims:
            seconds = self._clock()
            if seconds is not None:
                ends.append(_end_dated(claims, seconds, now))
            elif not ends:
                ends.append(self._end_fresh(claims, token, now))
        if not ends:
            raise DecodeError("a token without end")
        if min(ends) <= now:
            raise AuthenticationError("a token whose time is over")
        return min(ends)

    def take(self, claims: dict, token: bytes, end: int):
        """Note that a token was accepted. What `store.put` raises, and then nothing is noted."""
        if cwt.EXI in claims:
            number = self._sequence(claims)
            if number > self._stored:
                # After a restart nobody knows how much of its time is left.
                self._store.put(number)
                self._stored = number
            self._counted[number] = self._counted.get(number, end)
            if len(self._counted) > MAX_KNOWN:
                self._expire(min(self._counted))
        elif self._clock() is None:
            self._fresh[self._digest(token)] = end
            if len(self._fresh) > MAX_KNOWN:
                del self._fresh[min(self._fresh, key=lambda digest: self._fresh[digest])]

    def _end_counted(self, claims: dict, now: int) -> int:
        number = self._sequence(claims)
        known = self._counted.get(number)
        if known is not None:
            return known
        if number <= self._expired:
            raise AuthenticationError("a token whose time may be over")
        return now + _ms(claims[cwt.EXI])

    def _end_fresh(self, claims: dict, token: bytes, now: int) -> int:
        known = self._fresh.get(self._digest(token))
        if known is not None:
            return known
        if cwt.IAT not in claims:
            raise DecodeError("a token without exi, or iat, for a server without a clock")
        given = self._cnonces.given(claims.get(cwt.CNONCE, b""), now)
        if given is None:
            raise AuthenticationError("a token without a fresh cnonce")
        return given + _ms(claims[cwt.EXP] - claims[cwt.IAT])

    def _sequence(self, claims: dict) -> int:
        """Return the number that follows this RS's name in cti."""
        cti = claims.get(cwt.CTI, b"")
        number = cti[len(self._prefix) :]
        if cti[: len(self._prefix)] != self._prefix or not 0 < len(number) <= _MAX_SEQUENCE_LEN:
            raise DecodeError("exi without a cti that counts this server's tokens")
        return int.from_bytes(number, "big")

    def _forget_ended(self, now: int):
        for number in list(self._counted):
            if self._counted[number] <= now:
                self._expire(number)
        for digest in list(self._fresh):
            if self._fresh[digest] <= now:
                del self._fresh[digest]

    def _expire(self, number: int):
        del self._counted[number]
        self._expired = max(self._expired, number)

    def _digest(self, token: bytes) -> bytes:
        return self._provider.sha256(token)[:_DIGEST_LEN]


def _end_dated(claims: dict, seconds: float, now: int) -> int:
    if claims.get(cwt.NBF, 0) > seconds:
        raise AuthenticationError("a token whose time has not begun")
    return now + _ms(claims[cwt.EXP] - seconds)


def _ms(seconds: float) -> int:
    return int(1000 * max(0, min(seconds, _LONGEST)))


def _no_clock():
    return None
