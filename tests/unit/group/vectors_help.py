"""What the tests of groups share: keys and messages as tests/vectors/group writes them."""

from leafkey.crypto.provider import default_provider
from leafkey.errors import (
    AuthenticationError,
    DecodeError,
    OutOfStep,
    ReplayError,
    UnsupportedError,
)
from leafkey.group.material import GroupKey
from tests.support.vectors import unhex

PROVIDER = default_provider()
ERRORS = {
    "AuthenticationError": AuthenticationError,
    "DecodeError": DecodeError,
    "OutOfStep": OutOfStep,
    "ReplayError": ReplayError,
    "UnsupportedError": UnsupportedError,
}


def group_key(case: dict) -> GroupKey:
    """The GroupKey of a case."""
    parts = [unhex(case[field]) for field in ("gid", "base_iv", "key")]
    return GroupKey(parts[0], case["alg"], parts[1], parts[2])


class Draws:
    """Gives the bytes that a case says, once each and in order."""

    def __init__(self):
        self.left = []

    def __call__(self, size: int) -> bytes:
        drawn = self.left.pop(0)
        if len(drawn) != size:
            raise ValueError("another size than the vector's")
        return drawn
