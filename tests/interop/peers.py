"""Foreign clients and servers, and our nodes, as the interop tests run them."""

import asyncio
import sys
import tempfile
from binascii import crc32
from pathlib import Path

import aiocoap

from tests.support.processes import Process, free_port, micropython
from tests.support.tools import tool

NODES = Path(__file__).parent / "nodes"
BODY = bytes((i * 7 + (i >> 8) * 13) & 0xFF for i in range(4000))
# No two blocks of it are alike, and this is how the MicroPython C tells that it got it back.
BODY_CRC = crc32(BODY)
# Values an observer waits for.
OBSERVED = 4
# A whole retransmission span, and as much again for a body in several exchanges.
SECONDS = 150


def our_server() -> tuple[Process, int]:
    """Start the MicroPython S; returns it and its port once it serves."""
    port = free_port()
    server = Process([micropython(), str(NODES / "server.py"), str(port)])
    server.wait_for("ready")
    return server, port


def aiocoap_server() -> tuple[Process, int]:
    """Start an aiocoap server; returns it and its port once it serves."""
    port = free_port()
    server = Process([sys.executable, str(NODES / "aiocoap_server.py"), str(port)])
    server.wait_for("ready")
    return server, port


def libcoap_server(host: str) -> tuple[Process, int]:
    """Start libcoap's example server on one address; returns it and its port."""
    port = free_port()
    command = [tool("coap-server-notls"), "-A", host, "-p", str(port), "-v", "7"]
    server = Process(command)
    server.wait_for("created UDP")
    return server, port


def our_client(*actions: tuple[str, str], oscore: tuple[str, str] | None = None) -> list[str]:
    """Let the MicroPython C do (action, uri) pairs at once; returns what came of each, in order.

    `oscore`: its state directory and a file of credentials (nodes/client.py).
    """
    words = [*(oscore or ()), *(word for action in actions for word in action)]
    with Process([micropython(), str(NODES / "client.py"), *words]) as client:
        assert client.finish(SECONDS) == 0, client.output
        found = []
        for action, uri in actions:
            start = f"{action} {uri} "
            found += [line[len(start) :] for line in client.lines if line.startswith(start)]
        assert len(found) == len(actions), client.output
        return found


class AiocoapClient:
    """aiocoap's client; each call has a socket of its own."""

    def get(self, uri: str) -> tuple[str, bytes]:
        """Return code and payload."""
        return asyncio.run(self._exchange(aiocoap.Message(code=aiocoap.GET, uri=uri)))

    def put(self, uri: str) -> tuple[str, bytes]:
        """Put BODY; returns the code, and what a GET brings back."""
        message = aiocoap.Message(code=aiocoap.PUT, uri=uri, payload=BODY)
        code, _ = asyncio.run(self._exchange(message))
        return code, self.get(uri)[1]

    def observe(self, uri: str) -> list[int]:
        """Return the first values of a counter."""
        return asyncio.run(self._observe(uri))

    async def _context(self) -> aiocoap.Context:
        return await aiocoap.Context.create_client_context()

    async def _exchange(self, message: aiocoap.Message) -> tuple[str, bytes]:
        context = await self._context()
        try:
            async with asyncio.timeout(SECONDS):
                response = await context.request(message).response
        finally:
            await context.shutdown()
        return response.code.dotted, response.payload

    async def _observe(self, uri: str) -> list[int]:
        context = await self._context()
        try:
            async with asyncio.timeout(SECONDS):
                message = aiocoap.Message(code=aiocoap.GET, uri=uri, observe=0)
                request = context.request(message)
                seen = [int((await request.response).payload)]
                assert request.observation
                async for response in request.observation:
                    seen.append(int(response.payload))
                    if len(seen) == OBSERVED:
                        request.observation.cancel()
                        break
        finally:
            await context.shutdown()
        return seen


class LibcoapClient:
    """libcoap's coap-client. It exits 0 whatever happens: what counts is what it prints."""

    def __init__(self, program: str = "coap-client-notls", *options: str):
        self._program = program
        self._options = options

    def get(self, uri: str) -> tuple[str, bytes]:
        """Return code and payload."""
        return self._run(uri)

    def put(self, uri: str) -> tuple[str, bytes]:
        """Put BODY; returns the code, and what a GET brings back."""
        with tempfile.NamedTemporaryFile() as body:
            body.write(BODY)
            body.flush()
            code, _ = self._run(uri, "-m", "put", "-t", "42", "-f", body.name)
        return code, self.get(uri)[1]

    def observe(self, uri: str) -> list[int]:
        """Return the first values of a counter."""
        with Process([*self._command(), "-w", "-s", str(SECONDS), uri]) as client:
            return [int(client.wait_for("", SECONDS)) for _ in range(OBSERVED)]

    def _run(self, uri: str, *options: str) -> tuple[str, bytes]:
        with tempfile.TemporaryDirectory() as folder:
            received = Path(folder) / "received"
            told = ["-v", "7", "-o", str(received)]
            with Process([*self._command(), *told, *options, uri]) as client:
                client.finish(SECONDS + 10)
                payload = received.read_bytes() if received.exists() else b""
                return _last_code(client.lines), payload

    def _command(self) -> list[str]:
        return [tool(self._program), *self._options, "-B", str(SECONDS)]


def _last_code(lines: list[str]) -> str:
    """The code of the last response in coap-client's log: `v:1 t:ACK c:2.05 i:.. {..} [..]`.

    What is inside OSCORE is logged like a response of its own.
    """
    responses = [line for line in lines if " c:2." in line or " c:4." in line]
    codes = [line.split(" c:")[1].split()[0] for line in responses if " Oscore:" not in line]
    return codes[-1] if codes else "no response"
