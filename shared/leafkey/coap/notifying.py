"""What a server sends without being asked again, and to whom a Reset to it speaks (RFC 7641)."""

from leafkey.coap.parameters import RECENT_NOTIFICATIONS


class RecentNotifications:
    """The last notifications sent as NON: nobody acknowledges them, but a Reset may come."""

    def __init__(self):
        self._owners = {}
        self._keys: list = [None] * RECENT_NOTIFICATIONS
        self._next = 0

    def __len__(self) -> int:
        return len(self._owners)

    def add(self, remote: object, mid_bytes: bytes, owner):
        """Remember whose notification it is; the oldest one is forgotten."""
        key = (remote, mid_bytes)
        self._owners.pop(self._keys[self._next], None)
        self._keys[self._next] = key
        self._owners[key] = owner
        self._next = (self._next + 1) % RECENT_NOTIFICATIONS

    def take(self, remote: object, mid_bytes: bytes):
        """Whose notification a Reset rejects; None if it is not known (any more)."""
        return self._owners.pop((remote, mid_bytes), None)

    def forget(self, owner):
        """The observation is over."""
        for key in [key for key, present in self._owners.items() if present is owner]:
            del self._owners[key]
