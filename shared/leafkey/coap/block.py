"""Block-wise transfers (RFC 7959) on messages, whatever carries or protects them."""

from collections import namedtuple

Limits = namedtuple("Limits", ("bodies", "body_bytes", "total_bytes", "seconds", "szx"))
DEFAULT_LIMITS = Limits(4, 8192, 16384, 120, 6)


class Transfer:
    """Client: one request whose body, or whose response's body, may take several blocks."""

    def __init__(self, request: object, szx: int = 6, max_body: int = 16384):
        """`request` carries the whole payload; blocks have at most 2^(szx+4) bytes, szx 0..6."""

    def next_request(self) -> object:
        """The next Message to send; the caller sets nothing but the type."""

    def receive(self, response: object) -> bool:
        """Take the response to the last request. True: done, `response` is the whole one.

        Raises errors.ProtocolError when the peer's blocks do not fit together.
        """


class Assembler:
    """Server: puts request bodies together and cuts response bodies, per peer."""

    def __init__(self, random_bytes: object, limits: Limits = DEFAULT_LIMITS):
        """Bounded by `limits`: bodies a direction, bytes a body and in total, idle seconds."""

    def request(self, key: object, message: object, now: int) -> tuple:
        """(complete request, None) for the application or (None, response to send at once)."""

    def response(self, key: object, request: object, response: object, now: int) -> object:
        """The response or its first block to send; the rest is kept for the next requests."""
