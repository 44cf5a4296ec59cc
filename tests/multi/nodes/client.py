"""The C of the multi-process tests: client.py STATE, and then a JSON object a line on its input.
client.py STATE 0 PORT speaks over a serial line to whoever connects to that TCP port, as emulators
offer it; client.py STATE 0 ace asks for access tokens in place of tickets.

    {"id": 1, "do": "GET", "uri": "coap://..", "level": "pop", "text": "what to send"}

It prints `#1 2.05 21.5`, or `#1 NotAllowed ..` for what was raised. In place of "text", "size"
sends so many bytes and "cbor" a value; "count" observes until so many responses came, and prints
each. "do": "NAME" prints by which name the server knows it. All run at once. The manager's
messages, and what else the node logs, are printed as they come.
"""

import asyncio
import json
import socket
import sys

from leafnode import Client
from leafnode.serial import SerialLine

SHOWN = 80
BYTES = 42


def body(size):
    made = bytearray(size)
    for i in range(size):
        made[i] = i * 7 & 0xFF
    return bytes(made)


def shown(response):
    payload = response.payload
    if len(payload) > SHOWN:
        same = payload == body(len(payload))
        text = "%d bytes, %s" % (len(payload), "good" if same else "bad")
    else:
        text = payload.hex() if response.content_format == BYTES else payload.decode()
    return (response.status + " " + text).rstrip()


async def follow(client, wish):
    left = wish["count"]
    async with client.observe(wish["uri"], wish.get("level")) as changes:
        async for response in changes:
            print("#%d" % wish["id"], shown(response))
            left -= 1
            if not left:
                break


async def act(client, wish):
    try:
        if wish["do"] == "NAME":
            name = client.pseudonym(wish["uri"])
            print("#%d" % wish["id"], name.hex() if name else "nobody")
            return
        if wish["do"] == "AUTHORIZE":
            may = await client.authorize(wish["uri"], wish["permissions"])
            print("#%d" % wish["id"], json.dumps(may))
            return
        if "count" in wish:
            await follow(client, wish)
            return
        value = body(wish["size"]) if "size" in wish else wish.get("text", wish.get("cbor"))
        response = await client.request(wish["do"], wish["uri"], value, wish.get("level"))
        print("#%d" % wish["id"], shown(response))
    except Exception as error:
        print("#%d" % wish["id"], type(error).__name__, error)


def connected(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(socket.getaddrinfo("127.0.0.1", int(port))[0][-1])
    listener.listen(1)
    print("waiting for a bridge")
    return SerialLine(listener.accept()[0])


async def main(state, consent_wait="0", way=None):
    ace = way == "ace"
    line = None if way is None or ace else connected(way)
    async with Client(state, consent_wait=int(consent_wait), line=line, ace=ace) as client:
        lines = asyncio.StreamReader(sys.stdin)
        running = []
        print("listening")
        while True:
            line = await lines.readline()
            if not line:
                break
            # What is done would fill the heap after some hundred requests.
            running = [task for task in running if not task.done()]
            running.append(asyncio.create_task(act(client, json.loads(line))))


asyncio.run(main(*sys.argv[1:]))
