"""What slots cost a server: heap, and time a request, for few and for many of them."""

from tests.bench.report import Record
from tests.bench.scripts import lines

FEW = 4
MANY = 1024


def records() -> list[Record]:
    """Return the figures on MicroPython."""
    found = lines("bench_pat.py", "-X", "heapsize=16m")
    named = {(line["name"], line.get("slots")): line for line in found}
    times = {slots: line["us"] for (name, slots), line in named.items() if name == "request_time"}
    heaps = {slots: line["bytes"] for (name, slots), line in named.items() if name == "heap_server"}
    state = named["slot_state_bytes", None]["bytes"]
    peer = f"{FEW} slots"
    return [
        Record("slot_state_bytes", state, "B"),
        *(Record(f"heap_{slots}_slots", heaps[slots], "B") for slots in heaps),
        Record("request_time_1024_vs_4_slots", times[MANY], "us", peer, times[FEW]),
        *(Record(f"request_time_{slots}_slots", times[slots], "us") for slots in times),
    ]
