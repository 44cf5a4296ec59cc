"""Access tokens as bytes: CWTs in COSE_Encrypt0, made by the package `cwt` (RFC 8392, RFC 9052).

They are read by the core, as on nodes: it bounds what anybody may have sent.
"""

from cwt import COSE, COSEKey

from leafkey.ace import cwt
from leafkey.codec import cbor, cose
from leafkey.crypto.provider import default_provider

_COSE = COSE.new(alg_auto_inclusion=True)


def seal(key: cwt.TokenKey, claims: dict) -> bytes:
    """Return the access token with these claims, under an IV that is drawn at random."""
    made = COSEKey.new(cose.symmetric_key(key.value) | {cose.KEY_ALG: key.alg})
    return _COSE.encode_and_encrypt(cbor.encode(claims), made)


def unseal(key: cwt.TokenKey, token: bytes) -> dict:
    """Return the known claims in a token; errors as of `leafkey.ace.cwt.unprotect`."""
    return cwt.unprotect(default_provider(), key, token)
