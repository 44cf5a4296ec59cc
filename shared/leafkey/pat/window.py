"""Which ATs S accepts: the windows of all slots in one flat table (SPEC 6.1).

Each slot has room for the 2w numbers h-w+1 .. h+w. The entry of number n of a slot stands at a
fixed place, so it holds only 16 bits of its At and a link; heads chain the entries by those bits.
Finding an At then costs the same for every N, in 12w bytes and a record of 46 for each slot.
"""

from array import array

from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import UnknownToken
from leafkey.pat.functions import G
from leafkey.pat.tree import Leaf, position

_SECRET = const(32)


class Window:
    """The windows of `n_slots` slots, all closed at first. Slots are numbered from 1."""

    def __init__(self, suite, n_slots: int, window: int, degree: int):
        self._suite = suite
        self._window = window
        self._span = 2 * window
        self._degree = degree
        self._parents = bytearray(_SECRET * n_slots)
        self._next = array("I", bytes(4 * n_slots))
        self._end = array("I", bytes(4 * n_slots))
        self._used = array("H", bytes(2 * n_slots))
        self._size = n_slots * self._span
        self._heads = array("H", bytes(2 * self._size))
        self._links = array("H", bytes(2 * self._size))
        self._tags = array("H", bytes(2 * self._size))

    def open(self, slot: int, ct: bytes, last: int, mark: int):
        """Start a slot at its Ct: ATs up to `last`, all numbers up to `mark` used (-1: none)."""
        self.close(slot)
        s = slot - 1
        self._next[s] = mark + 1
        self._end[s] = last + 1
        self._used[s] = (1 << self._window) - 1
        self._set_parent(s, self._walk(ct, 0, self._base_level(s)))
        for number in range(max(self._low(s), 0), self._top(s)):
            self._link(s, number)

    def take_over(self, other: "Window", slot: int):
        """Go on with a slot as it stands in a table of another size; no number is used up."""
        self.close(slot)
        s = slot - 1
        self._next[s], self._end[s], self._used[s] = other._next[s], other._end[s], other._used[s]
        self._set_parent(s, other._parent(s))
        for number in range(max(self._low(s), 0), self._top(s)):
            self._link(s, number)

    def close(self, slot: int):
        """Forget a slot: none of its ATs is found any more."""
        s = slot - 1
        for number in range(max(self._low(s), 0), self._top(s)):
            self._unlink(s, number)
        self._end[s] = 0
        self._set_parent(s, bytes(_SECRET))

    def extend(self, slot: int, last: int):
        """Change the last number of an open slot."""
        s = slot - 1
        old_top = self._top(s)
        low = max(self._low(s), 0)
        self._end[s] = last + 1
        for number in range(max(old_top, low), self._top(s)):
            self._link(s, number)
        for number in range(max(self._top(s), low), old_top):
            self._unlink(s, number)

    def find(self, at: bytes) -> tuple:
        """Return (slot, leaf) for the first bytes of an At, two or more, all of which must agree.

        UnknownToken if no window holds it.
        """
        tag = at[0] | at[1] << 8
        entry = self._heads[tag % self._size]
        while entry:
            if self._tags[entry - 1] == tag:
                s = (entry - 1) // self._span
                leaf = self._leaf(s, self._number(s, (entry - 1) % self._span))
                if equal(leaf.at(len(at)), at):
                    return s + 1, leaf
            entry = self._links[entry - 1]
        raise UnknownToken("no window holds this At")

    def next_number(self, slot: int) -> int:
        """Return h + 1."""
        return self._next[slot - 1]

    def is_used(self, slot: int, number: int) -> bool:
        """Tell whether a number that `find` gave was used before."""
        back = self._next[slot - 1] - 1 - number
        return back >= 0 and self._used[slot - 1] >> back & 1 == 1

    def use(self, slot: int, number: int):
        """Use up a number that `find` gave; the window moves if it is the highest so far."""
        s = slot - 1
        back = self._next[s] - 1 - number
        if back >= 0:
            self._used[s] |= 1 << back
        else:
            self._advance(s, number)

    def _advance(self, s: int, number: int):
        old_low, old_top = max(self._low(s), 0), self._top(s)
        old_level = self._base_level(s)
        moved = number + 1 - self._next[s]
        self._next[s] = number + 1
        self._used[s] = (self._used[s] << moved | 1) & ((1 << self._window) - 1)
        for left in range(old_low, max(self._low(s), 0)):
            self._unlink(s, left)
        level = self._base_level(s)
        if level != old_level:
            self._set_parent(s, self._walk(self._parent(s), old_level, level))
        for entered in range(old_top, self._top(s)):
            self._link(s, entered)

    def _low(self, s: int) -> int:
        return self._next[s] - self._window

    def _top(self, s: int) -> int:
        """One past the highest number in the table."""
        return min(self._next[s] + self._window, self._end[s])

    def _base_level(self, s: int) -> int:
        return position(max(self._low(s), 0), self._degree)[0]

    def _number(self, s: int, place: int) -> int:
        low = self._low(s)
        return low + (place - low) % self._span

    def _leaf(self, s: int, number: int) -> Leaf:
        level, child = position(number, self._degree)
        parent = self._walk(self._parent(s), self._base_level(s), level)
        return Leaf(self._suite, parent, number, child)

    def _walk(self, parent: bytes, level: int, target: int) -> bytes:
        for _ in range(level, target):
            parent = self._suite.f(G, parent, self._degree)
        return parent

    def _parent(self, s: int) -> bytes:
        return bytes(self._parents[_SECRET * s : _SECRET * (s + 1)])

    def _set_parent(self, s: int, parent: bytes):
        self._parents[_SECRET * s : _SECRET * (s + 1)] = parent

    def _link(self, s: int, number: int):
        at = self._leaf(s, number).at(2)
        entry = s * self._span + number % self._span
        tag = at[0] | at[1] << 8
        self._tags[entry] = tag
        self._links[entry] = self._heads[tag % self._size]
        self._heads[tag % self._size] = entry + 1

    def _unlink(self, s: int, number: int):
        entry = s * self._span + number % self._span
        head = self._tags[entry] % self._size
        at = self._heads[head]
        if at == entry + 1:
            self._heads[head] = self._links[entry]
            return
        while self._links[at - 1] != entry + 1:
            at = self._links[at - 1]
        self._links[at - 1] = self._links[entry]
