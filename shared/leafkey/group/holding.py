"""What a member holds of one version of a group's key, and the numbers it has used under it."""

from leafkey.codec import cbor
from leafkey.errors import DecodeError, NoGroupKey
from leafkey.group import fields
from leafkey.group.material import GroupKey
from leafkey.group.path import Path
from leafkey.group.traffic import Traffic
from leafkey.oscore.sequence import MAX_NUMBER, Sequence


class Holding:
    """The key of one `num`: its Traffic, when it expires, and the member's Path if it has one."""

    def __init__(self, num: int, key: GroupKey, traffic: Traffic):
        self.num = num
        self.key = key
        self.traffic = traffic
        self.expires_at: int | None = None
        self.path: Path | None = None

    def has_expired(self, now: int) -> bool:
        """Tell whether it is past its time; a key without `exi` has none."""
        return self.expires_at is not None and now >= self.expires_at


class Numbers:
    """The Partial IVs of one Sender ID under one key: none is used twice, over restarts too.

    What is stored is [num, Sender ID, bound]: with which key and sender numbers may have been used
    last, and below which bound. Numbers under a later key, or another Sender ID, were not: the
    record would say so.
    """

    def __init__(self, store):
        self._store = store
        self.sender_id: bytes | None = None
        self._sequence = None

    def first(self, num: int, sender_id: bytes | None):
        """Store that no number was used, where there is no record: without one they are lost."""
        if sender_id is not None:
            self._put(num, sender_id, 0)

    def begin(self, num: int, sender_id: bytes | None):
        """Begin with 0, once a new key or Sender ID is stored; None publishes nothing."""
        self._start(num, sender_id, 0)

    def resume(self, num: int, sender_id: bytes | None, record: bytes | None):
        """Go on after a restart, with what the store has."""
        self._start(num, sender_id, _bound(record, num, sender_id))

    def are_lost(self) -> bool:
        """Tell whether there is a Sender ID, and no number that is surely unused."""
        return self.sender_id is not None and self._sequence is None

    def take(self) -> tuple:
        """Return (Sender ID, next number); NoGroupKey if there is none, SequenceExhausted."""
        if self._sequence is None:
            raise NoGroupKey("no Sender ID, or none whose numbers are known")
        return self.sender_id, self._sequence.take()

    def _start(self, num: int, sender_id: bytes | None, first: int | None):
        self.sender_id, self._sequence = sender_id, None
        if sender_id is not None and first is not None:
            self._sequence = Sequence(first, lambda bound: self._put(num, sender_id, bound))

    def _put(self, num: int, sender_id: bytes, bound: int):
        self._store.put_bound(cbor.encode([num, sender_id, bound]))


def _bound(record: bytes | None, num: int, sender_id: bytes | None) -> int | None:
    """Return below what number some may have been used; None if a record does not tell."""
    if record is None:
        return None
    try:
        last_num, last_sender, bound = cbor.decode_array(record, 3)
        fields.num(last_num)
        fields.sender_id(last_sender)
        fields.uint(bound, MAX_NUMBER + 1)
    except DecodeError:
        return None
    if last_num > num:
        return None
    return bound if (last_num, last_sender) == (num, sender_id) else 0
