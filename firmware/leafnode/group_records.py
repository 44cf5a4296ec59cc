"""What a node stores of one group that it is a member of."""

from hashlib import sha256

from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import DecodeError, StateError
from leafnode.identity import GROUP_PREFIX

_STATE = "-state"
_NUMBERS = "-numbers"
_KEY = "-key"

SECRET_LEN = const(32)


class Records:
    """What outlasts a restart, of one group; the store that leafkey.group.member asks for."""

    def __init__(self, storage, uri: str):
        self._storage = storage
        self._name = GROUP_PREFIX + sha256(uri.encode()).digest()[:6].hex()
        # The URI of this member's own resource at the KDC.
        self.own_uri = ""

    def load(self) -> tuple | None:
        """Return (state, numbers or None); None if there is nothing to go on with.

        What is damaged is as good as lost: the KDC gives new numbers, or lets this node join anew.
        """
        stored = self._read(_STATE)
        if stored is None:
            return None
        try:
            self.own_uri, state = cbor.decode_array(stored, 2)
        except DecodeError:
            return None
        return state, self._read(_NUMBERS)

    def put_state(self, state: bytes):
        """Make durable what a restart needs."""
        self._storage.write(self._name + _STATE, cbor.encode([self.own_uri, state]))

    def put_bound(self, bound: bytes):
        """Make durable which numbers may have been used."""
        self._storage.write(self._name + _NUMBERS, bound)

    def secret(self) -> bytes | None:
        """Return the secret of this node's credential in the group; None if it has none."""
        return self._read(_KEY)

    def make_secret(self, random_bytes) -> bytes:
        """Return the same, after making one if there is none: 32 bytes, of `random_bytes(n)`."""
        secret = self._read(_KEY)
        if secret is None:
            secret = random_bytes(SECRET_LEN)
            self._storage.write(self._name + _KEY, secret)
        return secret

    def forget(self):
        """Remove the group's keys, and all else of it."""
        for suffix in (_STATE, _NUMBERS, _KEY):
            self._storage.remove(self._name + suffix)

    def _read(self, suffix: str) -> bytes | None:
        try:
            return self._storage.read(self._name + suffix)
        except StateError:
            return None
