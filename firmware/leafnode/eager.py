"""Starts coroutines at once: most resources answer without waiting for anything.

A task that is created waits for a turn of the event loop; for an answer that is at hand this turn
costs a fifth of the whole request.
"""

import asyncio

from leafkey.compat import MICROPYTHON

if MICROPYTHON:

    def start(coroutine):
        """Run a coroutine up to where it waits; returns the task it goes on as, None if it ended.

        What it raises before that comes out here.
        """
        core = asyncio.core  # pyright: ignore[reportAttributeAccessIssue]
        task = core.Task(coroutine, core.__dict__)
        # What it waits for asks for the task that runs, and wakes that one.
        caller, core.cur_task = core.cur_task, task
        try:
            coroutine.send(None)
        except StopIteration:
            return None
        finally:
            core.cur_task = caller
        return task

else:
    start = asyncio.create_task
