"""The value of the OSCORE option: the compressed COSE header (RFC 8613 section 6.1)."""

from collections import namedtuple

from leafkey.compat import const
from leafkey.errors import DecodeError

MAX_PIV_LEN = const(5)
# The length of a kid context travels in one byte; the option itself has at most 255.
MAX_KID_CONTEXT = const(200)

_PIV_BITS = const(0x07)
_KID_FLAG = const(0x08)
_KID_CONTEXT_FLAG = const(0x10)
_RESERVED_BITS = const(0xE0)

# Each is bytes, or None where it is absent. A kid may be present and empty.
Header = namedtuple("Header", ("piv", "kid_context", "kid"))


def encode(piv: bytes | None, kid_context: bytes | None, kid: bytes | None) -> bytes:
    """Return the option's value; b"" if there is nothing to say."""
    flags = len(piv) if piv is not None else 0
    value = piv or b""
    if kid_context is not None:
        flags |= _KID_CONTEXT_FLAG
        value += bytes((len(kid_context),)) + kid_context
    if kid is not None:
        flags |= _KID_FLAG
        value += kid
    return bytes((flags,)) + value if flags else b""


def decode(value: bytes) -> Header:
    """Return the Header in an option's value; DecodeError if it is malformed."""
    if not value:
        return Header(None, None, None)
    flags = value[0]
    size = flags & _PIV_BITS
    # A first byte of zero must have been left out, and reserved bits may change the format.
    if not flags or flags & _RESERVED_BITS or size > MAX_PIV_LEN:
        raise DecodeError("OSCORE option with reserved bits")
    end = 1 + size
    piv = value[1:end] if size else None
    kid_context, end = _kid_context(value, end) if flags & _KID_CONTEXT_FLAG else (None, end)
    if len(value) < end or (len(value) > end and not flags & _KID_FLAG):
        raise DecodeError("OSCORE option of the wrong length")
    if size > 1 and not value[1]:
        raise DecodeError("Partial IV with leading zeros")
    return Header(piv, kid_context, value[end:] if flags & _KID_FLAG else None)


def encode_piv(number: int) -> bytes:
    """Return a sequence number as Partial IV: 1 to 5 bytes, without leading zeros."""
    size = 1
    while number >> 8 * size:
        size += 1
    return number.to_bytes(size, "big")


def _kid_context(value: bytes, start: int) -> tuple:
    """Return the kid context that begins with its length at `start`, and where it ends."""
    if start >= len(value):
        raise DecodeError("OSCORE option is cut")
    end = start + 1 + value[start]
    return value[start + 1 : end], end
