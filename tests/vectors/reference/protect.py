"""SPEC.md sections 5 and 7.3: a request and its responses under one AT, at every level."""

import hmac
from typing import NamedTuple

import cbor2
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, ChaCha20Poly1305

from tests.vectors.reference import coap, tree

BEARER, POP, INTEGRITY, CONFIDENTIAL, PROBE = 0, 1, 2, 3, 7
REQUEST, RESPONSE = 0, 1
AES_CCM, CHACHA20_POLY1305 = 10, 24
MAC_LABEL = {POP: tree.VERIF_KEY, INTEGRITY: tree.INT_KEY, PROBE: tree.PROBE_KEY}


class Plain(NamedTuple):
    """A message as the application gives it."""

    code: int
    options: coap.Options
    payload: bytes = b""


class Protected(NamedTuple):
    """What travels, and every value computed on the way (hexadecimal in `steps`)."""

    code: int
    options: coap.Options
    payload: bytes
    tag: bytes
    steps: dict

    def message(self) -> bytes:
        return coap.message(self.code, self.options, self.payload)

    def pat(self) -> bytes | None:
        return next((value for number, value in self.options if number == coap.PAT), None)


def hmac64(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")[:8]


def seal(aead: int, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
    cipher = AESCCM(key, tag_length=8) if aead == AES_CCM else ChaCha20Poly1305(key)
    return cipher.encrypt(nonce, plaintext, aad)


def counter_bytes(counter: int) -> bytes:
    return counter.to_bytes((counter.bit_length() + 7) // 8, "big")


class Token(NamedTuple):
    """An AT with what is fixed for its generation."""

    at: tree.At
    at_len: int
    aead: int

    def sent(self) -> bytes:
        return self.at.at[: self.at_len]

    def request(self, level: int, plain: Plain) -> Protected:
        head = bytes([level]) + self.sent()
        if level == BEARER:
            return Protected(*with_pat(plain, head), b"", {})
        if level == CONFIDENTIAL:
            return self._sealed(plain, REQUEST, head, b"", 0)
        return self._authenticated(level, plain, REQUEST, head, b"", 0)

    def response(self, level: int, plain: Plain, request_tag: bytes, counter: int = 0) -> Protected:
        if level == BEARER:
            return Protected(plain.code, plain.options, plain.payload, b"", {})
        head = counter_bytes(counter)
        if level == CONFIDENTIAL:
            return self._sealed(plain, RESPONSE, head, request_tag, counter)
        return self._authenticated(level, plain, RESPONSE, head, request_tag, counter)

    def probe(self) -> Protected:
        return self.request(PROBE, Plain(coap.POST, []))

    def mac_key(self, level: int) -> bytes:
        return self.at.key(MAC_LABEL[level])

    def aead_key(self) -> bytes:
        return self.at.key(tree.CONF_KEY)[: 16 if self.aead == AES_CCM else 32]

    def nonce(self, direction: int, counter: int) -> bytes:
        zeros = bytes(9 if self.aead == AES_CCM else 8)
        return bytes([direction]) + zeros + counter.to_bytes(3, "big")

    def _authenticated(self, level, plain, direction, head, request_tag, counter) -> Protected:
        options = coap.covered(plain.options, direction == RESPONSE)
        payload = plain.payload if level == INTEGRITY else b""
        mac_input = cbor2.dumps(
            [
                "PAT",
                level,
                direction,
                self.sent(),
                plain.code,
                options,
                request_tag,
                counter,
                payload,
            ]
        )
        key = self.mac_key(level)
        mac = hmac64(key, mac_input)
        steps = {"key": key.hex(), "covered": options.hex(), "mac_input": mac_input.hex()}
        return Protected(*with_pat(plain, head + mac), mac, {**steps, "mac": mac.hex()})

    def _sealed(self, plain, direction, head, request_tag, counter) -> Protected:
        inside = [option for option in plain.options if option[0] not in coap.NOT_COVERED]
        outside = [option for option in plain.options if option[0] in coap.NOT_COVERED]
        observe = [option for option in plain.options if option[0] == coap.OBSERVE]
        plaintext = coap.message(plain.code, inside, plain.payload)
        return self.sealed(
            plaintext, direction, head, request_tag, counter, outside + observe, bool(observe)
        )

    def sealed(
        self, plaintext, direction, head, request_tag=b"", counter=0, outside=(), observes=False
    ) -> Protected:
        """Seal any `plaintext`; well-behaved senders come through `request` and `response`."""
        aad = cbor2.dumps(["PAT", CONFIDENTIAL, direction, self.sent(), request_tag, counter])
        key, nonce = self.aead_key(), self.nonce(direction, counter)
        ciphertext = seal(self.aead, key, nonce, aad, plaintext)
        code = outer_code(direction, observes)
        steps = {
            "key": key.hex(),
            "plaintext": plaintext.hex(),
            "aad": aad.hex(),
            "nonce": nonce.hex(),
            "ciphertext": ciphertext.hex(),
        }
        outer = with_pat(Plain(code, list(outside), ciphertext), head)
        return Protected(*outer, ciphertext[-8:], steps)


def outer_code(direction: int, observes: bool) -> int:
    if direction == REQUEST:
        return coap.FETCH if observes else coap.POST
    return coap.CONTENT if observes else coap.CHANGED


def with_pat(plain: Plain, value: bytes) -> Plain:
    return Plain(plain.code, [*plain.options, (coap.PAT, value)], plain.payload)
