"""RFC 8613: contexts, the OSCORE option, protected requests and responses."""

from typing import NamedTuple

import cbor2
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.vectors.reference import coap
from tests.vectors.reference.protect import Plain, outer_code, seal

OSCORE = 9
AES_CCM, CHACHA20_POLY1305 = 10, 24
KEY_SIZE = {AES_CCM: 16, CHACHA20_POLY1305: 32}
NONCE_SIZE = {AES_CCM: 13, CHACHA20_POLY1305: 12}
REQUEST, RESPONSE = 0, 1
# Figure 5: class U alone. What is U beside E is Outer where a proxy adds it, but for Observe.
OUTER = (coap.URI_HOST, coap.URI_PORT, coap.PROXY_URI, coap.PROXY_SCHEME)


class Context(NamedTuple):
    """What one endpoint is given (section 3.2); all else derives from it."""

    alg: int
    master_secret: bytes
    master_salt: bytes
    id_context: bytes | None
    sender_id: bytes
    recipient_id: bytes

    def mirrored(self) -> "Context":
        """The other endpoint's."""
        return self._replace(sender_id=self.recipient_id, recipient_id=self.sender_id)

    def info(self, identifier: bytes, kind: str) -> bytes:
        """The info of section 3.2.1; `kind` is "Key" or "IV"."""
        size = KEY_SIZE[self.alg] if kind == "Key" else NONCE_SIZE[self.alg]
        return cbor2.dumps([identifier, self.id_context, self.alg, kind, size])

    def key(self, identifier: bytes) -> bytes:
        """The Sender or Recipient Key of an ID."""
        return self._derive(self.info(identifier, "Key"), KEY_SIZE[self.alg])

    def common_iv(self) -> bytes:
        return self._derive(self.info(b"", "IV"), NONCE_SIZE[self.alg])

    def nonce(self, identifier: bytes, piv: bytes) -> bytes:
        """Section 5.2."""
        size = NONCE_SIZE[self.alg]
        padded = identifier.rjust(size - 6, b"\0") + piv.rjust(5, b"\0")
        whole = bytes([len(identifier)]) + padded
        return bytes(a ^ b for a, b in zip(whole, self.common_iv(), strict=True))

    def _derive(self, info: bytes, size: int) -> bytes:
        return HKDF(SHA256(), size, self.master_salt, info).derive(self.master_secret)


class Bound(NamedTuple):
    """What the responses to a request are bound to."""

    kid: bytes
    piv: bytes
    nonce: bytes


class Protected(NamedTuple):
    """What travels, what binds it, and every value on the way (hexadecimal in `steps`)."""

    code: int
    options: coap.Options
    payload: bytes
    bound: Bound
    steps: dict

    def message(self) -> bytes:
        return coap.message(self.code, self.options, self.payload)


def partial_iv(sequence: int) -> bytes:
    """Section 5: without leading zeros, but one byte for 0."""
    return sequence.to_bytes(max(1, (sequence.bit_length() + 7) // 8), "big")


def encode_option(piv: bytes = b"", kid_context: bytes | None = None, kid=None) -> bytes:
    """Section 6.1, and section 2: no flag, no value."""
    flags = len(piv) | (0x10 if kid_context is not None else 0) | (0x08 if kid is not None else 0)
    context = b"" if kid_context is None else bytes([len(kid_context)]) + kid_context
    value = bytes([flags]) + piv + context + (kid or b"")
    return value if flags else b""


def aad_array(alg: int, kid: bytes, piv: bytes, version: int = 1, options: bytes = b"") -> bytes:
    """Section 5.4."""
    return cbor2.dumps([version, [alg], kid, piv, options])


def enc_structure(external: bytes) -> bytes:
    """The AAD of section 5.4."""
    return cbor2.dumps(["Encrypt0", b"", external])


def split(plain: Plain, direction: int) -> tuple[bytes, coap.Options]:
    """The plaintext, and the Outer options (sections 4.1 and 5.3)."""
    inner, outer = [], []
    for number, value in plain.options:
        if number in OUTER:
            outer.append((number, value))
        elif number == coap.OBSERVE:
            outer.append((number, value))
            inner.append((number, value if direction == REQUEST else b""))
        else:
            inner.append((number, value))
    return coap.message(plain.code, inner, plain.payload), outer


def request(
    context: Context, plain: Plain, sequence: int, kid_context: bytes | None = None
) -> Protected:
    """Section 8.1. `kid_context` is what that field carries, None for no such field."""
    piv = partial_iv(sequence)
    bound = Bound(context.sender_id, piv, context.nonce(context.sender_id, piv))
    plaintext, outer = split(plain, REQUEST)
    option = encode_option(piv, kid_context, context.sender_id)
    return sealed(context, REQUEST, plaintext, outer, option, bound)


def response(
    context: Context,
    plain: Plain,
    bound: Bound,
    sequence: int | None = None,
    kid_context: bytes | None = None,
) -> Protected:
    """Section 8.3. With a `sequence` its nonce is the server's own, else the request's."""
    piv = b"" if sequence is None else partial_iv(sequence)
    plaintext, outer = split(plain, RESPONSE)
    option = encode_option(piv, kid_context)
    nonce = context.nonce(context.sender_id, piv) if piv else bound.nonce
    return sealed(context, RESPONSE, plaintext, outer, option, bound, nonce)


def sealed(
    context: Context,
    direction: int,
    plaintext: bytes,
    outer: coap.Options,
    option: bytes,
    bound: Bound,
    nonce: bytes | None = None,
    external: bytes | None = None,
) -> Protected:
    """Seal any plaintext beside any option; `external` is another aad_array than the right one."""
    nonce = nonce or bound.nonce
    external = external or aad_array(context.alg, bound.kid, bound.piv)
    aad = enc_structure(external)
    key = context.key(context.sender_id)
    ciphertext = seal(context.alg, key, nonce, aad, plaintext)
    steps = {
        "key": key,
        "aad_array": external,
        "aad": aad,
        "nonce": nonce,
        "plaintext": plaintext,
        "ciphertext": ciphertext,
        "option": option,
    }
    code = outer_code(direction, any(number == coap.OBSERVE for number, _ in outer))
    options = sorted([*outer, (OSCORE, option)], key=lambda item: item[0])
    return Protected(
        code, options, ciphertext, bound, {name: value.hex() for name, value in steps.items()}
    )
