"""The keying material of both kinds of group: what `key` holds beside `gkty`.

draft-ietf-ace-coap-pubsub-profile for pub/sub, draft-ietf-ace-key-groupcomm-oscore for OSCORE.
Neither repr nor any error shows a key.
"""

from leafkey.codec import cose
from leafkey.codec.cose import KEY_ALG, KEY_ID, KEY_TYPE, KEY_VALUE, key_bytes
from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import DecodeError, UnsupportedError
from leafkey.group import fields, labels

# Sizes of key and nonce of the AEADs (RFC 9053 section 4).
SIZES = {10: (16, 13), 24: (32, 12)}
# What a nonce has room for beside the Sender ID: its length, and a Partial IV of 5 bytes.
_NONCE_OVERHEAD = const(6)

# The `key` of a pub/sub group.
GROUP_KEY = const(0)
SENDER_ID = const(1)
CRED_FMT = const(2)
SIGN_ALG = const(3)
SIGN_PARAMS = const(4)
_BASE_IV = const(5)

# The `key` of an OSCORE group (Group_OSCORE_Input_Material); the first ones are of RFC 9203.
MS = const(2)
HKDF = const(3)
ALG = const(4)
SALT = const(5)
CONTEXT_ID = const(6)
OSCORE_SENDER_ID = const(7)
OSCORE_CRED_FMT = const(8)
GP_ENC_ALG = const(9)
OSCORE_SIGN_ALG = const(10)
OSCORE_SIGN_PARAMS = const(11)
ECDH_ALG = const(12)
ECDH_PARAMS = const(13)
MIN_MS = const(16)
MAX_MS = const(64)


class GroupKey:
    """The COSE_Key that protects publications: Gid, AEAD (10 or 24), Base IV and the key itself."""

    def __init__(self, gid: bytes, alg: int, base_iv: bytes, key: bytes):
        """UnsupportedError for another AEAD, DecodeError for sizes that are not the AEAD's."""
        if alg not in SIZES:
            raise UnsupportedError("no group key of this AEAD")
        if (len(key), len(base_iv)) != SIZES[alg] or not gid:
            raise DecodeError("a group key whose parts have other sizes than its AEAD's")
        self.gid = gid
        self.alg = alg
        self.base_iv = base_iv
        self.key = key

    def to_cbor(self) -> dict:
        """Return the COSE_Key that CBOR carries."""
        key = cose.symmetric_key(self.key, self.gid)
        key[KEY_ALG] = self.alg
        key[_BASE_IV] = self.base_iv
        return key

    def is_same(self, other: "GroupKey") -> bool:
        """Tell whether another one is this key, in a time that does not depend on the key."""
        mine = self.gid, self.alg, self.base_iv
        return mine == (other.gid, other.alg, other.base_iv) and equal(self.key, other.key)

    def longest_sender_id(self) -> int:
        """Return how many bytes of a Sender ID its nonces have room for."""
        return len(self.base_iv) - _NONCE_OVERHEAD


class Signing:
    """How members sign: credential format, algorithm and its parameters; Ed25519 by default."""

    def __init__(self, cred_fmt: int = labels.KCCS, alg: int = labels.EDDSA, params=None):
        self.cred_fmt = cred_fmt
        self.alg = alg
        self.params = labels.ED25519_PARAMS if params is None else params

    def is_supported(self) -> bool:
        """Tell whether this is Ed25519 with keys in CWT Claims Sets."""
        algs = (labels.EDDSA, labels.ED25519)
        return (
            self.cred_fmt == labels.KCCS
            and self.alg in algs
            and self.params == labels.ED25519_PARAMS
        )


class PubSubMaterial:
    """The `key` of a pub/sub group: its GroupKey, a publisher's Sender ID, how members sign.

    `sender_id` is None for who does not publish; `signing` is None in a rekeying message, and in
    groups without signatures, whose members can impersonate each other.
    """

    def __init__(self, group_key: GroupKey, sender_id=None, signing: Signing | None = None):
        """DecodeError for a Sender ID that is too long for the AEAD's nonce."""
        if sender_id is not None and len(sender_id) > group_key.longest_sender_id():
            raise DecodeError("a Sender ID that is too long for the nonce")
        self.group_key = group_key
        self.sender_id = sender_id
        self.signing = signing

    def to_cbor(self) -> dict:
        """Return the map that CBOR carries."""
        key: dict = {GROUP_KEY: self.group_key.to_cbor()}
        if self.sender_id is not None:
            key[SENDER_ID] = self.sender_id
        if self.signing is not None:
            key[CRED_FMT] = self.signing.cred_fmt
            key[SIGN_ALG] = self.signing.alg
            key[SIGN_PARAMS] = self.signing.params
        return key


def pubsub(value: object) -> PubSubMaterial:
    """Return the material in a decoded `key` of a pub/sub group; labels of others are ignored.

    DecodeError, UnsupportedError for an AEAD that is neither 10 nor 24.
    """
    key = fields.known(value, _PUBSUB, (GROUP_KEY,))
    signing = None
    if SIGN_ALG in key or SIGN_PARAMS in key or CRED_FMT in key:
        if len([label for label in (CRED_FMT, SIGN_ALG, SIGN_PARAMS) if label in key]) < 3:
            raise DecodeError("a signature is of a format, an algorithm and its parameters")
        signing = Signing(key[CRED_FMT], key[SIGN_ALG], key[SIGN_PARAMS])
    return PubSubMaterial(key[GROUP_KEY], key.get(SENDER_ID), signing)


def group_key(value: object) -> GroupKey:
    """Return the GroupKey in a decoded COSE_Key; DecodeError, UnsupportedError."""
    key = key_bytes(value)
    parts = fields.known(value, _COSE_KEY, (KEY_TYPE, KEY_ID, KEY_ALG, _BASE_IV, KEY_VALUE))
    return GroupKey(parts[KEY_ID], parts[KEY_ALG], parts[_BASE_IV], key)


def oscore(value: object, is_rekeying: bool = False) -> dict:
    """Return the checked fields of a decoded Group_OSCORE_Input_Material, by label.

    In a rekeying message Master Secret and Gid are enough; else the fields of group mode (9 to 11),
    of pairwise mode (4, 12, 13), or of both must be there. DecodeError.
    """
    required = (MS, CONTEXT_ID) if is_rekeying else (MS, CONTEXT_ID, OSCORE_CRED_FMT)
    key = fields.known(value, _OSCORE, required)
    modes = 0
    for mode in _MODES:
        present = [label for label in mode if label in key]
        if present and len(present) < len(mode):
            raise DecodeError("a mode of Group OSCORE, in part")
        modes += 1 if present else 0
    if not modes and not is_rekeying:
        raise DecodeError("no mode of Group OSCORE")
    return key


def _master_secret(value: object) -> bytes:
    secret = fields.octets(value, MAX_MS)
    if len(secret) < MIN_MS:
        raise DecodeError("a Master Secret has 16 bytes or more")
    return secret


def _gid(value: object) -> bytes:
    gid = fields.octets(value, fields.MAX_GID)
    if not gid:
        raise DecodeError("a Gid has 1 to 32 bytes")
    return gid


_COSE_KEY = {
    KEY_TYPE: fields.integer,
    KEY_ID: _gid,
    KEY_ALG: fields.integer,
    _BASE_IV: fields.octets,
    KEY_VALUE: fields.octets,
}
_PUBSUB = {
    GROUP_KEY: group_key,
    SENDER_ID: fields.sender_id,
    CRED_FMT: fields.integer,
    SIGN_ALG: fields.integer,
    SIGN_PARAMS: fields.array,
}
_OSCORE = {
    MS: _master_secret,
    HKDF: fields.label,
    ALG: fields.label,
    SALT: fields.octets,
    CONTEXT_ID: _gid,
    OSCORE_SENDER_ID: fields.sender_id,
    OSCORE_CRED_FMT: fields.integer,
    GP_ENC_ALG: fields.label,
    OSCORE_SIGN_ALG: fields.label,
    OSCORE_SIGN_PARAMS: fields.array,
    ECDH_ALG: fields.label,
    ECDH_PARAMS: fields.array,
}
_MODES = ((GP_ENC_ALG, OSCORE_SIGN_ALG, OSCORE_SIGN_PARAMS), (ALG, ECDH_ALG, ECDH_PARAMS))
