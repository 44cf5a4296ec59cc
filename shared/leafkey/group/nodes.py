"""Numbers of a binary tree's nodes, which stay as they are when it grows (RFC 9420 appendix C).

Leaf i is node 2i; a node of level k has k ones at its end. The tree of height h has 2^h leaves and
the root 2^h - 1; a tree that grows becomes the left half of the new one.
"""

from leafkey.compat import const

MAX_HEIGHT = const(20)
MAX_LEAF = const((1 << 20) - 1)


def ancestor(leaf: int, level: int) -> int:
    """Return the node of a level at or above a leaf."""
    return leaf >> level << level + 1 | (1 << level) - 1


def children(leaf: int, level: int) -> tuple:
    """Return both children of the ancestor of a leaf at a level from 1 up."""
    left = leaf >> level << 1
    below = level - 1
    return ancestor(left << below, below), ancestor((left + 1) << below, below)


def height(leaf: int) -> int:
    """Return the height of the smallest tree that has this leaf."""
    levels = 0
    while leaf >> levels:
        levels += 1
    return levels


def meeting_level(leaf: int, other: int) -> int:
    """Return the level of the lowest node that is above, or at, both leaves."""
    return height(leaf ^ other)
