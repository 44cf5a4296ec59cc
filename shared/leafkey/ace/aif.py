"""Permissions in the Authorization Information Format (RFC 9237), REST-specific model.

In memory a list of (path: str, methods: int) pairs; a bit of `methods` is 1 << (method code - 1).
"""

from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import DecodeError

MAX_ENTRIES = const(32)
MAX_PATH = const(128)
METHODS = ("GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH")
ALL_METHODS = const(127)


def to_cbor(permissions: list) -> list:
    """Return permissions as the array that CBOR carries."""
    return [[path, methods] for path, methods in permissions]


def from_cbor(value: object) -> list:
    """Return the permissions in a decoded array; DecodeError if none, or past SPEC section 11."""
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        raise DecodeError("an AIF is an array of at most 32 entries")
    return [_entry(item) for item in value]


def _entry(item: object) -> tuple:
    if not isinstance(item, list) or len(item) != 2:
        raise DecodeError("an AIF entry is a pair of path and methods")
    path, methods = item
    if not isinstance(path, str) or len(path.encode()) > MAX_PATH:
        raise DecodeError("an AIF path is a text of at most 128 bytes")
    # Without the first slash a path would lose its first segment, and grant another one.
    if not path.startswith("/"):
        raise DecodeError("an AIF path begins with a slash")
    if methods is True or methods is False or not isinstance(methods, int):
        raise DecodeError("AIF methods are an unsigned integer")
    if not 0 <= methods <= ALL_METHODS:
        raise DecodeError("AIF methods name a method that does not exist")
    return path, methods


def encode(permissions: list) -> bytes:
    """Return the CBOR of permissions: the byte string that `scope` wraps (RFC 9237 section 4)."""
    return cbor.encode(to_cbor(permissions))


def decode(data: bytes) -> list:
    """Return the permissions in the CBOR `data`; DecodeError otherwise."""
    return from_cbor(cbor.decode(data))


def method_bit(code: int) -> int:
    """Return the bit of a CoAP method code, 0 if it has none."""
    return 1 << (code - 1) if 1 <= code <= 7 else 0


def segments(path: str) -> tuple:
    """Return the Uri-Path segments, as bytes, that a path names: "/a/b" is (b"a", b"b")."""
    return () if path == "/" else tuple(path.encode().split(b"/")[1:])


def permits(permissions: list, path: tuple, code: int) -> bool:
    """Tell whether permissions cover a method on a path, whatever the query (SPEC 4.1).

    `path` is Uri-Path segments as bytes: a peer's "a/b" in one segment is not "/a/b".
    """
    bit = method_bit(code)
    return any(bit & methods and segments(known) == path for known, methods in permissions)


def joined(permissions: list, more: list) -> list:
    """Return what either of two lists permits; each path is there once, where it comes first."""
    methods, paths = {}, []
    for path, bits in permissions + more:
        if path not in methods:
            paths.append(path)
        methods[path] = methods.get(path, 0) | bits
    return [(path, methods[path]) for path in paths]


def minus(permissions: list, taken: list) -> list:
    """Return what of `permissions` the list `taken` does not permit."""
    gone = dict(joined(taken, []))
    left = [(path, bits & ~gone.get(path, 0)) for path, bits in permissions]
    return [(path, bits) for path, bits in left if bits]


def common(permissions: list, others: list) -> list:
    """Return what of `permissions` the other list permits too."""
    return minus(permissions, minus(permissions, others))


def method_names(methods: int) -> str:
    """Return a set of methods as a person reads it: "GET,PUT"."""
    return ",".join(name for bit, name in enumerate(METHODS) if methods >> bit & 1)


def text(permissions: list) -> str:
    """Return permissions as a person reads them: "GET /temp, GET,PUT /vent"."""
    return ", ".join(method_names(methods) + " " + path for path, methods in permissions)
