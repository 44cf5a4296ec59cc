"""How much a flood may cost: datagrams are counted before anything is done for them."""

from collections.abc import Callable, Hashable

# Datagrams a second, and how many at once after a pause: of one address, and of all together.
SOURCE_RATE, SOURCE_BURST = 50, 100
TOTAL_RATE, TOTAL_BURST = 500, 1000
# Addresses that are told apart; the one heard least recently makes room.
MAX_SOURCES = 1024


class Bucket:
    """Lets `burst` pass at once, and `rate` a second."""

    def __init__(self, rate: float, burst: float, now: float):
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._filled = now

    def take(self, now: float) -> bool:
        """Tell whether one more may pass at `now`, in seconds, and count it."""
        self._left = min(self._burst, self._left + (now - self._filled) * self._rate)
        self._filled = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Gate:
    """Admits datagrams at bounded rates, one address not at the cost of the others."""

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self._total = Bucket(TOTAL_RATE, TOTAL_BURST, clock())
        self._sources: dict[Hashable, Bucket] = {}

    def admits(self, source: Hashable) -> bool:
        """Tell whether a datagram of this address is to be looked at."""
        now = self._clock()
        bucket = self._sources.pop(source, None) or Bucket(SOURCE_RATE, SOURCE_BURST, now)
        self._sources[source] = bucket
        if len(self._sources) > MAX_SOURCES:
            del self._sources[next(iter(self._sources))]
        return bucket.take(now) and self._total.take(now)
