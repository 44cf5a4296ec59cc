"""Where a server keeps the bodies of block-wise transfers that are not over, within bounds."""

from collections import namedtuple

# bodies: at most so many a direction; body_bytes: of one body; total_bytes: of all a direction;
# seconds: a body nobody added to or asked for this long is dropped; szx: blocks of 2^(szx+4) bytes.
Limits = namedtuple("Limits", ("bodies", "body_bytes", "total_bytes", "seconds", "szx"))
DEFAULT_LIMITS = Limits(4, 8192, 16384, 120, 6)


class Body:
    """A body of one peer: coming in (a bytearray) or going out (the bytes of `response`)."""

    def __init__(self, identity: bytes, data, response):
        """`data`: bytearray or bytes; `response`: the Message it belongs to, None coming in."""
        self.identity = identity
        self.data = data
        self.response = response
        self.blocks = 1
        self.touched = 0
        self._last = len(data)

    def extend(self, block: bytes):
        """Add the next block."""
        self.data.extend(block)
        self._last = len(block)

    def ends_with(self, block: bytes, offset: int) -> bool:
        """True if `block` at `offset` is the one that came last: its answer was lost."""
        start = len(self.data) - self._last
        return offset == start and self.data[start:] == block


class Shelf:
    """Bodies of one direction, one a peer, bounded in number, bytes and idle time."""

    def __init__(self, limits: Limits):
        self._limits = limits
        self._bodies = {}

    def __len__(self) -> int:
        return len(self._bodies)

    def keys(self) -> list:
        """The peers that have a body here."""
        return list(self._bodies)

    def size(self) -> int:
        """Bytes of all bodies."""
        return sum(len(body.data) for body in self._bodies.values())

    def find(self, key: object, identity: bytes, now: int) -> Body | None:
        """The peer's body if it is the one of `identity` and not too old."""
        body = self._bodies.get(key)
        if body is None or body.identity != identity or self._is_old(body, now):
            return None
        body.touched = now
        return body

    def put(self, key: object, body: Body, now: int):
        """Keep the body in place of the peer's last one."""
        body.touched = now
        self._bodies[key] = body

    def drop(self, key: object):
        """Forget the peer's body."""
        self._bodies.pop(key, None)

    def make_room(self, bodies: int, size: int, now: int, may_evict) -> bool:
        """True if so many more bodies and bytes fit.

        Drops what is too old, then those for which may_evict(body), the longest untouched first.
        """
        for key in [key for key, body in self._bodies.items() if self._is_old(body, now)]:
            del self._bodies[key]
        while self._lacks(bodies, size):
            victims = [item for item in self._bodies.items() if may_evict(item[1])]
            if not victims:
                return False
            del self._bodies[min(victims, key=_touched)[0]]
        return True

    def _lacks(self, bodies: int, size: int) -> bool:
        limits = self._limits
        return len(self._bodies) + bodies > limits.bodies or self.size() + size > limits.total_bytes

    def _is_old(self, body: Body, now: int) -> bool:
        return now - body.touched > self._limits.seconds * 1000


def _touched(item: tuple) -> int:
    return item[1].touched
