"""An aiocoap server for the MicroPython C: aiocoap_server.py PORT."""

import asyncio
import sys

import aiocoap
from aiocoap import resource


class Hello(resource.Resource):
    """Says one word."""

    async def render_get(self, request):
        return aiocoap.Message(payload=b"hello", content_format=0)


class Store(resource.Resource):
    """Keeps what was put."""

    def __init__(self):
        super().__init__()
        self.body = b""

    async def render_get(self, request):
        return aiocoap.Message(payload=self.body, content_format=42)

    async def render_put(self, request):
        self.body = request.payload
        return aiocoap.Message(code=aiocoap.CHANGED)


class Ticks(resource.ObservableResource):
    """Counts up for whoever observes."""

    def __init__(self):
        super().__init__()
        self.count = 0

    async def tick(self):
        while True:
            await asyncio.sleep(0.5)
            self.count += 1
            self.updated_state()

    async def render_get(self, request):
        return aiocoap.Message(payload=str(self.count).encode(), content_format=0)


async def main(port: int):
    ticks = Ticks()
    site = resource.Site()
    site.add_resource(["hello"], Hello())
    site.add_resource(["store"], Store())
    site.add_resource(["ticks"], ticks)
    await aiocoap.Context.create_server_context(site, bind=("::", port))
    print("ready", port, flush=True)
    await ticks.tick()


asyncio.run(main(int(sys.argv[1])))
