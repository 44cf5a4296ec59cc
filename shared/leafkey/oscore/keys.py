"""Keys and nonces of a security context (RFC 8613 sections 3.2 and 5.2)."""

from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.crypto.hkdf import expand, extract

# What every nonce has room for beside the sender's ID: its length, and a Partial IV of 5 bytes.
_NONCE_OVERHEAD = const(6)


class Keys:
    """What both ends derive alike; `alg` is a COSE AEAD, `id_context` bytes or None."""

    def __init__(self, alg: int, sender_id: bytes, recipient_id: bytes, id_context: bytes | None):
        self.alg = alg
        self.sender_id = sender_id
        self.recipient_id = recipient_id
        self.id_context = id_context
        self.sender_key = b""
        self.recipient_key = b""
        self.common_iv = b""


def derive(
    provider,
    master_secret: bytes,
    sender_id: bytes,
    recipient_id: bytes,
    master_salt: bytes = b"",
    id_context: bytes | None = None,
    alg: int = 10,
) -> Keys:
    """Return the Keys of a context, with HKDF-SHA-256 (section 3.2.1).

    ValueError for IDs that are equal or too long for the AEAD's nonce, UnsupportedError for an
    AEAD this build lacks.
    """
    aead = provider.aead(alg)
    longest = aead.nonce_size - _NONCE_OVERHEAD
    if sender_id == recipient_id or max(len(sender_id), len(recipient_id)) > longest:
        raise ValueError("two different IDs, of at most %d bytes" % longest)
    prk = extract(master_salt, master_secret)

    def key(id: bytes, type: str, size: int) -> bytes:
        return expand(prk, info(id, id_context, alg, type, size), size)

    keys = Keys(alg, sender_id, recipient_id, id_context)
    keys.sender_key = key(sender_id, "Key", aead.key_size)
    keys.recipient_key = key(recipient_id, "Key", aead.key_size)
    keys.common_iv = key(b"", "IV", aead.nonce_size)
    return keys


def info(id: bytes, id_context: bytes | None, alg: int, type: str, size: int) -> bytes:
    """Return the `info` of one derivation; type is "Key" or "IV", size that of the output."""
    return cbor.encode([id, id_context, alg, type, size])


def nonce_base(common_iv: bytes, id: bytes) -> int:
    """Return the nonce of `id` for Partial IV 0, as an integer: a Partial IV is XORed to it."""
    room = len(common_iv) - _NONCE_OVERHEAD
    padded = bytes((len(id),)) + bytes(room - len(id)) + id + bytes(5)
    return int.from_bytes(common_iv, "big") ^ int.from_bytes(padded, "big")


def nonce(base: int, piv: bytes, size: int) -> bytes:
    """Return the AEAD nonce of `size` bytes for a Partial IV (section 5.2)."""
    return (base ^ int.from_bytes(piv, "big")).to_bytes(size, "big")
