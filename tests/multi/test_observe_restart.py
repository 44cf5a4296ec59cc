"""An observation outlives its server: a client notices the silence and registers again."""

import asyncio
from pathlib import Path

import pytest

from leafnode import observation
from leafnode.client import Client
from tests.support.processes import Process, free_port, micropython

NODE = Path(__file__).parent / "nodes" / "counter.py"
SECONDS = 20
# Values seen from the first server and from the second, and where the second starts to count.
BEFORE = 4
AGAIN = 3
RESTARTED = 1000


def _silent(text: str) -> None:
    """That there is no identity here is as it should be."""


def _start(port: int, first: int) -> Process:
    server = Process([micropython(), str(NODE), str(port), str(first)])
    server.wait_for("ready")
    return server


def test_a_server_that_forgot_its_observers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observation, "GRACE", 500)
    monkeypatch.setattr(observation, "GRACE_SPAN", 500)
    port = free_port()

    async def follow() -> list[int]:
        seen: list[int] = []
        server = _start(port, 1)
        try:
            async with (
                asyncio.timeout(SECONDS),
                Client("no-identity", _silent) as client,
                client.observe(f"coap://127.0.0.1:{port}/count") as changes,
            ):
                async for response in changes:
                    seen.append(int(response.text))
                    if len(seen) == BEFORE:
                        server.stop()
                        server = _start(port, RESTARTED)
                    if len(seen) == BEFORE + AGAIN:
                        break
        finally:
            server.stop()
        return seen

    seen = asyncio.run(follow())
    assert seen == sorted(set(seen))
    assert [value >= RESTARTED for value in seen] == [False] * BEFORE + [True] * AGAIN
