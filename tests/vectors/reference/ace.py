"""ACE on pyca/cryptography and cbor2: access tokens (RFC 8392, 9200) and contexts (RFC 9203)."""

from typing import NamedTuple

import cbor2
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.vectors.reference import oscore

COSE_ENCRYPT0, CWT = 16, 61


class Key(NamedTuple):
    """What an RS and its AS share."""

    alg: int
    value: bytes
    kid: bytes | None

    def seal(self, iv: bytes, aad: bytes, text: bytes) -> bytes:
        if self.alg == oscore.AES_CCM:
            return AESCCM(self.value, tag_length=8).encrypt(iv, text, aad)
        return ChaCha20Poly1305(self.value).encrypt(iv, text, aad)


def canonical(value) -> bytes:
    """Deterministic CBOR (RFC 8949 section 4.2.1); what cbor2 calls canonical sorts otherwise."""
    if isinstance(value, dict):
        pairs = sorted((canonical(key), canonical(inner)) for key, inner in value.items())
        return _head(5, len(pairs)) + b"".join(key + inner for key, inner in pairs)
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(canonical, value))
    return cbor2.dumps(value, canonical=True)


def _head(major: int, count: int) -> bytes:
    first, *rest = cbor2.dumps(count)
    return bytes([major << 5 | first, *rest])


def access_token(
    key: Key,
    iv: bytes,
    claims: bytes,
    protected: dict | None = None,
    unprotected: dict | None = None,
    tags: tuple[int, ...] = (COSE_ENCRYPT0,),
) -> bytes:
    """A COSE_Encrypt0 of encoded claims (RFC 9052 section 5.3), within tags, outermost last."""
    inside = cbor2.dumps({1: key.alg} if protected is None else protected)
    if unprotected is None:
        unprotected = {5: iv} if key.kid is None else {4: key.kid, 5: iv}
    aad = cbor2.dumps(["Encrypt0", inside, b""])
    message = [inside, unprotected, key.seal(iv, aad, claims)]
    for tag in tags:
        message = cbor2.CBORTag(tag, message)
    return cbor2.dumps(message)


class Exchange(NamedTuple):
    """The nonces and Recipient IDs that C and RS have told each other (RFC 9203 section 4)."""

    nonce1: bytes
    id1: bytes
    nonce2: bytes
    id2: bytes


def client_context(material: dict, exchange: Exchange) -> oscore.Context:
    """C's context (section 4.3); the RS's is the same, mirrored."""
    return oscore.Context(
        material.get(4, oscore.AES_CCM),
        material[2],
        master_salt(material.get(5, b""), exchange),
        material.get(6),
        exchange.id2,
        exchange.id1,
    )


def master_salt(salt: bytes, exchange: Exchange) -> bytes:
    return b"".join(map(cbor2.dumps, (salt, exchange.nonce1, exchange.nonce2)))


def channel_key(secret: bytes, alg: int) -> bytes:
    """SPEC 16.1: the key of a server's tokens, from the Master Secret of its channel."""
    size = {oscore.AES_CCM: 16}.get(alg, 32)
    return HKDF(SHA256(), size, b"", cbor2.dumps(["ACE token key", alg, size])).derive(secret)


def derived_psk(ikm: bytes, token: bytes, size: int) -> bytes:
    """RFC 9202 section 3.3.1: the PSK of a token that names no key."""
    info = cbor2.dumps(["ACE-CoAP-DTLS-key-derivation", size, token])
    return HKDF(SHA256(), size, b"", info).derive(ikm)
