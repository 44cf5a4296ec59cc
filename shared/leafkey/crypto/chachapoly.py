"""AEAD_CHACHA20_POLY1305 (RFC 8439 section 2.8), COSE algorithm 24 (RFC 9053 section 4.3)."""

import struct

from leafkey.crypto import chacha20
from leafkey.crypto.aead import Aead
from leafkey.crypto.compare import equal
from leafkey.crypto.poly1305 import mac


class ChaChaPoly(Aead):
    """ChaCha20/Poly1305 over a ChaCha20 block function."""

    name = "ChaCha20/Poly1305"
    key_size = 32
    nonce_size = 12
    tag_size = 16
    # P_MAX of section 2.8: what a 32-bit counter leaves behind the block of the Poly1305 key.
    max_size = 64 * ((1 << 32) - 1)

    def __init__(self, block):
        self._block = block

    def _seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        ciphertext = self._crypt(key, nonce, plaintext)
        return ciphertext + self._tag(key, nonce, aad, ciphertext)

    def _open(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        body = ciphertext[: -self.tag_size]
        if not equal(self._tag(key, nonce, aad, body), ciphertext[-self.tag_size :]):
            raise self._failure()
        return self._crypt(key, nonce, body)

    def _crypt(self, key: bytes, nonce: bytes, data: bytes) -> bytes:
        return chacha20.xor(self._block, key, b"\x01\x00\x00\x00" + nonce, data)

    def _tag(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        one_time_key = self._block(key, b"\x00\x00\x00\x00" + nonce)[:32]
        sizes = struct.pack("<QQ", len(aad), len(ciphertext))
        return mac(one_time_key, _padded(aad) + _padded(ciphertext) + sizes)


def _padded(data: bytes) -> bytes:
    return bytes(data) + bytes(-len(data) % 16)
