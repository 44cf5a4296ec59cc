"""Milliseconds on a monotonic clock that never wraps, on both runtimes."""

import time

from leafkey.compat import MICROPYTHON


class Clock:
    """Extends a tick counter that wraps; read it at least twice in one period of the counter."""

    def __init__(self, ticks, period: int):
        """`ticks()` -> milliseconds modulo `period`, a power of two."""
        self._ticks = ticks
        # 2^62, the period of the unix port, is a long integer there; what is below it is not.
        self._mask = period - 1
        self._last = ticks()
        self._now = 0

    def now_ms(self) -> int:
        """Milliseconds since the clock was made."""
        ticks = self._ticks()
        self._now += (ticks - self._last) & self._mask
        self._last = ticks
        return self._now


if MICROPYTHON:

    def system_clock() -> Clock:
        """It has 30 bits on boards, 62 on the unix port: -1 from 0 is the highest value."""
        highest = time.ticks_add(0, -1)  # pyright: ignore[reportArgumentType]
        return Clock(time.ticks_ms, highest + 1)

else:

    def system_clock() -> Clock:
        """The system's monotonic clock, which does not wrap."""
        return Clock(lambda: time.monotonic_ns() // 1000000, 1 << 63)


# One counter for the whole node: a clock that is read rarely would miss a wrap.
now_ms = system_clock().now_ms
