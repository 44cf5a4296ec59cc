"""Which requests of a peer were received before (RFC 8613 section 7.4)."""

from leafkey.compat import const

SIZE = const(32)


class ReplayWindow:
    """The last 32 sequence numbers of one peer, each accepted once.

    What a restart has lost is found again by an Echo (B.1.2): until then `is_lost` is true, and
    what is fresh here could have been used before it.
    """

    def __init__(self, lost: bool = False):
        self.is_lost = lost
        self._highest = -1
        # One flag a number, at number % SIZE: an integer of 32 bits is no small one on boards.
        self._seen = bytearray(SIZE)

    def is_fresh(self, number: int) -> bool:
        """Tell whether a number is in the window, or beyond it, and was not accepted yet."""
        if number > self._highest:
            return True
        return number > self._highest - SIZE and not self._seen[number % SIZE]

    def accept(self, number: int):
        """Note a number whose message verified."""
        for skipped in range(max(self._highest + 1, number - SIZE + 1), number):
            self._seen[skipped % SIZE] = 0
        self._seen[number % SIZE] = 1
        self._highest = max(self._highest, number)

    def start_at(self, number: int):
        """Begin anew after a loss: nothing up to `number` is fresh any more."""
        self.is_lost = False
        self._highest = number
        for i in range(SIZE):
            self._seen[i] = 1
