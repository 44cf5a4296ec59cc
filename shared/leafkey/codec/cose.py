"""COSE_Encrypt0 and symmetric COSE_Keys (RFC 9052 sections 5.2, 5.3 and 7); countersignatures.

The AEAD is always an argument: an object with `nonce_size` and `encrypt` and `decrypt` of
(key, nonce, aad, text). Headers are dicts with the labels of RFC 9052 section 3.1.
"""

from collections import namedtuple

from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import DecodeError

ENCRYPT0_TAG = const(16)

# Header labels.
ALG = const(1)
CRIT = const(2)
KID = const(4)
IV = const(5)
PARTIAL_IV = const(6)
KID_CONTEXT = const(10)
COUNTERSIGNATURE = const(11)
COUNTERSIGNATURE0 = const(12)

# COSE_Key labels and the one key type carried here.
KEY_TYPE = const(1)
KEY_ID = const(2)
KEY_ALG = const(3)
KEY_VALUE = const(-1)
SYMMETRIC = const(4)

# protected: bstr as it goes into the Enc_structure; headers: both maps in one dict.
Encrypt0 = namedtuple("Encrypt0", ("protected", "headers", "ciphertext"))


def enc_structure(protected: bytes, external_aad: bytes = b"") -> bytes:
    """Return the AAD of a COSE_Encrypt0; `protected` is the encoded map, b"" for an empty one."""
    return cbor.encode(["Encrypt0", protected, external_aad])


def countersign_structure(
    protected: bytes, ciphertext: bytes, signer: bytes | None = None, external_aad: bytes = b""
) -> bytes:
    """Return what is signed beside a COSE_Encrypt0 (RFC 9338 section 3.3).

    `protected` is that of the COSE_Encrypt0, `signer` that of a COSE_Countersignature; None for a
    COSE_Countersignature0, which has no headers.
    """
    if signer is None:
        return cbor.encode(["CounterSignature0", protected, external_aad, ciphertext])
    return cbor.encode(["CounterSignature", protected, signer, external_aad, ciphertext])


def encrypt0(
    aead,
    key: bytes,
    nonce: bytes,
    plaintext: bytes,
    protected: dict | None = None,
    unprotected: dict | None = None,
    external_aad: bytes = b"",
    tagged: bool = False,
) -> bytes:
    """Return an encoded COSE_Encrypt0, with tag 16 if `tagged`.

    `nonce` goes into the message only where the caller put it under IV in one of the headers.
    """
    header = cbor.encode(protected) if protected else b""
    ciphertext = aead.encrypt(key, nonce, enc_structure(header, external_aad), plaintext)
    message = [header, unprotected or {}, ciphertext]
    return cbor.encode(cbor.Tag(ENCRYPT0_TAG, message) if tagged else message)


def decode_encrypt0(data: bytes) -> Encrypt0:
    """Return the parts of a COSE_Encrypt0, tag 16 optional; nothing in it is verified yet.

    Raises DecodeError for another shape, for a label in both headers, and for any `crit`:
    Leafkey has no extension that a sender could mark as critical (RFC 9052 section 3.1).
    """
    message = cbor.decode(data, lenient=True)
    if isinstance(message, cbor.Tag):
        if message.number != ENCRYPT0_TAG:
            raise DecodeError("not a COSE_Encrypt0")
        message = message.value
    if not isinstance(message, list) or len(message) != 3:
        raise DecodeError("not a COSE_Encrypt0")
    protected, unprotected, ciphertext = message
    if not isinstance(protected, bytes) or not isinstance(unprotected, dict):
        raise DecodeError("COSE headers")
    if not isinstance(ciphertext, bytes):
        raise DecodeError("COSE ciphertext is detached or no byte string")
    protected_map = _protected_map(protected)
    headers = _merged(protected_map, unprotected)
    return Encrypt0(protected if protected_map else b"", headers, ciphertext)


def decrypt0(
    aead, key: bytes, data: bytes, nonce: bytes | None = None, external_aad: bytes = b""
) -> bytes:
    """Return the plaintext of an encoded COSE_Encrypt0.

    Without `nonce` the message must carry it under IV. Raises DecodeError for what
    `decode_encrypt0` refuses and for a missing or ill-sized nonce, AuthenticationError where
    the tag does not verify.
    """
    message = decode_encrypt0(data)
    if nonce is None:
        nonce = message.headers.get(IV)
    if not isinstance(nonce, bytes) or len(nonce) != aead.nonce_size:
        raise DecodeError("COSE nonce")
    aad = enc_structure(message.protected, external_aad)
    return aead.decrypt(key, nonce, aad, message.ciphertext)


def symmetric_key(value: bytes, kid: bytes | None = None) -> dict:
    """Return the COSE_Key map {1: 4, -1: value}, with 2: kid where one is given."""
    key = {KEY_TYPE: SYMMETRIC, KEY_VALUE: value}
    if kid is not None:
        key[KEY_ID] = kid
    return key


def key_bytes(key: object, alg: int | None = None) -> bytes:
    """Return the value of a decoded symmetric COSE_Key.

    Raises DecodeError for any other object, an empty value, and a key that is bound to another
    algorithm than `alg` (RFC 9052 section 7.1).
    """
    if not isinstance(key, dict) or not _is_symmetric(key.get(KEY_TYPE)):
        raise DecodeError("not a symmetric COSE_Key")
    value = key.get(KEY_VALUE)
    if not isinstance(value, bytes) or not value:
        raise DecodeError("symmetric COSE_Key without a value")
    if alg is not None and key.get(KEY_ALG, alg) != alg:
        raise DecodeError("COSE_Key is bound to another algorithm")
    return value


def _is_symmetric(key_type: object) -> bool:
    return isinstance(key_type, int) and key_type == SYMMETRIC


def _protected_map(protected: bytes) -> dict:
    """Return the map in `protected`: b"" and an encoded empty map mean the same (section 3)."""
    headers = cbor.decode(protected, lenient=True) if protected else {}
    if not isinstance(headers, dict):
        raise DecodeError("COSE headers")
    return headers


def _merged(protected: dict, unprotected: dict) -> dict:
    headers = dict(protected)
    for label, value in unprotected.items():
        if label in headers:
            raise DecodeError("COSE label in both headers")
        headers[label] = value
    if CRIT in headers:
        raise DecodeError("COSE crit names what is not known here")
    return headers
