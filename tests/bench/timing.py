"""Times a step on either runtime."""

import gc
import time

from leafkey.compat import MICROPYTHON

ROUNDS = 25


if MICROPYTHON:
    _now_us = time.ticks_us
    _elapsed_us = time.ticks_diff
else:

    def _now_us() -> float:
        return time.perf_counter_ns() / 1000

    def _elapsed_us(end: float, start: float) -> float:
        return end - start


def least_us(step) -> float:
    """Return the least microseconds of a step, on a collected heap; noise only adds."""
    best = None
    for _ in range(ROUNDS):
        gc.collect()
        start = _now_us()
        step()
        spent = _elapsed_us(_now_us(), start)
        best = spent if best is None else min(best, spent)
    return best
