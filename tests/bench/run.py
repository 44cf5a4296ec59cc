"""make bench: measure, print a table, write build/bench.json.

Exits with 1 if something that must hold does not.
"""

import sys

from tests.bench import (
    catch_up,
    chacha20,
    dtls,
    ed25519,
    first_access,
    flash,
    kdc,
    oscore,
    privacy,
    rates,
    revocation,
    sizes,
    slots,
    tree,
)
from tests.bench.report import Record, show, write
from tests.support.processes import ROOT

OUTPUT = ROOT / "build" / "bench.json"
NOT_MEASURED = (
    "open_get_vs_microcoapy was not measured: MICROCOAPY_DIR names no checkout. To measure it:\n"
    "  git clone https://github.com/insighio/microCoAPy build/microCoAPy\n"
    "  make bench MICROCOAPY_DIR=build/microCoAPy"
)


def measure() -> tuple[list[Record], list[str]]:
    """Return the records, and notes on what could not be measured."""
    print("ChaCha20 ..", flush=True)
    records = chacha20.records()
    print("Ed25519 ..", flush=True)
    records += ed25519.records()
    print("DTLS ..", flush=True)
    records += dtls.records()
    print("slots ..", flush=True)
    records += slots.records()
    print("flash ..", flush=True)
    records += flash.records() + catch_up.records()
    print("unlinkability ..", flush=True)
    records += privacy.records()
    print("revocations ..", flush=True)
    records += revocation.records()
    print("first access ..", flush=True)
    records += first_access.records()
    print("OSCORE ..", flush=True)
    records += oscore.records()
    print("key trees ..", flush=True)
    records += tree.records()
    print("groups ..", flush=True)
    records += kdc.records()
    print("GETs ..", flush=True)
    volleys = rates.measure()
    records += sizes.records(volleys) + rates.records(volleys)
    return records, [] if rates.MICROCOAPY in volleys else [NOT_MEASURED]


def main() -> int:
    """Return 0 if all holds that was measured."""
    records, notes = measure()
    write(records, OUTPUT)
    show(records, notes)
    return 1 if any(record.holds is False for record in records) else 0


if __name__ == "__main__":
    sys.exit(main())
