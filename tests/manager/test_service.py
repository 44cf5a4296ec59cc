"""What keeps a manager serving, and what ends it."""

import asyncio

import pytest

from leafmanager.net.service import first_end


async def ended_by(stop: bool, error: Exception | None) -> None:
    stopped = asyncio.Event()

    async def work() -> None:
        if error:
            raise error
        await asyncio.sleep(60)

    running = [asyncio.create_task(work()), asyncio.create_task(asyncio.sleep(60))]
    if stop:
        stopped.set()
    try:
        await first_end(stopped, running)
    finally:
        for task in running:
            task.cancel()


def test_the_operator_ends_it():
    asyncio.run(ended_by(True, None))


def test_a_task_that_failed_does_not_leave_it_half_at_work():
    with pytest.raises(ZeroDivisionError):
        asyncio.run(ended_by(False, ZeroDivisionError()))
