"""The KDC's word that a key is its own, for who cannot verify its signature (SPEC-GROUP 6.4).

`[num, digest]` travels in the member's own context with the KDC, which is why it proves anything.
"""

from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import DecodeError
from leafkey.group import fields

DIGEST_SIZE = const(16)


def digest(provider, group: str, num: int, gkty: int, key: dict) -> bytes:
    """Return 16 bytes that stand for a group's key; `key` is that of a rekeying message."""
    return provider.sha256(cbor.encode(["group key", group, num, gkty, key]))[:DIGEST_SIZE]


def encode(num: int, key_digest: bytes) -> bytes:
    """Return what the KDC answers: the num in force, and the digest of its key."""
    return cbor.encode([num, key_digest])


def decode(data: bytes) -> tuple:
    """Return (num, digest) of the KDC's answer; DecodeError if it is none."""
    num, key_digest = cbor.decode_array(data, 2)
    if len(fields.octets(key_digest)) != DIGEST_SIZE:
        raise DecodeError("a digest has 16 bytes")
    return fields.num(num), key_digest
