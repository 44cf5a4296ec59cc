"""Milliseconds on a monotonic clock that never wraps, on both runtimes."""

import time

from leafkey.compat import MICROPYTHON


class Clock:
    """Extends a tick counter that wraps; read it at least twice in one period of the counter."""

    def __init__(self, ticks: object, period: int):
        """`ticks()` -> milliseconds modulo `period`."""
        self._ticks = ticks
        self._period = period
        self._last = ticks()
        self._now = 0

    def now_ms(self) -> int:
        """Milliseconds since the clock was made."""
        ticks = self._ticks()
        self._now += (ticks - self._last) % self._period
        self._last = ticks
        return self._now


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1000000


def _system_clock() -> Clock:
    if MICROPYTHON:
        # The period is 2^30 on boards with 32 bits and 2^62 on the unix port: ticks_add
        # of -1 to 0 is the highest value.
        return Clock(time.ticks_ms, time.ticks_add(0, -1) + 1)
    return Clock(_monotonic_ms, 1 << 62)


# One counter for the whole node: a clock that is read rarely would miss a wrap.
now_ms = _system_clock().now_ms
