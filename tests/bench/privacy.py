"""How much better than guessing a distinguisher tells two clients apart, at its best level.

In 99 % bounds of guessing; beside it the planted leak that is hardest to find, which shows that it
would be found.
"""

from tests.bench.report import Record
from tests.privacy.measure import all_levels, all_planted

UNIT = "99 % bounds"


def records() -> list[Record]:
    """Return the figures; they are of the core on CPython, 10,000 pairs of requests a level."""
    worst = max(verdict.over_noise for verdict in all_levels().values())
    weakest = min(verdict.over_noise for verdict in all_planted().values())
    return [
        Record("unlinkability_advantage_over_noise", worst, UNIT, runtime="cpython"),
        Record("planted_leak_advantage_over_noise", weakest, UNIT, runtime="cpython"),
    ]
