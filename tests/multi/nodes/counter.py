"""A server that counts from FIRST, each number fresh for 1 s. Usage: counter.py PORT FIRST."""

import asyncio
import sys

from leafnode import Response, Server

app = Server("no-identity", port=int(sys.argv[1]))
state = {"count": int(sys.argv[2])}


@app.resource("/count", level="open", observable=True)
async def count(request):
    return Response(str(state["count"]), max_age=1)


async def tick():
    while True:
        await asyncio.sleep(0.3)
        state["count"] += 1
        app.notify("/count")


async def main():
    await asyncio.gather(app.serve(), tick())


asyncio.run(main())
