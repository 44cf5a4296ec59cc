"""The S of the interop tests: resources that foreign clients read, write and observe.

Usage: server.py PORT [STATE CREDENTIALS]. With credentials (a file, credentials.py) in OSCORE
alone, else open. PORT "line": over its standard input and output.
"""

import asyncio
import sys

from leafnode import Server
from leafnode.serial import console
from tests.interop.nodes.credentials import read

port, *given = sys.argv[1:]
level = None if given else "open"
if given:
    state, file = given
    app = Server(state, port=int(port), oscore=read(file))
elif port == "line":
    line = console()
    app = Server("no-identity", log=line.log, line=line)
else:
    app = Server("no-identity", port=int(port))
kept = {"body": b""}
ticks = {"count": 0}


@app.resource("/hello", level=level)
async def hello(request):
    return "hello"


@app.resource("/store", methods=("GET", "PUT"), level=level)
async def store(request):
    if request.method == "GET":
        return kept["body"]
    kept["body"] = request.payload
    return None


@app.resource("/slow", level=level)
async def slow(request):
    await asyncio.sleep(2)
    return "slow"


@app.resource("/ticks", level=level, observable=True)
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
