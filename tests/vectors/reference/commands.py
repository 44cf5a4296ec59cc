"""SPEC.md section 9.3: sealed commands, receipts, the St of a ratchet."""

from typing import NamedTuple

from tests.vectors.reference import tokens, tree
from tests.vectors.reference.protect import AES_CCM, seal

NEXT_ST = 7
COMMAND = 8
RECEIPT = 11
NAMES = {COMMAND: "PAT-C", RECEIPT: "PAT-R"}

CHANGE, RATCHET = 1, 2
TAKEN = 0


class Epoch(NamedTuple):
    """What seals commands and receipts while one St is in force."""

    suite: int
    aead: int
    st: bytes
    audience: str
    epoch: int

    def command(self, kind: int, named: dict) -> dict:
        """The steps of a command of version named["version"]."""
        plaintext = tokens.dumps([kind, tokens.parameters(named)])
        return self.sealed(COMMAND, named["version"], plaintext)

    def receipt(self, version: int, result: int = TAKEN) -> dict:
        return self.sealed(RECEIPT, version, tokens.dumps(result))

    def sealed(self, label: int, version: int, plaintext: bytes) -> dict:
        """Every value on the way, hexadecimal; `encoded` is what travels."""
        ccm = self.aead == AES_CCM
        key = tree.f(self.suite, label, self.st, version)[: 16 if ccm else 32]
        aad = tokens.dumps([NAMES[label], self.audience, self.epoch, version])
        ciphertext = seal(self.aead, key, bytes(13 if ccm else 12), aad, plaintext)
        encoded = tokens.dumps([self.epoch, version, ciphertext])
        values = {"key": key, "aad": aad, "plaintext": plaintext, "encoded": encoded}
        return {name: value.hex() for name, value in values.items()}

    def next_st(self) -> bytes:
        return tree.f(self.suite, NEXT_ST, self.st, self.epoch + 1)
