"""Writes the COSE vectors of this directory: python tests/vectors/codec/generate.py [directory]

Independent of Leafkey: ciphertexts from pyca/cryptography, encodings from cbor2. The inputs are
fixed, so a second run reproduces the files byte for byte.
"""

import json
import sys
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, ChaCha20Poly1305

NONCE_SIZE = {10: 13, 24: 12}
KEY = {10: bytes(range(16)), 24: bytes(range(32))}
CONTENT = b"This is the content."


def seal(alg, key, nonce, aad, plaintext):
    cipher = AESCCM(key, tag_length=8) if alg == 10 else ChaCha20Poly1305(key)
    return cipher.encrypt(nonce, plaintext, aad)


def protected_bytes(headers):
    return cbor2.dumps(headers) if headers else b""


def encrypt0(name, alg, protected, unprotected, external_aad, plaintext, tagged, iv_inside):
    nonce = bytes(range(NONCE_SIZE[alg]))
    if iv_inside:
        unprotected = {**unprotected, 5: nonce}
    header = protected_bytes(protected)
    aad = cbor2.dumps(["Encrypt0", header, external_aad])
    ciphertext = seal(alg, KEY[alg], nonce, aad, plaintext)
    message = [header, unprotected, ciphertext]
    encoded = cbor2.dumps(cbor2.CBORTag(16, message) if tagged else message)
    return {
        "name": name,
        "alg": alg,
        "key": KEY[alg].hex(),
        "nonce": nonce.hex(),
        "nonce_in_message": iv_inside,
        "external_aad": external_aad.hex(),
        "protected": header.hex(),
        "unprotected": cbor2.dumps(unprotected).hex(),
        "plaintext": plaintext.hex(),
        "tagged": tagged,
        "aad": aad.hex(),
        "ciphertext": ciphertext.hex(),
        "encoded": encoded.hex(),
    }


def good_cases():
    return [
        encrypt0("tagged, IV inside", 10, {1: 10}, {}, b"", CONTENT, True, True),
        encrypt0(
            "external aad, no IV inside",
            10,
            {1: 10},
            {},
            b"\x83\x01\x02\x03",
            CONTENT,
            False,
            False,
        ),
        encrypt0("no headers", 10, {}, {}, b"", CONTENT, False, False),
        encrypt0("no header is protected", 10, {}, {}, b"", CONTENT, False, True),
        encrypt0("empty plaintext", 10, {}, {}, b"\x01", b"", False, False),
        encrypt0("kid in the open", 24, {1: 24}, {4: b"node"}, b"", CONTENT, True, True),
        encrypt0("long", 24, {}, {}, b"group", bytes(i & 0xFF for i in range(300)), False, False),
        rfc9052_c41(),
    ]


def rfc9052_c41():
    """RFC 9052 appendix C.4.1; the key is "our-secret2" of appendix C.7.2."""
    key = bytes.fromhex("849b5786457c1491be3a76dcea6c4271")
    nonce = bytes.fromhex("89f52f65a1c580933b5261a78c")
    ciphertext = bytes.fromhex("5974e1b99a3a4cc09a659aa2e9e7fff161d38ce71cb45ce460ffb569")
    aad = cbor2.dumps(["Encrypt0", b"\xa1\x01\x0a", b""])
    if seal(10, key, nonce, aad, CONTENT) != ciphertext:
        raise SystemExit("RFC 9052 appendix C.4.1 does not reproduce")
    return {
        "name": "RFC 9052 appendix C.4.1",
        "alg": 10,
        "key": key.hex(),
        "nonce": nonce.hex(),
        "nonce_in_message": True,
        "external_aad": "",
        "protected": "a1010a",
        "unprotected": cbor2.dumps({5: nonce}).hex(),
        "plaintext": CONTENT.hex(),
        "tagged": True,
        "aad": aad.hex(),
        "ciphertext": ciphertext.hex(),
        "encoded": cbor2.dumps(cbor2.CBORTag(16, [b"\xa1\x01\x0a", {5: nonce}, ciphertext])).hex(),
    }


def failure(name, expect, encoded, external_aad=b"", nonce=None):
    return {
        "name": name,
        "expect": expect,
        "alg": 10,
        "key": KEY[10].hex(),
        "nonce": "" if nonce is None else nonce.hex(),
        "external_aad": external_aad.hex(),
        "encoded": encoded.hex(),
    }


def failure_cases():
    nonce = bytes(range(13))
    header = b"\xa1\x01\x0a"
    text = seal(10, KEY[10], nonce, cbor2.dumps(["Encrypt0", header, b""]), CONTENT)
    bare = seal(10, KEY[10], nonce, cbor2.dumps(["Encrypt0", b"", b""]), CONTENT)
    good = [header, {5: nonce}, text]
    flipped = text[:-1] + bytes([text[-1] ^ 1])
    d = cbor2.dumps
    return [
        failure("tag flipped", "AuthenticationError", d([header, {5: nonce}, flipped])),
        failure(
            "first byte flipped",
            "AuthenticationError",
            d([header, {5: nonce}, bytes([text[0] ^ 0x80]) + text[1:]]),
        ),
        failure("other external aad", "AuthenticationError", d(good), external_aad=b"x"),
        failure("protected header removed", "AuthenticationError", d([b"", {5: nonce}, text])),
        failure(
            "protected header changed",
            "AuthenticationError",
            d([b"\xa1\x01\x0b", {5: nonce}, text]),
        ),
        failure(
            "aad of an encoded empty map",
            "AuthenticationError",
            d([b"\xa0", {}, seal(10, KEY[10], nonce, d(["Encrypt0", b"\xa0", b""]), CONTENT)]),
            nonce=nonce,
        ),
        failure("other nonce", "AuthenticationError", d(good), nonce=bytes(13)),
        failure(
            "ciphertext cut inside the tag",
            "AuthenticationError",
            d([header, {5: nonce}, text[:7]]),
        ),
        failure("empty ciphertext", "AuthenticationError", d([header, {5: nonce}, b""])),
        failure("no nonce", "DecodeError", d([header, {}, text])),
        failure("nonce of 12 bytes", "DecodeError", d([header, {5: nonce[:12]}, text])),
        failure("nonce is a number", "DecodeError", d([header, {5: 1}, text])),
        failure("label in both headers", "DecodeError", d([header, {1: 10, 5: nonce}, text])),
        failure("crit", "DecodeError", d([d({1: 10, 2: [99], 99: 0}), {5: nonce}, text])),
        failure("crit in the open", "DecodeError", d([header, {2: [1], 5: nonce}, text])),
        failure("COSE_Mac0 tag", "DecodeError", d(cbor2.CBORTag(17, good))),
        failure("tagged twice", "DecodeError", d(cbor2.CBORTag(16, cbor2.CBORTag(16, good)))),
        failure("two elements", "DecodeError", d(good[:2])),
        failure("four elements", "DecodeError", d([*good, b""])),
        failure("a map", "DecodeError", d({1: good})),
        failure("detached ciphertext", "DecodeError", d([header, {5: nonce}, None])),
        failure("protected header is a map", "DecodeError", d([{1: 10}, {5: nonce}, text])),
        failure("protected header holds an array", "DecodeError", d([d([1]), {5: nonce}, text])),
        failure(
            "protected header with bytes behind",
            "DecodeError",
            d([header + b"\x00", {5: nonce}, text]),
        ),
        failure("unprotected header is an array", "DecodeError", d([header, [], text])),
        failure("bytes behind the message", "DecodeError", d(good) + b"\x00"),
        failure("cut", "DecodeError", d(good)[:-1]),
        failure("indefinite length", "DecodeError", b"\x9f" + d(good)[1:] + b"\xff"),
        failure(
            "a header twice", "DecodeError", b"\x83\x43" + header + b"\xa2\x04\x40\x04\x40\x40"
        ),
        failure("nothing", "DecodeError", b""),
        {
            **failure(
                "an encoded empty map means no header", "accepted", d([b"\xa0", {5: nonce}, bare])
            ),
            "plaintext": CONTENT.hex(),
        },
        {
            **failure("a length in a longer form", "accepted", b"\x98\x03" + d(good)[1:]),
            "plaintext": CONTENT.hex(),
        },
        {
            **failure("headers in any order", "accepted", d([header, {5: nonce, 4: b"k"}, text])),
            "plaintext": CONTENT.hex(),
        },
    ]


def write(directory, name, about, cases):
    text = json.dumps({"about": about, "cases": cases}, indent=1) + "\n"
    (directory / name).write_text(text)


def main():
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    write(
        directory,
        "cose_encrypt0.json",
        "COSE_Encrypt0 (RFC 9052 section 5.2) with COSE algorithms 10 and 24.",
        good_cases(),
    )
    write(
        directory,
        "cose_failure.json",
        "COSE_Encrypt0 messages and the failure they must give.",
        failure_cases(),
    )


if __name__ == "__main__":
    main()
