"""The demo's processes: started, listened to line by line, and always ended by their own id."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
STOP_SECONDS = 5


class Program:
    """One process. `lines` is what it printed so far; `heard(line)` gets each line at once."""

    def __init__(self, heard: Callable[[str], None] | None = None):
        self.command: tuple[str, ...] = ()
        self.lines: list[str] = []
        self._heard = heard
        self._news = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task | None = None

    async def start(self, *command: str) -> None:
        """Start it, with the node's and the core's modules within reach of MicroPython."""
        self.command = command
        paths = f"{ROOT / 'shared'}:{ROOT / 'firmware'}:.frozen"
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"MICROPYPATH": paths, "PYTHONUNBUFFERED": "1"},
        )
        self._reader = asyncio.create_task(self._listen())

    async def line(self, start: str, seconds: float) -> str:
        """Wait for a line that starts so; TimeoutError if none comes."""
        async with asyncio.timeout(seconds):
            while True:
                for line in self.lines:
                    if line.startswith(start):
                        return line
                self._news.clear()
                await self._news.wait()

    def said_after(self, mark: str, start: str) -> bool:
        """Tell whether it printed a line that starts so after another one."""
        return any(line.startswith(start) for line in self.lines[self.lines.index(mark) :])

    async def finish(self, seconds: float) -> int:
        """Wait for its end and return its exit code; TimeoutError if it takes longer."""
        assert self._process and self._reader
        await asyncio.wait_for(asyncio.shield(self._reader), seconds)
        return await self._process.wait()

    async def stop(self) -> None:
        """End it, kindly at first."""
        process, reader = self._process, self._reader
        if process is None or reader is None:
            return
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
        await reader

    async def _listen(self) -> None:
        assert self._process and self._process.stdout
        async for raw in self._process.stdout:
            line = raw.decode(errors="replace").rstrip()
            self.lines.append(line)
            self._news.set()
            if self._heard:
                self._heard(line)


def free_port() -> int:
    """Return a UDP port that nobody has: MicroPython cannot tell which one it was given."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def micropython() -> str:
    """Return the MicroPython that make setup installed beside this Python."""
    return str(BIN / "micropython")


def leafkey() -> str:
    """Return the manager's command."""
    return str(BIN / "leafkey")
