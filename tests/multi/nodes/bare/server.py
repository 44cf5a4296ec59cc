"""A server on firmware without network, on its standard input and output: server.py STATE."""

import sys

from leafnode import Server
from leafnode.serial import console

line = console()
app = Server(sys.argv[1], log=line.log, line=line)


@app.resource("/temp")
async def temp(request):
    try:
        import socket  # noqa: F401
    except ImportError:
        return "21.5, and no network"


app.run()
