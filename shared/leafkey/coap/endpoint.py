"""A CoAP endpoint without I/O: datagrams and time go in, events and datagrams come out.

Every `now` is in milliseconds on a monotonic clock that never wraps. A remote is any hashable
value the transport understands. A handle is an opaque hashable object.
"""

from collections import namedtuple

# `message` is a request; answer it with respond(handle, ...), at once or later.
RequestEvent = namedtuple("RequestEvent", ("handle", "message", "remote"))
# `message` answers the request `handle`; an observation gets one event a notification.
ResponseEvent = namedtuple("ResponseEvent", ("handle", "message", "remote"))
# The request, response or notification of `handle` failed; no further events for `handle`.
FailureEvent = namedtuple("FailureEvent", ("handle", "reason"))

TIMEOUT = "timeout"
RESET = "reset"
REJECTED = "rejected"
BUSY = "busy"


class Endpoint:
    def __init__(self, random_bytes: object):
        """random_bytes(n) -> n unpredictable bytes, for message IDs, tokens and back-off."""

    def receive_datagram(self, data: bytes, remote: object, now: int):
        """Take one datagram. Never raises for what a peer sent."""

    def next_event(self) -> object:
        """The oldest event not yet fetched, None if there is none."""

    def datagrams_to_send(self, now: int) -> list:
        """[(bytes, remote)] to be sent now, in order, timers that are due included."""

    def next_timeout(self, now: int) -> int | None:
        """Milliseconds until datagrams_to_send must be called again; None: not before input."""

    def request(self, message: object, remote: object, now: int, token: bytes | None = None):
        """Send a request (message.type CON or NON), return its handle. `message` is not changed.

        MID and token are drawn at random. A response without Observe ends the handle; an Observe
        request keeps its token until `cancel`. `token` is only for deregistering: it must be the
        observation's (RFC 7641 section 3.6), `handle.token`.
        """

    def respond(self, handle: object, message: object, now: int, refused: bool = False):
        """Answer a request once: piggybacked if still possible, else as the request was sent.

        `refused`: the request changed nothing and was not accepted; its cached response may be
        given up before those of accepted requests. Does nothing if the exchange is gone.
        """

    def notify(self, handle: object, message: object, now: int):
        """Send a further response to an Observe request; message.type is CON or NON.

        While a confirmable one is under way, only the newest waits (RFC 7641 section 4.5.2).
        """

    def cancel(self, handle: object):
        """Forget a request, an observation or pending notifications; unknown handles are fine."""
