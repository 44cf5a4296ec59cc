"""Keeps a server's ST current: messages (2) and (3), from the server's side (SPEC 9.1)."""

import asyncio

from leafkey.coap.message import Message
from leafkey.coap.numbers import APPLICATION_CBOR, CHANGED, code_text
from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import LeafkeyError, ProtocolError
from leafkey.pat.tokens import VERSION
from leafnode.clock import now_ms
from leafnode.guard import Guard
from leafnode.node import Node
from leafnode.uplink import SERVER_TOKEN_PATH

# Seconds. The manager learns a new address of this server when it asks again.
FIRST_RETRY = const(1)
LONGEST_RETRY = const(60)
INTERVAL = const(600)


class Keeper:
    """Asks SAM for the ST at the start, until it answers, and again now and then."""

    def __init__(self, node: Node, guard: Guard, send, log):
        """`send(message, remote)` makes a CoAP exchange from the socket that is served on."""
        self._node = node
        self._guard = guard
        self._send = send
        self._log = log

    async def run(self):
        """Keep asking until cancelled."""
        retry = FIRST_RETRY
        while True:
            try:
                await self._ask()
                retry = FIRST_RETRY
                await self._pause(INTERVAL)
            except (LeafkeyError, OSError) as error:
                # OSError: flash is full or fails, and may not for ever.
                self._log("no server token from the manager: " + str(error))
                await self._pause(retry)
                retry = min(2 * retry, LONGEST_RETRY)

    async def _pause(self, seconds: int):
        """Wait, but not for longer than until the manager is heard, and a token is wanted."""
        wanted = self._guard.wants_token
        try:
            await asyncio.wait_for(wanted.wait(), seconds)
        except asyncio.TimeoutError:
            return
        wanted.clear()

    async def _ask(self):
        payload = cbor.encode({VERSION: self._guard.version})
        self._node.trace(2, "server token request, has version %d" % self._guard.version)
        uplink = self._node.uplink
        response = await uplink.post(self._send, SERVER_TOKEN_PATH, payload, APPLICATION_CBOR)
        self._take(response)

    def _take(self, response: Message):
        if response.code != CHANGED:
            raise ProtocolError("it answered " + code_text(response.code))
        self._guard.apply(response.payload, now_ms())
        self._node.trace(3, "server token, version %d" % self._guard.version)
