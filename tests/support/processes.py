"""Processes for tests: started, listened to line by line, and always ended by their own id."""

import itertools
import os
import queue
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("shared", "firmware", ".")
STOP_SECONDS = 5
FIRST_PORT = 10000
PORTS = 1000


class Process:
    """A running program whose output, errors included, is collected in `lines`.

    with Process([micropython(), "node.py"]) as node:
        node.wait_for("ready")
    """

    def __init__(self, command: list[str], listens: bool = False, line: int | None = None):
        """Start `command` in the project's root, with its sources within reach.

        `listens`: it reads its standard input, where `say` writes. `line`: the file descriptor
        that takes the place of its standard input and output; errors alone are collected then.
        """
        paths = [str(ROOT / source) for source in SOURCES]
        places = {
            "PYTHONPATH": ":".join([*paths, str(ROOT / "manager")]),
            "MICROPYPATH": ":".join([*paths, ".frozen"]),
        }
        self.command = command
        self.lines: list[str] = []
        self._unread: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | places | {"PYTHONUNBUFFERED": "1"},
            stdin=line or (subprocess.PIPE if listens else subprocess.DEVNULL),
            stdout=line or subprocess.PIPE,
            stderr=subprocess.PIPE if line else subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def output(self) -> str:
        """All it has printed so far."""
        return "\n".join(self.lines)

    def wait_for(self, text: str, seconds: float = 10) -> str:
        """Return the next line that contains `text`; AssertionError if none comes in time."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._unread.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"no {text!r} from {self.command}:\n{self.output}")
            if text in line:
                return line

    def say(self, line: str) -> None:
        """Write a line to a program that listens."""
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def finish(self, seconds: float = 30) -> int:
        """Wait for its end and return the exit code; AssertionError if it takes longer."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command} did not end:\n{self.output}") from None
        self._reader.join()
        return code

    def stop(self) -> None:
        """End it, kindly at first, and wait until it is gone."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._gone()

    def kill(self) -> None:
        """End it as a power cut does, and wait until it is gone."""
        self._process.kill()
        self._gone()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def pause(self) -> None:
        """Let it do nothing until `go_on`."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Wake it up after `pause`."""
        self._process.send_signal(signal.SIGCONT)

    def _gone(self) -> None:
        self._process.wait()
        self._reader.join()
        if self._process.stdin:
            self._process.stdin.close()

    def _read(self) -> None:
        output = self._process.stdout or self._process.stderr
        assert output
        for line in output:
            self.lines.append(line.rstrip("\n"))
            self._unread.put(self.lines[-1])
        output.close()
        self._unread.put(None)


def micropython() -> str:
    """Return the MicroPython to run: MICROPYTHON, the one beside this Python, one on the PATH."""
    beside = Path(sys.executable).parent / "micropython"
    found = os.environ.get("MICROPYTHON") or (str(beside) if beside.exists() else None)
    found = found or shutil.which("micropython")
    assert found, "no micropython: run make setup, or name one in MICROPYTHON"
    return found


def leafkey() -> str:
    """Return the command of that name that `make setup` has installed."""
    return str(Path(sys.executable).parent / "leafkey")


def free_port(above: bool = False) -> int:
    """Return a UDP port that is free on IPv4 and IPv6 alike, and nobody else draws.

    `above`: and so is the next one.
    """
    while True:
        port = next(port for port in _ports if _is_free(port))
        if not above or (next(_ports) == port + 1 and _is_free(port + 1)):
            return port


def _own_ports() -> Iterator[int]:
    """Those of this pytest worker, from anywhere on.

    They lie below what systems and nodes draw from: a server that is off for a while keeps its own.
    """
    first = FIRST_PORT + PORTS * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    start = secrets.randbelow(PORTS)
    return itertools.cycle([*range(first + start, first + PORTS), *range(first, first + start)])


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            probe.bind(("::", port))
        except OSError:
            return False
        return True


_ports = _own_ports()
