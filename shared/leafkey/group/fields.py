"""Checks of what came out of CBOR: each returns the value, or raises DecodeError."""

from leafkey.compat import const
from leafkey.errors import DecodeError

MAX_NUM = const((1 << 32) - 1)
MAX_SECONDS = const((1 << 40) - 1)
MAX_SENDER_ID = const(7)
MAX_GID = const(32)
MAX_NONCE = const(64)
MAX_CREDENTIAL = const(1024)
MAX_TEXT = const(255)
MAX_MATERIAL = const(2048)
MAX_LIST = const(256)


def is_int(value: object) -> bool:
    """Tell an integer from everything else; True and False are none."""
    return isinstance(value, int) and value is not True and value is not False


def integer(value: object) -> int:
    """An integer of either sign."""
    if not isinstance(value, int) or value is True or value is False:
        raise DecodeError("not an integer")
    return value


def uint(value: object, highest: int = MAX_SECONDS) -> int:
    """An integer from 0 to `highest`."""
    number = integer(value)
    if not 0 <= number <= highest:
        raise DecodeError("a number out of its range")
    return number


def num(value: object) -> int:
    """The version number of keying material."""
    return uint(value, MAX_NUM)


def octets(value: object, longest: int = MAX_CREDENTIAL) -> bytes:
    """A byte string of 0 to `longest` bytes."""
    if not isinstance(value, bytes) or len(value) > longest:
        raise DecodeError("not a byte string, or too long a one")
    return value


def nonce(value: object) -> bytes:
    """A nonce of 1 to 64 bytes."""
    drawn = octets(value, MAX_NONCE)
    if not drawn:
        raise DecodeError("an empty nonce")
    return drawn


def sender_id(value: object) -> bytes:
    """A Sender ID; how long one may be is for the AEAD to say."""
    return octets(value, MAX_SENDER_ID)


def text(value: object) -> str:
    """A text of at most 255 bytes."""
    if not isinstance(value, str) or len(value.encode()) > MAX_TEXT:
        raise DecodeError("not a text, or too long a one")
    return value


def label(value: object):
    """An integer or a text: how registries name things."""
    return text(value) if isinstance(value, str) else integer(value)


def array(value: object) -> list:
    """An array of at most 256 elements, which stay unchecked."""
    if not isinstance(value, list) or len(value) > MAX_LIST:
        raise DecodeError("not an array, or too long a one")
    return value


def array_of(check):
    """Return the check of an array whose elements pass another one."""

    def checked(value: object) -> list:
        return [check(element) for element in array(value)]

    return checked


def mapping(value: object) -> dict:
    """A map."""
    if not isinstance(value, dict):
        raise DecodeError("not a map")
    return value


def known(value: object, checks: dict, required: tuple = ()) -> dict:
    """Return what of a map is in `checks`, checked; a `required` label must be there.

    What is unknown is left out: other versions may have more to say (RFC 9594 section 8).
    """
    fields = mapping(value)
    for wanted in required:
        if wanted not in fields:
            raise DecodeError("a parameter is missing")
    return {key: check(fields[key]) for key, check in checks.items() if key in fields}
