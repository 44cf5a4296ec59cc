"""The S of the multi-process tests: server.py STATE PORT [dtls] [ace], or server.py STATE line:
then it speaks over its standard input and output, and what it prints is in its log.

Prints `acted WORD` for each PUT or POST that its application acts on: what was done twice shows.
"""

import asyncio
import gc
import sys

from leafnode import Server
from leafnode.serial import console

if sys.argv[2] == "line":
    line = console()
    tell = line.log
    app = Server(sys.argv[1], log=tell, line=line)
else:
    tell = print
    ace = True if "ace" in sys.argv else None
    app = Server(sys.argv[1], "127.0.0.1", int(sys.argv[2]), dtls="dtls" in sys.argv, ace=ace)
kept = {"body": b""}
ticks = {"count": 0}


@app.resource("/temp")
async def temp(request):
    return "21.5"


@app.resource("/secret", level="confidential")
async def secret(request):
    return "sealed"


@app.resource("/count", methods=("PUT", "POST"))
async def count(request):
    tell("acted " + request.payload.decode())


@app.resource("/slow", methods=("POST",))
async def slow(request):
    tell("acted " + request.payload.decode())
    await asyncio.sleep(30)


@app.resource("/bolt", methods=("POST",), fresh=True)
async def bolt(request):
    tell("acted " + request.payload.decode())


@app.resource("/settings", methods=("PUT",))
async def settings(request):
    tell("acted " + type(request.cbor).__name__)


@app.resource("/store", methods=("GET", "PUT"))
async def store(request):
    if request.method == "GET":
        return kept["body"]
    kept["body"] = request.payload
    return None


@app.resource("/ticks", observable=True)
async def look(request):
    return str(ticks["count"])


@app.resource("/tick", methods=("POST",), level="open")
async def tick(request):
    ticks["count"] += 1
    app.notify("/ticks")


@app.resource("/who")
async def who(request):
    return request.client


@app.resource("/mark", methods=("POST",), level="open")
async def mark(request):
    tell("marked " + request.payload.decode())


@app.resource("/heap", level="open")
async def heap(request):
    gc.collect()
    return str(gc.mem_alloc())


app.run()
