"""The S of the tests of freshness: fresh.py STATE PORT MILLISECONDS an Echo is good for.

Prints `acted WORD` for each request that its application acts on.
"""

import sys

from leafnode import Server

app = Server(sys.argv[1], "127.0.0.1", int(sys.argv[2]), echo_ms=int(sys.argv[3]))


@app.resource("/lock")
async def state(request):
    return "locked"


@app.resource("/lock", methods=("POST",), fresh=True)
async def unlock(request):
    print("acted lock")


@app.resource("/lock", methods=("PUT",), level="confidential", fresh=True)
async def programme(request):
    print("acted %d-bytes" % len(request.payload))


@app.resource("/mark", methods=("POST",), level="open")
async def mark(request):
    print("marked", request.payload.decode())


@app.resource("/bell", methods=("POST",))
async def ring(request):
    print("acted bell")


app.run()
