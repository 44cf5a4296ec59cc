"""OSCORE_Input_Material, and the security contexts that come of it (RFC 9203 sections 3.2, 4.3)."""

from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import DecodeError
from leafkey.oscore.context import Context
from leafkey.oscore.keys import derive
from leafkey.oscore.replay import ReplayWindow
from leafkey.oscore.sequence import Sequence

NONCE_LEN = const(8)
MIN_SECRET = const(16)
MAX_SECRET = const(64)
# Of an id, a salt, a nonce or a context ID.
MAX_PART = const(64)

_ID = const(0)
_VERSION = const(1)
_MS = const(2)
_HKDF = const(3)
_ALG = const(4)
_SALT = const(5)
_CONTEXT_ID = const(6)

_OSCORE_VERSION = const(1)
# HKDF SHA-256 goes by the name of its HMAC (RFC 9203 section 3.2.1).
_HMAC_256 = const(5)
_DEFAULT_ALG = const(10)
# A number has a name in the registry of COSE algorithms, too.
_NAMES = {"AES-CCM-16-64-128": 10, "ChaCha20/Poly1305": 24, "HMAC 256/256": 5}


class InputMaterial:
    """What an AS gives both ends: `id` names it, `secret` is the Master Secret and PoP key."""

    def __init__(
        self,
        id: bytes,
        secret: bytes,
        salt: bytes = b"",
        context_id: bytes | None = None,
        alg: int = 10,
    ):
        self.id = id
        self.secret = secret
        self.salt = salt
        self.context_id = context_id
        self.alg = alg

    def fields(self) -> dict:
        """Return the map that CBOR carries. A salt always goes with it: peers do not agree about
        what none means.
        """
        fields: dict = {_ID: self.id, _MS: self.secret, _SALT: self.salt}
        if self.alg != _DEFAULT_ALG:
            fields[_ALG] = self.alg
        if self.context_id is not None:
            fields[_CONTEXT_ID] = self.context_id
        return fields


def material(fields: object) -> InputMaterial:
    """Return the InputMaterial in a map.

    DecodeError without id and Master Secret, for a parameter that is not known, of another type or
    size, and for another version or HKDF than there is here.
    """
    if not isinstance(fields, dict):
        raise DecodeError("OSCORE_Input_Material is a map")
    for label in fields:
        if label not in (_ID, _VERSION, _MS, _HKDF, _ALG, _SALT, _CONTEXT_ID):
            raise DecodeError("a parameter of OSCORE_Input_Material that is not known")
    if fields.get(_VERSION, _OSCORE_VERSION) != _OSCORE_VERSION:
        raise DecodeError("another version of OSCORE")
    if _number(fields.get(_HKDF, _HMAC_256)) != _HMAC_256:
        raise DecodeError("another HKDF than with SHA-256")
    id = _part(fields.get(_ID), 0, MAX_PART)
    secret = _part(fields.get(_MS), MIN_SECRET, MAX_SECRET)
    salt = _part(fields.get(_SALT, b""), 0, MAX_PART)
    context_id = fields.get(_CONTEXT_ID)
    if context_id is not None:
        _part(context_id, 0, MAX_PART)
    return InputMaterial(id, secret, salt, context_id, _number(fields.get(_ALG, _DEFAULT_ALG)))


def master_salt(salt: bytes, nonce1: bytes, nonce2: bytes) -> bytes:
    """Return salt | N1 | N2, each as an encoded CBOR byte string (RFC 9203 section 4.3).

    Without a salt of the AS's it is OSCORE's own default (RFC 8613 section 3.2): an empty one.
    """
    return cbor.encode(salt) + cbor.encode(nonce1) + cbor.encode(nonce2)


def context(
    provider, made: InputMaterial, nonces: tuple, sender_id: bytes, recipient_id: bytes
) -> Context:
    """Return the context after an exchange of nonces (N1, N2).

    Errors as of leafkey.oscore.keys.derive.
    """
    salt = master_salt(made.salt, nonces[0], nonces[1])
    keys = derive(provider, made.secret, sender_id, recipient_id, salt, made.context_id, made.alg)
    return Context(provider, keys, Sequence(), ReplayWindow())


def _part(value: object, least: int, most: int) -> bytes:
    if not isinstance(value, bytes) or not least <= len(value) <= most:
        raise DecodeError("a part of OSCORE_Input_Material is missing, or of another size")
    return value


def _number(value: object) -> int:
    number = _NAMES.get(value) if isinstance(value, str) else value
    if not isinstance(number, int) or number is True or number is False:
        raise DecodeError("an algorithm that is not known")
    return number
