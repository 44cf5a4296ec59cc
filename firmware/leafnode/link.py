"""The pump between a UDP socket, the CoAP endpoint and coroutines.

Whatever calls into the endpoint sends at once what the endpoint has to send; one task receives,
one waits for the endpoint's next timer. Nothing a peer sends ends either.
"""

import asyncio

from leafkey.coap.endpoint import (
    BUSY,
    REJECTED,
    RESET,
    TIMEOUT,
    Endpoint,
    FailureEvent,
    RequestEvent,
    ResponseEvent,
)
from leafkey.coap.exchange import Exchange, Request
from leafkey.coap.message import Message
from leafkey.coap.numbers import CON, INTERNAL_SERVER_ERROR, MAX_AGE, SERVICE_UNAVAILABLE
from leafkey.compat import const
from leafkey.errors import ProtocolError, Unreachable
from leafnode.clock import now_ms
from leafnode.eager import start
from leafnode.ports import Ports

# Requests in progress at a time; a further one is asked to come again after RETRY_AFTER seconds.
MAX_RUNNING = const(16)
RETRY_AFTER = const(2)
# Datagrams taken before the tasks they started get their turn.
BURST = const(8)
# Notifications kept for an application that is slower than its server; older ones are outdated.
MAX_NOTIFICATIONS = const(8)
# The longest sleep (ms): the clock must be read more often than its counter wraps.
MAX_SLEEP = const(3600000)
# After an error that may stay for a while there is no reason to spin; ms.
ERROR_PAUSE = const(50)

CLOSED = "closed"
FAILURES = {
    TIMEOUT: (Unreachable, "the peer does not answer"),
    BUSY: (Unreachable, "too many requests are under way"),
    CLOSED: (Unreachable, "the connection was closed here"),
    RESET: (ProtocolError, "the peer rejected the request with a Reset"),
    REJECTED: (ProtocolError, "the response has an option that is not understood"),
}


class Link:
    """One endpoint on a socket, on fresh ones for requests of its own, and on what is attached.

    `run()` must be running for anything to arrive. A remote is (host, port), or has a third member
    that says by which other way the peer is reached: an object with `send(data, remote)`; with
    `serves`, True if requests that come this way are answered; and with `supported`, the options
    that they may have, in the form of options.SUPPORTED, or None for the usual ones.
    """

    def __init__(self, endpoint: Endpoint, socket, log=print):
        """`socket`: a UdpSocket, or what takes its place.

        `log`: function (text) for what went wrong; it gets no peer data.
        """
        self._on_request = None
        self._on_failure = None
        self._endpoint = endpoint
        self._socket = socket
        self._ports = Ports(socket, self._receive)
        # The tasks that receive from further transports.
        self._attached = {}
        self._log = log
        self._alarm = asyncio.Event()
        # When the timer task wakes up by itself, at the latest.
        self._wake = now_ms() + MAX_SLEEP
        # By handle: who waits for a response, and the task of each request in progress.
        self._waiting = {}
        self._running = {}

    def serve(self, on_request, on_failure):
        """Take requests; without this they get no answer.

        `on_request`: coroutine function (message, remote, handle), which calls
        `respond(handle, ..)`. `on_failure`: function (handle), for a notification that was
        rejected or not acknowledged.
        """
        self._on_request = on_request
        self._on_failure = on_failure

    async def run(self):
        """Keep things going until cancelled; then everything ends and the socket is closed."""
        timers = asyncio.create_task(self._run_timers())
        try:
            await self._receive(self._socket)
        finally:
            timers.cancel()
            for task in list(self._running.values()):
                task.cancel()
            for handle, responses in self._waiting.items():
                responses.put(FailureEvent(handle, CLOSED))
            for transport in list(self._attached):
                self.detach(transport)
            self._ports.close()
            self._socket.close()

    def attach(self, transport):
        """Receive from a further transport too, until `detach` or the end of `run`.

        It has `receive`, `readable` and `close` as UdpSocket has them; its remotes have a third
        member.
        """
        self._attached[transport] = asyncio.create_task(self._receive(transport))

    def detach(self, transport):
        """Close an attached transport; what waits for a response there fails with Unreachable."""
        reader = self._attached.pop(transport, None)
        if reader is None:
            return
        reader.cancel()
        transport.close()
        self.fail(transport)

    def fail(self, transport):
        """Nothing comes from a transport any more: what waits for a response there fails."""
        for handle, responses in list(self._waiting.items()):
            if handle.remote[2:] == (transport,):
                self._endpoint.cancel(handle)
                responses.put(FailureEvent(handle, CLOSED))

    def awaits(self, transport) -> bool:
        """Tell whether a response or a notification may come from an attached transport."""
        return any(handle.remote[2:] == (transport,) for handle in self._waiting)

    def sibling(self):
        """Another socket like this link's, as UdpSocket.sibling."""
        return self._socket.sibling()

    def fresh(self, remote: tuple) -> tuple:
        """A peer as reached from a port that nobody has seen: for `request` and `observe`.

        `release` it in the end. It is `remote` itself, and so this link's own port, where the
        platform gives no other.
        """
        port = self._ports.open()
        return remote if port is None else (remote[0], remote[1], port)

    def release(self, remote: tuple, owing: bool):
        """Close the port that `fresh` opened, if it did.

        `owing`: the peer may still want an acknowledgement or a Reset from there; the port then
        stays open for some time.
        """
        if len(remote) > 2:
            self._ports.release(remote[2], owing)

    async def request_afresh(self, message: Message, remote: tuple) -> Message:
        """Send one request from a fresh port. Raises as `request`."""
        place = self.fresh(remote)
        owing = False
        try:
            response = await self.request(message, place)
            owing = response.type == CON
            return response
        finally:
            self.release(place, owing)

    async def request(self, message: Message, remote: tuple, token: bytes | None = None) -> Message:
        """Send one request and return its response.

        Raises errors.Unreachable when none comes within the retransmission span, ProtocolError
        when the peer answers with a Reset or with what is not understood, EncodeError when the
        request does not fit a message. `token` as in Endpoint.request.
        """
        responses = self.observe(message, remote, token)
        try:
            return await responses.next()
        finally:
            self.cancel(responses.handle)

    def observe(self, message: Message, remote: tuple, token: bytes | None = None) -> "Responses":
        """Send an Observe registration; await `next()` of what is returned for each response.

        `cancel` its handle in the end. `token` as in Endpoint.request.
        """
        now = now_ms()
        handle = self._endpoint.request(message, remote, now, token)
        responses = self._waiting[handle] = Responses(handle)
        self._flush(now)
        return responses

    def observe_afresh(self, message: Message, remote: tuple) -> "Responses":
        """Send an Observe registration from a fresh port, where its notifications come.

        `release` the remote of its handle after `cancel`.
        """
        place = self.fresh(remote)
        try:
            return self.observe(message, place)
        except Exception:
            self.release(place, False)
            raise

    def respond(self, handle: Exchange, message: Message, refused: bool = False):
        """Answer a request (Endpoint.respond)."""
        now = now_ms()
        self._endpoint.respond(handle, message, now, refused)
        self._flush(now)

    def notify(self, handle: Exchange, message: Message):
        """Send a further response to an Observe request (Endpoint.notify)."""
        now = now_ms()
        self._endpoint.notify(handle, message, now)
        self._flush(now)

    def cancel(self, handle: Request | Exchange):
        """Forget a request, an observation or pending notifications (Endpoint.cancel)."""
        self._waiting.pop(handle, None)
        self._endpoint.cancel(handle)
        self._flush(now_ms())

    # The socket's side

    async def _receive(self, transport):
        taken = 0
        silent = False
        while True:
            received = transport.receive()
            if received is None:
                if silent:
                    # Readable, and yet no datagram.
                    await asyncio.sleep(ERROR_PAUSE / 1000)
                await transport.readable()
                silent = True
                continue
            silent = False
            self._take(received[0], received[1])
            taken += 1
            if taken % BURST == 0:
                await asyncio.sleep(0)

    def _take(self, data: bytes, remote: tuple):
        try:
            now = now_ms()
            supported = remote[2].supported if len(remote) > 2 else None
            self._endpoint.receive_datagram(data, remote, now, supported)
            self._flush(now)
        except Exception as error:
            # A board may be out of memory for this datagram and have enough for the next one.
            self._log("a datagram could not be taken: " + type(error).__name__)

    def _flush(self, now: int):
        """Send what is due, deliver the events, and see to it that the next timer is not missed."""
        endpoint = self._endpoint
        for data, remote in endpoint.datagrams_to_send(now):
            way = self._socket if len(remote) == 2 else remote[2]
            way.send(data, remote)
        event = endpoint.next_event()
        while event is not None:
            self._deliver(event)
            event = endpoint.next_event()
        # 0 if an event that was delivered left something to send.
        timeout = endpoint.next_timeout(now)
        if timeout is not None and now + timeout < self._wake:
            self._wake = now + timeout
            self._alarm.set()

    async def _run_timers(self):
        # A timer that is stopped leaves its wake-up in place: a needless one a second is cheaper
        # than another sleep for each request.
        while True:
            self._alarm.clear()
            try:
                await asyncio.wait_for(self._alarm.wait(), max(0, self._wake - now_ms()) / 1000)
            except asyncio.TimeoutError:
                self._wake = now_ms() + MAX_SLEEP
                self._run_due()

    def _run_due(self):
        try:
            self._flush(now_ms())
        except Exception as error:
            # What was due still is.
            self._wake = now_ms() + ERROR_PAUSE
            self._log("timers could not run: " + type(error).__name__)

    # The application's side

    def _deliver(self, event):
        if isinstance(event, RequestEvent):
            self._start(event)
            return
        responses = self._waiting.get(event.handle)
        if responses is not None:
            responses.put(event)
        elif isinstance(event, FailureEvent) and self._on_failure is not None:
            self._on_failure(event.handle)

    def _start(self, event: RequestEvent):
        on_request = self._on_request
        way = event.remote[2:]
        if on_request is None or (way and not way[0].serves):
            self._endpoint.cancel(event.handle)
        elif len(self._running) < MAX_RUNNING or self._end_stuck():
            task = start(self._serve(on_request, event))
            if task is not None:
                self._running[event.handle] = task
        else:
            busy = Message(SERVICE_UNAVAILABLE, ((MAX_AGE, bytes((RETRY_AFTER,))),))
            self._endpoint.respond(event.handle, busy, now_ms(), True)

    def _end_stuck(self) -> bool:
        """Make room: end a request for whose answer nobody waits any more (RFC 7252 4.8.2)."""
        now = now_ms()
        for handle, task in self._running.items():
            if handle.end < now:
                del self._running[handle]
                task.cancel()
                return True
        return False

    async def _serve(self, on_request, event: RequestEvent):
        try:
            await on_request(event.message, event.remote, event.handle)
        except Exception as error:
            self._log("a request could not be answered: " + type(error).__name__)
            self.respond(event.handle, Message(INTERNAL_SERVER_ERROR))
        finally:
            self._running.pop(event.handle, None)


class Responses:
    """What arrives for one request of ours: one response, or those of an observation."""

    def __init__(self, handle: Request):
        self.handle = handle
        self._events = []
        self._arrived = asyncio.Event()

    def put(self, event: ResponseEvent | FailureEvent):
        """Keep an event; the oldest gives way, since the newest state is what counts."""
        if len(self._events) == MAX_NOTIFICATIONS:
            self._events.pop(0)
        self._events.append(event)
        self._arrived.set()

    async def next(self) -> Message:
        """Wait for the next response. Raises as Link.request; nothing comes after a failure."""
        while not self._events:
            self._arrived.clear()
            await self._arrived.wait()
        event = self._events.pop(0)
        if isinstance(event, FailureEvent):
            kind, text = FAILURES[event.reason]
            raise kind(text)
        return event.message
