"""A resource server with the OSCORE profile: tokens, and the contexts under them (RFC 9200, 9203).

It has no I/O: what comes to /authz-info goes in, answers come out.
"""

from collections import OrderedDict, namedtuple

from leafkey.ace import aif, authz_info, cwt, labels, osc
from leafkey.ace.cnonce import Cnonces
from leafkey.ace.lifetime import Lifetimes
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    BAD_REQUEST,
    CONTENT_FORMAT,
    CREATED,
    FORBIDDEN,
    METHOD_NOT_ALLOWED,
    UNAUTHORIZED,
)
from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import AuthenticationError, DecodeError, NotAllowed, UnsupportedError
from leafkey.oscore.preset import Preset
from leafkey.oscore.recipients import Recipients

# Contexts that no request has been made in yet: nobody has shown that it has their key.
MAX_UNPROVEN = const(8)
# PoP keys with a token; the one heard least recently makes room.
MAX_ACCESSES = const(16)
# Of a Recipient ID that is chosen here.
ID_LEN = const(2)

# Where the AS is, this RS's name there, what protects its tokens, and `iss` in them if they have
# one that counts.
Authority = namedtuple("Authority", ("uri", "audience", "key", "issuer"))
# What a token says: permissions, and until when, ms.
Terms = namedtuple("Terms", ("permissions", "end"))


class Access:
    """What whoever has one PoP key may do, by its latest token. `id` is the AS's name of it."""

    def __init__(self, material: osc.InputMaterial):
        self.id = material.id
        self.secret = material.secret
        self.terms: Terms
        # The context that was proven last.
        self.recipient: Preset
        self.is_dropped = False

    @property
    def permissions(self):
        """What the latest token permits, as the server's `understand` returned it."""
        return self.terms.permissions

    def is_current(self, now: int) -> bool:
        """Tell whether the token still stands; now: ms."""
        return not self.is_dropped and now < self.terms.end


class ResourceServer:
    """Takes tokens, and knows who may do what in the contexts under them."""

    def __init__(
        self,
        provider,
        random_bytes,
        authority: Authority,
        store,
        recipients: Recipients,
        clock=None,
        understand=None,
        more=None,
    ):
        """`store` and `clock` as of lifetime.Lifetimes. Contexts are registered at `recipients`,
        among those of others. `understand(scope)` returns permissions, or raises DecodeError;
        without one a scope is an AIF. `more(request, claims)` returns what a 2.01 says beside the
        nonce and the ID, as a KDC's does (RFC 9594 section 3.3), by label.
        """
        self._provider = provider
        self._random_bytes = random_bytes
        self._authority = authority
        self._recipients = recipients
        self._clock = clock
        self._understand = understand or _aif
        self._more = more
        self._cnonces = Cnonces(provider, random_bytes)
        self._lifetimes = Lifetimes(provider, store, self._cnonces, authority.audience, clock)
        # {recipient: (InputMaterial, Terms)}, oldest first.
        self._unproven = OrderedDict()
        # {recipient: Access}, heard least recently first.
        self._proven = OrderedDict()
        # Called when a context was proven, or a token has changed: a time may end sooner.
        self.on_change = _nothing

    # /authz-info

    def hints(self, now: int) -> Message:
        """Return the 4.01 for a request without a token, or whose token is not good."""
        authority = self._authority
        said = {labels.AS: authority.uri, labels.AUDIENCE: authority.audience}
        if self._clock is None or self._clock() is None:
            said[labels.CNONCE] = self._cnonces.make(now)
        return _answer(UNAUTHORIZED, said)

    def post(self, payload: bytes, now: int) -> Message:
        """Return the answer to a token that was posted without protection."""
        return self._answered(self._posted, payload, now)

    def update(self, access: Access, payload: bytes, now: int) -> Message:
        """Return the answer to a token that was posted in the context of an Access.

        It takes the place of the last one, if it is for the same key.
        """

        def updated(payload: bytes, now: int) -> Message:
            token = authz_info.decode_request(payload)[labels.ACCESS_TOKEN]
            claims, terms = self._verified(token, now)
            kid = claims.get(cwt.CNF, {}).get(labels.KID)
            if not isinstance(kid, bytes) or not equal(kid, access.id):
                raise AuthenticationError("a token for another key")
            self._lifetimes.take(claims, token, terms.end)
            access.terms = terms
            self.on_change()
            return Message(CREATED)

        return self._answered(updated, payload, now)

    def _answered(self, take, payload: bytes, now: int) -> Message:
        """The code table of RFC 9200 section 5.10.1.1."""
        try:
            return take(payload, now)
        except AuthenticationError:
            return self.hints(now)
        except NotAllowed:
            return Message(FORBIDDEN)
        except (DecodeError, UnsupportedError, ValueError):
            return Message(BAD_REQUEST)

    def _posted(self, payload: bytes, now: int) -> Message:
        request = authz_info.decode_request(payload)
        token = request[labels.ACCESS_TOKEN]
        claims, terms = self._verified(token, now)
        material = osc.material(claims.get(cwt.CNF, {}).get(labels.OSC))
        said, recipient = self._context(material, request)
        if self._more is not None:
            said.update(self._more(request, claims))
        self._lifetimes.take(claims, token, terms.end)
        self._make_room(material.id)
        self._recipients.add(recipient)
        self._unproven[recipient] = material, terms
        return _answer(CREATED, said)

    def _verified(self, token: bytes, now: int) -> tuple:
        """Return (claims, Terms) of a token. Nothing is changed yet."""
        authority = self._authority
        claims = cwt.unprotect(self._provider, authority.key, token)
        if authority.issuer is not None and claims.get(cwt.ISS) != authority.issuer:
            raise AuthenticationError("a token of another AS")
        end = self._lifetimes.end(claims, token, now)
        if claims.get(cwt.AUD) != authority.audience:
            raise NotAllowed("a token for another server")
        if claims.get(cwt.ACE_PROFILE, labels.COAP_OSCORE) != labels.COAP_OSCORE:
            raise DecodeError("a token for another profile")
        return claims, Terms(self._understand(claims.get(cwt.SCOPE)), end)

    def _context(self, material: osc.InputMaterial, request: dict) -> tuple:
        """Return (parameters of the 2.01, recipient) for a request with a good token."""
        nonce1 = request.get(labels.NONCE1, b"")
        id1 = request.get(labels.ACE_CLIENT_RECIPIENTID)
        if id1 is None or not 0 < len(nonce1) <= osc.MAX_PART:
            raise DecodeError("no nonce1, or no Recipient ID of the client")
        nonce2, id2 = self._random_bytes(osc.NONCE_LEN), self._free_id(id1)
        made = osc.context(self._provider, material, (nonce1, nonce2), id1, id2)
        # It begins now, so its window is never lost, and no Echo needed.
        return {labels.NONCE2: nonce2, labels.ACE_SERVER_RECIPIENTID: id2}, Preset(made, bytes)

    def _free_id(self, id1: bytes) -> bytes:
        while True:
            id2 = self._random_bytes(ID_LEN)
            if id2 != id1 and not self._recipients.has(id2):
                return id2

    def _make_room(self, id: bytes):
        """Of the unproven, the key with most of them loses its oldest: who posts one token over
        and over takes no other client's place.
        """
        while len(self._unproven) >= MAX_UNPROVEN:
            ids = [material.id for material, _ in self._unproven.values()] + [id]
            most = max(ids, key=ids.count)
            of_most = [r for r, (material, _) in self._unproven.items() if material.id == most]
            self._forget(of_most[0])

    # Requests

    def received(self, recipient, now: int) -> Access | None:
        """Return the Access behind a request that has verified; None if it is not from here.

        AuthenticationError if its token has ended. The first request in a context proves that its
        client has the key, and ends the context before it.
        """
        if recipient not in self._unproven and recipient not in self._proven:
            return None
        self.close_ended(now)
        if recipient in self._unproven:
            self._prove(recipient)
        access = self._proven.pop(recipient, None)
        if access is None:
            raise AuthenticationError("the token has ended")
        self._proven[recipient] = access
        return access

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

    def _prove(self, recipient):
        material, terms = self._unproven.pop(recipient)
        access = self._by_id(material.id)
        if access is None or not equal(access.secret, material.secret):
            if access is not None:
                self._drop(access)
            access = Access(material)
        else:
            self._forget(access.recipient)
        access.terms = terms
        access.recipient = recipient
        self._proven[recipient] = access
        while len(self._proven) > MAX_ACCESSES:
            self._drop(next(iter(self._proven.values())))
        self.on_change()

    def _by_id(self, id: bytes) -> Access | None:
        for access in self._proven.values():
            if access.id == id:
                return access
        return None

    def _drop(self, access: Access):
        access.is_dropped = True
        self._forget(access.recipient)

    def _forget(self, recipient):
        self._unproven.pop(recipient, None)
        self._proven.pop(recipient, None)
        self._recipients.remove(recipient)


def denial(permissions: list, request: Message) -> int:
    """Return 0 if permissions of an AIF cover a request, else the code to refuse it with."""
    path = request.path()
    if aif.permits(permissions, path, request.code):
        return 0
    is_covered = any(aif.segments(known) == path for known, _ in permissions)
    return METHOD_NOT_ALLOWED if is_covered else FORBIDDEN


def _aif(scope: object) -> list:
    if not isinstance(scope, bytes):
        raise DecodeError("a scope that is no AIF")
    return aif.decode(scope)


def _answer(code: int, said: dict) -> Message:
    return Message(code, ((CONTENT_FORMAT, APPLICATION_ACE_CBOR),), cbor.encode(said))


def _nothing():
    pass
