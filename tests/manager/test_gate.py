"""Rates, on a clock that the test moves."""

from leafmanager.net import gate
from leafmanager.net.gate import Bucket, Gate


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def admitted(guard: Gate, source: str, count: int) -> int:
    return sum(guard.admits(source) for _ in range(count))


def test_a_bucket_lets_its_burst_pass_and_then_its_rate():
    bucket = Bucket(rate=2, burst=3, now=0)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(1) for _ in range(3)] == [True, True, False]
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]


def test_one_source_does_not_use_up_what_others_have():
    guard = Gate(Clock())
    assert admitted(guard, "loud", 10_000) == gate.SOURCE_BURST
    assert admitted(guard, "quiet", 10) == 10


def test_all_sources_together_are_bounded():
    clock = Clock()
    guard = Gate(clock)
    assert sum(admitted(guard, str(n), 10) for n in range(1000)) == gate.TOTAL_BURST
    clock.now = 1
    assert sum(admitted(guard, str(n), 10) for n in range(1000)) == gate.TOTAL_RATE


def test_what_is_remembered_is_bounded():
    guard = Gate(Clock())
    for n in range(2 * gate.MAX_SOURCES):
        guard.admits(str(n))
    assert len(guard._sources) == gate.MAX_SOURCES
