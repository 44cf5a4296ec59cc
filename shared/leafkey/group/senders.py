"""Which publications of each sender were received before, in bounded memory."""

from leafkey.compat import const
from leafkey.errors import ReplayError
from leafkey.oscore.replay import ReplayWindow

MAX_SENDERS = const(32)


class Senders:
    """The replay windows under one key, of the senders heard last.

    `is_complete` is True from the moment the key came: nothing can have been accepted before. After
    a restart it is False, and so it is once a sender had to be forgotten.
    """

    def __init__(self, is_complete: bool):
        self._is_complete = is_complete
        # By Sender ID: (window, whether nothing of this sender was accepted before it began).
        self._windows = {}
        # Sender IDs, the one heard last at the end.
        self._heard = []

    def check(self, sender: bytes, number: int):
        """Raise ReplayError if this number of a sender was accepted before, or is too old."""
        entry = self._windows.get(sender)
        if entry is not None and not entry[0].is_fresh(number):
            raise ReplayError("a publication that was received before")

    def accept(self, sender: bytes, number: int) -> bool:
        """Note a publication that verified and passed `check`.

        False if it could have been accepted before, without this object knowing.
        """
        if sender not in self._windows:
            self._admit(sender)
        self._heard.remove(sender)
        self._heard.append(sender)
        window, is_known = self._windows[sender]
        window.accept(number)
        return is_known

    def _admit(self, sender: bytes):
        if len(self._heard) >= MAX_SENDERS:
            del self._windows[self._heard.pop(0)]
            self._is_complete = False
        self._windows[sender] = (ReplayWindow(), self._is_complete)
        self._heard.append(sender)
