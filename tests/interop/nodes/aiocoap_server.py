"""An aiocoap server for the MicroPython C: aiocoap_server.py PORT [OSCORE].

OSCORE is the directory of a security context (tests/interop/oscore_peers.py): with one, all
resources are behind it.
"""

import asyncio
import sys

import aiocoap
from aiocoap import credentials, error, oscore, oscore_sitewrapper, resource
from aiocoap.transports.oscore import OSCOREAddress


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


class Protected(resource.Site):
    """Lets nobody in who comes without OSCORE."""

    async def render_to_pipe(self, pipe):
        if not isinstance(pipe.request.remote, OSCOREAddress):
            raise error.Forbidden
        await super().render_to_pipe(pipe)


async def main(port: int, oscore_base: str = ""):
    ticks = Ticks()
    site = Protected() if oscore_base else resource.Site()
    site.add_resource(["hello"], Hello())
    site.add_resource(["store"], Store())
    site.add_resource(["ticks"], ticks)
    known = credentials.CredentialsMap()
    root = site
    if oscore_base:
        known[":client"] = oscore.FilesystemSecurityContext(oscore_base)
        root = oscore_sitewrapper.OscoreSiteWrapper(site, known)
    await aiocoap.Context.create_server_context(root, bind=("::", port), server_credentials=known)
    print("ready", port, flush=True)
    await ticks.tick()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), *sys.argv[2:]))
