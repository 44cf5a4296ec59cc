"""What a plain ACE resource server was told of its authorization server (RFC 9200)."""

import os
from hashlib import sha256

from leafkey.ace import cwt
from leafkey.ace.cwt import TokenKey
from leafkey.ace.server import Authority, ResourceServer
from leafkey.codec import cbor
from leafkey.errors import DecodeError, StateError
from leafnode.storage import Storage
from leafnode.uplink import TOKEN_PATH

_PREFIX = "ace-"


class AuthorizationServer:
    """Whose access tokens a server takes, as its operator has agreed with the AS.

        AuthorizationServer("coap://as.example.com/token", "thermo", key, kid=b"as-1")

    `uri` is where clients are sent, `audience` this server's name in tokens, `key` what protects
    them: 16 bytes for `alg` 10, AES-CCM-16-64-128, 32 for 24, ChaCha20/Poly1305. `kid`, `issuer`:
    tokens have to name them. `clock()`: seconds since 1970, None as long as that is not known; a
    server without one goes by exi or cnonce.
    """

    def __init__(
        self,
        uri: str,
        audience: str,
        key: bytes,
        kid: bytes | None = None,
        issuer: str | None = None,
        alg: int = 10,
        clock=None,
    ):
        self._authority = Authority(uri, audience, TokenKey(alg, key, kid), issuer)
        self._clock = clock

    def open(self, provider, directory: str, recipients) -> ResourceServer:
        """Return the resource server, whose state is kept in a directory.

        StateError if that is damaged: tokens may have ended. ValueError for a key of another size.
        """
        authority = self._authority
        if len(authority.key.value) != provider.aead(authority.key.alg).key_size:
            raise ValueError("a key of another size than its algorithm takes")
        store = _Sequence(Storage(directory), authority)
        return ResourceServer(provider, os.urandom, authority, store, recipients, self._clock)


def manager_of(provider, identity) -> AuthorizationServer:
    """Return the manager of a node, which gives tokens under a key of their channel (SPEC 16.1).

    UnsupportedError where this build lacks the channel's AEAD.
    """
    channel = identity.channel
    key = cwt.channel_key(provider, channel.secret, channel.alg)
    uri = identity.manager.rstrip("/") + TOKEN_PATH
    return AuthorizationServer(uri, identity.name, key.value, None, identity.manager, key.alg)


class _Sequence:
    """The highest number of a token with exi that was accepted."""

    def __init__(self, storage: Storage, authority: Authority):
        self._storage = storage
        # Another key is another AS, and counts anew.
        parts = [authority.audience, authority.key.value]
        self._name = _PREFIX + sha256(cbor.encode(parts)).digest()[:6].hex()

    def load(self) -> int:
        stored = self._storage.read(self._name)
        if stored is None:
            return -1
        try:
            number = cbor.decode(stored)
        except DecodeError:
            number = None
        if not isinstance(number, int):
            raise StateError("which tokens have ended is not readable")
        return number

    def put(self, number: int):
        self._storage.write(self._name, cbor.encode(number), twice=True)
