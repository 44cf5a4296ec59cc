"""The backend of CPython: pyca/cryptography."""

import hmac

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from leafkey.crypto.aead import Aead
from leafkey.crypto.ccm import AesCcm
from leafkey.crypto.chacha20 import check_sizes
from leafkey.crypto.chachapoly import ChaChaPoly
from leafkey.crypto.hkdf import check_length
from leafkey.crypto.provider import AES_CCM_16_64_128, CHACHA20_POLY1305, Provider
from leafkey.crypto.signer import Signer
from leafkey.errors import AuthenticationError


class _PycaAead(Aead):
    """An AEAD of the library behind the checks and errors of ours; sizes as in `model`."""

    def __init__(self, model: type[Aead], cipher):
        self.name = model.name
        self.key_size = model.key_size
        self.nonce_size = model.nonce_size
        self.tag_size = model.tag_size
        self.max_size = model.max_size
        self._cipher = cipher

    def _seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        return self._cipher(key).encrypt(nonce, plaintext, aad)

    def _open(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        try:
            return self._cipher(key).decrypt(nonce, ciphertext, aad)
        except InvalidTag:
            raise self._failure() from None


def _ccm(key: bytes) -> AESCCM:
    return AESCCM(key, tag_length=AesCcm.tag_size)


class _SigningKey(Signer):
    def __init__(self, secret: bytes):
        self._key = Ed25519PrivateKey.from_private_bytes(bytes(secret))
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(bytes(message))


class PycaProvider(Provider):
    """Everything from OpenSSL, through pyca/cryptography and the standard library."""

    name = "pyca"

    def __init__(self):
        super().__init__(
            {
                AES_CCM_16_64_128: _PycaAead(AesCcm, _ccm),
                CHACHA20_POLY1305: _PycaAead(ChaChaPoly, ChaCha20Poly1305),
            }
        )

    @staticmethod
    def chacha20_block(key: bytes, nonce16: bytes) -> bytes:
        """Return the 64 bytes of a ChaCha20 block: as `chacha20.block`."""
        check_sizes(key, nonce16)
        return Cipher(algorithms.ChaCha20(key, nonce16), None).encryptor().update(bytes(64))

    def hmac_sha256(self, key: bytes, data: bytes) -> bytes:
        """Return the 32-byte HMAC-SHA-256."""
        return hmac.digest(key, data, "sha256")

    def hkdf_sha256(self, salt: bytes, ikm: bytes, info: bytes, length: int) -> bytes:
        """Return 1 to 8160 bytes of HKDF-SHA-256; ValueError for other lengths."""
        check_length(length)
        return HKDF(SHA256(), length, salt, info).derive(ikm)

    def ed25519_key(self, secret: bytes) -> Signer:
        """Return the signing key of a secret of 32 bytes; ValueError for another size."""
        return _SigningKey(secret)

    def ed25519_verify(self, public: bytes, signature: bytes, message: bytes):
        """Raise AuthenticationError unless it verifies; ValueError for a key's size."""
        key = Ed25519PublicKey.from_public_bytes(bytes(public))
        try:
            key.verify(bytes(signature), bytes(message))
        except InvalidSignature:
            raise AuthenticationError("the signature does not verify") from None
