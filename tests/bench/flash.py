"""How often a server and a client write to flash: the worse of both is held to."""

from tests.bench.report import Record
from tests.bench.scripts import lines

NAME = "flash_writes_per_1000_requests"


def records() -> list[Record]:
    """Return the writes of each side, requests coming one after the other, and the larger."""
    steady = [line for line in lines("bench_flash.py") if line["at_once"] == 1]
    sides = [Record(f"{NAME}_{line['side']}", line["writes"], "writes") for line in steady]
    return [*sides, Record(NAME, max(line["writes"] for line in steady), "writes")]
