"""The ChaCha20 block in viper beside the portable one, and the other suite beside both."""

from tests.bench.report import Record
from tests.bench.scripts import lines


def records() -> list[Record]:
    """Return the figures of both suites on MicroPython."""
    us = {line["name"]: line["us"] for line in lines("bench_chacha20.py")}
    portable, viper = us["chacha20_block_portable"], us["chacha20_block_viper"]
    sha256 = us["sha256_48_bytes"]
    return [
        Record("chacha20_viper_vs_portable", viper, "us", "portable block", portable),
        Record("chacha20_block_portable", portable, "us"),
        Record("sha256_suite_node", sha256, "us", "viper block", viper),
    ]
