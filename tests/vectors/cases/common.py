"""Inputs that several groups share. Nothing is random: every secret is a hash of its name."""

import hashlib

from tests.vectors.reference import tree
from tests.vectors.reference.protect import Plain, Protected, Token

SUITES = {tree.CHACHA20: "chacha20", tree.SHA256: "sha256"}
AEADS = {10: "aes-ccm", 24: "chacha20-poly1305"}


def secret(name: str) -> bytes:
    """32 bytes, the SHA-256 of "Leafkey test vector: " and the name."""
    return hashlib.sha256(b"Leafkey test vector: " + name.encode()).digest()


def token(
    number: int = 0, suite: int = 1, degree: int = 17, at_len: int = 16, aead: int = 24
) -> Token:
    at = tree.access_token(suite, secret("Ct"), degree, number)
    return Token(at, at_len, aead)


def token_fields(token: Token) -> dict:
    return {
        "suite": token.at.suite,
        "parent": token.at.parent.hex(),
        "child": token.at.child,
        "at_len": token.at_len,
        "aead": token.aead,
    }


def options_json(options) -> list:
    return [[number, value.hex()] for number, value in options]


def exchange(plain: Plain, protected: Protected, **more) -> dict:
    """A message before and after protection, with every value on the way."""
    fields = {
        "code": plain.code,
        "options": options_json(plain.options),
        "payload": plain.payload.hex(),
        **more,
        **protected.steps,
    }
    pat = protected.pat()
    if pat is not None:
        fields["pat"] = pat.hex()
    return {**fields, "message": protected.message().hex()}


def flip(data: bytes, place: int = -1, mask: int = 1) -> bytes:
    changed = bytearray(data)
    changed[place] ^= mask
    return bytes(changed)
