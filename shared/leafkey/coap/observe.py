"""Observing resources (RFC 7641): freshness for clients, the list of observers for servers."""

from leafkey.compat import const

REGISTER = const(0)
DEREGISTER = const(1)

# After this much silence (ms) any notification is newer (RFC 7641 section 3.4).
FRESHNESS_SPAN = const(128000)
VALUE_MASK = const(0xFFFFFF)
HALF_RANGE = const(1 << 23)

MAX_OBSERVATIONS = const(16)


def is_fresh(last_value: int, last_time: int, value: int, now: int) -> bool:
    """True if a notification with Observe `value` at `now` (ms) is newer than the last one.

    Values are compared modulo 2^24 (RFC 7641 section 3.4).
    """
    ahead = (value - last_value) & VALUE_MASK
    return 0 < ahead < HALF_RANGE or now > last_time + FRESHNESS_SPAN


class Observation:
    """One observer of one resource.

    `handle` is the exchange to notify; `replaced` the handle it took the place of, or None.
    """

    def __init__(self, peer: object, resource: object, handle: object):
        self.peer = peer
        self.resource = resource
        self.handle = handle
        self.replaced = None
        self._value = 0

    def next_value(self) -> int:
        """The Observe option of the next notification: 24 bits, increasing modulo 2^24.

        Counted per observation: a counter common to all would tell every observer how much the
        others see.
        """
        self._value = (self._value + 1) & VALUE_MASK
        return self._value

    def renew(self, handle: object):
        """The same observer registered again: go on counting (RFC 7641 section 4.4)."""
        self.replaced = self.handle
        self.handle = handle


class Registry:
    """The observers of a server's resources, bounded; peers and resources are hashable.

    When it is full, nobody is evicted for a newcomer: the newcomer gets a plain response (RFC 7641
    section 4.1), and those who are gone leave when a notification to them fails.
    """

    def __init__(self, limit: int = MAX_OBSERVATIONS):
        self._limit = limit
        self._observations = {}

    def __len__(self) -> int:
        return len(self._observations)

    def add(self, peer: object, resource: object, handle: object) -> Observation | None:
        """Register, or register again whatever token and port it comes from. None: no room."""
        key = (peer, resource)
        observation = self._observations.get(key)
        if observation is not None:
            observation.renew(handle)
        elif len(self._observations) < self._limit:
            observation = self._observations[key] = Observation(peer, resource, handle)
        return observation

    def of(self, resource: object) -> list:
        """The Observations of a resource."""
        present = self._observations.values()
        return [observation for observation in present if observation.resource == resource]

    def find(self, peer: object, resource: object) -> Observation | None:
        """The Observation of this peer on this resource."""
        return self._observations.get((peer, resource))

    def remove(self, handle: object):
        """Forget the observation with this handle; a replaced handle is not an observation."""
        for key, observation in list(self._observations.items()):
            if observation.handle is handle:
                del self._observations[key]

    def remove_peer(self, peer: object) -> list:
        """Forget all observations of a peer; returns their handles."""
        gone = [item for item in self._observations.values() if item.peer == peer]
        for observation in gone:
            del self._observations[(peer, observation.resource)]
        return [observation.handle for observation in gone]
