"""A client's view of a resource it observes: an asynchronous iterator of responses (RFC 7641)."""

import asyncio
import os

from leafkey.coap.message import Message
from leafkey.coap.numbers import NON, OBSERVE, is_success
from leafkey.coap.observe import DEREGISTER, is_fresh
from leafkey.compat import const
from leafkey.errors import AuthenticationError, DecodeError
from leafkey.pat.presenter import NotRecognized
from leafnode.clock import now_ms
from leafnode.response import Response, from_message
from leafnode.transfer import complete

# After Max-Age a client waits 5 to 15 s before it registers anew (RFC 7641 section 3.3.1); ms.
GRACE = const(5000)
GRACE_SPAN = const(10000)


class Observation:
    """Yields the state of a resource now and at each change, newest first if it is slow to ask.

    Registers again when nothing came for longer than the last response was fresh: a server that
    was restarted has forgotten its observers. Raises as a request does.
    """

    def __init__(self, client, request: Message, target):
        self._client = client
        self._request = request
        self._target = target
        self._responses = None
        self._opener = None
        self._last = None
        self._patience = 0
        self._is_over = False

    def __aiter__(self) -> "Observation":
        return self

    async def __anext__(self) -> Response:
        """The next Response."""
        while not self._is_over:
            message = await self._next()
            if message is not None:
                return await self._taken(message)
        raise StopAsyncIteration

    async def __aenter__(self) -> "Observation":
        return self

    async def __aexit__(self, kind: object, error: object, trace: object):
        self.cancel()

    def cancel(self):
        """Want no more. The server is told once; if that is lost, its next notification says so."""
        responses = self._responses
        if not self._is_over and responses is not None and self._opener is None:
            goodbye = Message(self._request.code, self._target.options, b"", NON)
            goodbye.add(OBSERVE, DEREGISTER)
            link = self._client.link
            token = responses.handle.token
            link.cancel(link.observe(goodbye, self._target.remote, token).handle)
        self._end()

    async def _next(self) -> Message | None:
        """The next message without protection; None if what came is not to be shown."""
        if self._responses is None:
            return await self._register()
        try:
            message = await asyncio.wait_for(self._responses.next(), self._patience / 1000)
        except asyncio.TimeoutError:
            return await self._register()
        try:
            if self._opener is not None:
                message = self._opener.unprotect(message)
            return message if self._is_news(message) else None
        except (AuthenticationError, DecodeError, NotRecognized):
            # Not from the server, or a repetition: the observation goes on.
            return None

    async def _register(self) -> Message:
        # A server that was restarted counts from the start again.
        self._last = None
        exchange = self._client._exchange
        message, self._opener = await exchange(self._request, self._target, self._send)
        self._is_news(message)
        return message

    async def _send(self, message: Message) -> Message:
        if message.option(OBSERVE) is None:
            return await self._client.send(message, self._target.remote)
        self._drop()
        self._responses = self._client.link.observe(message, self._target.remote)
        return await self._responses.next()

    def _is_news(self, message: Message) -> bool:
        value = message.uint(OBSERVE)
        if value is None:
            return True
        last = self._last
        now = now_ms()
        if last is not None and not is_fresh(last[0], last[1], value, now):
            return False
        self._last = (value, now)
        return True

    async def _taken(self, message: Message) -> Response:
        if message.option(OBSERVE) is None or not is_success(message.code):
            self._end()
        response = from_message(await self._whole(message))
        spread = os.urandom(1)[0] * GRACE_SPAN // 255
        self._patience = (response.max_age or 0) * 1000 + GRACE + spread
        return response

    async def _whole(self, message: Message) -> Message:
        async def exchange(block: Message) -> Message:
            client = self._client
            send = client._send_to(self._target)
            return (await client._exchange(block, self._target, send))[0]

        return await complete(self._request, message, exchange)

    def _end(self):
        self._is_over = True
        self._drop()

    def _drop(self):
        if self._responses is not None:
            self._client.link.cancel(self._responses.handle)
            self._responses = None
