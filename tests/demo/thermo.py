"""The demo's server: a thermometer with a vent, as a person would write it."""

import sys

from leafnode import Server

app = Server(sys.argv[1], "127.0.0.1", int(sys.argv[2]))


@app.resource("/temp")
async def temp(request):
    return "21.5"


@app.resource("/vent", methods=("PUT",), level="confidential")
async def vent(request):
    return None


app.run()
