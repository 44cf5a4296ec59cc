"""The refusal field: 24 bytes that look random to all but the client they help (SPEC 8)."""

from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import AuthenticationError

REFUSAL_LEN = const(24)


def make(provider, random_bytes, hint_key: bytes, number: int) -> bytes:
    """Return R | E | T saying to go on from AT `number`, under the 32-byte HintK."""
    r = random_bytes(8)
    plain = number.to_bytes(8, "little")
    t = _tag(provider, hint_key, r, plain)
    return r + _masked(provider, hint_key, r, t, plain) + t


def read(provider, hint_key: bytes, field: bytes | None) -> int:
    """Return the number to go on from; AuthenticationError if `field` has no hint for this key."""
    if field is None or len(field) != REFUSAL_LEN:
        raise AuthenticationError("no refusal field")
    r, masked, t = field[:8], field[8:16], field[16:]
    plain = _masked(provider, hint_key, r, t, masked)
    if not equal(_tag(provider, hint_key, r, plain), t):
        raise AuthenticationError("the refusal holds no hint")
    return int.from_bytes(plain, "little")


def _tag(provider, key: bytes, r: bytes, plain: bytes) -> bytes:
    return provider.hmac_sha256(key, b"\x01" + r + plain)[:8]


def _masked(provider, key: bytes, r: bytes, t: bytes, data: bytes) -> bytes:
    mask = provider.hmac_sha256(key, b"\x02" + r + t)
    return bytes(data[i] ^ mask[i] for i in range(8))
