"""Where a verifier keeps what must survive: its ST and the marks of its slots, as one unit."""

from leafkey.codec import cbor
from leafkey.errors import DecodeError, StateError
from leafkey.pat import tokens
from leafnode.storage import Storage


class VerifierState:
    """The `store` of a leafkey.pat.verifier.Verifier, in one record (SPEC 6.1)."""

    def __init__(self, storage: Storage, name: str, twice: bool = False):
        """`twice` keeps a copy, for an ST that nothing could replace."""
        self._storage = storage
        self._name = name
        self._twice = twice
        self._token = b""
        self._marks = {}
        # What leafkey.pat.follower knows of the last command; b"" before the first.
        self.last = b""

    def load(self) -> tuple | None:
        """Return (ServerToken, marks), None if nothing was stored; StateError if it is damaged."""
        record = self._storage.read(self._name)
        if record is None:
            return None
        try:
            self._token, self._marks, self.last = cbor.decode_array(record, 3, tokens.MAX_ITEMS)
            return tokens.decode_server_token(self._token), dict(self._marks)
        except (DecodeError, ValueError, TypeError):
            raise StateError("record " + self._name + " is not readable")

    def put_token(self, token: tokens.ServerToken, marks: dict):
        """Replace ST and marks, durably."""
        self.put_command(token, marks, self.last)

    def put_command(self, token: tokens.ServerToken, marks: dict, last: bytes):
        """Replace everything by the ST that a command made, its marks and `last`, durably."""
        self._write(tokens.encode_server_token(token), dict(marks), last)

    def put_mark(self, slot: int, mark: int):
        """Raise the mark of one slot, durably."""
        marks = dict(self._marks)
        marks[slot] = mark
        self._write(self._token, marks, self.last)

    def _write(self, token: bytes, marks: dict, last: bytes):
        self._storage.write(self._name, cbor.encode([token, marks, last]), self._twice)
        self._token, self._marks, self.last = token, marks, last
