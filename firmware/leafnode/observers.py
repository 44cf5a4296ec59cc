"""Who observes a server's resources, and what they are told (RFC 7641)."""

import asyncio

from leafkey.coap.block import Assembler
from leafkey.coap.exchange import Exchange
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    CON,
    INTERNAL_SERVER_ERROR,
    OBSERVE,
    UNAUTHORIZED,
    URI_QUERY,
    is_success,
)
from leafkey.coap.observe import DEREGISTER, REGISTER, Observation, Registry
from leafkey.compat import const
from leafnode.admission import Admitted
from leafnode.clock import now_ms
from leafnode.link import Link
from leafnode.router import Router

# A resource that takes longer to say its new state has failed.
STATE_SECONDS = const(60)


class Watch:
    """One observation: the request that is answered anew with every notification."""

    def __init__(
        self,
        handle: Exchange,
        observation: Observation,
        admitted: Admitted,
        request: Message,
        path: str,
    ):
        self.handle = handle
        self.observation = observation
        self.admitted = admitted
        self.request = request
        self.path = path
        self.due = False
        # Of the protected responses under the request's AT; 0 was the response itself.
        self.counter = 0
        self._since = now_ms()

    def end(self) -> int | None:
        """When its AT has lasted long enough (SPEC 4.3), ms; None if there is no such time."""
        rule = self.admitted.renewal
        return None if rule is None or rule.seconds is None else self._since + 1000 * rule.seconds

    def is_over(self, now: int) -> bool:
        """True if its grant has ended, or the time of its AT; now: ms."""
        end = self.end()
        return (end is not None and now >= end) or not self.admitted.is_current(now)

    def is_spent(self) -> bool:
        """True if its AT may carry no further notification (SPEC 4.3)."""
        rule = self.admitted.renewal
        if rule is None or rule.notifications is None:
            return False
        return self.counter >= rule.notifications


class Observers:
    """The observations of one server, bounded.

    Notifications are confirmable: the last state must arrive however many are lost, and an
    observer that is gone must leave (RFC 7641 section 4.5).
    """

    def __init__(self, link: Link, router: Router, assembler: Assembler, log):
        self._link = link
        self._router = router
        self._assembler = assembler
        self._log = log
        self._registry = Registry()
        self._watches = {}
        self._wanted = asyncio.Event()
        self._changes = 0
        # Called when an observation has begun.
        self.on_begin = _nothing

    @property
    def changes(self) -> int:
        """How often `notify` was called: tells whether a state that was read may be outdated."""
        return self._changes

    def notify(self, path: str):
        """The resource has changed; its observers get the new state, or only the newest one."""
        self._changes += 1
        for watch in self._watches.values():
            if watch.path == path:
                watch.due = True
                self._wanted.set()

    def answered(
        self,
        admitted: Admitted,
        request: Message,
        response: Message,
        handle: Exchange,
        changes: int,
    ):
        """Before a response is sent: register or deregister, as the request's Observe asks.

        `changes` as it was before the state was read.
        """
        wish = request.uint(OBSERVE)
        if wish is None:
            return
        route = self._router.find(request)
        if route is None or not route.observable:
            return
        resource = (request.path(), tuple(request.options_of(URI_QUERY)), request.payload)
        if wish == DEREGISTER:
            observation = self._registry.find(admitted.observer, resource)
            if observation is not None:
                self._end(observation.handle)
        elif wish == REGISTER and is_success(response.code):
            observation = self._registry.add(admitted.observer, resource, handle)
            if observation is not None:
                watch = Watch(handle, observation, admitted, request, route.path)
                self._register(watch, changes)
                response.add(OBSERVE, observation.next_value())

    def forget(self, handle):
        """The observer of this handle does not want any more, or does not answer."""
        self._registry.remove(handle)
        self._watches.pop(handle, None)

    def close_ended(self, now: int):
        """End the observations whose grant does not stand any more, or whose AT's time is over.

        now: ms.
        """
        for watch in list(self._watches.values()):
            if watch.is_over(now):
                self._close(watch)

    def close_at(self, way):
        """End the observations that are reached by a way, the third member of their remotes."""
        for watch in list(self._watches.values()):
            if watch.handle.remote[2:] == (way,):
                self._close(watch)

    def next_end(self) -> int | None:
        """When the time of the next AT is over, ms; None if there is no such time."""
        ends = [watch.end() for watch in self._watches.values()]
        ends = [end for end in ends if end is not None]
        return min(ends) if ends else None

    async def run(self):
        """Send notifications until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            for watch in list(self._watches.values()):
                if watch.due:
                    watch.due = False
                    await self._try_to_notify(watch)

    def _register(self, watch: Watch, changes: int):
        replaced = self._watches.pop(watch.observation.replaced, None)
        if replaced is not None:
            self._link.cancel(replaced.handle)
        self._watches[watch.handle] = watch
        self.on_begin()
        if changes != self._changes:
            # The state may have changed while it was read, before there was a watch to mark.
            watch.due = True
            self._wanted.set()

    def _end(self, handle):
        self.forget(handle)
        self._link.cancel(handle)

    def _close(self, watch: Watch):
        """Tell an observer, as the last it hears under its AT, that it is none any more."""
        try:
            self._send(watch, Message(UNAUTHORIZED))
        except Exception as error:
            self._log("an observation could not be closed: " + type(error).__name__)
            self._end(watch.handle)

    async def _try_to_notify(self, watch: Watch):
        try:
            await self._notify(watch)
        except Exception as error:
            self._log("a notification could not be sent: " + type(error).__name__)
            self._end(watch.handle)

    async def _notify(self, watch: Watch):
        handle = watch.handle
        if watch.is_over(now_ms()) or watch.is_spent():
            self._close(watch)
            return
        response = await self._state(watch)
        if self._watches.get(handle) is watch:
            self._send(watch, response)

    async def _state(self, watch: Watch) -> Message:
        dispatched = self._router.dispatch(watch.request, watch.admitted.who)
        try:
            return await asyncio.wait_for(dispatched, STATE_SECONDS)
        except asyncio.TimeoutError:
            return Message(INTERNAL_SERVER_ERROR)

    def _send(self, watch: Watch, response: Message):
        goes_on = is_success(response.code)
        if goes_on:
            response.add(OBSERVE, watch.observation.next_value())
        watch.counter += 1
        admitted = watch.admitted
        response = self._assembler.response(admitted.peer, watch.request, response, now_ms())
        message = admitted.protect(response, watch.counter)
        message.type = CON
        self._link.notify(watch.handle, message)
        if not goes_on:
            # An error ends an observation (RFC 7641 section 4.2); it still has to arrive.
            self.forget(watch.handle)


def _nothing():
    pass
