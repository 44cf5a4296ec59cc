"""Benchmarks that run on MicroPython and print a JSON object a line."""

import json
from pathlib import Path

from tests.support.processes import Process, micropython

HERE = Path(__file__).parent
SECONDS = 90


def lines(script: str, *options: str) -> list[dict]:
    """Run a script of this directory, with options of MicroPython; return what it printed."""
    with Process([micropython(), *options, str(HERE / script)]) as running:
        if running.finish(SECONDS):
            raise RuntimeError(running.output)
        return [json.loads(line) for line in running.lines]
