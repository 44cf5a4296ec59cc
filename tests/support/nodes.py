"""Servers on loopback for the unit tests, on CPython and on MicroPython."""

import asyncio

from leafnode.server import Server
from tests.support.loopback import HOST, Log, free_port

# Holds no identity: nodes of these tests serve open resources, or get a guard of the test's own.
NOWHERE = "no-such-directory"
SECONDS = 20


def make_server(guard=None) -> Server:
    """A server on a free port; it logs nowhere."""
    server = Server(NOWHERE, HOST, free_port(), Log())
    server._guard = guard
    return server


def base(server: Server) -> str:
    """The URI of the server's root, without the slash."""
    return "coap://%s:%d" % (HOST, server.port)


def serving(server: Server, scenario):
    """Run the coroutine function `scenario()` while the server serves; returns its result."""

    async def main():
        serve = asyncio.create_task(server.serve())
        try:
            return await asyncio.wait_for(scenario(), SECONDS)
        finally:
            serve.cancel()
            try:
                await serve
            except asyncio.CancelledError:
                pass

    return asyncio.run(main())
