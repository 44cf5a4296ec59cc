"""Endorsed permissions: what SAM says a grant is worth, for C to show to S (SPEC 4.4).

C can read an endorsement and cannot forge it. S sees it inside `confidential` alone, since it is
the same in all requests of a grant.
"""

from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import AuthenticationError, DecodeError
from leafkey.pat import functions, tokens, tree
from leafkey.pat.tokens import AUDIENCE, EPOCH, SLOTS, SUITE, ServerToken, SlotGrant

MAC_LEN = const(16)


class Endorsement:
    """What SAM endorsed: `terms`, a SlotGrant without generation, in this `version`.

    `data` is how it travels. Nothing is verified yet.
    """

    def __init__(self, version: int, terms: SlotGrant, mac: bytes, data: bytes):
        self.version = version
        self.terms = terms
        self.mac = mac
        self.data = data


def make(provider, token: ServerToken, slot: int, version: int, terms: SlotGrant) -> bytes:
    """Return the endorsement of a slot's grant, encoded; SAM makes one for a version.

    `token` needs St, suite, audience and epoch; the generation is that of `terms`. The result may
    be longer than MAX_ENDORSEMENT: then only S can be told the permissions.
    """
    params = tokens.terms_map(terms)
    mac = _mac(provider, token, slot, terms.generation, version, params)
    return cbor.encode([version, params, mac])


def decode(data: bytes) -> Endorsement:
    """Return an encoded endorsement; DecodeError if it is none."""
    if len(data) > tokens.MAX_ENDORSEMENT:
        raise DecodeError("an endorsement is at most 256 bytes")
    version, params, mac = cbor.decode_array(data, 3)
    tokens.check_uint(version, 0, tokens.MAX_UINT)
    if not isinstance(mac, bytes) or len(mac) != MAC_LEN:
        raise DecodeError("the MAC of an endorsement has 16 bytes")
    return Endorsement(version, tokens.terms(params), mac, data)


def verify(provider, token, slot: int, shown: Endorsement):
    """Raise AuthenticationError unless SAM endorsed this for a slot of the ST `token`."""
    generation = token[SLOTS][slot].generation
    params = tokens.terms_map(shown.terms)
    if not equal(_mac(provider, token, slot, generation, shown.version, params), shown.mac):
        raise AuthenticationError("the endorsement does not verify")


def _mac(provider, token, slot: int, generation: int, version: int, params: dict) -> bytes:
    suite = functions.suite(provider, token[SUITE])
    key = suite.f(functions.ENDORSEMENT, tree.derive(suite, token.st, (slot,)), generation)
    endorsed = ["PAT-E", token[AUDIENCE], token[EPOCH], slot, generation, version, params]
    return provider.hmac_sha256(key, cbor.encode(endorsed))[:MAC_LEN]
