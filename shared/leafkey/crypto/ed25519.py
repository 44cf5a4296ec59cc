"""Ed25519 (RFC 8032 section 5.1) in big integers, for builds that have no library for it.

Not in constant time. Which operations a signature takes does not depend on the secret, but the time
of each does, since big integers have no constant one: who can measure a node while it signs, to the
microsecond and many times, may learn its key. Verifying knows no secret.

Signatures are taken and refused as by OpenSSL: S is below the order, R is compared as bytes and
without cofactor; a public key may be of small order, and need not be in its canonical form.
"""

from leafkey.compat import const
from leafkey.crypto.sha512 import sha512
from leafkey.crypto.signer import Signer
from leafkey.errors import AuthenticationError

KEY_SIZE = const(32)
SIGNATURE_SIZE = const(64)
_P = (1 << 255) - 19
_INVERSE = _P - 2
_ROOT = (_P - 5) // 8
_ORDER = (1 << 252) + 27742317777372353535851937790883648493
_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555
_ROOT_OF_MINUS_1 = 19681161376707505956807079304988542015446066515923890162744021073123829784752
_BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE_Y = 46316835694926478169428394003475163141307993866256225615783033603165251855960

# A point is (X, Y, Z, T) with x = X/Z, y = Y/Z, x * y = T/Z (section 5.1.4).
_NEUTRAL = (0, 1, 1, 0)
_BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)


class SigningKey(Signer):
    """A secret key, 32 bytes, and its `public` one; ValueError for another size.

    The public key is made once: a signature then costs half, and nobody can make it under another
    public key, which would give the secret away.
    """

    def __init__(self, secret: bytes):
        if len(secret) != KEY_SIZE:
            raise ValueError("an Ed25519 key has 32 bytes, not %d" % len(secret))
        digest = sha512(secret)
        self._prefix = digest[32:]
        self._scalar = _number(digest[:32]) & ((1 << 254) - 8) | 1 << 254
        self.public = _encode(_sum([(self._scalar, _BASE)]))

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of a signature; the same message always gives the same."""
        r = _number(sha512(self._prefix + message)) % _ORDER
        encoded = _encode(_sum([(r, _BASE)]))
        k = _number(sha512(encoded + self.public + message)) % _ORDER
        return encoded + ((r + k * self._scalar) % _ORDER).to_bytes(32, "little")


def verify(public: bytes, signature: bytes, message: bytes):
    """Raise AuthenticationError unless the signature is the key's; ValueError for a key's size."""
    if len(public) != KEY_SIZE:
        raise ValueError("an Ed25519 key has 32 bytes, not %d" % len(public))
    point = _decode(public)
    if point is None or len(signature) != SIGNATURE_SIZE:
        raise AuthenticationError("no point, or no signature, of Ed25519")
    s = _number(signature[32:])
    if s >= _ORDER:
        raise AuthenticationError("the signature is not in its one form")
    k = _number(sha512(bytes(signature[:32]) + bytes(public) + message)) % _ORDER
    if _encode(_sum([(s, _BASE), (k, _negative(point))])) != bytes(signature[:32]):
        raise AuthenticationError("the signature does not verify")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _sum(terms: list) -> tuple:
    """Return the sum of scalar * point over the terms; scalars have less than 256 bits.

    Four bits a step, an addition for each of them, zeros too.
    """
    tables = [(scalar, _multiples(point)) for scalar, point in terms]
    total = _NEUTRAL
    for shift in range(252, -4, -4):
        for _ in range(4):
            total = _double(total)
        for scalar, table in tables:
            total = _add(total, table[scalar >> shift & 15])
    return total


def _multiples(point: tuple) -> list:
    """Return 0 to 15 times a point."""
    table = [_NEUTRAL]
    for _ in range(15):
        table.append(_add(table[-1], point))
    return table


def _add(one: tuple, other: tuple) -> tuple:
    """Return the sum of any two points: the formula is complete."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a = (y1 - x1) * (y2 - x2)
    b = (y1 + x1) * (y2 + x2)
    c = 2 * t1 * t2 % _P * _D
    d = 2 * z1 * z2
    return _point((b - a) % _P, (d - c) % _P, (d + c) % _P, (b + a) % _P)


def _double(point: tuple) -> tuple:
    x, y, z, _ = point
    a, b = x * x, y * y
    h = a + b
    e = h - (x + y) * (x + y)
    g = a - b
    return _point(e % _P, (2 * z * z + g) % _P, g % _P, h % _P)


def _point(e: int, f: int, g: int, h: int) -> tuple:
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _negative(point: tuple) -> tuple:
    x, y, z, t = point
    return _P - x, y, z, _P - t


def _encode(point: tuple) -> bytes:
    """Section 5.1.2: y, and the lowest bit of x in its highest one."""
    x, y, z, _ = point
    inverse = pow(z, _INVERSE, _P)
    return (y * inverse % _P | (x * inverse % _P & 1) << 255).to_bytes(32, "little")


def _decode(data: bytes) -> tuple | None:
    """Section 5.1.3; None if no point has this y."""
    number = _number(data)
    y = (number & ((1 << 255) - 1)) % _P
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * v**3 * pow(u * v**7 % _P, _ROOT, _P) % _P
    square = v * x * x % _P
    if square != u:
        if square != _P - u:
            return None
        x = x * _ROOT_OF_MINUS_1 % _P
    if x & 1 != number >> 255:
        x = _P - x
    return x, y, 1, x * y % _P
