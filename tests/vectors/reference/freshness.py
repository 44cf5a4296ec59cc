"""SPEC.md section 6.4: the Echo values that S has given out."""

VALID_MS = 10_000


class Values:
    """Which requests are fresh; the order of the steps is that of time."""

    def __init__(self):
        self._given = {}

    def give(self, echo: bytes, holder: tuple, now: int) -> None:
        self._given[echo] = (holder, now + VALID_MS)

    def take(self, echo: bytes | None, holder: tuple, now: int) -> bool:
        """Tell whether a request of `holder` (slot, generation, method, path) may be acted on."""
        given = self._given.get(echo or b"")
        if given is None or given[0] != holder or now >= given[1]:
            return False
        del self._given[echo]
        return True
