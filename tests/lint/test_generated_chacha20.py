"""The generated viper modules: up to date, and right for both word sizes on a model of viper."""

from pathlib import Path

import pytest

from leafkey.crypto import chacha20
from tests.support import vectors
from tests.tools import generate_chacha20

ROOT = Path(__file__).resolve().parents[2]


class Word:
    """Viper's `uint`: wraps at the machine word, shifts right without a sign."""

    bits = 0

    def __init__(self, value):
        self.value = int(value) % (1 << self.bits)

    def __int__(self):
        return self.value

    def __add__(self, other):
        return type(self)(self.value + int(other))

    def __xor__(self, other):
        return type(self)(self.value ^ int(other))

    def __or__(self, other):
        return type(self)(self.value | int(other))

    def __and__(self, other):
        return type(self)(self.value & int(other))

    def __lshift__(self, count):
        return type(self)(self.value << count)

    def __rshift__(self, count):
        return type(self)(self.value >> count)


class Memory:
    """Viper's `ptr32`: stores keep the low 32 bits."""

    def __init__(self, data: bytes):
        self.data = bytearray(data)

    def __getitem__(self, index):
        return int.from_bytes(self.data[4 * index : 4 * index + 4], "little")

    def __setitem__(self, index, word):
        low = int(word) & 0xFFFFFFFF
        self.data[4 * index : 4 * index + 4] = low.to_bytes(4, "little")


def modelled_block(bits: int):
    """Return the block function that a runtime with words of `bits` would have."""
    word = type("Word", (Word,), {"bits": bits})
    code = generate_chacha20.source(bits).replace("import micropython\n", "")
    names: dict = {"uint": word, "ptr32": Memory}
    exec(code.replace("@micropython.viper\n", ""), names)

    def block(key: bytes, nonce16: bytes) -> bytes:
        out = Memory(bytes(64))
        zeros = (word(0), word(0), word(0))
        names["write_block"](*zeros, out, Memory(key), Memory(nonce16))
        return bytes(out.data)

    return block


@pytest.mark.parametrize("bits", [32, 64])
def test_committed_file_is_what_the_generator_writes(bits):
    committed = (ROOT / generate_chacha20.path(bits)).read_text(encoding="utf-8")
    assert committed == generate_chacha20.source(bits), (
        "run: python -m tests.tools.generate_chacha20"
    )


@pytest.mark.parametrize("bits", [32, 64])
def test_vectors_on_a_model_of_viper(bits):
    block = modelled_block(bits)
    for name, case in vectors.load("crypto/chacha20_block"):
        if case["expect"] == "ok":
            key, nonce16, expected = (vectors.unhex(case[k]) for k in ("key", "nonce16", "block"))
            assert block(key, nonce16) == expected == chacha20.block(key, nonce16), name


def test_masks_are_in_the_64_bit_module_only():
    assert "mask" not in generate_chacha20.source(32)
    assert generate_chacha20.source(64).count("& mask") == 4 * 8


@pytest.mark.parametrize("bits", [32, 64])
def test_constants_are_small_integers_on_32_bit_machines(bits):
    for line in generate_chacha20.body(bits):
        for text in line.replace("(", " ").replace(")", " ").split():
            assert not text.startswith("0x") or int(text, 16) < 1 << 16
