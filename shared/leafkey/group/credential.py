"""Credentials: an Ed25519 key in a CWT Claims Set (RFC 8392, RFC 8747), credential format 14."""

from leafkey.codec import cbor
from leafkey.codec.cose import KEY_ALG, KEY_TYPE
from leafkey.compat import const
from leafkey.errors import DecodeError
from leafkey.group import fields, labels

_CNF = const(8)
_COSE_KEY = const(1)
_OKP = const(1)
_CURVE = const(-1)
_X = const(-2)
_PRIVATE = const(-4)
KEY_SIZE = const(32)


def encode(public: bytes) -> bytes:
    """Return the credential of a public key of 32 bytes: claims that confirm it, and no others.

    Whoever is asked for a credential shows the same bytes each time: they are what is compared.
    """
    key = {KEY_TYPE: _OKP, _CURVE: labels.CURVE_ED25519, _X: public}
    return cbor.encode({_CNF: {_COSE_KEY: key}})


def decode(data: bytes) -> bytes:
    """Return the public key of a credential, 32 bytes; claims beside it are not looked at.

    DecodeError if it confirms no Ed25519 key, or carries the secret one.
    """
    claims = fields.mapping(cbor.decode(fields.octets(data), lenient=True))
    cnf = fields.mapping(claims.get(_CNF))
    key = fields.mapping(cnf.get(_COSE_KEY))
    alg = key.get(KEY_ALG, labels.EDDSA)
    kind = fields.integer(key.get(KEY_TYPE)), fields.integer(key.get(_CURVE))
    if kind != (_OKP, labels.CURVE_ED25519) or _PRIVATE in key:
        raise DecodeError("not the public key of Ed25519")
    if alg not in (labels.EDDSA, labels.ED25519):
        raise DecodeError("a key that is bound to another algorithm")
    x = fields.octets(key.get(_X), KEY_SIZE)
    if len(x) != KEY_SIZE:
        raise DecodeError("an Ed25519 key has 32 bytes")
    return x
