"""AES-128 encryption with MicroPython's `cryptolib`, in the form that `ccm.AesCcm` takes."""

from leafkey.compat import const

_ECB = const(1)
_CBC = const(2)
_ZERO_IV = b"\x00" * 16


class CryptolibAes:
    """ECB and CBC of whole blocks, in place, over the class `cryptolib.aes`."""

    def __init__(self, aes):
        self._aes = aes

    def encrypt_ecb(self, key: bytes, data: bytearray):
        """Encrypt each block of `data` by itself."""
        self._aes(key, _ECB).encrypt(data, data)

    def encrypt_cbc(self, key: bytes, data: bytearray):
        """Encrypt `data` in a chain that begins with zeros."""
        self._aes(key, _CBC, _ZERO_IV).encrypt(data, data)


def if_built_in() -> CryptolibAes | None:
    """Return the AES of this build, None if it has none."""
    try:
        from cryptolib import aes
    except ImportError:
        return None
    return CryptolibAes(aes)
