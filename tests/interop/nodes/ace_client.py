"""A plain ACE client that does what it reads, a line each: ace_client.py STATE AS SECRET.

AS is the URI of the token endpoint, SECRET the Master Secret of the context with it, in hex. Lines
are `METHOD URI [TEXT]`, and `observe URI`; they are answered by status and payload, or by the name
of the exception.
"""

import asyncio
import sys
from binascii import unhexlify

from leafkey.errors import AccessError
from leafnode import Client
from leafnode.credentials import Credentials

state, endpoint, secret = sys.argv[1:]
shared = {endpoint.rsplit("/", 1)[0]: Credentials(unhexlify(secret), b"C", b"A")}


async def main():
    async with Client(state, oscore=shared, ace=endpoint) as client:
        print("ready")
        while True:
            words = sys.stdin.readline().split()
            if not words:
                return
            try:
                await act(client, words)
            except AccessError as error:
                print("done", type(error).__name__, error)


async def act(client, words):
    if words[0] == "observe":
        seen = []
        async with client.observe(words[1]) as readings:
            async for reading in readings:
                seen.append(reading.text)
                if len(seen) == 2:
                    break
        print("done", " ".join(seen))
        return
    value = words[2] if len(words) > 2 else None
    response = await client.request(words[0], words[1], value)
    print("done", response.status, response.payload.decode())


asyncio.run(main())
