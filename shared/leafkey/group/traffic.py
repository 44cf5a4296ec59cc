"""Publications under one key of a group, as one member makes and takes them."""

from collections import namedtuple

from leafkey.errors import AuthenticationError, DecodeError, UnknownSender
from leafkey.group import publication
from leafkey.group.material import GroupKey, Signing
from leafkey.group.senders import Senders

# Sender ID, Partial IV and payload of a publication that was accepted. `is_fresh` is False if it
# could have been accepted before a restart: whoever acts on publications must not act on that one.
Publication = namedtuple("Publication", ("sender", "number", "payload", "is_fresh"))


class Signatures:
    """How the publications of a group are signed: by whom here, and by others.

    `signer` is this member's key (`crypto.signer.Signer`), None if it does not publish;
    `public_of(sender)` returns the public key of a Sender ID, 32 bytes, or None.
    """

    def __init__(self, signing: Signing, signer, public_of):
        self.signing = signing
        self.signer = signer
        self.public_of = public_of


class Traffic:
    """One GroupKey in use. Without `signatures`, members can impersonate each other."""

    def __init__(self, provider, key: GroupKey, signatures: Signatures | None, senders: Senders):
        self._provider = provider
        self.key = key
        self._signatures = signatures
        self._senders = senders

    def protect(self, sender: bytes, number: int, payload: bytes) -> bytes:
        """Return a publication; `number` has never been used under this key by this sender."""
        if self._signatures is None:
            return publication.seal(self._provider, self.key, sender, number, payload)
        signer, alg = self._signatures.signer, self._signatures.signing.alg
        return publication.seal_signed(
            self._provider, self.key, sender, number, payload, signer, alg
        )

    def unprotect(self, sealed: publication.Sealed) -> Publication:
        """Return the Publication; nothing is noted unless all checks pass.

        DecodeError where it is signed in a group without signatures, or the other way round;
        ReplayError, AuthenticationError; UnknownSender if nobody's key can verify it.
        """
        if sealed.is_signed == (self._signatures is None):
            raise DecodeError("a publication of another kind of group")
        self._senders.check(sealed.sender, sealed.number)
        payload = sealed.open(self._provider, self.key)
        if self._signatures is not None:
            self._verify(sealed, self._signatures)
        is_fresh = self._senders.accept(sealed.sender, sealed.number)
        return Publication(sealed.sender, sealed.number, payload, is_fresh)

    def _verify(self, sealed: publication.Sealed, signatures: Signatures):
        if sealed.sign_alg != signatures.signing.alg:
            raise AuthenticationError("signed with another algorithm than the group's")
        public = signatures.public_of(sealed.sender)
        if public is None:
            raise UnknownSender("no credential of who signed this")
        sealed.verify(self._provider, public)
