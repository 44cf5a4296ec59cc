"""What it costs to catch up from the window's edge, beside a request that needs none."""

from tests.bench.report import Record
from tests.bench.scripts import lines


def records() -> list[Record]:
    """Return the time of probe, hint and next request together, both sides in one process."""
    found = {line["name"]: line["us"] for line in lines("bench_catch_up.py", "-X", "heapsize=16m")}
    times = found["catch_up_from_the_edge"], found["request"]
    return [Record("catch_up_from_the_edge", times[0], "us", "a request", times[1])]
