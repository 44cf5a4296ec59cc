"""One message that rekeys a whole group (SPEC-GROUP section 6.2).

`[num, kind, leaf, [* [node, COSE_Encrypt0]], COSE_Encrypt0]`: what happened to which leaf, keys of
inner nodes that are wrapped under keys of their children, and the rekeying message of RFC 9594,
sealed under the key of the root. A KDC that signs puts a countersignature beside the latter.
"""

from leafkey.codec import cbor, cose
from leafkey.compat import const
from leafkey.errors import AuthenticationError, DecodeError
from leafkey.group import fields
from leafkey.group.nodes import MAX_LEAF
from leafkey.pat import functions

# What a message says of its leaf.
REFRESH = const(0)
JOIN = const(1)
LEAVE = const(2)

KEY_SIZE = const(32)
SIGNATURE_SIZE = const(64)
# A path has at most 20 nodes above a leaf, the lowest with one child that stays.
MAX_WRAPS = const(2 * 20 - 1)
_MAX_NODE = const(2 * ((1 << 20) - 1))
_MAX_ITEMS = const(320)


class Cipher:
    """Seals under the keys of nodes: `suite` (SPEC 2) and `alg` (10 or 24) are the tree's."""

    def __init__(self, provider, suite: int, alg: int):
        """UnsupportedError for a suite or an AEAD that this build lacks."""
        self._suite = functions.suite(provider, suite)
        self._aead = provider.aead(alg)
        self.suite = suite
        self.alg = alg

    def step(self, key: bytes, num: int) -> bytes:
        """Return the key that follows the key of a node, by which it cannot be found."""
        return self._suite.f(functions.TREE_STEP, key, num)

    def seal(self, key: bytes, num: int, external_aad: bytes, text: bytes) -> bytes:
        """Return a ciphertext; one for a key of a node and a num."""
        return self._aead.encrypt(*self._arguments(key, num, external_aad), text)

    def open(self, key: bytes, num: int, external_aad: bytes, ciphertext: bytes) -> bytes:
        """Return the text; AuthenticationError."""
        return self._aead.decrypt(*self._arguments(key, num, external_aad), ciphertext)

    def _arguments(self, key: bytes, num: int, external_aad: bytes) -> tuple:
        sealing = self._suite.f(functions.TREE_SEAL, key, num)[: self._aead.key_size]
        nonce = num.to_bytes(self._aead.nonce_size, "big")
        return sealing, nonce, cose.enc_structure(b"", external_aad)


class TreeMessage:
    """A message in its parts; `wraps` are (node, ciphertext), `sealed` is under the root."""

    def __init__(self, num: int, kind: int, leaf: int, wraps: list):
        self.num = num
        self.kind = kind
        self.leaf = leaf
        self.wraps = wraps
        self.sealed = b""
        self.signature = b""

    def external_aad(self, group: str) -> bytes:
        """Return what seal and signature of the rekeying message cover beside it."""
        return cbor.encode([group, self.num, self.kind, self.leaf, self._wraps()])

    def sign(self, group: str, signer):
        """Sign it with the KDC's key."""
        self.signature = signer.sign(self._signed(group))

    def verify(self, provider, group: str, public: bytes):
        """Raise AuthenticationError unless the KDC's key of 32 bytes signed it for this group."""
        if not self.signature:
            raise AuthenticationError("a rekeying message without signature")
        provider.ed25519_verify(public, self.signature, self._signed(group))

    def encode(self) -> bytes:
        """Return it as it travels."""
        headers = {cose.COUNTERSIGNATURE0: self.signature} if self.signature else {}
        sealed = [b"", headers, self.sealed]
        return cbor.encode([self.num, self.kind, self.leaf, self._wraps(), sealed])

    def _wraps(self) -> list:
        return [[node, [b"", {}, ciphertext]] for node, ciphertext in self.wraps]

    def _signed(self, group: str) -> bytes:
        return cose.countersign_structure(b"", self.sealed, None, self.external_aad(group))


def wrap_aad(group: str, num: int, node: int, version: int) -> bytes:
    """Return what a wrap covers: the node whose key wraps, and the num that this key is of."""
    return cbor.encode([group, num, node, version])


def decode(data: bytes) -> TreeMessage:
    """Return a message, nothing of which is verified; DecodeError if it is none."""
    num, kind, leaf, wraps, sealed = cbor.decode_array(data, 5, _MAX_ITEMS)
    if len(fields.array(wraps)) > MAX_WRAPS:
        raise DecodeError("more wraps than a path has")
    message = TreeMessage(
        fields.num(num),
        fields.uint(kind, LEAVE),
        fields.uint(leaf, MAX_LEAF),
        [_wrap(wrap) for wrap in wraps],
    )
    headers, message.sealed = _encrypt0(sealed)
    message.signature = headers.pop(cose.COUNTERSIGNATURE0, b"")
    if headers or len(fields.octets(message.signature)) not in (0, SIGNATURE_SIZE):
        raise DecodeError("headers of a rekeying message")
    return message


def _wrap(value: object) -> tuple:
    parts = fields.array(value)
    if len(parts) != 2:
        raise DecodeError("a wrap is a node and a COSE_Encrypt0")
    headers, ciphertext = _encrypt0(parts[1])
    if headers:
        raise DecodeError("a wrap without headers")
    return fields.uint(parts[0], _MAX_NODE), ciphertext


def _encrypt0(value: object) -> tuple:
    parts = fields.array(value)
    if len(parts) != 3 or parts[0] != b"":
        raise DecodeError("a COSE_Encrypt0 with nothing protected")
    return fields.mapping(parts[1]), fields.octets(parts[2], fields.MAX_MATERIAL)
