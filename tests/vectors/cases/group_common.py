"""What the groups of vectors about groups share."""

from tests.vectors.cases.common import secret
from tests.vectors.reference.group import GroupKey, Signer

GROUP = "greenhouse"
ALGS = {10: "AES-CCM", 24: "ChaCha20/Poly1305"}
SENDER = b"\x25"
# The longest Sender ID that each nonce has room for.
LONGEST = {10: bytes(range(0xA1, 0xA8)), 24: bytes(range(0xA1, 0xA7))}
SIGNER = Signer(secret("signer"))
KDC = Signer(secret("KDC"))


def group_key(alg: int, number: int = 1) -> GroupKey:
    name = f"group key {number}"
    size, nonce_size = (16, 13) if alg == 10 else (32, 12)
    gid, base_iv = secret(name + " Gid")[:4], secret(name + " Base IV")[:nonce_size]
    return GroupKey(alg, gid, base_iv, secret(name)[:size])


def key_fields(key: GroupKey) -> dict:
    return {
        "alg": key.alg,
        "gid": key.gid.hex(),
        "base_iv": key.base_iv.hex(),
        "key": key.key.hex(),
    }
