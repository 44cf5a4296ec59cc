"""What every AEAD does before and after its cipher: sizes, limits, one kind of failure."""

from leafkey.errors import AuthenticationError, EncodeError


class Aead:
    """An AEAD of COSE. Subclasses give the sizes, in bytes, and `_seal` and `_open`.

    `_open` raises AuthenticationError and returns nothing of an unauthentic plaintext.
    """

    name = ""
    key_size = 0
    nonce_size = 0
    tag_size = 0
    # The longest plaintext.
    max_size = 0

    def encrypt(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """Return ciphertext and tag; never twice with one key and nonce.

        ValueError for a wrong size of key or nonce, EncodeError for a plaintext over `max_size`.
        """
        self._check_sizes(key, nonce)
        if len(plaintext) > self.max_size:
            raise EncodeError("%s takes at most %d bytes" % (self.name, self.max_size))
        return self._seal(key, nonce, aad, plaintext)

    def decrypt(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        """Return the plaintext of ciphertext and tag, or raise AuthenticationError.

        ValueError for a wrong size of key or nonce.
        """
        self._check_sizes(key, nonce)
        if not self.tag_size <= len(ciphertext) <= self.max_size + self.tag_size:
            raise AuthenticationError(self.name + " ciphertext of an impossible size")
        return self._open(key, nonce, aad, ciphertext)

    def _check_sizes(self, key: bytes, nonce: bytes):
        if len(key) != self.key_size or len(nonce) != self.nonce_size:
            wanted = (self.name, self.key_size, self.nonce_size, len(key), len(nonce))
            raise ValueError("%s needs a key of %d and a nonce of %d bytes, got %d, %d" % wanted)

    def _seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        raise NotImplementedError

    def _open(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        raise NotImplementedError

    def _failure(self) -> AuthenticationError:
        return AuthenticationError(self.name + " tag does not verify")
