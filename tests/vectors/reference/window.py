"""SPEC.md section 6.1: which numbers a server accepts, what it stores, what a restart costs."""

ACCEPTED = "accepted"
USED = "UsedToken"
UNKNOWN = "UnknownToken"


class Window:
    """One slot of a server. `mark` is M, the one value that survives a restart."""

    def __init__(self, window: int, first: int, last: int):
        self.window = window
        self.last = last
        self.highest = first - 1
        self.mark = first - 1
        self.clear: set[int] = set()

    def state(self, number: int) -> str:
        lowest = max(0, self.highest - self.window + 1)
        if not lowest <= number <= min(self.last, self.highest + self.window):
            return UNKNOWN
        return ACCEPTED if number > self.highest or number in self.clear else USED

    def accept(self, number: int) -> None:
        if number > self.mark:
            self.mark = number + self.window - 1
        if number > self.highest:
            self.clear |= set(range(self.highest + 1, number))
            self.highest = number
        self.clear.discard(number)

    def restart(self) -> None:
        self.highest = self.mark
        self.clear = set()
