"""A plain ACE resource server: ace_rs.py PORT STATE AS KEY, where KEY is in hex."""

import sys
from binascii import unhexlify

from leafnode import Server
from leafnode.authority import AuthorizationServer

port, state, uri, key = sys.argv[1:]
told = AuthorizationServer(uri, "thermo", unhexlify(key), kid=b"as-1")
app = Server(state, port=int(port), ace=told)
vent = {"is": "shut"}


@app.resource("/temp", ("GET", "PUT"), observable=True)
async def temp(request):
    print("temp", request.method)
    return "21.5"


@app.resource("/vent", ("GET", "PUT"))
async def vent_(request):
    if request.method == "PUT":
        vent["is"] = request.text
        return None
    return vent["is"]


@app.resource("/secret")
async def secret(request):
    print("never")
    return "nobody may read this"


app.run()
