"""SPEC-GROUP.md: publications, countersignatures, the key tree, confirmations."""

import hashlib
from typing import NamedTuple

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.vectors.reference import tree
from tests.vectors.reference.oscore import NONCE_SIZE, partial_iv
from tests.vectors.reference.protect import seal

KEY_SIZE = {10: 16, 24: 32}
STEP, SEAL = 12, 13
REFRESH, JOIN, LEAVE = 0, 1, 2
PUBSUB = 2


def dumps(value) -> bytes:
    return cbor2.dumps(value, canonical=False)


class GroupKey(NamedTuple):
    """The COSE_Key of section 2."""

    alg: int
    gid: bytes
    base_iv: bytes
    key: bytes

    def cose_key(self) -> dict:
        return {1: 4, 2: self.gid, 3: self.alg, 5: self.base_iv, -1: self.key}

    def nonce(self, sender: bytes, piv: bytes) -> bytes:
        size = NONCE_SIZE[self.alg]
        padded = bytes([len(sender)]) + sender.rjust(size - 6, b"\0") + piv.rjust(5, b"\0")
        return bytes(a ^ b for a, b in zip(padded, self.base_iv, strict=True))


class Signer(NamedTuple):
    """Who countersigns, and with which number for the algorithm."""

    secret: bytes
    alg: int = -8

    def key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)

    def public(self) -> bytes:
        return self.key().public_key().public_bytes_raw()


def publication(
    key: GroupKey, sender: bytes, number: int, payload: bytes, signer: Signer | None = None
) -> dict:
    """Section 4, with every value on the way."""
    piv = partial_iv(number)
    protected = dumps({1: key.alg})
    aad = dumps(["Encrypt0", protected, b""])
    nonce = key.nonce(sender, piv)
    ciphertext = seal(key.alg, key.key, nonce, aad, payload)
    steps = {"piv": piv, "nonce": nonce, "aad": aad, "ciphertext": ciphertext}
    if signer is None:
        unprotected: dict = {4: sender, 6: piv, 10: key.gid}
    else:
        header = dumps({1: signer.alg})
        signed = dumps(["CounterSignature", protected, header, b"", ciphertext])
        signature = signer.key().sign(signed)
        unprotected = {4: key.gid, 6: piv, 11: [header, {4: sender}, signature]}
        steps |= {"signed": signed, "signature": signature}
    message = dumps([protected, unprotected, ciphertext])
    return {name: value.hex() for name, value in {**steps, "message": message}.items()}


class Parameters(NamedTuple):
    """What stays for the life of a tree."""

    group: str
    suite: int
    alg: int

    def sealed(self, key: bytes, num: int, external_aad: bytes, text: bytes) -> bytes:
        sealing = tree.f(self.suite, SEAL, key, num)[: KEY_SIZE[self.alg]]
        nonce = num.to_bytes(NONCE_SIZE[self.alg], "big")
        aad = dumps(["Encrypt0", b"", external_aad])
        return seal(self.alg, sealing, nonce, aad, text)

    def step(self, key: bytes, num: int) -> bytes:
        return tree.f(self.suite, STEP, key, num)


def level(node: int) -> int:
    """How many ones are at its end."""
    count = 0
    while node >> count & 1:
        count += 1
    return count


def parent(node: int) -> int:
    """RFC 9420 appendix C."""
    here = level(node)
    return (node | 1 << here) & ~(2 << here)


def children(node: int) -> tuple[int, int]:
    below = level(node) - 1
    return node ^ 1 << below, node ^ 3 << below


class Tree:
    """The KDC's tree as section 6 tells it; `draw` gives 32 bytes for each random key."""

    def __init__(self, parameters: Parameters, draw):
        self.parameters = parameters
        self.draw = draw
        self.height = 0
        # By node: (version, key).
        self.keys: dict[int, tuple[int, bytes]] = {}

    def root(self) -> int:
        return (1 << self.height) - 1

    def above(self, leaf: int) -> list[int]:
        """The nodes above a leaf, lowest first."""
        found = [2 * leaf]
        while found[-1] != self.root():
            found.append(parent(found[-1]))
        return found[1:]

    def path(self, leaf: int) -> bytes:
        keys = [list(self.keys[node]) for node in [2 * leaf, *self.above(leaf)]]
        return dumps([self.parameters.suite, self.parameters.alg, leaf, keys])

    def join(self, num: int, payload: bytes, signer: Signer | None = None) -> tuple[int, bytes]:
        leaf = next(i for i in range(1 << 20) if 2 * i not in self.keys)
        old_root = self.root()
        if leaf == 1 << self.height:
            self.height += 1
        self.keys[2 * leaf] = (num, self.draw())
        for node in self.above(leaf):
            origin = old_root if node == self.root() != old_root else node
            if origin in self.keys:
                self.keys[node] = (num, self.parameters.step(self.keys[origin][1], num))
            else:
                self.keys[node] = (num, self.draw())
        return leaf, self.message(num, JOIN, leaf, [], payload, signer)

    def leave(self, leaf: int, num: int, payload: bytes, signer: Signer | None = None) -> bytes:
        del self.keys[2 * leaf]
        wraps = []
        for node in self.above(leaf):
            below = [child for child in children(node) if child in self.keys]
            self.keys.pop(node, None)
            if below:
                self.keys[node] = (num, self.draw())
            for child in below:
                version, key = self.keys[child]
                aad = dumps([self.parameters.group, num, child, version])
                wrapped = self.parameters.sealed(key, num, aad, self.keys[node][1])
                wraps.append([child, [b"", {}, wrapped]])
        return self.message(num, LEAVE, leaf, wraps, payload, signer)

    def refresh(self, num: int, payload: bytes, signer: Signer | None = None) -> bytes:
        key = self.parameters.step(self.keys[self.root()][1], num)
        self.keys[self.root()] = (num, key)
        return self.message(num, REFRESH, 0, [], payload, signer)

    def message(self, num, kind, leaf, wraps, payload, signer) -> bytes:
        aad = dumps([self.parameters.group, num, kind, leaf, wraps])
        sealed = self.parameters.sealed(self.keys[self.root()][1], num, aad, payload)
        headers = {}
        if signer is not None:
            signed = dumps(["CounterSignature0", b"", aad, sealed])
            headers = {12: signer.key().sign(signed)}
        return dumps([num, kind, leaf, wraps, [b"", headers, sealed]])


def confirmation(group: str, num: int, gkty: int, key: dict) -> dict:
    """Section 6.4."""
    hashed = dumps(["group key", group, num, gkty, key])
    digest = hashlib.sha256(hashed).digest()[:16]
    encoded = dumps([num, digest])
    return {"hashed": hashed.hex(), "digest": digest.hex(), "encoded": encoded.hex()}
