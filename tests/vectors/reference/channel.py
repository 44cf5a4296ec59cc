"""SPEC.md section 5.8: the OSCORE context that an AT opens."""

from tests.vectors.reference import coap, oscore, tree
from tests.vectors.reference.protect import Token

OSCORE_LEVEL = 5
ID_LABEL = 5


def context(token: Token) -> oscore.Context:
    """C's context."""
    psk = token.at.key(tree.PSK)
    ids = [tree.f(token.at.suite, ID_LABEL, psk, index)[:6] for index in (1, 2)]
    return oscore.Context(token.aead, psk, b"", None, *ids)


def pat_option(token: Token) -> bytes:
    """What goes along until the first answer."""
    return bytes([OSCORE_LEVEL]) + token.at.at[: token.at_len]


def introduced(token: Token, request: oscore.Protected) -> oscore.Protected:
    """A request of C's, with the PAT option outside."""
    return request._replace(options=[*request.options, (coap.PAT, pat_option(token))])
