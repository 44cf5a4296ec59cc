"""The S of the flood test, which tells how much of its heap is in use. Usage: flooded.py PORT."""

import gc
import sys

from leafnode import Server

app = Server("no-identity", port=int(sys.argv[1]))
kept = {"body": b""}


@app.resource("/hello", level="open", observable=True)
async def hello(request):
    return "hello"


@app.resource("/store", methods=("GET", "PUT"), level="open")
async def store(request):
    if request.method == "GET":
        return kept["body"]
    kept["body"] = request.payload
    return None


@app.resource("/heap", level="open")
async def heap(request):
    gc.collect()
    return gc.mem_alloc()


app.run()
