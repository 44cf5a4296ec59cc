"""Points of edwards25519 in affine coordinates (RFC 8032 section 5.1), to make odd keys from."""

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
NEUTRAL = (0, 1)


def x_of(y: int, odd: int) -> int | None:
    """The x of a point with this y and parity; None if no point has this y."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P:
        return None
    return x if x % 2 == odd else -x % P


def add(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    (x1, y1), (x2, y2) = one, other
    k = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + k, -1, P)
    return x % P, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P


def multiply(scalar: int, point: tuple[int, int]) -> tuple[int, int]:
    total = NEUTRAL
    for bit in bin(scalar)[2:]:
        total = add(total, total)
        total = add(total, point) if bit == "1" else total
    return total


def encode(point: tuple[int, int]) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def base() -> tuple[int, int]:
    y = 4 * pow(5, -1, P) % P
    x = x_of(y, 0)
    return (x or 0), y


def of_order_8() -> tuple[int, int]:
    """A point of order 8: what the order leaves of the first point that gives one."""
    for y in range(2, 100):
        x = x_of(y, 0)
        point = NEUTRAL if x is None else multiply(ORDER, (x, y))
        if multiply(4, point) != NEUTRAL:
            return point
    raise SystemExit("no point of order 8")
