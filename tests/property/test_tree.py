"""leafkey.pat.tree against the tree of the draft, built node by node."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from leafkey.crypto.provider import default_provider
from leafkey.errors import TokenTooOld
from leafkey.pat import functions, tree

PROVIDER = default_provider()
KEYS = st.binary(min_size=32, max_size=32)
SUITES = st.sampled_from(sorted(functions.SUITES.values()))


def f(suite: int, label: int, key: bytes, index: int) -> bytes:
    """F of SPEC section 2, from hashlib or from the block that other tests hold to RFC 8439."""
    parts = index.to_bytes(8, "little"), label.to_bytes(8, "little")
    if suite == functions.SHA256:
        return hashlib.sha256(key + parts[1] + parts[0]).digest()
    return PROVIDER.chacha20_block(key, parts[0] + parts[1])[:32]


def naive_parents(suite: int, ct: bytes, degree: int, levels: int) -> list[bytes]:
    parents = [ct]
    for _ in range(levels):
        parents.append(f(suite, 0, parents[-1], degree))
    return parents


@given(SUITES, KEYS, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_functions(number, key, label, index):
    suite = functions.suite(PROVIDER, number)
    assert suite.f(label, key, index) == f(number, label, key, index)


@given(SUITES, KEYS, st.lists(st.integers(1, 2**64 - 1), max_size=6))
def test_addresses(number, x, address):
    expected = x
    for index in address:
        expected = f(number, 0, expected, index)
    assert tree.derive(functions.suite(PROVIDER, number), x, address) == expected


@given(st.integers(0, 2**30 - 1), st.integers(2, 1025))
def test_positions_are_one_to_one_and_never_the_right_most_child(number, degree):
    level, child = tree.position(number, degree)
    assert 1 <= child <= degree - 1
    assert level * (degree - 1) + child - 1 == number


@given(SUITES, KEYS, st.integers(2, 40), st.lists(st.integers(0, 120), min_size=1, max_size=12))
def test_branches(number, ct, degree, numbers):
    """Numbers in any order: those ahead are what the draft says, those left raise."""
    suite = functions.suite(PROVIDER, number)
    parents = naive_parents(number, ct, degree, 120 // (degree - 1) + 1)
    branch, reached = tree.Branch(suite, degree, ct), 0
    for n in numbers:
        level, index = divmod(n, degree - 1)
        if level < reached:
            try:
                branch.leaf(n)
            except TokenTooOld:
                continue
            raise AssertionError("an AT of a level that was left")
        reached = level
        leaf = branch.leaf(n)
        assert branch.parent == parents[level]
        assert leaf.at(32) == f(number, 0, parents[level], index + 1)
        for label in (1, 2, 3, 4, 9, 10):
            assert leaf.key(label) == f(number, label, parents[level], index + 1)


@given(SUITES, KEYS, st.integers(1, 65535), st.integers(1, 9), st.integers(0, 90),
       st.integers(2, 20))  # fmt: skip
def test_addresses_of_ats(number, x, slot, generation, n, degree):
    suite = functions.suite(PROVIDER, number)
    ct = tree.derive(suite, x, (slot, generation))
    at = tree.derive(suite, x, tree.address(slot, generation, n, degree))
    assert tree.Branch(suite, degree, ct).leaf(n).at(32) == at
