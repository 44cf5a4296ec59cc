"""An event loop that runs in turns: what has begun goes on in the next one."""

import asyncio

from leafkey.compat import MICROPYTHON

if MICROPYTHON:

    class Runner:
        """Runs coroutines in the one event loop there is; its tasks stay when `run` returns."""

        def run(self, coroutine):
            """Return what the coroutine returns, having run all tasks meanwhile."""
            return asyncio.run(coroutine)

        def close(self):
            """The tasks of others stay."""

else:
    Runner = asyncio.Runner
