"""The key tree: addresses, traversal, leaves (SPEC section 3; section 5.1 of the draft).

Nothing here is kept: secrets live with whoever calls.
"""

from leafkey.errors import TokenTooOld
from leafkey.pat.functions import PSEUDONYM, G


def derive(suite, x: bytes, address) -> bytes:
    """Return x_a, 32 bytes: the node at `address`, a sequence of indices from 1, below x."""
    for index in address:
        x = suite.f(G, x, index)
    return x


def position(number: int, degree: int) -> tuple:
    """Return (level L, child c) of an AT number (SPEC 3.2): c runs from 1 to degree - 1.

    The right-most child, `degree`, is never an AT: it is the next parent.
    """
    return number // (degree - 1), number % (degree - 1) + 1


def capacity(depth: int, degree: int) -> int:
    """Return how many ATs a branch holds."""
    return depth * (degree - 1)


def address(slot: int, generation: int, number: int, degree: int) -> tuple:
    """Return the address of an AT below St: i.r.k. … .k.c."""
    level, child = position(number, degree)
    return (slot, generation) + (degree,) * level + (child,)


def pseudonym_key(suite, ct: bytes) -> bytes:
    """Return PsK, 32 bytes: all pseudonyms of the holder of Ct derive from it, and nothing else."""
    return suite.f(PSEUDONYM, ct, 1)


def pseudonym(suite, ct: bytes, j: int = 1) -> bytes:
    """Return pseudonym j of the holder of Ct, 32 bytes (SPEC 3.4)."""
    return suite.f(PSEUDONYM, pseudonym_key(suite, ct), j)


class Leaf:
    """One AT: its number and whatever derives from its parent and index."""

    def __init__(self, suite, parent: bytes, number: int, child: int):
        self._suite = suite
        self._parent = parent
        self.number = number
        self._child = child

    def at(self, length: int) -> bytes:
        """Return At as it travels: its first `length` bytes."""
        return self._suite.f(G, self._parent, self._child)[:length]

    def key(self, label: int) -> bytes:
        """Return F(label, P_L, c), 32 bytes: never from At, which travels in clear (SPEC 3.3)."""
        return self._suite.f(label, self._parent, self._child)


class Branch:
    """What C holds of its CT: the parent it stands at, and nothing that lies behind."""

    def __init__(self, suite, degree: int, parent: bytes, level: int = 0):
        self._suite = suite
        self.degree = degree
        self.parent = parent
        self.level = level

    def advance(self, number: int) -> int:
        """Move to the level of AT `number`, dropping each parent left, and return its child index.

        TokenTooOld if that level lies behind.
        """
        level, child = position(number, self.degree)
        if level < self.level:
            raise TokenTooOld("this AT lies on a level that was left")
        while self.level < level:
            self.parent = self._suite.f(G, self.parent, self.degree)
            self.level += 1
        return child

    def leaf(self, number: int) -> Leaf:
        """Return the leaf of AT `number`, moving as `advance` does."""
        child = self.advance(number)
        return Leaf(self._suite, self.parent, number, child)

    def copy(self):
        """Return a second branch at the same place."""
        return Branch(self._suite, self.degree, self.parent, self.level)
