"""The S of the interop tests: open resources that foreign clients read, write and observe.

Usage: server.py PORT
"""

import asyncio
import sys

from leafnode import Server

app = Server("no-identity", port=int(sys.argv[1]))
kept = {"body": b""}
ticks = {"count": 0}


@app.resource("/hello", level="open")
async def hello(request):
    return "hello"


@app.resource("/store", methods=("GET", "PUT"), level="open")
async def store(request):
    if request.method == "GET":
        return kept["body"]
    kept["body"] = request.payload
    return None


@app.resource("/slow", level="open")
async def slow(request):
    await asyncio.sleep(2)
    return "slow"


@app.resource("/ticks", level="open", observable=True)
async def count(request):
    return str(ticks["count"])


async def tick():
    while True:
        await asyncio.sleep(0.5)
        ticks["count"] += 1
        app.notify("/ticks")


async def main():
    ticking = asyncio.create_task(tick())
    await app.serve()
    ticking.cancel()


asyncio.run(main())
