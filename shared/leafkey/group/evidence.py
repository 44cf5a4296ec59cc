"""Proof that a key is one's own (RFC 9594 sections 4.3.1.1 and 4.5.1.1), signed with Ed25519."""

from leafkey.codec import cbor
from leafkey.errors import AuthenticationError
from leafkey.group import credential
from leafkey.group.labels import KDC_CRED, KDC_CRED_VERIFY, KDC_NONCE


def client_input(scope: bytes, kdc_nonce: bytes, cnonce: bytes) -> bytes:
    """Return what `client_cred_verify` signs, at a join and for a new credential.

    `scope` is what the byte string of the Join Request's scope holds; `kdc_nonce` is N_S.
    """
    return cbor.encode(scope) + cbor.encode(kdc_nonce) + cbor.encode(cnonce)


def kdc_input(cnonce: bytes, kdc_nonce: bytes) -> bytes:
    """Return what `kdc_cred_verify` signs; `kdc_nonce` is N_KDC, beside it."""
    return cbor.encode(cnonce) + cbor.encode(kdc_nonce)


def kdc_public(provider, parameters: dict, cnonce: bytes) -> bytes | None:
    """Return the KDC's public key from its answer, once its evidence verifies; None without one.

    `cnonce` is the nonce that the KDC had last from this member. DecodeError for a credential of
    another format, AuthenticationError if the KDC does not prove that it is its own.
    """
    if KDC_CRED not in parameters:
        return None
    public = credential.decode(parameters[KDC_CRED])
    if KDC_NONCE not in parameters or KDC_CRED_VERIFY not in parameters:
        raise AuthenticationError("a credential of the KDC without evidence")
    signed = kdc_input(cnonce, parameters[KDC_NONCE])
    provider.ed25519_verify(public, parameters[KDC_CRED_VERIFY], signed)
    return public
