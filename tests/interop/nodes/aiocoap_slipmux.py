"""aiocoap, of a checkout that has slipmux, at one end of a line that is a UNIX socket.

aiocoap_slipmux.py serve SOCKET listens there, and keeps what is put. aiocoap_slipmux.py ask SOCKET
connects to a board there, asks it for /hello, puts 4000 bytes and gets them back, and observes
/ticks; it prints a line each.
"""

import asyncio
import sys
from pathlib import Path

import aiocoap
from aiocoap.config import SlipmuxDevice, SlipmuxParameters, TransportParameters

from tests.interop.nodes.aiocoap_server import Store

BOARD = "coap://board.dev.alt"
BODY = bytes((i * 7 + (i >> 8) * 13) & 0xFF for i in range(4000))
OBSERVED = 4


def line(device: SlipmuxDevice) -> TransportParameters:
    return TransportParameters(slipmux=SlipmuxParameters(devices={"board": device}))


async def serve(socket: Path) -> None:
    transports = line(SlipmuxDevice(unix_listen=socket))
    # No aiocoap.resource.Site: it wants to know its own host, and a line has none.
    await aiocoap.Context.create_server_context(Store(), transports=transports)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def ask(socket: Path) -> None:
    transports = line(SlipmuxDevice(unix_connect=socket))
    context = await aiocoap.Context.create_client_context(transports=transports)
    request = aiocoap.Message(code=aiocoap.GET, uri=BOARD + "/hello")
    response = await context.request(request).response
    print("get", response.code.dotted, response.payload.decode())
    request = aiocoap.Message(code=aiocoap.PUT, uri=BOARD + "/store", payload=BODY)
    print("put", (await context.request(request).response).code.dotted)
    request = aiocoap.Message(code=aiocoap.GET, uri=BOARD + "/store")
    response = await context.request(request).response
    print("get", response.code.dotted, "good" if response.payload == BODY else "bad")
    requester = context.request(aiocoap.Message(code=aiocoap.GET, uri=BOARD + "/ticks", observe=0))
    seen = [int((await requester.response).payload)]
    async for notification in requester.observation:
        seen.append(int(notification.payload))
        if len(seen) == OBSERVED:
            break
    print("observe", *seen, flush=True)
    await context.shutdown()


asyncio.run({"serve": serve, "ask": ask}[sys.argv[1]](Path(sys.argv[2])))
