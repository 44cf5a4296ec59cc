"""AES-CCM-16-64-128 (RFC 3610, NIST SP 800-38C), COSE algorithm 10 (RFC 9053 section 4.2)."""

from leafkey.compat import const
from leafkey.crypto.aead import Aead
from leafkey.crypto.compare import equal
from leafkey.crypto.xor import xor

_BLOCK_SIZE = const(16)
# Flags of A_i: L - 1. Flags of B_0: Adata, (M - 2) / 2, L - 1, with M = 8 and L = 2.
_COUNTER_FLAGS = const(0x01)
_MAC_FLAGS = const(0x19)
_ADATA = const(0x40)
_LONG_AAD = const(0xFF00)


class AesCcm(Aead):
    """AES-CCM over an AES: one CBC pass makes the MAC, one ECB pass the key stream.

    The AES has `encrypt_ecb(key, data)` and `encrypt_cbc(key, data)`, the latter with an IV of
    zeros; both encrypt a bytearray of whole blocks in place.
    """

    name = "AES-CCM-16-64-128"
    key_size = 16
    nonce_size = 13
    tag_size = 8
    max_size = 65535

    def __init__(self, aes):
        self._aes = aes

    def _seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        stream = self._key_stream(key, nonce, len(plaintext))
        tag = self._mac(key, nonce, aad, plaintext)
        return _crypt(stream, plaintext) + xor(tag, stream[: self.tag_size])

    def _open(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        stream = self._key_stream(key, nonce, len(ciphertext) - self.tag_size)
        plaintext = _crypt(stream, ciphertext[: -self.tag_size])
        tag = xor(ciphertext[-self.tag_size :], stream[: self.tag_size])
        if not equal(tag, self._mac(key, nonce, aad, plaintext)):
            raise self._failure()
        return plaintext

    def _mac(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        flags = _MAC_FLAGS | (_ADATA if len(aad) else 0)
        blocks = bytearray([flags])
        blocks.extend(nonce)
        blocks.extend(len(plaintext).to_bytes(2, "big"))
        if len(aad):
            blocks.extend(_encoded_size(len(aad)))
            blocks.extend(aad)
            blocks.extend(bytes(-len(blocks) % _BLOCK_SIZE))
        blocks.extend(plaintext)
        blocks.extend(bytes(-len(blocks) % _BLOCK_SIZE))
        self._aes.encrypt_cbc(key, blocks)
        return bytes(blocks[-_BLOCK_SIZE : self.tag_size - _BLOCK_SIZE])

    def _key_stream(self, key: bytes, nonce: bytes, size: int) -> bytearray:
        """Return S_0, the mask of the tag, and behind it the key stream for `size` bytes."""
        count = 1 + (size + _BLOCK_SIZE - 1) // _BLOCK_SIZE
        blocks = bytearray((bytes([_COUNTER_FLAGS]) + nonce + b"\x00\x00") * count)
        for i in range(1, count):
            blocks[i * _BLOCK_SIZE + 14] = i >> 8
            blocks[i * _BLOCK_SIZE + 15] = i & 0xFF
        self._aes.encrypt_ecb(key, blocks)
        return blocks


def _crypt(stream: bytearray, data: bytes) -> bytes:
    return xor(data, stream[_BLOCK_SIZE : _BLOCK_SIZE + len(data)])


def _encoded_size(size: int) -> bytes:
    if size < _LONG_AAD:
        return size.to_bytes(2, "big")
    return b"\xff\xfe" + size.to_bytes(4, "big")
