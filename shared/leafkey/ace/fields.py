"""The CBOR maps of ACE: each label has its type, and labels that are not known are passed over.

They are plain dicts by label on both sides. Others write their maps in any order.
"""

from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import DecodeError

# Seconds, and so dates, that are counted with: about 285 million years.
_MAX_NUMBER = const(1 << 53)


def decode(data: bytes, kinds: dict) -> dict:
    """Return the known fields of an encoded map; DecodeError as of `known`, or for no CBOR."""
    return known(cbor.decode(data, lenient=True), kinds)


def known(value: object, kinds: dict) -> dict:
    """Return of a decoded map what `kinds` names: {label: function that tells if a value fits}.

    DecodeError if it is no map, or a value is of another type.
    """
    if not isinstance(value, dict):
        raise DecodeError("not the map that belongs here")
    found = {}
    for label, fits in kinds.items():
        if label in value:
            if not fits(value[label]):
                raise DecodeError("a parameter of another type than its label has")
            found[label] = value[label]
    return found


def is_int(value: object) -> bool:
    """Tell an integer from anything else, true and false included."""
    return isinstance(value, int) and value is not True and value is not False


def is_uint(value: object) -> bool:
    """Tell an unsigned integer that can be counted with."""
    if not isinstance(value, int) or value is True or value is False:
        return False
    return 0 <= value <= _MAX_NUMBER


def is_number(value: object) -> bool:
    """Tell a NumericDate (RFC 8392 section 2): seconds since 1970, whole or not."""
    if isinstance(value, float):
        return 0 <= value <= _MAX_NUMBER
    return is_uint(value)


def is_bytes(value: object) -> bool:
    """Tell a byte string."""
    return isinstance(value, bytes)


def is_text(value: object) -> bool:
    """Tell a text string."""
    return isinstance(value, str)


def is_scope(value: object) -> bool:
    """Tell a scope: text, or a byte string with something structured."""
    return isinstance(value, (bytes, str))


def is_map(value: object) -> bool:
    """Tell a map."""
    return isinstance(value, dict)


def is_array_or_null(value: object) -> bool:
    """Tell an array, or null, which asks for one."""
    return value is None or isinstance(value, list)
