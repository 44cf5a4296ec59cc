"""Observing resources (RFC 7641): freshness for clients, the list of observers for servers."""


def is_fresh(last_value: int, last_time: int, value: int, now: int) -> bool:
    """True if a notification with Observe `value` at `now` (ms) is newer than the last one."""


class Registry:
    """The observers of a server's resources, bounded; keys and resources are hashable."""

    def __init__(self, limit: int = 16):
        """At most `limit` observations."""

    def add(self, peer: object, resource: object, handle: object) -> object | None:
        """An Observation; replaces the one `peer` had on `resource`. None if the list is full.

        `observation.replaced` is the handle it took the place of, or None.
        """

    def of(self, resource: object) -> list:
        """The Observations of a resource."""

    def remove(self, handle: object):
        """Forget the observation with this handle, if there is one."""

    def remove_peer(self, peer: object) -> list:
        """Forget all observations of a peer; returns their handles."""


class Observation:
    """One observer of one resource: .peer .resource .handle .replaced"""

    def next_value(self) -> int:
        """The Observe option of the next notification, 24 bits, increasing modulo 2^24."""
