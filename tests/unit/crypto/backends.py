"""The backends that this runtime must have: each of them runs the whole conformance suite."""

from leafkey.compat import MICROPYTHON
from leafkey.crypto.portable import PortableProvider


def all_backends() -> list:
    """Return one provider of each kind; a backend that cannot be loaded is an error."""
    if MICROPYTHON:
        from leafkey.crypto.cryptolib_aes import if_built_in
        from leafkey.crypto.native import NativeProvider

        return [NativeProvider(), PortableProvider(if_built_in())]
    from leafkey.crypto.pyca import PycaProvider

    return [PycaProvider(), PortableProvider(OpensslAes())]


class OpensslAes:
    """AES of OpenSSL in the form that `ccm.AesCcm` takes."""

    def encrypt_ecb(self, key: bytes, data: bytearray):
        """Encrypt each block of `data` by itself, in place."""
        from cryptography.hazmat.primitives.ciphers import modes

        self._encrypt(key, modes.ECB(), data)

    def encrypt_cbc(self, key: bytes, data: bytearray):
        """Encrypt `data` in a chain that begins with zeros, in place."""
        from cryptography.hazmat.primitives.ciphers import modes

        self._encrypt(key, modes.CBC(bytes(16)), data)

    def _encrypt(self, key: bytes, mode, data: bytearray):
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

        data[:] = Cipher(algorithms.AES(key), mode).encryptor().update(bytes(data))
