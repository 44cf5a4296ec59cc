"""leafkey.codec.cbor on values and bytes that hypothesis makes, and against cbor2."""

import math
import struct

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from leafkey.codec import cbor
from leafkey.errors import DecodeError

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
INTEGERS = st.integers(-(1 << 64), (1 << 64) - 1)
FLOATS = st.one_of(st.floats(), st.floats(width=32), st.floats(width=16))
KEYS = st.one_of(INTEGERS, st.binary(max_size=8), TEXT)
SCALARS = st.one_of(INTEGERS, FLOATS, st.binary(max_size=40), TEXT, st.booleans(), st.none())


def containers(values):
    return st.one_of(
        st.lists(values, max_size=6),
        st.dictionaries(KEYS, values, max_size=6),
        st.builds(cbor.Tag, st.integers(0, (1 << 64) - 1), values),
    )


def nested(values, levels):
    """Values of at most `levels` containers within each other."""
    for _ in range(levels):
        values = st.one_of(values, containers(values))
    return values


VALUES = nested(SCALARS, 3)


def same(left, right) -> bool:
    """Equality that tells 1 from True and 1.0, 0.0 from -0.0, and takes NaN for itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        if math.isnan(left) or math.isnan(right):
            return math.isnan(left) and math.isnan(right)
        return struct.pack(">d", left) == struct.pack(">d", right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def by_cbor2(value) -> bytes:
    """Encode with cbor2, which sorts maps by length first (RFC 8949 section 4.2.3): sort here."""
    if isinstance(value, cbor.Tag):
        return head(6, value.number) + by_cbor2(value.value)
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(by_cbor2, value))
    if isinstance(value, dict):
        pairs = sorted((by_cbor2(key), by_cbor2(element)) for key, element in value.items())
        return head(5, len(value)) + b"".join(key + element for key, element in pairs)
    return cbor2.dumps(value, canonical=True)


def head(major: int, argument: int) -> bytes:
    encoded = cbor2.dumps(argument)
    return bytes([encoded[0] | major << 5]) + encoded[1:]


def check(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except DecodeError:
        return
    assert cbor.encode(value) == data


@given(VALUES)
def test_decodes_what_it_encoded(value):
    assert same(cbor.decode(cbor.encode(value), max_items=1 << 16), value)


@given(VALUES)
def test_encodes_like_cbor2(value):
    assert cbor.encode(value) == by_cbor2(value)


@given(st.binary(max_size=60))
def test_bytes_are_the_one_encoding_or_refused(data):
    check(data)


@given(VALUES, st.integers(min_value=0), st.integers(0, 255))
def test_a_changed_byte_gives_another_encoding_or_is_refused(value, place, byte):
    data = bytearray(cbor.encode(value))
    data[place % len(data)] = byte
    check(bytes(data))


@given(VALUES, st.integers(min_value=0))
def test_a_cut_encoding_is_refused(value, place):
    data = cbor.encode(value)
    try:
        cbor.decode(data[: place % len(data)])
    except DecodeError:
        return
    raise AssertionError("a prefix of an encoding was accepted")
