"""The one interface to cryptography, and which implementation serves this runtime."""

from hashlib import sha256

from leafkey.compat import MICROPYTHON, const
from leafkey.crypto.aead import Aead
from leafkey.crypto.hkdf import hkdf_sha256
from leafkey.crypto.hmac import hmac_sha256
from leafkey.crypto.signer import Signer
from leafkey.errors import UnsupportedError

# AEAD algorithms of COSE (RFC 9053 section 4).
AES_CCM_16_64_128 = const(10)
CHACHA20_POLY1305 = const(24)


class Provider:
    """What Leafkey needs of cryptography. Backends give `name`, a block and a dict of AEADs."""

    name = ""

    def __init__(self, aeads: dict):
        self._aeads = aeads

    @staticmethod
    def chacha20_block(key: bytes, nonce16: bytes) -> bytes:
        """Return the 64 bytes of a ChaCha20 block (RFC 8439 section 2.3).

        The key has 32 bytes; the nonce, state words 12 to 15, has 16. ValueError for other sizes.
        """
        raise NotImplementedError

    def sha256(self, data: bytes) -> bytes:
        """Return the 32-byte SHA-256 digest."""
        return sha256(data).digest()

    def hmac_sha256(self, key: bytes, data: bytes) -> bytes:
        """Return the 32-byte HMAC-SHA-256 (RFC 2104); keys of any size."""
        return hmac_sha256(key, data)

    def hkdf_sha256(self, salt: bytes, ikm: bytes, info: bytes, length: int) -> bytes:
        """Return 1 to 8160 bytes of HKDF-SHA-256 (RFC 5869); ValueError for other lengths."""
        return hkdf_sha256(salt, ikm, info, length)

    def aead(self, alg: int) -> Aead:
        """Return the AEAD of a COSE algorithm number, 10 or 24; UnsupportedError for others."""
        if alg not in self._aeads:
            raise UnsupportedError("the %s backend has no AEAD %d" % (self.name, alg))
        return self._aeads[alg]

    # Few nodes sign or verify: the code for it takes memory on those alone.

    def ed25519_key(self, secret: bytes) -> Signer:
        """Return the signing key of a secret of 32 bytes (RFC 8032); ValueError for another size.

        Where the portable code signs, it does not in constant time: see `ed25519`.
        """
        from leafkey.crypto.ed25519 import SigningKey

        return SigningKey(secret)

    def ed25519_verify(self, public: bytes, signature: bytes, message: bytes):
        """Raise AuthenticationError unless the signature is that of the public key.

        ValueError unless the key has 32 bytes.
        """
        from leafkey.crypto.ed25519 import verify

        verify(public, signature, message)


def default_provider() -> Provider:
    """Return the best provider of this runtime; its `name` tells which one it is.

    CPython takes pyca/cryptography, MicroPython its viper emitter and C modules. The portable one
    serves builds that have neither.
    """
    if MICROPYTHON:
        return _for_micropython()
    try:
        from leafkey.crypto.pyca import PycaProvider
    except ImportError:
        from leafkey.crypto.portable import PortableProvider

        return PortableProvider()
    return PycaProvider()


def _for_micropython() -> Provider:
    # A build without the emitter rejects viper source with SyntaxError and native .mpy files with
    # ValueError; one that leaves the module out, ImportError.
    try:
        from leafkey.crypto.native import NativeProvider
    except (SyntaxError, ValueError, ImportError):
        from leafkey.crypto import cryptolib_aes
        from leafkey.crypto.portable import PortableProvider

        return PortableProvider(cryptolib_aes.if_built_in())
    return NativeProvider()
