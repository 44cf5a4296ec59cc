"""A provider that sees each key and nonce that something is sealed with, at all ends together."""


class Nonces:
    """Stands for `provider`; AssertionError at once if a key and a nonce come together again.

    AssertionError in the middle of an exchange may be caught as nobody expects it: `reused` counts.
    """

    def __init__(self, provider):
        self._provider = provider
        # Numbers, since these take no memory of their own.
        self._seen = set()
        self.reused = 0

    def __getattr__(self, name: str):
        """Everything else is the provider's own."""
        return getattr(self._provider, name)

    def __len__(self) -> int:
        return len(self._seen)

    def aead(self, alg: int) -> "Watched":
        """Return an AEAD that tells of each use."""
        return Watched(self._provider.aead(alg), self)

    def note(self, key: bytes, nonce: bytes):
        """Remember one use; a digest of it is enough."""
        used = int.from_bytes(self._provider.sha256(key + nonce)[:7], "big")
        if used in self._seen:
            self.reused += 1
            raise AssertionError("a nonce was used twice under one key")
        self._seen.add(used)

    def forget(self):
        """Begin anew: for long runs on small heaps."""
        self._seen.clear()


class Watched:
    """One AEAD of a provider."""

    def __init__(self, aead, nonces: Nonces):
        self._aead = aead
        self._nonces = nonces
        self.key_size = aead.key_size
        self.nonce_size = aead.nonce_size
        self.tag_size = aead.tag_size
        self.max_size = aead.max_size

    def encrypt(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """Seal as the AEAD does."""
        self._nonces.note(key, nonce)
        return self._aead.encrypt(key, nonce, aad, plaintext)

    def decrypt(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        """Open as the AEAD does."""
        return self._aead.decrypt(key, nonce, aad, ciphertext)
