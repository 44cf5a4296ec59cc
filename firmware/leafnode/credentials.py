"""Contexts that an application was given, without any manager: OSCORE with others who speak it."""

import os
from hashlib import sha256

from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.errors import DecodeError, StateError
from leafkey.oscore.context import Context
from leafkey.oscore.keys import derive
from leafkey.oscore.preset import Preset
from leafkey.oscore.replay import ReplayWindow
from leafkey.oscore.sequence import Sequence
from leafnode.storage import Storage

_PREFIX = "oscore-"


class Credentials:
    """The input of one security context (RFC 8613 section 3.2), as both ends were given it.

        Credentials(secret, sender_id=b"S", recipient_id=b"C")

    `alg` is a COSE AEAD: 10, AES-CCM-16-64-128, or 24, ChaCha20/Poly1305. Numbers that were used
    are kept in the state directory: whoever empties it needs another secret.
    """

    def __init__(
        self,
        secret: bytes,
        sender_id: bytes,
        recipient_id: bytes,
        salt: bytes = b"",
        id_context: bytes | None = None,
        alg: int = 10,
    ):
        self._secret = secret
        self._ids = sender_id, recipient_id
        self._salt = salt
        self.id_context = id_context
        self._alg = alg

    def open(self, directory: str) -> Preset:
        """Return the context, whose state is kept in a directory.

        StateError if that is damaged: no number may be used twice. ValueError for IDs that are
        equal, or longer than the AEAD allows.
        """
        provider = default_provider()
        sender_id, recipient_id = self._ids
        keys = derive(
            provider,
            self._secret,
            sender_id,
            recipient_id,
            self._salt,
            self.id_context,
            self._alg,
        )
        numbers = _Numbers(Storage(directory), self._record())
        window = ReplayWindow(numbers.is_restart)
        sequence = Sequence(numbers.bound, numbers.reserve)
        return Preset(Context(provider, keys, sequence, window), os.urandom)

    def _record(self) -> str:
        """Another secret, or another ID, is another context, and begins anew."""
        parts = [self._secret, self._salt, self.id_context, self._alg, list(self._ids)]
        return _PREFIX + sha256(cbor.encode(parts)).digest()[:6].hex()


class _Numbers:
    """Below which bound sequence numbers may have been used (RFC 8613 appendix B.1.1)."""

    def __init__(self, storage: Storage, record: str):
        self._storage = storage
        self._name = record
        stored = storage.read(record)
        self.is_restart = stored is not None
        self.bound = 0 if stored is None else _uint(stored)
        if stored is None:
            # From here on a start is a restart: what was received by then is not known.
            self.reserve(0)

    def reserve(self, bound: int):
        """Make durable that the numbers below `bound` may be used."""
        self._storage.write(self._name, cbor.encode(bound), twice=True)


def _uint(stored: bytes) -> int:
    try:
        bound = cbor.decode(stored)
    except DecodeError:
        bound = None
    if not isinstance(bound, int) or bound is True or bound is False or bound < 0:
        raise StateError("the numbers of an OSCORE context are not readable")
    return bound
