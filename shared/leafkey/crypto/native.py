"""The backend of MicroPython: viper code, and what the firmware has in C."""

from leafkey.crypto import chacha20_viper, cryptolib_aes
from leafkey.crypto.ccm import AesCcm
from leafkey.crypto.chachapoly import ChaChaPoly
from leafkey.crypto.provider import AES_CCM_16_64_128, CHACHA20_POLY1305, Provider


class NativeProvider(Provider):
    """ChaCha20 in viper, SHA-256 of `hashlib`, AES-CCM where `cryptolib.aes` is built in."""

    name = "native"
    chacha20_block = staticmethod(chacha20_viper.block)

    def __init__(self):
        aeads: dict = {CHACHA20_POLY1305: ChaChaPoly(chacha20_viper.block)}
        aes = cryptolib_aes.if_built_in()
        if aes is not None:
            aeads[AES_CCM_16_64_128] = AesCcm(aes)
        super().__init__(aeads)
