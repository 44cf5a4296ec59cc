"""When an AT has done its share: the renewal rule of a grant (SPEC 4.3).

In memory a Renewal; each field is an integer of at least 1, or None for no limit.
"""

from collections import namedtuple

from leafkey.compat import const
from leafkey.errors import DecodeError

NOTIFICATIONS = const(1)
SECONDS = const(2)
REQUESTS = const(3)

MAX_PER_AT = const((1 << 30) - 1)

_LABELS = (NOTIFICATIONS, SECONDS, REQUESTS)

# What one AT may carry: notifications and seconds of an observation, requests of a channel.
Renewal = namedtuple("Renewal", ("notifications", "seconds", "requests"))


def to_cbor(renewal: Renewal) -> dict:
    """Return a rule as the map that CBOR carries."""
    return {label: limit for label, limit in zip(_LABELS, renewal) if limit is not None}


def from_cbor(value: object) -> Renewal:
    """Return the rule in a decoded map; DecodeError if it is none, or limits nothing."""
    if not isinstance(value, dict) or not value:
        raise DecodeError("a renewal rule is a map of limits")
    for label, limit in value.items():
        if label is True or label not in _LABELS or not _is_limit(limit):
            raise DecodeError("no limit of a renewal rule")
    return Renewal(*[value.get(label) for label in _LABELS])


def strictest(one: Renewal | None, other: Renewal | None) -> Renewal | None:
    """Return the rule that keeps both; None stands for no rule."""
    if one is None or other is None:
        return one or other
    return Renewal(*[_least(*limits) for limits in zip(one, other)])


def _least(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _is_limit(value: object) -> bool:
    if value is True or value is False or not isinstance(value, int):
        return False
    return 1 <= value <= MAX_PER_AT
