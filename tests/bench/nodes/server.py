"""The S of the benchmark: the same answer to everybody, and to those alone who present an AT.

Usage: server.py STATE-DIRECTORY PORT
"""

import sys

from leafnode import Server

app = Server(sys.argv[1], "127.0.0.1", int(sys.argv[2]))


@app.resource("/open", level="open")
async def everybody(request):
    return "21.5"


@app.resource("/temp")
async def authorized(request):
    return "21.5"


app.run()
