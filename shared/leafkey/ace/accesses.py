"""Who may do what, in which contexts: what a resource server remembers (RFC 9203 4.3, 6)."""

from collections import OrderedDict, namedtuple

from leafkey.ace.osc import InputMaterial
from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import AuthenticationError
from leafkey.oscore.recipients import Recipients

# Contexts that no request has been made in yet: nobody has shown that it has their key.
MAX_UNPROVEN = const(8)
# PoP keys with a token; the one heard least recently makes room.
MAX_ACCESSES = const(16)

# What a token says: permissions, and until when, ms.
Terms = namedtuple("Terms", ("permissions", "end"))


class Access:
    """What whoever has one PoP key may do, by its latest token. `id` is the AS's name of it."""

    def __init__(self, material: InputMaterial, terms: Terms, recipient):
        self.id = material.id
        self.secret = material.secret
        self.terms = terms
        # The context that was proven last (leafkey.oscore.recipients).
        self.recipient = recipient
        self.is_dropped = False

    @property
    def permissions(self):
        """What the latest token permits, as the server's `understand` returned it."""
        return self.terms.permissions

    def is_current(self, now: int) -> bool:
        """Tell whether the token still stands; now: ms."""
        return not self.is_dropped and now < self.terms.end


class Accesses:
    """Contexts that wait for their proof, and those that have it."""

    def __init__(self, recipients: Recipients):
        """Contexts are registered at `recipients`, among those of others."""
        # The limits of a node; who has more memory may raise them.
        self.max_unproven = MAX_UNPROVEN
        self.max_accesses = MAX_ACCESSES
        self._recipients = recipients
        # {recipient: (InputMaterial, Terms)}, oldest first.
        self._unproven = OrderedDict()
        # {recipient: Access}, heard least recently first.
        self._proven = OrderedDict()
        # Called when a context was proven, or a token has changed: a time may end sooner.
        self.on_change = _nothing

    def add(self, recipient, material: InputMaterial, terms: Terms):
        """Let a context wait for the first request in it."""
        self._make_room(material.id)
        self._recipients.add(recipient)
        self._unproven[recipient] = material, terms

    def received(self, recipient, now: int) -> Access | None:
        """Return the Access behind a request that has verified; None if it is not from here.

        AuthenticationError if its token has ended. The first request in a context proves that its
        client has the key, and ends the context before it.
        """
        if recipient in self._unproven:
            self._prove(recipient, now)
        elif recipient not in self._proven:
            return None
        access = self._proven.pop(recipient)
        if not access.is_current(now):
            self._forget(recipient)
            raise AuthenticationError("the token has ended")
        self._proven[recipient] = access
        return access

    def replace(self, access: Access, terms: Terms):
        """Let another token count for a key, in the same context."""
        access.terms = terms
        self.on_change()

    def close_ended(self, now: int):
        """Forget the contexts whose token has ended."""
        for recipient in list(self._unproven):
            if now >= self._unproven[recipient][1].end:
                self._forget(recipient)
        for recipient in list(self._proven):
            if not self._proven[recipient].is_current(now):
                self._forget(recipient)

    def next_end(self) -> int | None:
        """Return when the next token ends, ms; None if there is none."""
        ends = [access.terms.end for access in self._proven.values()]
        return min(ends) if ends else None

    def _prove(self, recipient, now: int):
        material, terms = self._unproven.pop(recipient)
        if now >= terms.end:
            self._forget(recipient)
            raise AuthenticationError("the token has ended")
        access = self._by_id(material.id)
        if access is not None and equal(access.secret, material.secret):
            self._forget(access.recipient)
            access.terms, access.recipient = terms, recipient
        else:
            if access is not None:
                self._drop(access)
            access = Access(material, terms, recipient)
        self._proven[recipient] = access
        while len(self._proven) > self.max_accesses:
            self._drop(next(iter(self._proven.values())))
        self.on_change()

    def _by_id(self, id: bytes) -> Access | None:
        for access in self._proven.values():
            if access.id == id:
                return access
        return None

    def _make_room(self, id: bytes):
        """Of the unproven, the key with most of them loses its oldest: who posts one token over
        and over takes no other client's place.
        """
        while len(self._unproven) >= self.max_unproven:
            ids = [material.id for material, _ in self._unproven.values()] + [id]
            most = max(ids, key=ids.count)
            of_most = [r for r, (material, _) in self._unproven.items() if material.id == most]
            self._forget(of_most[0])

    def _drop(self, access: Access):
        access.is_dropped = True
        self._forget(access.recipient)

    def _forget(self, recipient):
        self._unproven.pop(recipient, None)
        self._proven.pop(recipient, None)
        self._recipients.remove(recipient)


def _nothing():
    pass
