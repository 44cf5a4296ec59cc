"""A CoAP endpoint without I/O: datagrams and time go in, events and datagrams come out.

Every `now` is in milliseconds on a monotonic clock that never wraps. A remote is any hashable
value the transport understands; if it is a tuple, its first two members name the peer, and what
follows says from which of our ports it is reached. A handle is an opaque hashable object. The
parts: messaging.py (retransmission), deduplication.py, exchange.py (which response belongs to which
request), notifying.py and options.py; their bounds are in parameters.py.
"""

from collections import namedtuple

from leafkey.coap.deduplication import ReplyCache
from leafkey.coap.exchange import Exchange, Exchanges, Request, Requests
from leafkey.coap.message import HEADER_SIZE, MAX_TOKEN_LENGTH, Message, decode, pack
from leafkey.coap.messaging import MessageIds, Transmission, Transmitter
from leafkey.coap.notifying import RecentNotifications
from leafkey.coap.numbers import (
    ACK,
    BAD_OPTION,
    CON,
    EMPTY,
    NON,
    OBSERVE,
    REQUEST_ENTITY_TOO_LARGE,
    RST,
    is_request,
    is_response,
)
from leafkey.coap.options import SUPPORTED, screen
from leafkey.coap.parameters import MAX_DATAGRAM, MAX_EVENTS, MAX_OUTGOING
from leafkey.errors import DecodeError, MessageError, TooManyOptions

# `message` is a request; answer it with respond(handle, ...), at once or later.
RequestEvent = namedtuple("RequestEvent", ("handle", "message", "remote"))
# `message` answers the request `handle`; an observation gets one event a notification.
ResponseEvent = namedtuple("ResponseEvent", ("handle", "message", "remote"))
# The request, response or notification of `handle` failed; nothing further comes for `handle`.
FailureEvent = namedtuple("FailureEvent", ("handle", "reason"))

# Reasons of a FailureEvent: nobody answered; the peer sent a Reset; the response had a critical
# option we do not understand; there is no room for one more message or request.
TIMEOUT = "timeout"
RESET = "reset"
REJECTED = "rejected"
BUSY = "busy"

TOKEN_SIZE = 8


class Endpoint:
    """Both roles of a CoAP endpoint (RFC 7252 sections 4 and 5, RFC 7641) on one socket."""

    def __init__(self, random_bytes, supported: dict = SUPPORTED):
        """random_bytes(n) -> n unpredictable bytes, for message IDs, tokens and back-off.

        `supported`: the options understood, in the form of options.SUPPORTED.
        """
        self._random_bytes = random_bytes
        self._supported = supported
        self._mids = MessageIds(random_bytes)
        self._transmitter = Transmitter(random_bytes, self._send)
        self._replies = ReplyCache()
        self._requests = Requests()
        self._exchanges = Exchanges()
        self._notifications = RecentNotifications()
        self._events = []
        self._outgoing = []

    # Towards the transport

    def receive_datagram(
        self,
        data: bytes | bytearray | memoryview,
        remote: object,
        now: int,
        supported: dict | None = None,
    ):
        """Take one datagram. Never raises for what a peer sent.

        `supported`: the options understood in a request that comes this way, if others.
        """
        if len(data) > MAX_DATAGRAM:
            self._refuse(bytes(data[:12]), REQUEST_ENTITY_TOO_LARGE, remote)
            return
        key = (remote, bytes(data))
        known = self._replies.find(key, now)
        if known is not None:
            self._receive_duplicate(known, remote)
            return
        message = self._decode(key)
        if message is None:
            return
        code = message.code
        if is_request(code):
            self._receive_request(key, message, now, supported or self._supported)
        elif is_response(code):
            self._receive_response(key, message, now)
        elif code == EMPTY:
            self._receive_empty(message, key, now)
        else:
            self._reject(message.type, message.mid, remote)

    def next_event(self) -> object:
        """The oldest event not yet fetched, None if there is none."""
        return self._events.pop(0) if self._events else None

    def datagrams_to_send(self, now: int) -> list:
        """[(bytes, remote)] to be sent now, in order, timers that are due included."""
        self._run_timers(now)
        outgoing = self._outgoing
        self._outgoing = []
        return outgoing

    def next_timeout(self, now: int) -> int | None:
        """Milliseconds until datagrams_to_send must be called again; None: not before input.

        It may be early, never late: timers of what is over are not looked for.
        """
        if self._outgoing:
            return 0
        due = self._exchanges.due
        for other in (self._transmitter.due, self._requests.due):
            if other is not None and (due is None or other < due):
                due = other
        return None if due is None else max(0, due - now)

    def whose(self, data: bytes) -> object:
        """The remote whose answer to us a datagram is, None if it is none or was not waited for.

        For transports that do not tell from whom something comes, as a serial line.
        """
        if len(data) < HEADER_SIZE:
            return None
        if is_response(data[1]):
            return self._requests.whose(data[4 : 4 + (data[0] & 15)])
        return None if data[1] else self._transmitter.whose(data[2:4])

    def usage(self) -> dict:
        """How many entries each bounded part holds, by name."""
        return {
            "requests": len(self._requests),
            "exchanges": len(self._exchanges),
            "exchange_bytes": self._exchanges.bytes,
            "replies": len(self._replies),
            "in_flight": self._transmitter.in_flight(),
            "waiting": self._transmitter.waiting,
            "notifications": len(self._notifications),
            "events": len(self._events),
            "outgoing": len(self._outgoing),
        }

    # Towards the application

    def request(
        self, message: Message, remote: object, now: int, token: bytes | None = None
    ) -> Request:
        """Send a request (message.type CON or NON), return its handle. `message` is not changed.

        MID and token are drawn at random. A response without Observe ends the handle; an Observe
        request keeps its token until `cancel`. `token` is only for deregistering: it must be the
        observation's (RFC 7641 section 3.6), `handle.token`. EncodeError if a part does not fit.
        """
        chosen = token or self._random_bytes(TOKEN_SIZE)
        mid = self._take_mid(remote)
        data = pack(message.type, message.code, mid, chosen, message)
        handle = Request(remote, chosen, mid, message.uint(OBSERVE) == 0)
        if not self._requests.add(handle):
            self._fail(handle, BUSY)
        elif message.type == CON:
            self._transmit(handle, data, now)
        else:
            self._send(data, remote)
            self._requests.expect(handle, now)
        return handle

    def respond(self, handle: Exchange, message: Message, now: int, refused: bool = False):
        """Answer a request once: piggybacked if still possible, else as the request was sent.

        `refused`: the request was not accepted and changed nothing; its cached reply may be
        given up before those of accepted requests. Does nothing if the exchange is gone. Only
        code, options and payload of `message` are used; EncodeError if a part does not fit.
        """
        if not handle.is_open():
            return
        remote = handle.remote
        separate = handle.confirmable and handle.acknowledged
        if separate:
            reply = pack(ACK, EMPTY, handle.mid, b"")
            data = pack(CON, message.code, self._take_mid(remote), handle.token, message)
            self._transmit(handle, data, now, at_once=True)
        elif handle.confirmable:
            reply = pack(ACK, message.code, handle.mid, handle.token, message)
            self._send(reply, remote)
        else:
            reply = pack(NON, message.code, self._take_mid(remote), handle.token, message)
            self._send(reply, remote)
        replies = self._replies.refused if refused else self._replies.accepted
        replies.keep(self._exchanges.close(handle), reply, now)

    def notify(self, handle: Exchange, message: Message, now: int):
        """Send a further response to an Observe request; message.type is CON or NON.

        While a confirmable one is under way, only the newest waits, and is sent as confirmable
        too (RFC 7641 section 4.5.2).
        """
        remote = handle.remote
        pending = handle.transmission
        type = CON if pending is not None else message.type
        data = pack(type, message.code, self._take_mid(remote), handle.token, message)
        if pending is not None:
            self._transmitter.supersede(pending, data)
        elif type == CON:
            self._transmit(handle, data, now)
        else:
            self._notifications.add(remote, data[2:4], handle)
            self._send(data, remote)

    def cancel(self, handle: Request | Exchange):
        """Forget a request, an observation or pending notifications; events already queued stay.

        The next notification of a forgotten observation is answered with a Reset.
        """
        if isinstance(handle, Request):
            self._requests.remove(handle)
        else:
            self._notifications.forget(handle)
            if handle.is_open():
                self._replies.release(self._exchanges.close(handle))
        self._end_transmission(handle)

    # What a datagram may be

    def _decode(self, key: tuple) -> Message | None:
        remote, data = key
        try:
            return decode(data)
        except TooManyOptions:
            self._refuse(data, BAD_OPTION, remote)
        except MessageError as error:
            self._reject(error.type, error.mid, remote)
        except DecodeError:
            # RFC 7252 section 3: a message of another version is ignored in silence.
            return None
        return None

    def _receive_duplicate(self, known: Exchange | bytes, remote: object):
        if isinstance(known, Exchange):
            if known.confirmable:
                known.acknowledge()
                self._send(pack(ACK, EMPTY, known.mid, b""), remote)
        elif known:
            self._send(known, remote)

    def _receive_request(self, key: tuple, message: Message, now: int, supported: dict):
        if message.type != CON and message.type != NON:
            return
        refusal = screen(message, supported)
        if refusal:
            self._refuse(key[1], refusal, key[0])
            return
        exchange = None
        if len(self._events) < MAX_EVENTS:
            exchange = self._exchanges.open(key, message, now)
        if exchange is not None:
            self._replies.hold(key, exchange)
            self._events.append(RequestEvent(exchange, message, key[0]))

    def _receive_response(self, key: tuple, message: Message, now: int):
        remote = key[0]
        handle = self._requests.find(remote, message.token)
        type = message.type
        if handle is None or type == RST or (type == ACK and handle.mid != message.mid):
            self._receive_stray(message, remote)
            return
        if len(self._events) >= MAX_EVENTS:
            return
        self._end_transmission(handle)
        if screen(message, self._supported):
            self._reject(type, message.mid, remote)
            self._fail(handle, REJECTED)
            return
        reply = pack(ACK, EMPTY, message.mid, b"") if type == CON else b""
        if reply:
            self._send(reply, remote)
        self._replies.responses.keep(key, reply, now)
        handle.due = None
        if not handle.observe or message.option(OBSERVE) is None:
            self._requests.remove(handle)
        self._events.append(ResponseEvent(handle, message, remote))

    def _receive_stray(self, message: Message, remote: object):
        # A Reset to a notification tells the server that its observer is gone (RFC 7641 3.6).
        if message.type == CON or (message.type == NON and message.option(OBSERVE) is not None):
            self._send(pack(RST, EMPTY, message.mid, b""), remote)

    def _receive_empty(self, message: Message, key: tuple, now: int):
        remote, data = key
        if message.type == CON:
            self._reject(CON, message.mid, remote)
            return
        transmission = self._transmitter.find(remote, data[2:4])
        if message.type == RST:
            self._receive_reset(transmission, remote, data[2:4])
        elif message.type == ACK and transmission is not None:
            self._receive_ack(transmission, now)

    def _receive_ack(self, transmission: Transmission, now: int):
        if not self._transmitter.acknowledge(transmission, now):
            return
        owner = transmission.owner
        owner.transmission = None
        if isinstance(owner, Request):
            self._requests.expect(owner, now)

    def _receive_reset(self, transmission: Transmission | None, remote: object, mid_bytes: bytes):
        if transmission is None:
            owner = self._notifications.take(remote, mid_bytes)
        else:
            owner = transmission.owner
            self._end_transmission(owner)
        if owner is not None:
            self._fail(owner, RESET)

    # What goes out

    def _send(self, data: bytes, remote: object):
        # Whatever is dropped here is retransmitted, by us or by the peer.
        if len(self._outgoing) < MAX_OUTGOING:
            self._outgoing.append((data, remote))

    def _transmit(self, owner: Request | Exchange, data: bytes, now: int, at_once: bool = False):
        transmission = Transmission(data, owner.remote, owner)
        if self._transmitter.start(transmission, now, at_once):
            owner.transmission = transmission
        else:
            self._fail(owner, BUSY)

    def _end_transmission(self, owner: Request | Exchange):
        if owner.transmission is not None:
            self._transmitter.stop(owner.transmission)
            owner.transmission = None

    def _take_mid(self, remote: object) -> int:
        while True:
            mid = self._mids.take()
            if self._transmitter.find(remote, bytes((mid >> 8, mid & 0xFF))) is None:
                return mid

    def _reject(self, type: int | None, mid: int | None, remote: object):
        # RFC 7252 sections 4.2 and 4.3: Reset for CON; silence for NON is allowed, for others due.
        if type == CON:
            self._send(pack(RST, EMPTY, mid, b""), remote)

    def _refuse(self, data: bytes, code: int, remote: object):
        """Answer by the header alone: `code` to a CON request, a Reset to other CON or NON."""
        if len(data) < 4 or data[0] >> 6 != 1:
            return
        type = data[0] >> 4 & 3
        mid = data[2] << 8 | data[3]
        size = data[0] & 15
        fits = size <= MAX_TOKEN_LENGTH and len(data) >= 4 + size
        if type == CON and fits and is_request(data[1]):
            self._send(pack(ACK, code, mid, data[4 : 4 + size]), remote)
        elif type in (CON, NON):
            self._send(pack(RST, EMPTY, mid, b""), remote)

    # Time

    def _run_timers(self, now: int):
        due = self._exchanges.due
        if due is not None and due <= now:
            for exchange in self._exchanges.expire(now):
                self._acknowledge_or_close(exchange, now)
        due = self._transmitter.due
        if due is not None and due <= now:
            for transmission in self._transmitter.expire(now):
                transmission.owner.transmission = None
                self._fail(transmission.owner, TIMEOUT)
        due = self._requests.due
        if due is not None and due <= now:
            for request in self._requests.expire(now):
                self._fail(request, TIMEOUT)

    def _acknowledge_or_close(self, exchange: Exchange, now: int):
        reply = pack(ACK, EMPTY, exchange.mid, b"") if exchange.confirmable else b""
        if now < exchange.end:
            self._send(reply, exchange.remote)
        else:
            self._replies.refused.keep(self._exchanges.close(exchange), reply, now)

    def _fail(self, owner: Request | Exchange, reason: str):
        if isinstance(owner, Request):
            self._requests.remove(owner)
        else:
            self._notifications.forget(owner)
        self._events.append(FailureEvent(owner, reason))
