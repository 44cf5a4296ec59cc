"""IEEE 754 numbers in the shortest of CBOR's three widths that keeps the value (RFC 8949 4.2.1).

Widths are compared on the bits, never on float objects: a board whose floats have single precision
must refuse and accept exactly what every other node does, even where it can only round the value.
"""

import struct

from leafkey.errors import DecodeError

# (exponent bits, mantissa bits)
HALF = (5, 10)
SINGLE = (8, 23)
DOUBLE = (11, 52)

NAN = b"\xf9\x7e\x00"


def encode(value: float) -> bytes:
    """Return the CBOR item (3, 5 or 9 bytes) of `value`; every NaN is f97e00."""
    if value != value:
        return NAN
    double = struct.pack(">d", value)
    single = narrow(int.from_bytes(double, "big"), DOUBLE, SINGLE)
    if single is None:
        return b"\xfb" + double
    half = narrow(single, SINGLE, HALF)
    if half is None:
        return b"\xfa" + single.to_bytes(4, "big")
    return b"\xf9" + half.to_bytes(2, "big")


def from_half(bits: int) -> float:
    """Return the value of 16 bits; DecodeError for a NaN other than 7e00."""
    sign, exponent, mantissa = _split(bits, HALF)
    if exponent == 31:
        if mantissa and bits != 0x7E00:
            raise DecodeError("NaN is not in its one form")
        return struct.unpack(">f", (sign << 31 | 0x7F800000 | mantissa << 13).to_bytes(4, "big"))[0]
    if exponent == 0:
        value = mantissa / 16777216.0
        return -value if sign else value
    single = sign << 31 | (exponent + 112) << 23 | mantissa << 13
    return struct.unpack(">f", single.to_bytes(4, "big"))[0]


def from_single(bits: int, lenient: bool = False) -> float:
    """Return the value of 32 bits; DecodeError where half precision would do, unless `lenient`."""
    if not lenient:
        _refuse_longer_than_needed(bits, SINGLE, HALF)
    return struct.unpack(">f", bits.to_bytes(4, "big"))[0]


def from_double(bits: int, lenient: bool = False) -> float:
    """Return the value of 64 bits, rounded where this runtime must; DecodeError where single
    precision would do, unless `lenient`."""
    if not lenient:
        _refuse_longer_than_needed(bits, DOUBLE, SINGLE)
    return struct.unpack(">d", bits.to_bytes(8, "big"))[0]


def narrow(bits: int, wide: tuple, small: tuple) -> int | None:
    """Return the bits of the same value in the format `small`, None if it does not fit exactly.

    `wide` and `small` are two of HALF, SINGLE, DOUBLE. A NaN does not fit.
    """
    sign, exponent, mantissa = _split(bits, wide)
    small_exponent, small_mantissa = small
    top = (1 << small_exponent) - 1
    sign <<= small_exponent + small_mantissa
    if exponent == (1 << wide[0]) - 1:
        return None if mantissa else sign | top << small_mantissa
    if exponent == 0:
        return None if mantissa else sign
    exponent += (top >> 1) - ((1 << wide[0]) - 1 >> 1)
    drop = wide[1] - small_mantissa
    if exponent >= top:
        return None
    if exponent <= 0:
        mantissa |= 1 << wide[1]
        drop += 1 - exponent
        exponent = 0
    if mantissa & ((1 << drop) - 1):
        return None
    return sign | exponent << small_mantissa | mantissa >> drop


def _split(bits: int, width: tuple) -> tuple:
    exponent, mantissa = width
    return (
        bits >> (exponent + mantissa),
        bits >> mantissa & ((1 << exponent) - 1),
        bits & ((1 << mantissa) - 1),
    )


def _refuse_longer_than_needed(bits: int, width: tuple, shorter: tuple) -> None:
    _, exponent, mantissa = _split(bits, width)
    is_nan = exponent == (1 << width[0]) - 1 and mantissa
    if is_nan or narrow(bits, width, shorter) is not None:
        raise DecodeError("float is not in its shortest form")
