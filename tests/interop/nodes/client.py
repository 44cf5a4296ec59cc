"""The C of the interop tests: does to foreign servers what it is told, all at the same time.

Usage: client.py [STATE CREDENTIALS] ACTION URI [ACTION URI ..]; actions are get, put and observe.
Prints a line each: `ACTION URI` and what came of it. A put sends 4000 bytes and tells the CRC of
what it gets back. With credentials (a file, credentials.py) all goes through the one context.
"""

import asyncio
import sys
from binascii import crc32

from leafkey.errors import AccessError
from leafnode import Client
from tests.interop.nodes.credentials import read

BODY = bytes((i * 7 + (i >> 8) * 13) & 0xFF for i in range(4000))
OBSERVED = 4


async def get(client, uri):
    response = await client.get(uri)
    return response.status + " " + response.text.split("\n")[0]


async def put(client, uri):
    stored = await client.request("PUT", uri, BODY, content_format=42)
    back = await client.get(uri)
    return f"{stored.status} {back.status} {crc32(back.payload)}"


async def observe(client, uri):
    seen = []
    async with client.observe(uri) as changes:
        async for response in changes:
            seen.append(response.text)
            if len(seen) == OBSERVED:
                break
    return " ".join(["_".join(text.split()) for text in seen])


async def act(client, action, uri):
    try:
        print(action, uri, await ACTIONS[action](client, uri))
    except AccessError as error:
        print(action, uri, "failed:", type(error).__name__, error)


async def act_alone(action, uri):
    async with Client("no-identity", log) as client:
        await act(client, action, uri)


def log(text):
    """That there is no identity here is as it should be."""


async def main(words):
    if words[0] in ACTIONS:
        await asyncio.gather(*[act_alone(*pair) for pair in pairs(words)])
        return
    state, file, *words = words
    uri = words[1]
    origin = uri[: uri.find("/", len("coap://"))]
    async with Client(state, log, oscore={origin: read(file)[0]}) as client:
        await asyncio.gather(*[act(client, *pair) for pair in pairs(words)])


def pairs(words):
    return [words[i : i + 2] for i in range(0, len(words), 2)]


ACTIONS = {"get": get, "put": put, "observe": observe}
asyncio.run(main(sys.argv[1:]))
