"""One ChaCha20 block (RFC 8439 section 2.3) in viper code for 64-bit machine words.

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
    x0 = uint(0x6170) << 16 | 0x7865
    x1 = uint(0x3320) << 16 | 0x646E
    x2 = uint(0x7962) << 16 | 0x2D32
    x3 = uint(0x6B20) << 16 | 0x6574
    x4 = uint(key[0])
    x5 = uint(key[1])
    x6 = uint(key[2])
    x7 = uint(key[3])
    x8 = uint(key[4])
    x9 = uint(key[5])
    x10 = uint(key[6])
    x11 = uint(key[7])
    x12 = uint(nonce[0])
    x13 = uint(nonce[1])
    x14 = uint(nonce[2])
    x15 = uint(nonce[3])
    mask = uint(0xFFFF) << 16 | 0xFFFF
    double_rounds = 10
    while True:
        b = x4
        a = x0 + b
        d = (x12 ^ a) & mask
        d = d << 16 | d >> 16
        x8 += d
        b = (b ^ x8) & mask
        b = b << 12 | b >> 20
        a += b
        x0 = a
        d = (d ^ a) & mask
        d = d << 8 | d >> 24
        x12 = d
        x8 += d
        b = (b ^ x8) & mask
        b = b << 7 | b >> 25
        x4 = b
        b = x5
        a = x1 + b
        d = (x13 ^ a) & mask
        d = d << 16 | d >> 16
        x9 += d
        b = (b ^ x9) & mask
        b = b << 12 | b >> 20
        a += b
        x1 = a
        d = (d ^ a) & mask
        d = d << 8 | d >> 24
        x13 = d
        x9 += d
        b = (b ^ x9) & mask
        b = b << 7 | b >> 25
        x5 = b
        b = x6
        a = x2 + b
        d = (x14 ^ a) & mask
        d = d << 16 | d >> 16
        x10 += d
        b = (b ^ x10) & mask
        b = b << 12 | b >> 20
        a += b
        x2 = a
        d = (d ^ a) & mask
        d = d << 8 | d >> 24
        x14 = d
        x10 += d
        b = (b ^ x10) & mask
        b = b << 7 | b >> 25
        x6 = b
        b = x7
        a = x3 + b
        d = (x15 ^ a) & mask
        d = d << 16 | d >> 16
        x11 += d
        b = (b ^ x11) & mask
        b = b << 12 | b >> 20
        a += b
        x3 = a
        d = (d ^ a) & mask
        d = d << 8 | d >> 24
        x15 = d
        x11 += d
        b = (b ^ x11) & mask
        b = b << 7 | b >> 25
        x7 = b
        b = x5
        a = x0 + b
        d = (x15 ^ a) & mask
        d = d << 16 | d >> 16
        x10 += d
        b = (b ^ x10) & mask
        b = b << 12 | b >> 20
        a += b
        x0 = a
        d = (d ^ a) & mask
        d = d << 8 | d >> 24
        x15 = d
        x10 += d
        b = (b ^ x10) & mask
        b = b << 7 | b >> 25
        x5 = b
        b = x6
        a = x1 + b
        d = (x12 ^ a) & mask
        d = d << 16 | d >> 16
        x11 += d
        b = (b ^ x11) & mask
        b = b << 12 | b >> 20
        a += b
        x1 = a
        d = (d ^ a) & mask
        d = d << 8 | d >> 24
        x12 = d
        x11 += d
        b = (b ^ x11) & mask
        b = b << 7 | b >> 25
        x6 = b
        b = x7
        a = x2 + b
        d = (x13 ^ a) & mask
        d = d << 16 | d >> 16
        x8 += d
        b = (b ^ x8) & mask
        b = b << 12 | b >> 20
        a += b
        x2 = a
        d = (d ^ a) & mask
        d = d << 8 | d >> 24
        x13 = d
        x8 += d
        b = (b ^ x8) & mask
        b = b << 7 | b >> 25
        x7 = b
        b = x4
        a = x3 + b
        d = (x14 ^ a) & mask
        d = d << 16 | d >> 16
        x9 += d
        b = (b ^ x9) & mask
        b = b << 12 | b >> 20
        a += b
        x3 = a
        d = (d ^ a) & mask
        d = d << 8 | d >> 24
        x14 = d
        x9 += d
        b = (b ^ x9) & mask
        b = b << 7 | b >> 25
        x4 = b
        double_rounds -= 1
        if double_rounds == 0:
            break
    out[0] = (uint(0x6170) << 16 | 0x7865) + x0
    out[1] = (uint(0x3320) << 16 | 0x646E) + x1
    out[2] = (uint(0x7962) << 16 | 0x2D32) + x2
    out[3] = (uint(0x6B20) << 16 | 0x6574) + x3
    out[4] = uint(key[0]) + x4
    out[5] = uint(key[1]) + x5
    out[6] = uint(key[2]) + x6
    out[7] = uint(key[3]) + x7
    out[8] = uint(key[4]) + x8
    out[9] = uint(key[5]) + x9
    out[10] = uint(key[6]) + x10
    out[11] = uint(key[7]) + x11
    out[12] = uint(nonce[0]) + x12
    out[13] = uint(nonce[1]) + x13
    out[14] = uint(nonce[2]) + x14
    out[15] = uint(nonce[3]) + x15
