"""The ChaCha20 block for runtimes with MicroPython's viper emitter, on little-endian machines."""

# Viper compares native integers only, hence `int(len(...))`.
# ruff: noqa: RUF046
# pyright: reportUndefinedVariable=false, reportArgumentType=false

import sys

import micropython

from leafkey.crypto.chacha20 import check_sizes

if sys.byteorder != "little":
    raise ImportError("the viper block reads its words little endian")
if sys.maxsize > 0x7FFFFFFF:
    from leafkey.crypto.chacha20_viper64 import write_block
else:
    from leafkey.crypto.chacha20_viper32 import write_block


@micropython.viper
def block(key, nonce16):
    """Return the 64 bytes of one block: as `chacha20.block`."""
    if int(len(key)) != 32 or int(len(nonce16)) != 16:
        check_sizes(key, nonce16)
    # Words are read in place; slices of memoryviews and frozen literals need not be aligned.
    if uint(ptr32(key)) & 3:
        key = bytearray(key)
    if uint(ptr32(nonce16)) & 3:
        nonce16 = bytearray(nonce16)
    out = bytearray(64)
    write_block(0, 0, 0, out, key, nonce16)
    return bytes(out)
