"""What the benchmark says: its records, what they are held to, and the table of them."""

import json
import operator
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

MICROPYTHON = "micropython-unix"
# Name: (which figure, how it compares, limit).
HELD = {
    "chacha20_viper_vs_portable": ("ratio", operator.le, 1 / 30),
    "request_time_1024_vs_4_slots": ("ratio", operator.le, 1.1),
    "slot_state_bytes": ("ours", operator.le, 160),
    "revocation_latency_ms": ("ours", operator.le, 1000),
    "flash_writes_per_1000_requests": ("ours", operator.le, 130),
    "unlinkability_advantage_over_noise": ("ours", operator.le, 1),
    "planted_leak_advantage_over_noise": ("ours", operator.ge, 3),
    "tree_rekey_bytes_10000_vs_10": ("ratio", operator.le, 4),
    "confidential_request_bytes": ("ours", operator.le, 40),
    "confidential_response_bytes": ("ours", operator.le, 14),
    "dtls_sessions_in_192k": ("ratio", operator.ge, 1),
    "open_get_vs_microcoapy": ("ratio", operator.ge, 1),
    "oscore_node_get_vs_aiocoap": ("ratio", operator.ge, 1),
    "join_vs_bare_handler": ("ratio", operator.ge, 0.5),
    "first_access_round_trips_pat": ("ours", operator.eq, 1),
    "first_access_bytes_pat_vs_dtls": ("ratio", operator.le, 0.2),
}
SIGNS = {operator.le: "≤", operator.ge: "≥", operator.eq: "="}


@dataclass(frozen=True)
class Record:
    """One figure, beside that of a peer or of another part of ours where there is one."""

    name: str
    ours: float
    unit: str
    peer: str | None = None
    theirs: float | None = None
    runtime: str = MICROPYTHON

    @property
    def ratio(self) -> float | None:
        """Ours to theirs."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def holds(self) -> bool | None:
        """Tell whether it is within its limit; None if it has none."""
        if self.name not in HELD:
            return None
        figure, compare, limit = HELD[self.name]
        return compare(getattr(self, figure), limit)

    def to_json(self) -> dict[str, object]:
        """Return it as the file has it, with as many digits as mean something."""
        figures = {"ours": _rounded(self.ours), "theirs": _rounded(self.theirs)}
        record = asdict(self) | figures | {"ratio": _rounded(self.ratio)}
        if self.name in HELD:
            record |= {"limit": HELD[self.name][2], "holds": self.holds}
        return record


def write(records: Iterable[Record], path: Path) -> None:
    """Write the file."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([record.to_json() for record in records], indent=1) + "\n")


def show(records: Iterable[Record], notes: Iterable[str]) -> None:
    """Print the table, and below it a line for each note."""
    table = Table(caption=_caption(), caption_justify="left")
    table.add_column("figure")
    for title in ("ours", "theirs", "ratio"):
        table.add_column(title, justify="right")
    table.add_column("beside")
    table.add_column("to hold")
    for record in records:
        ours, theirs = (_with_unit(value, record.unit) for value in (record.ours, record.theirs))
        ratio = _text(record.ratio)
        table.add_row(record.name, ours, theirs, ratio, record.peer, _verdict(record))
    console = Console(width=None if os.isatty(1) else 140)
    console.print(table)
    for note in notes:
        console.print(note, soft_wrap=True)


def _caption() -> str:
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs"
    return (
        f"On {MICROPYTHON} but where the file says otherwise. "
        f"Ratios are claims; times and rates are of this machine ({machine})."
    )


def _verdict(record: Record) -> str:
    if record.name not in HELD:
        return ""
    _, compare, limit = HELD[record.name]
    colour, verdict = ("green", "holds") if record.holds else ("bold red", "DOES NOT HOLD")
    return f"{SIGNS[compare]} {_text(limit)} [{colour}]{verdict}[/]"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _text(value: float | None) -> str:
    return "" if value is None else f"{_rounded(value):g}"


def _with_unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{_text(value)} {unit}"
