"""Access tokens: CWTs in COSE_Encrypt0 under a key that RS and AS share (RFC 8392, 9200 6.1)."""

from collections import namedtuple

from leafkey.ace.fields import decode, is_bytes, is_int, is_map, is_number, is_scope, is_text
from leafkey.codec import cbor, cose
from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import AuthenticationError, DecodeError

# Claims.
ISS = const(1)
SUB = const(2)
AUD = const(3)
EXP = const(4)
NBF = const(5)
IAT = const(6)
CTI = const(7)
CNF = const(8)
SCOPE = const(9)
ACE_PROFILE = const(38)
CNONCE = const(39)
EXI = const(40)

# Claims that nobody here reads are ignored, as RFC 8392 section 3 wants it.
KINDS = {
    ISS: is_text,
    SUB: is_text,
    AUD: is_text,
    EXP: is_number,
    NBF: is_number,
    IAT: is_number,
    CTI: is_bytes,
    CNF: is_map,
    SCOPE: is_scope,
    ACE_PROFILE: is_int,
    CNONCE: is_bytes,
    EXI: is_number,
}

CWT_TAG = const(61)
# Keeps the keys of tokens apart from all others that come of a Master Secret.
_LABEL = "ACE token key"
MAX_TOKEN = const(1024)

# alg: COSE AEAD; value: bytes; kid: bytes, or None if tokens need not name their key.
TokenKey = namedtuple("TokenKey", ("alg", "value", "kid"))


def channel_key(provider, secret: bytes, alg: int) -> TokenKey:
    """Return the key of a server's tokens, which its manager has too (SPEC 16.1).

    `secret` and `alg` are Master Secret and AEAD of the channel between the two.
    """
    size = provider.aead(alg).key_size
    info = cbor.encode([_LABEL, alg, size])
    return TokenKey(alg, provider.hkdf_sha256(b"", secret, info, size), None)


def protect(provider, key: TokenKey, iv: bytes, claims: dict) -> bytes:
    """Return the access token with these claims. `iv` is as long as the AEAD wants it, never twice
    the same under one key.
    """
    unprotected = {cose.IV: iv}
    if key.kid is not None:
        unprotected[cose.KID] = key.kid
    aead = provider.aead(key.alg)
    text = cbor.encode(claims)
    return cose.encrypt0(aead, key.value, iv, text, {cose.ALG: key.alg}, unprotected, b"", True)


def unprotect(provider, key: TokenKey, token: bytes) -> dict:
    """Return the known claims in a token.

    DecodeError if it is no COSE_Encrypt0, or its claims are malformed; AuthenticationError if it
    is not made with this key.
    """
    if len(token) > MAX_TOKEN:
        raise DecodeError("an access token of more than %d bytes" % MAX_TOKEN)
    return decode(_opened(provider, key, token), KINDS)


def _opened(provider, key: TokenKey, token: bytes) -> bytes:
    inner = _untagged(token)
    headers = cose.decode_encrypt0(inner).headers
    kid = headers.get(cose.KID)
    # Before anything is computed: what nobody has a key for costs nothing.
    if key.kid is not None and not (isinstance(kid, bytes) and equal(kid, key.kid)):
        raise AuthenticationError("a token under another key")
    if headers.get(cose.ALG) != key.alg:
        raise AuthenticationError("a token by another algorithm")
    return cose.decrypt0(provider.aead(key.alg), key.value, inner)


def _untagged(token: bytes) -> bytes:
    """Tag 61 may be around a CWT's COSE tag (RFC 8392 section 6)."""
    head = bytes((0xD8, CWT_TAG))
    return token[2:] if token[:2] == head else token
