"""What a signature costs a node, beside a SHA-256 of the same runtime."""

from tests.bench.report import Record
from tests.bench.scripts import lines


def records() -> list[Record]:
    """Return the times of the portable code on MicroPython."""
    us = {line["name"]: line["us"] for line in lines("bench_ed25519.py")}
    sha256 = us["sha256_48_bytes"]
    return [
        Record(name + "_portable", us[name], "us", "SHA-256 of 48 bytes", sha256)
        for name in ("ed25519_key", "ed25519_sign", "ed25519_verify")
    ]
