"""Client nonces: how an RS without a clock knows that a token is new (RFC 9200 section 5.3.1)."""

from leafkey.compat import const
from leafkey.crypto.compare import equal

CNONCE_LEN = const(8)
_PERIOD_MS = const(60000)
# How many periods a nonce is good for: between asking an AS and having the token an owner may
# have to be found.
_PERIODS = const(10)
_KEY_LEN = const(32)


class Cnonces:
    """Nonces that need no memory: each is of the minute in which it was given out.

    They are worth nothing after a restart.
    """

    def __init__(self, provider, random_bytes):
        self._provider = provider
        self._key = random_bytes(_KEY_LEN)

    def make(self, now: int) -> bytes:
        """Return the nonce to give out; now: ms."""
        return self._of(now // _PERIOD_MS)

    def given(self, cnonce: bytes, now: int) -> int | None:
        """Return the earliest time, ms, at which a nonce was given out; None if it is not fresh."""
        newest = now // _PERIOD_MS
        for period in range(newest, max(newest - _PERIODS, -1), -1):
            if equal(self._of(period), cnonce):
                return period * _PERIOD_MS
        return None

    def _of(self, period: int) -> bytes:
        return self._provider.hmac_sha256(self._key, period.to_bytes(8, "big"))[:CNONCE_LEN]
