"""The family F(v, k, i) in its two suites (SPEC section 2)."""

from leafkey.compat import const
from leafkey.errors import UnsupportedError

# Labels v. G makes children; g1..g4 of the draft make the four keys of an AT.
G = const(0)
VERIF_K = const(1)
PSK = const(2)
INT_K = const(3)
CONF_K = const(4)
PSEUDONYM = const(5)
ENDORSEMENT = const(6)
RATCHET = const(7)
COMMAND = const(8)
PROBE = const(9)
HINT = const(10)
RECEIPT = const(11)
# Key trees of groups (SPEC-GROUP section 6).
TREE_STEP = const(12)
TREE_SEAL = const(13)

CHACHA20 = const(1)
SHA256 = const(2)
SUITES = {"chacha20": CHACHA20, "sha256": SHA256}


class ChaCha20Suite:
    """F is the first half of the ChaCha20 block with counter i and nonce v, as in the draft."""

    number = CHACHA20

    def __init__(self, provider):
        self._block = provider.chacha20_block

    def f(self, label: int, key: bytes, index: int) -> bytes:
        """Return F(label, key, index): 32 bytes, from a key of 32 bytes."""
        return self._block(key, index.to_bytes(8, "little") + label.to_bytes(8, "little"))[:32]


class Sha256Suite:
    """F is SHA-256 over key, label and index: the draft's hash option, one compression."""

    number = SHA256

    def __init__(self, provider):
        self._sha256 = provider.sha256

    def f(self, label: int, key: bytes, index: int) -> bytes:
        """Return F(label, key, index): 32 bytes, from a key of 32 bytes."""
        return self._sha256(key + label.to_bytes(8, "little") + index.to_bytes(8, "little"))


def suite(provider, number: int):
    """Return the suite of that number (SPEC section 2); UnsupportedError for another."""
    if number == CHACHA20:
        return ChaCha20Suite(provider)
    if number == SHA256:
        return Sha256Suite(provider)
    raise UnsupportedError("no suite has this number; known are 1 (chacha20) and 2 (sha256)")
