"""The S of the request benchmarks: one open resource. Usage: open_server.py PORT."""

import sys

from leafnode import Server

app = Server("no-identity", port=int(sys.argv[1]))


@app.resource("/hello", level="open")
async def hello(request):
    return "hello"


app.run()
