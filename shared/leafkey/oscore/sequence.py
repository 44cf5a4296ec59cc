"""Sender Sequence Numbers, none of them used twice, across restarts too (RFC 8613 B.1.1)."""

from leafkey.compat import const
from leafkey.errors import SequenceExhausted

MAX_NUMBER = const((1 << 40) - 1)
# Numbers reserved with one write; as many may be skipped by a restart.
BLOCK = const(64)


class Sequence:
    """Counts up. A context that lives in memory alone needs no `reserve`."""

    def __init__(self, first: int = 0, reserve=None):
        """`reserve(bound)` makes durable that the numbers below `bound` may be used.

        After a restart `first` is the last `bound` that was stored.
        """
        self._next = first
        self._reserve = reserve or _nothing
        self._bound = MAX_NUMBER + 1 if reserve is None else first

    def take(self) -> int:
        """Return the next number. SequenceExhausted past 2^40 - 1; what `reserve` raises."""
        number = self._next
        if number > MAX_NUMBER:
            raise SequenceExhausted("the security context has no sequence number left")
        if number >= self._bound:
            self._reserve(number + BLOCK)
            self._bound = number + BLOCK
        self._next = number + 1
        return number


def _nothing(_bound: int):
    """Nothing to store: the context ends with this process."""
