"""What two parties were given to make contexts from (SPEC section 10), as one of them has it."""

from leafkey.compat import const
from leafkey.crypto.provider import AES_CCM_16_64_128, CHACHA20_POLY1305
from leafkey.errors import DecodeError

SECRET_LEN = const(32)
MIN_ID_LEN = const(3)
ID_LEN = const(4)


class Material:
    """A COSE AEAD, the Master Secret of 32 bytes, the own Sender ID, and the peer's."""

    def __init__(self, alg: int, secret: bytes, sender_id: bytes, recipient_id: bytes):
        self.alg = alg
        self.secret = secret
        self.sender_id = sender_id
        self.recipient_id = recipient_id

    def mirrored(self) -> "Material":
        """Return what the peer was given."""
        return Material(self.alg, self.secret, self.recipient_id, self.sender_id)

    def fields(self) -> list:
        """Return it as CBOR carries it."""
        return [self.alg, self.secret, self.sender_id, self.recipient_id]


def from_fields(fields: object) -> Material:
    """Return the Material that CBOR carried; DecodeError for anything else."""
    if not isinstance(fields, list) or len(fields) != 4:
        raise DecodeError("a channel has four parts")
    alg, secret, sender_id, recipient_id = fields
    if type(alg) is not int or alg not in (AES_CCM_16_64_128, CHACHA20_POLY1305):
        raise DecodeError("an AEAD that no channel has")
    if not isinstance(secret, bytes) or len(secret) != SECRET_LEN:
        raise DecodeError("a Master Secret has 32 bytes")
    for id in (sender_id, recipient_id):
        if not isinstance(id, bytes) or not MIN_ID_LEN <= len(id) <= ID_LEN:
            raise DecodeError("an ID of a channel has 3 or 4 bytes")
    if sender_id == recipient_id:
        raise DecodeError("both ends have one ID")
    return Material(alg, secret, sender_id, recipient_id)
