"""Measures what a listener can tell of whose a request is: one JSON object a line.

`PYTHONPATH=shared:firmware .venv/bin/python -m tests.bench.bench_privacy`. Each figure is the
advantage over guessing in 99 % bounds of guessing at 10,000 requests: of the level where it is
highest, then of the planted leak where it is lowest.
"""

import json
from collections.abc import Iterable

from tests.privacy.distinguisher import Verdict
from tests.privacy.measure import all_levels, all_planted


def say(name: str, of: str, found: Iterable[tuple[str, Verdict]]) -> None:
    """Print a record for each verdict."""
    for key, verdict in found:
        record = {"name": name, of: key, "over_noise": round(verdict.over_noise, 3)}
        print(json.dumps(record | {"by": verdict.by, "pairs": verdict.pairs}), flush=True)


def main() -> None:
    """Print the records, those that count last of their kind."""
    levels, leaks = all_levels(), all_planted()
    say("unlinkability_at_level", "level", levels.items())
    say("planted_leak", "leak", leaks.items())
    worst = max(levels.items(), key=lambda item: item[1].over_noise)
    say("unlinkability_advantage_over_noise", "level", [worst])
    weakest = min(leaks.items(), key=lambda item: item[1].over_noise)
    say("planted_leak_advantage_over_noise", "leak", [weakest])


if __name__ == "__main__":
    main()
