"""A member's side of a key tree: the keys from its leaf up to the root (SPEC-GROUP section 6.3)."""

from leafkey.codec import cbor
from leafkey.errors import DecodeError, OutOfStep
from leafkey.group import fields, nodes, treemessage
from leafkey.group.treemessage import JOIN, KEY_SIZE, LEAVE, Cipher, TreeMessage


class Path:
    """`leaf`, and for each level from it up to the root (num, key): when the key came, and itself.

    It does not change: to follow a message gives another one, which may still turn out forged.
    Neither repr nor any error shows a key.
    """

    def __init__(self, cipher: Cipher, leaf: int, keys: list):
        self._cipher = cipher
        self.leaf = leaf
        self._keys = keys

    def encode(self) -> bytes:
        """Return `mgt_key_material`: what the KDC tells a member, and a member stores."""
        keys = [[num, key] for num, key in self._keys]
        return cbor.encode([self._cipher.suite, self._cipher.alg, self.leaf, keys])

    def follow(self, group: str, message: TreeMessage) -> tuple:
        """Return (Path, rekeying message) after a message; the caller has compared its num.

        OutOfStep if this leaf cannot go on from here: it left, or has missed something.
        AuthenticationError if no member and not the KDC made the message. Any member could have.
        """
        keys = self._followed(group, message)
        aad = message.external_aad(group)
        payload = self._cipher.open(keys[-1][1], message.num, aad, message.sealed)
        return Path(self._cipher, self.leaf, keys), payload

    def _followed(self, group: str, message: TreeMessage) -> list:
        keys, root = list(self._keys), len(self._keys) - 1
        if message.kind == LEAVE:
            for level in range(self._meeting_level(message.leaf, root), root + 1):
                keys[level] = self._unwrapped(group, message, keys, level)
        elif message.kind == JOIN and message.leaf == 1 << root:
            # The tree grows, and this one becomes its left half.
            keys.append(self._stepped(keys[root], message.num))
        else:
            first = self._meeting_level(message.leaf, root) if message.kind == JOIN else root
            for level in range(first, root + 1):
                keys[level] = self._stepped(keys[level], message.num)
        return keys

    def _meeting_level(self, leaf: int, root: int) -> int:
        level = nodes.meeting_level(leaf, self.leaf)
        if not 0 < level <= root:
            raise OutOfStep("a message about this leaf, or one that is not in this tree")
        return level

    def _stepped(self, key: tuple, num: int) -> tuple:
        return num, self._cipher.step(key[1], num)

    def _unwrapped(self, group: str, message: TreeMessage, keys: list, level: int) -> tuple:
        """Return the key of a level, which is wrapped under that of the level below."""
        node = nodes.ancestor(self.leaf, level - 1)
        version, own = keys[level - 1]
        for wrapped, ciphertext in message.wraps:
            if wrapped == node:
                aad = treemessage.wrap_aad(group, message.num, node, version)
                key = self._cipher.open(own, message.num, aad, ciphertext)
                if len(key) != KEY_SIZE:
                    raise DecodeError("a key of a node has 32 bytes")
                return message.num, key
        raise OutOfStep("a message without a key for this path")


def decode(provider, data: bytes) -> Path:
    """Return the Path in a `mgt_key_material`.

    DecodeError if it is none, UnsupportedError for a suite or an AEAD that this build lacks.
    """
    suite, alg, leaf, keys = cbor.decode_array(data, 4)
    cipher = Cipher(provider, fields.integer(suite), fields.integer(alg))
    path = Path(
        cipher, fields.uint(leaf, nodes.MAX_LEAF), [_key(key) for key in fields.array(keys)]
    )
    if not nodes.height(path.leaf) < len(keys) <= nodes.MAX_HEIGHT + 1:
        raise DecodeError("a path of another height than its leaf's")
    return path


def _key(value: object) -> tuple:
    parts = fields.array(value)
    if len(parts) != 2 or len(fields.octets(parts[1])) != KEY_SIZE:
        raise DecodeError("a key of a node is a num and 32 bytes")
    return fields.num(parts[0]), parts[1]
