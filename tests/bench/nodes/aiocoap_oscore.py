"""aiocoap's server for the benchmark, behind OSCORE: aiocoap_oscore.py CONTEXT-DIRECTORY PORT."""

import asyncio
import sys

import aiocoap
from aiocoap import credentials, oscore, oscore_sitewrapper, resource


class Temp(resource.Resource):
    """The same answer to everybody who comes through the context."""

    async def render_get(self, request):
        return aiocoap.Message(payload=b"21.5", content_format=0)


async def main(directory: str, port: str):
    site = resource.Site()
    site.add_resource(["temp"], Temp())
    known = credentials.CredentialsMap()
    known[":client"] = oscore.FilesystemSecurityContext(directory)
    root = oscore_sitewrapper.OscoreSiteWrapper(site, known)
    here = ("127.0.0.1", int(port))
    await aiocoap.Context.create_server_context(root, bind=here, server_credentials=known)
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()


asyncio.run(main(*sys.argv[1:]))
