"""A client's view of a resource it observes: an asynchronous iterator of responses (RFC 7641)."""

import asyncio
import os

from leafkey.coap.message import Message
from leafkey.coap.numbers import BLOCK2, MAX_AGE, NON, OBSERVE, PAT, UNAUTHORIZED, is_success
from leafkey.coap.observe import DEREGISTER, is_fresh
from leafkey.compat import const
from leafkey.errors import AuthenticationError, DecodeError, ReplayError
from leafkey.pat.presenter import NotRecognized
from leafnode.clock import now_ms
from leafnode.response import Response, from_message
from leafnode.transfer import complete

# After Max-Age a client waits 5 to 15 s before it registers anew (RFC 7641 section 3.3.1); ms.
GRACE = const(5000)
GRACE_SPAN = const(10000)
# Of the seconds of an AT (SPEC 4.3), in sixteenths: a renewal comes after 12 to 15 of them.
EARLIEST = const(12)
LATEST = const(15)
# After the last notification of an AT a renewal comes within this; ms.
RENEWAL_SPAN = const(1000)


class Observation:
    """Yields the state of a resource now and at each change, newest first if it is slow to ask.

    Registers again when nothing came for longer than the last response was fresh, since a server
    that was restarted has forgotten its observers; and under a fresh AT when the one it has, has
    done its share. Raises as a request does.
    """

    def __init__(self, client, request: Message, target):
        self._client = client
        self._request = request
        self._target = target
        self._responses = None
        self._opener = None
        self._last = None
        self._patience = 0
        # Notifications under this AT, when to renew (ms, None: never), what was seen last.
        self._heard = 0
        self._due = None
        self._seen = None
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
            handle = responses.handle
            link.cancel(link.observe(goodbye, handle.remote, handle.token).handle)
        self._end()

    async def _next(self) -> Message | None:
        """The next message without protection; None if what came is not to be shown."""
        if self._responses is None:
            return await self._register()
        try:
            message = await asyncio.wait_for(self._responses.next(), self._wait() / 1000)
        except asyncio.TimeoutError:
            return await self._renew()
        if self._opener is None:
            return message if self._is_news(message) else None
        try:
            message = self._opener.unprotect(message)
        except (AuthenticationError, DecodeError, NotRecognized, ReplayError):
            # Not from the server, or a repetition: the observation goes on.
            return None
        if message.code == UNAUTHORIZED:
            # The AT has done its share, or the grant has ended: the server will say which.
            return await self._renew()
        self._count(self._opener)
        return message if self._is_news(message) else None

    def _wait(self) -> int:
        if self._due is None:
            return self._patience
        return max(0, min(self._patience, self._due - now_ms()))

    async def _renew(self) -> Message | None:
        """Register anew; None if the application has seen the state already."""
        is_due = self._due is not None and now_ms() >= self._due
        message = await self._register()
        seen = self._seen is not None and _state(message) == self._seen
        return None if is_due and seen and message.option(OBSERVE) is not None else message

    async def _register(self) -> Message:
        # A server that was restarted counts from the start again.
        self._last = None
        exchange = self._client._exchange
        message, self._opener = await exchange(self._request, self._target, self._send)
        self._is_news(message)
        self._heard = 0
        self._due = None
        rule = None if self._opener is None else self._opener.renewal
        if rule is not None and rule.seconds is not None:
            self._due = now_ms() + _between(EARLIEST, LATEST, 1000 * rule.seconds // 16)
        return message

    def _count(self, opener):
        """After the last notification that the AT may carry, renew soon."""
        self._heard += 1
        rule = opener.renewal
        if rule is None or rule.notifications is None:
            return
        # Some may have been lost; at `bearer` only what was heard can be counted.
        if max(self._heard, opener.counter) < rule.notifications:
            return
        soon = now_ms() + _between(0, 1, RENEWAL_SPAN)
        self._due = soon if self._due is None else min(self._due, soon)

    async def _send(self, message: Message, place: tuple | None = None) -> Message:
        """Make one exchange with the target; `place`: its remote in a session."""
        remote, link = self._target.remote, self._client.link
        if message.option(OBSERVE) is not None:
            self._drop()
            if place is None:
                self._responses = link.observe_afresh(message, remote)
            else:
                self._responses = link.observe(message, place)
            return await self._responses.next()
        if place is not None:
            return await link.request(message, place)
        if message.option(PAT) is None and self._responses is not None:
            # The rest of an unprotected body: the server knows it by where it was asked for.
            return await self._client.link.request(message, self._responses.handle.remote)
        return await self._client.send(message, remote)

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
        self._seen = _state(message)
        self._is_over = message.option(OBSERVE) is None or not is_success(message.code)
        try:
            response = from_message(await self._whole(message))
        finally:
            if self._is_over:
                self._drop()
        self._patience = (response.max_age or 0) * 1000 + GRACE + _between(0, 1, GRACE_SPAN)
        return response

    async def _whole(self, message: Message) -> Message:
        async def exchange(block: Message) -> Message:
            return (await self._client._exchange(block, self._target, self._send))[0]

        return await complete(self._request, message, exchange)

    def _end(self):
        self._is_over = True
        self._drop()

    def _drop(self):
        if self._responses is not None:
            link, handle = self._client.link, self._responses.handle
            link.cancel(handle)
            link.release(handle.remote, True)
            self._responses = None


def _state(message: Message) -> tuple | None:
    """What an application sees of a message; None if the message is only a part of it."""
    if message.option(BLOCK2) is not None:
        return None
    options = [item for item in message.options if item[0] not in (OBSERVE, MAX_AGE)]
    return message.code, options, message.payload


def _between(least: int, most: int, unit: int) -> int:
    """A random number from `least` to `most` units."""
    return least * unit + os.urandom(1)[0] * (most - least) * unit // 255
