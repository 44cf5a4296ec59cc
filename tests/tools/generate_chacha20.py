"""Writes the two viper ChaCha20 modules: python -m tests.tools.generate_chacha20

They differ in one thing. Viper integers are as wide as the machine word: with 64 bits, what is
shifted right must lose the bits above 32 first; with 32 bits such a mask would be dead weight, and
0xffffffff is no small integer there. What both rest on:

- Only the first three arguments of a viper function live in registers, so b, d and a of the quarter
  round are arguments; the sixteen state words are locals on the stack, unrolled.
- Sums and left shifts may carry garbage above bit 32, because garbage only moves upwards: one mask
  before each rotation is enough.
- Constants are built from halves, because 31-bit small integers end at 0x3fffffff.
- `while True` with a test at its end: a conditional jump over the whole round is out of range of
  what mpy-cross before 1.29 writes for armv6m and xtensawin.
"""

import sys

DIRECTORY = "shared/leafkey/crypto/"

# RFC 8439 section 2.3: four column rounds, then four diagonal rounds.
QUARTER_ROUNDS = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)
CONSTANTS = (0x61707865, 0x3320646E, 0x79622D32, 0x6B206574)

HEADER = '''\
"""One ChaCha20 block (RFC 8439 section 2.3) in viper code for {bits}-bit machine words.

Written by tests/tools/generate_chacha20.py, which explains its form; do not edit.
"""

# pyright: reportUndefinedVariable=false
# ruff: noqa: PLR0915

import micropython


@micropython.viper
def write_block(b: uint, d: uint, a: uint, out: ptr32, key: ptr32, nonce: ptr32):
    """Write the 64 bytes of a block to `out`, from a key of 32 bytes and a nonce of 16 bytes.

    The nonce is state words 12 to 15. All three must be aligned to 4 bytes. b, d and a are working
    registers: pass 0.
    """
'''


def initial(index: int) -> str:
    """Return the expression of word `index` of the initial state."""
    if index < 4:
        high, low = CONSTANTS[index] >> 16, CONSTANTS[index] & 0xFFFF
        return f"uint(0x{high:04X}) << 16 | 0x{low:04X}"
    if index < 12:
        return f"uint(key[{index - 4}])"
    return f"uint(nonce[{index - 12}])"


def rotation(register: str, value: str, count: int, bits: int) -> list[str]:
    """Return the statements that put `value` into `register`, rotated left by `count` of 32."""
    return [
        f"{register} = ({value}) & mask" if bits == 64 else f"{register} = {value}",
        f"{register} = {register} << {count} | {register} >> {32 - count}",
    ]


def quarter_round(words: tuple[int, ...], bits: int) -> list[str]:
    """Return the statements of a quarter round (RFC 8439 section 2.1) on four word numbers."""
    xa, xb, xc, xd = (f"x{word}" for word in words)
    return [
        f"b = {xb}",
        f"a = {xa} + b",
        *rotation("d", f"{xd} ^ a", 16, bits),
        f"{xc} += d",
        *rotation("b", f"b ^ {xc}", 12, bits),
        "a += b",
        f"{xa} = a",
        *rotation("d", "d ^ a", 8, bits),
        f"{xd} = d",
        f"{xc} += d",
        *rotation("b", f"b ^ {xc}", 7, bits),
        f"{xb} = b",
    ]


def body(bits: int) -> list[str]:
    """Return the statements of `write_block`."""
    double_round = [line for words in QUARTER_ROUNDS for line in quarter_round(words, bits)]
    return [
        *(f"x{i} = {initial(i)}" for i in range(16)),
        *(["mask = uint(0xFFFF) << 16 | 0xFFFF"] if bits == 64 else []),
        "double_rounds = 10",
        "while True:",
        *("    " + line for line in double_round),
        "    double_rounds -= 1",
        "    if double_rounds == 0:",
        "        break",
        *(f"out[{i}] = ({initial(i)}) + x{i}" for i in range(4)),
        *(f"out[{i}] = {initial(i)} + x{i}" for i in range(4, 16)),
    ]


def source(bits: int) -> str:
    """Return the module for words of `bits` (32 or 64) as text."""
    return HEADER.format(bits=bits) + "".join(f"    {line}\n" for line in body(bits))


def path(bits: int) -> str:
    """Return the path, from the root of the checkout, of the module for words of `bits`."""
    return f"{DIRECTORY}chacha20_viper{bits}.py"


def main() -> int:
    """Write both modules; run from the root of the checkout."""
    for bits in (32, 64):
        with open(path(bits), "w", encoding="utf-8") as file:
            file.write(source(bits))
    return 0


if __name__ == "__main__":
    sys.exit(main())
