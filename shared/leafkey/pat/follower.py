"""S's side of sealed commands: it takes those that follow, and can always say so (SPEC 9.3)."""

from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import AuthenticationError, DecodeError, OutOfStep, UnsupportedError
from leafkey.pat import commands
from leafkey.pat.tokens import EPOCH, SLOTS, VERSION
from leafkey.pat.verifier import Verifier

HASH_LEN = const(16)


class Follower:
    """Applies commands to the ST of a verifier.

    `store.put_command(token, marks, last)` replaces ST, marks and `last` in one durable write;
    `last` is the hash of the last command taken and its receipt, b"" before the first.
    """

    def __init__(self, provider, verifier: Verifier, store, last: bytes = b""):
        self._provider = provider
        self._verifier = verifier
        self._store = store
        self._last = last

    def follow(self, payload: bytes, now: int) -> bytes | None:
        """Take the commands in a payload that anybody may have sent; return the receipt to answer.

        None: nothing in it was taken, now or as the last command ever; refuse. now: ms. OSError
        comes from the store; then the command it failed at is not taken.
        """
        try:
            listed = commands.decode_list(payload)
        except DecodeError:
            return None
        heard = False
        for command in listed:
            if self._is_behind(command):
                heard = self._is_last(command) or heard
            elif self._took(command, now):
                heard = True
            else:
                break
        return self._last[HASH_LEN:] if heard else None

    def _is_behind(self, command: commands.Sealed) -> bool:
        token = self._verifier.token
        if token is None or command.epoch != token[EPOCH]:
            return token is not None and command.epoch < token[EPOCH]
        return command.version <= token[VERSION]

    def _is_last(self, command: commands.Sealed) -> bool:
        return equal(self._hash(command), self._last[:HASH_LEN])

    def _took(self, command: commands.Sealed, now: int) -> bool:
        token = self._verifier.token
        if token is None or command.version != token[VERSION] + 1:
            return False
        try:
            kind, change = commands.unseal(self._provider, token, command)
            merged = commands.followed(self._provider, token, kind, change)
            receipt = commands.make_receipt(self._provider, token, command.version)
            last = self._hash(command) + receipt
            slots = change.params.get(SLOTS, {})
            self._verifier.follow(merged, slots, self._put_with(last), now)
        except (AuthenticationError, DecodeError, OutOfStep, UnsupportedError):
            return False
        self._last = last
        return True

    def _put_with(self, last: bytes):
        return lambda token, marks: self._store.put_command(token, marks, last)

    def _hash(self, command: commands.Sealed) -> bytes:
        return self._provider.sha256(cbor.encode(list(command)))[:HASH_LEN]
