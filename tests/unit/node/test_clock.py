"""The node's clock: monotonic although its counter wraps."""

import unittest

from leafnode.clock import Clock, now_ms


class Ticks:
    """A counter that wraps, moved by hand."""

    def __init__(self, start, period):
        self.value = start
        self.period = period

    def __call__(self):
        return self.value

    def advance(self, ms):
        self.value = (self.value + ms) % self.period


class ClockTest(unittest.TestCase):
    def test_goes_on_where_the_counter_wraps(self):
        period = 1 << 30
        ticks = Ticks(period - 10, period)
        clock = Clock(ticks, period)
        self.assertEqual(clock.now_ms(), 0)
        ticks.advance(25)
        self.assertEqual(clock.now_ms(), 25)
        for _ in range(5):
            ticks.advance(period // 2)
            clock.now_ms()
        self.assertEqual(clock.now_ms(), 25 + 5 * (period // 2))

    def test_the_system_clock_does_not_go_back(self):
        before = now_ms()
        self.assertTrue(before <= now_ms())
