"""The S of the benchmark behind OSCORE: oscore_server.py STATE-DIRECTORY ALGORITHM PORT."""

import sys

from leafnode import Server
from leafnode.credentials import Credentials

given = Credentials(bytes(range(1, 17)), b"S", b"C", alg=int(sys.argv[2]))
app = Server(sys.argv[1], "127.0.0.1", int(sys.argv[3]), oscore=(given,))


@app.resource("/temp")
async def temp(request):
    return "21.5"


app.run()
