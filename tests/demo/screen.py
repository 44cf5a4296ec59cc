"""What the demo prints: each message as it passes, in order, with what is in it."""

import asyncio
import re

from tests.demo.wire import (
    REFUSAL,
    Listener,
    Sighting,
    answer_text,
    is_open,
    is_sealed,
    request_text,
)

PATIENCE = 20
# How the manager's log tells of what only it and a node can read.
TOLD = re.compile(r"\((\d)\)\s+\S+ -> \S+\s+(.*)")


class Screen:
    """Prints what the taps see; for what is sealed there, what the manager says of it."""

    def __init__(self) -> None:
        self.sightings: list[Sighting] = []
        self.counted: list[bytes] = []
        self.in_clear = 0
        self._listener = Listener()
        self._shown: asyncio.Queue[Sighting] = asyncio.Queue()
        self._told: asyncio.Queue[str] = asyncio.Queue()

    def see(self, source: str, target: str, data: bytes) -> None:
        """Take a datagram from a tap."""
        sighting = self._listener.read(source, target, data)
        if sighting:
            self.sightings.append(sighting)
            self._shown.put_nowait(sighting)

    def count(self, data: bytes) -> None:
        """Take a datagram whose ends a listener cannot tell."""
        self.counted.append(data)
        self.in_clear += not is_sealed(data)

    def tell(self, line: str) -> None:
        """Take a line of the manager's log."""
        told = TOLD.match(line)
        if told and int(told[1]) != REFUSAL:
            self._told.put_nowait(told[2])

    async def run(self) -> None:
        """Print until cancelled."""
        while True:
            seen = await self._shown.get()
            ends = f"{seen.source} -> {seen.target}"
            text = await self._text(seen)
            number = f"({seen.number})" if seen.number else ""
            print(f"  {number:5}{ends:19} {len(seen.data):4} B  {text}", flush=True)
            self._shown.task_done()

    async def quiet(self) -> None:
        """Wait until everything that was seen is printed."""
        await asyncio.wait_for(self._shown.join(), PATIENCE)

    async def number(self, number: int) -> bool:
        """Tell whether a message of this number was seen, waiting for it."""
        for _ in range(PATIENCE * 10):
            if any(sighting.number == number for sighting in self.sightings):
                await self.quiet()
                return True
            await asyncio.sleep(0.1)
        return False

    async def _text(self, seen: Sighting) -> str:
        if is_open(seen):
            return (answer_text if seen.is_answer else request_text)(seen.message)
        sealed = f"OSCORE ‹{len(seen.message.payload)} bytes sealed›"
        if seen.source == "thermo" and seen.is_answer:
            return f"{sealed} stored"
        return f"{sealed} {await asyncio.wait_for(self._told.get(), PATIENCE)}"


def scene(title: str) -> None:
    """Print a heading."""
    print(f"\n{title}\n", flush=True)
