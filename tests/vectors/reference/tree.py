"""SPEC.md sections 2 and 3: the functions, the tree, the keys of an AT, pseudonyms."""

import hashlib
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

CHACHA20 = 1
SHA256 = 2

CHILD = 0
VERIF_KEY = 1
PSK = 2
INT_KEY = 3
CONF_KEY = 4
PSEUDONYM = 5
PROBE_KEY = 9
HINT_KEY = 10


class At(NamedTuple):
    """One access token: where it lies, and the node above it, from which its keys come."""

    suite: int
    number: int
    level: int
    child: int
    parent: bytes
    at: bytes

    def key(self, label: int) -> bytes:
        return f(self.suite, label, self.parent, self.child)


def le64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def f(suite: int, label: int, key: bytes, index: int) -> bytes:
    """F(v, k, i) of section 2."""
    if suite == SHA256:
        return hashlib.sha256(key + le64(label) + le64(index)).digest()
    cipher = Cipher(ChaCha20(key, le64(index) + le64(label)), mode=None)
    return cipher.encryptor().update(bytes(32))


def node(suite: int, start: bytes, address: list[int]) -> bytes:
    """The node that `address` leads to from `start` (section 3.1)."""
    for index in address:
        start = f(suite, CHILD, start, index)
    return start


def access_token(suite: int, ct: bytes, degree: int, number: int) -> At:
    """AT number `number` under `ct` (section 3.2)."""
    level, child = number // (degree - 1), number % (degree - 1) + 1
    parent = node(suite, ct, [degree] * level)
    return At(suite, number, level, child, parent, f(suite, CHILD, parent, child))


def pseudonym(suite: int, ct: bytes, number: int) -> bytes:
    """Pseudonym `number` of the holder of `ct` (section 3.4); number 0 is PsK itself."""
    psk = f(suite, PSEUDONYM, ct, 1)
    return f(suite, PSEUDONYM, psk, number) if number else psk
