"""What scopes say: paths and methods at a server, names and roles at a part of this manager.

In memory a list of (name, bits) pairs whatever the audience, as in `leafkey.ace.aif`; stored, and
in tokens, the CBOR of an AIF (RFC 9237). Clients may say it in text, too (SPEC section 16.4).
"""

from collections.abc import Callable
from typing import NamedTuple

from leafkey.ace import aif
from leafkey.codec import cbor
from leafkey.errors import DecodeError
from leafmanager.store.tables import Audience, Server

Scope = list[tuple[str, int]]

# Bytes.
MAX_NAME = aif.MAX_PATH
# The audiences that have no resources but groups, or topics.
KDC = "kdc"
BROKER = "broker"
# Tperm of the AIF of pub/sub (draft-ietf-ace-coap-pubsub-profile), where names of topics are marked
# as those of application groups and names of groups are not, and of OSCORE groups
# (draft-ietf-ace-key-groupcomm-oscore).
_TOPIC = 2
PUBSUB_ROLES = {"publish": 4, "read": 8, "delete": 16}
OSCORE_ROLES = {"requester": 2, "responder": 4, "monitor": 8, "verifier": 16}
TOPIC_ROLES = {word: bit | _TOPIC for word, bit in PUBSUB_ROLES.items()}


class Vocabulary(NamedTuple):
    """How the scopes of an audience are written.

    `words` lead to bits, in all of the ways in which a person may say them. `is_name` tells a name.
    """

    words: tuple[dict[str, int], ...]
    is_name: Callable[[str], bool]
    # What no word says is a word in the text form of a scope: methods, but not roles.
    default: int

    @property
    def every(self) -> int:
        """All bits that there are."""
        return _union(bits for words in self.words for bits in words.values())

    def decode(self, value: object) -> Scope:
        """Return what a client's scope says; DecodeError if it says nothing here."""
        if isinstance(value, str):
            entries = [self._from_text(word) for word in value.split(" ")]
        elif isinstance(value, bytes):
            entries = _array(cbor.decode(value, lenient=True))
        else:
            raise DecodeError("a scope is text, or a byte string")
        if not 0 < len(entries) <= aif.MAX_ENTRIES:
            raise DecodeError("a scope has 1 to 32 entries")
        return [self._entry(entry) for entry in entries]

    def bits(self, words: list) -> int:
        """Return the bits that words stand for; DecodeError for one that is not known."""
        known = {word: bits for words in self.words for word, bits in words.items()}
        if not all(isinstance(word, str) and word in known for word in words):
            raise DecodeError("a word that is not known here")
        return _union(known[word] for word in words)

    def bits_text(self, bits: int) -> str:
        """Return bits in words: "publish | requester,responder" where two ways fit."""
        ways = [",".join(_said(words, bits)) for words in self.words if _is_said(words, bits)]
        return " | ".join(ways) or str(bits)

    def text(self, scope: Scope) -> str:
        """Return a scope as a person reads it: "GET /temp, GET,PUT /vent"."""
        return ", ".join(f"{self.bits_text(bits)} {name}" for name, bits in scope)

    def _entry(self, entry: object) -> tuple[str, int]:
        name, bits = _pair(entry)
        if not isinstance(name, str) or not self.is_name(name):
            raise DecodeError("a name that is none here")
        if isinstance(bits, str | list):
            bits = self.bits([bits] if isinstance(bits, str) else bits)
        if type(bits) is not int or bits < 0 or bits & ~self.every:
            raise DecodeError("rights that there are not")
        return name, bits

    def _from_text(self, word: str) -> list:
        words, colon, name = word.partition(":")
        if colon:
            return [name, words.split(",")]
        return [word, self.default]


def of(audience: Audience) -> Vocabulary:
    """Return how the scopes of an audience are written."""
    if isinstance(audience, Server):
        return RESOURCES
    return VOCABULARIES[audience.node.name]


def encode(scope: Scope) -> bytes:
    """Return a scope as it is stored, and as tokens carry it."""
    return aif.encode(scope)


def stored(data: bytes) -> Scope:
    """Return the scope in what `encode` made."""
    return [_pair(entry) for entry in _array(cbor.decode(data))]


def _array(value: object) -> list:
    if not isinstance(value, list):
        raise DecodeError("a scope is an array")
    return value


def _pair(entry: object):
    if not isinstance(entry, list) or len(entry) != 2:
        raise DecodeError("an entry of a scope is a pair")
    return entry[0], entry[1]


def _union(many) -> int:
    bits = 0
    for each in many:
        bits |= each
    return bits


def _said(words: dict[str, int], bits: int) -> list[str]:
    return [word for word, meant in words.items() if bits & meant == meant]


def _is_said(words: dict[str, int], bits: int) -> bool:
    return bits != 0 and _union(words[word] for word in _said(words, bits)) == bits


def _is_path(text: str) -> bool:
    return text.startswith("/") and len(text.encode()) <= MAX_NAME


def is_name(text: str) -> bool:
    """Tell the name of a group or topic."""
    is_short = 0 < len(text.encode()) <= MAX_NAME
    return is_short and text.isprintable() and text[0] != "/" and not set(text) & set(" *?")


_METHODS = {name: 1 << bit for bit, name in enumerate(aif.METHODS)}
RESOURCES = Vocabulary((_METHODS,), _is_path, _METHODS["GET"])
GROUPS = Vocabulary((PUBSUB_ROLES, OSCORE_ROLES), is_name, 0)
TOPICS = Vocabulary((TOPIC_ROLES,), is_name, 0)
# Of the parts of this manager.
VOCABULARIES = {KDC: GROUPS, BROKER: TOPICS}
