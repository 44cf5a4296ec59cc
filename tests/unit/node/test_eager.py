"""leafnode.eager: what is started runs at once, and goes on as a task of its own if it waits."""

import asyncio
import unittest

from leafkey.compat import MICROPYTHON
from leafnode.eager import start


class EagerTest(unittest.TestCase):
    def setUp(self):
        self.steps = []

    async def walk(self, name: str, waits: int):
        try:
            for i in range(waits):
                self.steps.append((name, i))
                await asyncio.sleep(0)
        finally:
            self.steps.append((name, "end"))

    def run_all(self, main) -> list:
        asyncio.run(main())
        return self.steps

    def test_goes_on_where_it_waited(self):
        async def main():
            start(self.walk("a", 2))
            await asyncio.sleep(0.01)

        self.assertEqual(self.run_all(main), [("a", 0), ("a", 1), ("a", "end")])

    def test_the_caller_goes_on_as_itself(self):
        async def main():
            start(self.walk("a", 3))
            start(self.walk("b", 3))
            await self.walk("main", 8)

        steps = self.run_all(main)
        for name, waits in (("a", 3), ("b", 3), ("main", 8)):
            mine = [step for who, step in steps if who == name]
            self.assertEqual(mine, list(range(waits)) + ["end"])
        self.assertEqual(steps[-1], ("main", "end"))

    def test_starts_others_itself(self):
        async def outer():
            start(self.walk("inner", 1))
            await self.walk("outer", 2)

        async def main():
            start(outer())
            await asyncio.sleep(0.01)

        steps = self.run_all(main)
        self.assertEqual(len(steps), 5)
        self.assertEqual(steps[-1], ("outer", "end"))

    def test_can_be_cancelled_while_it_waits(self):
        never = asyncio.Event()

        async def wait():
            try:
                await never.wait()
            finally:
                self.steps.append("cancelled")

        async def main():
            task = start(wait())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.sleep(0.01)

        self.assertEqual(self.run_all(main), ["cancelled"])

    def test_what_ends_at_once_leaves_no_task(self):
        async def main():
            task = start(self.walk("a", 0))
            self.assertEqual(task is None, MICROPYTHON)
            await asyncio.sleep(0)

        self.assertEqual(self.run_all(main), [("a", "end")])


if __name__ == "__main__":
    unittest.main()
