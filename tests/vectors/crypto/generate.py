"""Writes the vectors of this directory: python -m tests.vectors.crypto.generate [directory]

Independent of Leafkey: every output comes from pyca/cryptography or the standard library, and is
compared with what the RFC prints where the case carries an RFC's name. The inputs are fixed, so a
second run reproduces the files byte for byte.
"""

import hashlib
import hmac
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.poly1305 import Poly1305

from tests.vectors.reference import edwards

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


def sha512_cases():
    abc = hashlib.sha512(b"abc").digest()
    same(abc[:16], "ddaf35a193617abacc417349ae204131")
    cases = [case("FIPS 180 abc", data=b"abc", digest=abc)]
    # A block has 128 bytes, of which the padding needs 17.
    for size in (0, 1, 110, 111, 112, 127, 128, 129, 239, 240, 256, 500):
        data = noise("sha512", size)
        cases.append(case(f"{size} bytes", data=data, digest=hashlib.sha512(data).digest()))
    return cases


# RFC 8032 section 7.1: name, secret, message, public key, signature.
ED25519 = (
    (
        "1",
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "2",
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "72",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
        "f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "3",
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "af82",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
        "4dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "SHA(abc)",
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        hashlib.sha512(b"abc").hexdigest(),
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c664"
        "31e0303dca179c138ac17ad9bef1177331a704",
    ),
)


def ed25519_case(name, secret, message):
    key = Ed25519PrivateKey.from_private_bytes(secret)
    fields = {"secret": secret, "message": message, "public": key.public_key().public_bytes_raw()}
    return case(name, **fields, signature=key.sign(message))


def ed25519_cases():
    cases = []
    for name, secret, message, public, signature in ED25519:
        made = ed25519_case("RFC 8032 7.1 " + name, bytes.fromhex(secret), bytes.fromhex(message))
        if (made["public"], made["signature"]) != (public, signature):
            raise SystemExit(name + " differs from the RFC")
        cases.append(made)
    # SHA-512 takes 128 bytes a block, and 17 of them for itself.
    for size in (47, 48, 79, 80, 111, 112, 1023):
        secret = noise(f"ed25519 {size}", 32)
        cases.append(ed25519_case(f"message of {size} bytes", secret, noise("message", size)))
    cases.append(ed25519_case("secret of zeros", bytes(32), b"zeros"))
    cases.append(ed25519_case("secret of ones", ONES * 32, b"ones"))
    for size in (0, 31, 33, 64):
        cases.append(case(f"secret of {size} bytes", "ValueError", secret=bytes(size), message=b""))
    return cases


def verify_case(name, public, signature, message, expect=None):
    """Say what pyca says; `expect` is what it must."""
    found = "ok"
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        found = "AuthenticationError"
    except ValueError:
        found = "ValueError"
    if expect not in (None, found):
        raise SystemExit(f"{name}: {found}")
    return case(name, found, public=public, signature=signature, message=message)


def ed25519_verify_cases():
    key = Ed25519PrivateKey.from_private_bytes(noise("ed25519 verify", 32))
    public, message = key.public_key().public_bytes_raw(), b"21.5 degrees"
    good = key.sign(message)
    r, s = good[:32], int.from_bytes(good[32:], "little")
    refused = "AuthenticationError"
    other = Ed25519PrivateKey.from_private_bytes(noise("another", 32)).public_key()

    def with_s(number):
        return r + number.to_bytes(32, "little")

    off = next(y for y in range(2, 100) if edwards.x_of(y, 0) is None).to_bytes(32, "little")
    return [
        verify_case("good", public, good, message, "ok"),
        verify_case("message changed", public, good, message + b" ", refused),
        verify_case("no message", public, good, b"", refused),
        verify_case("R flipped", public, flipped(good, 0), message, refused),
        verify_case("sign of R flipped", public, flipped(good, 31), message, refused),
        verify_case("S flipped", public, flipped(good, 32), message, refused),
        verify_case("R and S swapped", public, good[32:] + r, message, refused),
        verify_case("S with the order added", public, with_s(s + edwards.ORDER), message, refused),
        verify_case("S with a top bit", public, with_s(s | 1 << 255), message, refused),
        verify_case("S is the order", public, with_s(edwards.ORDER), message, refused),
        verify_case("S of ones", public, r + ONES * 32, message, refused),
        verify_case("zeros", public, bytes(64), message, refused),
        verify_case("nothing", public, b"", message, refused),
        verify_case("one byte short", public, good[:-1], message, refused),
        verify_case("one byte long", public, good + b"\0", message, refused),
        verify_case("R alone", public, r, message, refused),
        verify_case("another key", other.public_bytes_raw(), good, message, refused),
        verify_case("sign of the key flipped", flipped(public, 31), good, message, refused),
        verify_case("a key that is no point", off, good, message, refused),
        verify_case("key of 31 bytes", public[:31], good, message, "ValueError"),
        verify_case("key of 33 bytes", public + b"\0", good, message, "ValueError"),
        verify_case("no key", b"", good, message, "ValueError"),
    ]


def small_order_cases():
    """For keys of small order, and R of small order with S of zero, some signatures verify."""
    point = edwards.of_order_8()
    keys = [(f"{i} times a point of order 8", edwards.multiply(i, point)) for i in range(8)]
    cases = []
    for name, key in keys:
        for message in (b"a", b"b"):
            # What R would have to be is the multiple that the hash says; one of the eight is.
            for i in (0, 1, 7):
                signature = edwards.encode(keys[i][1]) + bytes(32)
                label = f"key is {name}, R {keys[i][0]}, {message.decode()}"
                cases.append(verify_case(label, edwards.encode(key), signature, message))
    neutral = edwards.encode(edwards.NEUTRAL) + bytes(32)
    for name, y, sign in (
        ("1 with a sign", 1, 1),
        ("1 and p", edwards.P + 1, 0),
        ("1 and p, with a sign", edwards.P + 1, 1),
        ("-1 with a sign", edwards.P - 1, 1),
        ("p", edwards.P, 0),
        ("p with a sign", edwards.P, 1),
    ):
        odd = (y | sign << 255).to_bytes(32, "little")
        cases.append(verify_case(f"y of the key is {name}", odd, neutral, b"a"))
        cases.append(verify_case(f"y of R is {name}", neutral[:32], odd + bytes(32), b"a"))
    return cases


def mixed_order_cases():
    """A key with a part of small order: without cofactor, one signature in eight verifies."""
    scalar, point = 12345, edwards.of_order_8()
    public = edwards.encode(edwards.add(edwards.multiply(scalar, edwards.base()), point))
    cases = []
    for number in range(1, 17):
        r = edwards.encode(edwards.multiply(number, edwards.base()))
        digest = hashlib.sha512(r + public + b"mixed").digest()
        s = (number + int.from_bytes(digest, "little") * scalar) % edwards.ORDER
        signature = r + s.to_bytes(32, "little")
        cases.append(verify_case(f"key of mixed order, {number}", public, signature, b"mixed"))
    return cases


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
    ("sha512", "SHA-512 (FIPS 180-4), which Ed25519 needs.", sha512_cases),
    ("ed25519_sign", "Ed25519 signatures and public keys (RFC 8032 section 5.1).", ed25519_cases),
    (
        "ed25519_verify",
        "Ed25519 signatures, good and bad, as OpenSSL takes and refuses them.",
        ed25519_verify_cases,
    ),
    (
        "ed25519_odd_keys",
        "Ed25519 keys with a part of small order, or not in canonical form, as OpenSSL has it.",
        lambda: small_order_cases() + mixed_order_cases(),
    ),
]


def main():
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, about, cases in SUITES:
        content = {"suite": "crypto/" + name, "about": about, "cases": cases()}
        (directory / (name + ".json")).write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
