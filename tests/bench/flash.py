"""How often a server and a client write to flash, and how much: the worse of both is held to."""

from tests.bench.report import Record
from tests.bench.scripts import lines

NAME = "flash_writes_per_1000_requests"
BYTES = "flash_bytes_per_1000_requests"
# One slot for each is what a client sees; these are what a server has.
SERVERS = (16, 1024)


def records() -> list[Record]:
    """Return the writes of each side, requests coming one after the other, and the larger.

    And the bytes of a client, and of servers with so many open slots.
    """
    found = [x for x in lines("bench_flash.py", "-X", "heapsize=16m") if x["at_once"] == 1]
    steady = [line for line in found if line["slots"] == 1]
    sides = [Record(f"{NAME}_{line['side']}", line["writes"], "writes") for line in steady]
    written = {(line["side"], line["slots"]): line["bytes"] for line in found}
    return [
        *sides,
        Record(NAME, max(line["writes"] for line in steady), "writes"),
        Record(f"{BYTES}_client", written["client", 1], "bytes"),
        *(Record(f"{BYTES}_server_{n}_slots", written["server", n], "bytes") for n in SERVERS),
    ]
