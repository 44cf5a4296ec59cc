"""The backend in plain Python, for any runtime."""

from leafkey.crypto import chacha20
from leafkey.crypto.ccm import AesCcm
from leafkey.crypto.chachapoly import ChaChaPoly
from leafkey.crypto.provider import AES_CCM_16_64_128, CHACHA20_POLY1305, Provider


class PortableProvider(Provider):
    """ChaCha20 and Poly1305 in Python; AES-CCM only over an AES given (see `ccm.AesCcm`)."""

    name = "portable"
    chacha20_block = staticmethod(chacha20.block)

    def __init__(self, aes: object | None = None):
        aeads: dict = {CHACHA20_POLY1305: ChaChaPoly(chacha20.block)}
        if aes is not None:
            aeads[AES_CCM_16_64_128] = AesCcm(aes)
        super().__init__(aeads)
