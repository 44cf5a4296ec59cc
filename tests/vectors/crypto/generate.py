"""Writes the vectors of this directory: python tests/vectors/crypto/generate.py [directory]

Independent of Leafkey: every output comes from pyca/cryptography or the standard library, and is
compared with what the RFC prints where the case carries an RFC's name. The inputs are fixed, so a
second run reproduces the files byte for byte.
"""

import hashlib
import hmac
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.poly1305 import Poly1305

SUNSCREEN = (
    b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    b"sunscreen would be it."
)
KEY = bytes(range(32))
ONES = b"\xff"


def noise(label, size):
    """Return bytes that look random and never change."""
    out = b""
    while len(out) < size:
        out += hashlib.sha256(b"%s %d" % (label.encode(), len(out))).digest()
    return out[:size]


def case(name, expect="ok", **fields):
    """Return one case; bytes become hexadecimal text."""
    return {
        "name": name,
        "expect": expect,
        **{k: v.hex() if isinstance(v, bytes) else v for k, v in fields.items()},
    }


def same(computed, printed):
    """Return `computed`, which must be what the RFC prints."""
    if computed != bytes.fromhex(printed):
        raise SystemExit("differs from the RFC: " + computed.hex())
    return computed


def chacha20(key, nonce16, data):
    """Return data XOR key stream; pyca takes the counter and the nonce as one."""
    return Cipher(algorithms.ChaCha20(key, nonce16), None).encryptor().update(data)


def block_case(name, key, nonce16, printed=None):
    block = chacha20(key, nonce16, bytes(64))
    if printed:
        same(block, printed)
    return case(name, key=key, nonce16=nonce16, block=block)


def block_cases():
    zero, one = bytes(32), bytes(31) + b"\x01"
    rfc = bytes.fromhex("01000000000000090000004a00000000")
    return [
        block_case(
            "RFC 8439 2.3.2",
            KEY,
            rfc,
            "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
            "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e",
        ),
        block_case(
            "RFC 8439 A.1 1",
            zero,
            bytes(16),
            "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
            "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
        ),
        block_case(
            "RFC 8439 A.1 2",
            zero,
            b"\x01" + bytes(15),
            "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
            "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
        ),
        block_case("RFC 8439 A.1 3", one, b"\x01" + bytes(15)),
        block_case("RFC 8439 A.1 4", b"\x00\xff" + bytes(30), b"\x02" + bytes(15)),
        block_case("RFC 8439 A.1 5", zero, bytes(15) + b"\x02"),
        block_case("64-bit counter over 32 bits", KEY, bytes(4) + b"\x01" + bytes(11)),
        block_case("counter and label as in PAT", KEY, b"\x03" + bytes(7) + b"\x04" + bytes(7)),
        block_case("all ones", ONES * 32, ONES * 16),
        block_case("top bits only", b"\x00\x00\x00\x80" * 8, b"\x00\x00\x00\x80" * 4),
        block_case("all but the top bits", b"\xff\xff\xff\x7f" * 8, b"\xff\xff\xff\x7f" * 4),
        *(block_case(f"noise {i}", noise(f"k{i}", 32), noise(f"n{i}", 16)) for i in range(4)),
        case("key of 31 bytes", "ValueError", key=KEY[:31], nonce16=bytes(16)),
        case("key of 33 bytes", "ValueError", key=KEY + b"\x00", nonce16=bytes(16)),
        case("key of 64 bytes", "ValueError", key=KEY + KEY, nonce16=bytes(16)),
        case("no key", "ValueError", key=b"", nonce16=bytes(16)),
        case("nonce of 12 bytes", "ValueError", key=KEY, nonce16=bytes(12)),
        case("nonce of 17 bytes", "ValueError", key=KEY, nonce16=bytes(17)),
    ]


def stream_cases():
    nonce = bytes.fromhex("000000000000004a00000000")
    encrypted = chacha20(KEY, b"\x01\x00\x00\x00" + nonce, SUNSCREEN)
    same(
        encrypted,
        "6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd"
        "62b3571639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818c"
        "e91ab77937365af90bbf74a35be6b40b8eedf2785e42874d",
    )
    cases = [
        case(
            "RFC 8439 2.4.2",
            key=KEY,
            nonce16=b"\x01\x00\x00\x00" + nonce,
            data=SUNSCREEN,
            result=encrypted,
        )
    ]
    for size in (0, 1, 63, 64, 65, 128):
        data = noise("stream", size)
        result = chacha20(KEY, bytes(4) + nonce, data)
        cases.append(
            case(f"{size} bytes", key=KEY, nonce16=bytes(4) + nonce, data=data, result=result)
        )
    last = {"key": KEY, "nonce16": ONES * 4 + nonce}
    result = chacha20(last["key"], last["nonce16"], bytes(64))
    cases.append(case("the last counter", "ok", **last, data=bytes(64), result=result))
    cases.append(case("one byte past the last counter", "EncodeError", **last, data=bytes(65)))
    return cases


def poly1305_case(name, r, s, message, printed=None):
    tag = Poly1305.generate_tag(r + s, message)
    if printed:
        same(tag, printed)
    return case(name, key=r + s, message=message, tag=tag)


def number(*values):
    """Return little-endian 16-byte numbers."""
    return b"".join(value.to_bytes(16, "little") for value in values)


def poly1305_cases():
    key = bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
    text = b"Cryptographic Forum Research Group"
    one, two, top = number(1), number(2), (1 << 128) - 1
    carry = number(1 | 4 << 64)
    blocks = bytes.fromhex(
        "e33594d7505e43b900000000000000003394d7505e4379cd01000000000000000000000000000000"
        "00000000000000000100000000000000" + "00" * 8
    )
    return [
        poly1305_case(
            "RFC 8439 2.5.2", key[:16], key[16:], text, "a8061dc1305136c6c22b8baf0c0127a9"
        ),
        poly1305_case("RFC 8439 A.3 1", bytes(16), bytes(16), bytes(64), "00" * 16),
        poly1305_case("RFC 8439 A.3 7", two, bytes(16), number(top), "03" + "00" * 15),
        poly1305_case("RFC 8439 A.3 8", two, ONES * 16, two, "03" + "00" * 15),
        poly1305_case(
            "RFC 8439 A.3 9", one, bytes(16), number(top, top - 15, 0x11), "05" + "00" * 15
        ),
        poly1305_case(
            "RFC 8439 A.3 10",
            one,
            bytes(16),
            ONES * 16 + b"\xfb" + b"\xfe" * 15 + b"\x01" * 16,
            "00" * 16,
        ),
        poly1305_case("RFC 8439 A.3 11", two, bytes(16), number(top - 2), "fa" + "ff" * 15),
        poly1305_case("carries", carry, bytes(16), blocks),
        *(
            poly1305_case(f"{n} bytes", key[:16], key[16:], text[:n])
            for n in (0, 1, 15, 16, 17, 32)
        ),
        poly1305_case("all ones", ONES * 16, ONES * 16, ONES * 48),
        case("key of 31 bytes", "ValueError", key=key[:31], message=text),
    ]


def aead_case(seal, name, key, nonce, aad, plaintext, printed=None):
    ciphertext = seal(key, nonce, aad, plaintext)
    if printed:
        same(ciphertext, printed)
    return case(name, key=key, nonce=nonce, aad=aad, plaintext=plaintext, ciphertext=ciphertext)


def flipped(data, index):
    """Return data with the lowest bit of one byte turned over."""
    data = bytearray(data)
    data[index] ^= 1
    return bytes(data)


def aead_failures(seal, key, nonce, tag_size):
    aad, plaintext = b"associated", noise("plaintext", 40)
    good = seal(key, nonce, aad, plaintext)
    bare = seal(key, nonce, aad, b"")

    def failure(name, ciphertext, expect="AuthenticationError", **change):
        given = {"key": key, "nonce": nonce, "aad": aad, **change}
        return case(name, expect, **given, ciphertext=ciphertext)

    return [
        failure("tag flipped at its start", flipped(good, -tag_size)),
        failure("tag flipped at its end", flipped(good, -1)),
        failure("ciphertext flipped", flipped(good, 0)),
        failure("aad flipped", good, aad=flipped(aad, 0)),
        failure("aad cut", good, aad=aad[:-1]),
        failure("no aad", good, aad=b""),
        failure("aad moved into the ciphertext", aad + good, aad=b""),
        failure("other nonce", good, nonce=flipped(nonce, -1)),
        failure("other key", good, key=flipped(key, 0)),
        failure("last byte cut", good[:-1]),
        failure("first byte cut", good[1:]),
        failure("byte appended", good + b"\x00"),
        failure("tag alone", good[-tag_size:]),
        failure("tag of zeros", good[:-tag_size] + bytes(tag_size)),
        failure("plaintext without tag", plaintext),
        failure("tag of nothing flipped", flipped(bare, 0)),
        failure("shorter than a tag", bare[:-1]),
        failure("one byte", bare[:1]),
        failure("nothing", b""),
        failure("key one byte short", good, "ValueError", key=key[:-1]),
        failure("key one byte long", good, "ValueError", key=key + b"\x00"),
        failure("nonce one byte short", good, "ValueError", nonce=nonce[:-1]),
        failure("nonce one byte long", good, "ValueError", nonce=nonce + b"\x00"),
        failure("no nonce", good, "ValueError", nonce=b""),
    ]


def aead_sizes(seal, key, nonce):
    sizes = [(0, 0), (0, 1), (1, 0), (13, 15), (14, 16), (15, 17), (16, 63), (30, 64), (31, 65)]
    for aad, text in [*sizes, (300, 200), (0, 1024)]:
        name = f"{aad} bytes of aad, {text} of plaintext"
        yield aead_case(seal, name, key, nonce, noise("aad", aad), noise("text", text))


def seal_ccm(key, nonce, aad, plaintext):
    return AESCCM(key, tag_length=8).encrypt(nonce, plaintext, aad)


def ccm_cases():
    key, header = bytes(range(0xC0, 0xD0)), bytes(range(8))

    def packet(number, size, printed):
        nonce = number.to_bytes(4, "big") + bytes([number - 1, number - 2, number - 3])
        nonce += bytes(range(0xA0, 0xA6))
        payload = bytes(range(8, 8 + size))
        return aead_case(seal_ccm, f"RFC 3610 8 {number - 2}", key, nonce, header, payload, printed)

    key2, nonce2 = noise("ccm key", 16), noise("ccm nonce", 13)
    return [
        packet(3, 23, "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0"),
        packet(4, 24, "72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916"),
        packet(5, 25, "51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da8596574adaa76fbd9fb0c5"),
        *aead_sizes(seal_ccm, key2, nonce2),
        *aead_failures(seal_ccm, key2, nonce2, 8),
    ]


def large_ccm_cases():
    key, nonce = noise("ccm key", 16), noise("ccm nonce", 13)
    cases = []
    for aad, text in [(0, 16 * 257), (0, 65535), (0xFEFF, 16), (0xFF00, 16), (0x10005, 0)]:
        digest = hashlib.sha256(seal_ccm(key, nonce, bytes(aad), bytes(text))).digest()
        name = f"{aad} bytes of aad, {text} of plaintext"
        fields = {"key": key, "nonce": nonce, "aad_size": aad, "plaintext_size": text}
        cases.append(case(name, "ok", **fields, sha256=digest))
    fields = {"key": key, "nonce": nonce, "aad_size": 0, "plaintext_size": 65536}
    cases.append(case("one byte more than the length field counts", "EncodeError", **fields))
    return cases


def seal_chachapoly(key, nonce, aad, plaintext):
    return ChaCha20Poly1305(key).encrypt(nonce, plaintext, aad)


def chachapoly_cases():
    key, nonce = noise("chachapoly key", 32), noise("chachapoly nonce", 12)
    return [
        aead_case(
            seal_chachapoly,
            "RFC 8439 2.8.2",
            bytes(range(0x80, 0xA0)),
            bytes.fromhex("070000004041424344454647"),
            bytes.fromhex("50515253c0c1c2c3c4c5c6c7"),
            SUNSCREEN,
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69"
            "da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945"
            "585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
        ),
        *aead_sizes(seal_chachapoly, key, nonce),
        *aead_failures(seal_chachapoly, key, nonce, 16),
    ]


def hmac_cases():
    larger = b"Test Using Larger Than Block-Size Key - Hash Key First"
    larger_both = (
        b"This is a test using a larger than block-size key and a larger than block-size data. The "
        b"key needs to be hashed before being used by the HMAC algorithm."
    )
    inputs = [
        ("1", b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
        ("2", b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
        ("3", b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a7"),
        ("4", bytes(range(1, 26)), b"\xcd" * 50, "82558a389a443c0ea4cc819899f2083a"),
        ("5", b"\x0c" * 20, b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
        ("6", b"\xaa" * 131, larger, "60e431591ee0b67f0d8a26aacbf5b77f"),
        ("7", b"\xaa" * 131, larger_both, "9b09ffa71b942fcb27635fbcd5b0e944"),
    ]
    cases = []
    for name, key, data, start in inputs:
        mac = hmac.digest(key, data, "sha256")
        same(mac[:16], start)
        cases.append(case("RFC 4231 4." + str(int(name) + 1), key=key, data=data, mac=mac))
    for size in (0, 31, 32, 33, 63, 64, 65):
        key, data = noise("hmac key", size), noise("hmac data", 2 * size)
        mac = hmac.digest(key, data, "sha256")
        cases.append(case(f"key of {size} bytes", key=key, data=data, mac=mac))
    return cases


def hkdf_case(name, salt, ikm, info, length, start=""):
    okm = HKDF(SHA256(), length, salt, info).derive(ikm)
    same(okm[: len(start) // 2], start)
    prk = hmac.digest(salt, ikm, "sha256")
    return case(name, salt=salt, ikm=ikm, info=info, length=length, prk=prk, okm=okm)


def hkdf_cases():
    ikm, salt, info = b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA))
    long = (bytes(range(0x60, 0xB0)), bytes(range(0x50)), bytes(range(0xB0, 0x100)))
    refused = {"salt": salt, "ikm": ikm, "info": info}
    return [
        hkdf_case("RFC 5869 A.1", salt, ikm, info, 42, "3cb25f25faacd57a90434f64d0362f2a"),
        hkdf_case("RFC 5869 A.2", *long, 82, "b11e398dc80327a1c8e7f78c596a4934"),
        hkdf_case("RFC 5869 A.3", b"", ikm, b"", 42, "8da4e775a563c18f715f802a063c5a31"),
        hkdf_case("one byte", salt, ikm, info, 1),
        hkdf_case("one block", salt, ikm, info, 32),
        hkdf_case("one byte more than a block", salt, ikm, info, 33),
        case("no byte", "ValueError", **refused, length=0),
        case("more than 255 blocks", "ValueError", **refused, length=8161),
    ]


SUITES = [
    ("chacha20_block", "ChaCha20 blocks (RFC 8439 section 2.3).", block_cases),
    ("chacha20_stream", "ChaCha20 encryption (RFC 8439 section 2.4).", stream_cases),
    ("poly1305", "Poly1305 tags (RFC 8439 section 2.5).", poly1305_cases),
    ("aead_24", "ChaCha20/Poly1305, COSE algorithm 24 (RFC 8439 section 2.8).", chachapoly_cases),
    ("aead_10", "AES-CCM-16-64-128, COSE algorithm 10 (RFC 3610, RFC 9053).", ccm_cases),
    (
        "aead_10_large",
        "AES-CCM-16-64-128 of zeros; sha256 is that of ciphertext and tag.",
        large_ccm_cases,
    ),
    ("hmac_sha256", "HMAC-SHA-256 (RFC 2104, RFC 4231).", hmac_cases),
    ("hkdf_sha256", "HKDF-SHA-256 (RFC 5869); prk is the intermediate value.", hkdf_cases),
]


def main():
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, about, cases in SUITES:
        content = {"suite": "crypto/" + name, "about": about, "cases": cases()}
        (directory / (name + ".json")).write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
