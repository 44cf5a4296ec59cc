"""A member of a pub/sub group: which key it holds, what it may do with it, what it has to ask for.

SPEC-GROUP section 5. Sans-IO: time is an argument, in seconds of any clock that does not go back;
what the KDC says arrives as parameters from `messages`, out of the member's own context with it.
The store has `put_state(data)`, the whole of what a restart needs but numbers, and
`put_bound(data)`, the numbers; each is durable, or unchanged, when it returns or raises.
"""

from leafkey.compat import const
from leafkey.crypto.compare import equal
from leafkey.errors import (
    AuthenticationError,
    DecodeError,
    NoGroupKey,
    OutOfStep,
    ReplayError,
    StateError,
    UnsupportedError,
)
from leafkey.group import confirmation, credential, labels, messages, path, publication, treemessage
from leafkey.group.holding import Holding, Numbers
from leafkey.group.material import GroupKey, PubSubMaterial
from leafkey.group.senders import Senders
from leafkey.group.traffic import Publication, Signatures, Traffic

# What came of something that the KDC sent, or may have sent.
IGNORED = const(0)  # it is not new
SAME = const(1)  # the key in force is still that
TAKEN = const(2)  # a new key is in force
TAKEN_AFTER_GAP = const(3)  # and at least one before it was missed
PENDING = const(4)  # there is a new key, and the KDC has to confirm it
MISSED = const(5)  # there may be a new key, and the KDC has to be asked for it

# What the KDC has to be asked for.
NOTHING = const(0)
WANTS_KEY = const(1)  # the keying material: GET of nodes/N
WANTS_CONFIRMATION = const(2)  # whether its key is the one that is pending
WANTS_SENDER_ID = const(3)  # another Sender ID: POST to nodes/N


class Member:
    """One node's part in one group. Neither repr nor any error shows a key."""

    def __init__(self, provider, store, group: str, signer=None, public_of=None):
        """`signer` and `public_of` serve signed groups: see traffic.Signatures."""
        self._provider = provider
        self._store = store
        self.group = group
        self._signer = signer
        self._public_of = public_of
        self._signatures: Signatures | None = None
        self._profile: int | None = None
        self._kdc_public: bytes | None = None
        self._delta = 0
        self._current: Holding | None = None
        self._pending: Holding | None = None
        # The key before, and until when publications under it are taken.
        self._old: Holding | None = None
        self._old_until = 0
        self._numbers = Numbers(store)
        # The highest num that the KDC has surely given out.
        self._announced = -1
        # Something nobody vouches for looked like a key that this member misses.
        self._is_in_doubt = False
        # Nothing was heard from the KDC since the start.
        self._is_unchecked = False

    # What the KDC says, in this member's own context.

    def join(self, parameters: dict, now: int, epoch=None, kdc_public=None, is_new: bool = True):
        """Take a Join Response: from messages.decode_join_response.

        `epoch` is the time of day in seconds where the node knows it; `kdc_public` is from
        evidence.kdc_public; `is_new` is False for a 2.04, by which the KDC says that this node was
        a member before. The KDC gives a Sender ID once under a key, so numbers begin with 0.
        DecodeError for what is no pub/sub group, UnsupportedError for signatures other than
        Ed25519, and whatever the store raises.
        """
        self._describe(parameters, kdc_public)
        holding = self._holding(parameters, now, epoch, is_new)
        self._install(holding, _material(parameters).sender_id, now)
        self._old, self._announced = None, -1

    def take(self, parameters: dict, now: int, epoch=None) -> int:
        """Take keying material from messages.decode_keys; return what came of it.

        DecodeError if it cannot follow the key in force; whatever the store raises, and then the
        key in force stays.
        """
        current = self._joined()
        if parameters[labels.NUM] < current.num:
            return IGNORED
        holding = self._holding(parameters, now, epoch)
        sender_id = _sender_id(parameters)
        if sender_id is None:
            sender_id = self._numbers.sender_id
        if holding.num == current.num:
            return self._heard_again(holding, sender_id)
        self._check_new(holding)
        self._install(holding, sender_id, now)
        return TAKEN if holding.num == current.num + 1 else TAKEN_AFTER_GAP

    def confirm(self, data: bytes, now: int) -> int:
        """Take the KDC's answer to a request that was made after a key became pending.

        TAKEN if it is the pending key, SAME if the one before is still in force, else MISSED:
        the pending key was forged, or is not the last one. DecodeError; whatever the store raises.
        """
        num, digest = confirmation.decode(data)
        current, pending = self._joined(), self._pending
        if pending is None:
            return IGNORED
        if num == pending.num and self._is_digest(pending, digest):
            self._install(pending, self._numbers.sender_id, now)
            return TAKEN
        self._pending = None
        self._announced = max(self._announced, num)
        if num == current.num and self._is_digest(current, digest):
            return SAME
        self._is_in_doubt = True
        return MISSED

    def change_sender_id(self, sender_id: bytes):
        """Take another Sender ID, from messages.decode_individual; its numbers begin with 0."""
        self._store_and_begin(self._joined(), sender_id)

    # What anybody may have sent.

    def hear(self, data: bytes, now: int) -> int:
        """Take a rekeying message for the whole group (section 6.2); return what came of it.

        With the KDC's public key, AuthenticationError unless the KDC made it. DecodeError;
        whatever the store raises.
        """
        message = treemessage.decode(data)
        newest = self._pending or self._joined()
        if message.num <= newest.num:
            return IGNORED
        if self._kdc_public is not None:
            message.verify(self._provider, self.group, self._kdc_public)
            self._announced = max(self._announced, message.num)
        holding = self._followed(newest, message, now)
        if holding is None:
            self._is_in_doubt = True
            return MISSED
        if self._kdc_public is not None:
            self._install(holding, self._numbers.sender_id, now)
            return TAKEN
        self._pending = holding
        return PENDING

    def receive(self, data: bytes, now: int) -> Publication:
        """Return the Publication in a datagram's payload.

        NoGroupKey if it is under no key that is held, or under one that expired; ReplayError for
        this member's own and what was received before; errors as of Traffic.unprotect.
        """
        sealed = publication.decode(data)
        if self._numbers.sender_id is not None and sealed.sender == self._numbers.sender_id:
            raise ReplayError("a publication of this member's own")
        return self._traffic(sealed.gid, now).unprotect(sealed)

    # What this member does.

    def publish(self, payload: bytes, now: int) -> bytes:
        """Return a publication. NoGroupKey unless the key is surely in force: `wants` says more.

        SequenceExhausted; whatever the store raises.
        """
        current = self._joined()
        is_sure = self._pending is None and self._announced <= current.num
        if not is_sure or self._is_unchecked or current.has_expired(now):
            raise NoGroupKey("the group's key may not be in force: the KDC knows")
        sender_id, number = self._numbers.take()
        return current.traffic.protect(sender_id, number, payload)

    def wants(self, now: int) -> int:
        """Return what to ask the KDC for: NOTHING, or one of the WANTS."""
        current = self._joined()
        if self._is_unchecked or self._announced > current.num or current.has_expired(now):
            return WANTS_KEY
        if self._pending is not None:
            return WANTS_CONFIRMATION
        if self._is_in_doubt:
            return WANTS_KEY
        return WANTS_SENDER_ID if self._numbers.are_lost() else NOTHING

    def num(self) -> int:
        """Return the num of the key in force."""
        return self._joined().num

    def restore(self, state: bytes, bound: bytes | None, now: int):
        """Go on after a restart with what the store has.

        Until the KDC has spoken nothing is published: what happened meanwhile is not known.
        StateError if the state is none; UnsupportedError.
        """
        try:
            parameters = messages.decode_state(state)
            if parameters[labels.GNAME] != [self.group]:
                raise StateError("the state of another group")
            kdc_cred = parameters.get(labels.KDC_CRED)
            self._describe(parameters, None if kdc_cred is None else credential.decode(kdc_cred))
            holding = self._holding(parameters, now, None, False)
        except DecodeError:
            raise StateError("no state of a group's member")
        self._numbers.resume(holding.num, _material(parameters).sender_id, bound)
        self._current = holding
        self._is_unchecked = True

    def _joined(self) -> Holding:
        if self._current is None:
            raise NoGroupKey("no member of the group")
        return self._current

    def _describe(self, parameters: dict, kdc_public: bytes | None):
        """Take what stays as it is while the keys change."""
        profile = parameters.get(labels.ACE_GROUPCOMM_PROFILE)
        self._signatures = self._signing(_material(parameters), profile)
        self._profile = profile
        self._kdc_public = kdc_public
        policies = parameters.get(labels.GROUP_POLICIES, {})
        self._delta = policies.get(labels.EXPIRATION_DELTA, 0)

    def _signing(self, material: PubSubMaterial, profile) -> Signatures | None:
        """How this group signs; its profile and its `key` have to agree."""
        is_signed = profile == labels.COAP_GROUP_PUBSUB_APP
        if not is_signed and profile != labels.COAP_GROUP_PUBSUB_SYMMETRIC:
            raise DecodeError("not the profile of a pub/sub group")
        if is_signed != (material.signing is not None):
            raise DecodeError("a profile that does not go with the key")
        if material.signing is None:
            return None
        if not material.signing.is_supported():
            raise UnsupportedError("signatures other than Ed25519")
        if self._public_of is None or (material.sender_id is not None and self._signer is None):
            raise UnsupportedError("a signed group, and no keys to sign or verify with")
        return Signatures(material.signing, self._signer, self._public_of)

    def _holding(self, parameters: dict, now: int, epoch, is_complete: bool = True) -> Holding:
        key = _material(parameters).group_key
        held = self._held(key)
        if held is None:
            traffic = Traffic(self._provider, key, self._signatures, Senders(is_complete))
        else:
            # What was received under this key stays known, wherever the key comes from now.
            traffic = held.traffic
        holding = Holding(parameters[labels.NUM], key, traffic)
        holding.expires_at = _expiry(parameters, now, epoch)
        if labels.MGT_KEY_MATERIAL in parameters:
            holding.path = path.decode(self._provider, parameters[labels.MGT_KEY_MATERIAL])
        return holding

    def _held(self, key: GroupKey) -> Holding | None:
        for holding in (self._current, self._pending):
            if holding is not None and holding.key.is_same(key):
                return holding
        return None

    def _followed(self, newest: Holding, message, now: int) -> Holding | None:
        """Return what a member holds that follows a message; None if it cannot."""
        if newest.path is None or message.num != newest.num + 1:
            return None
        try:
            followed, payload = newest.path.follow(self.group, message)
            parameters = messages.decode_keys(payload)
            holding = self._holding(parameters, now, None)
            self._check_new(holding)
        except (AuthenticationError, OutOfStep, DecodeError, UnsupportedError):
            return None
        holding.path = followed
        return holding if holding.num == message.num else None

    def _check_new(self, holding: Holding):
        """Numbers begin anew with a key, so it had better be one."""
        old = self._joined().key
        if holding.key.gid == old.gid or equal(holding.key.key, old.key):
            raise DecodeError("a new key that is, or is named like, the old one")

    def _heard_again(self, holding: Holding, sender_id: bytes | None) -> int:
        """The KDC has named the key in force, maybe with another path or Sender ID."""
        current = self._joined()
        if not holding.key.is_same(current.key):
            raise DecodeError("two keys of one num")
        if holding.path is not None:
            current.path = holding.path
            self._put_state(current, self._numbers.sender_id)
        if sender_id is not None and sender_id != self._numbers.sender_id:
            self.change_sender_id(sender_id)
        if holding.expires_at is not None:
            current.expires_at = holding.expires_at
        self._is_unchecked = self._is_in_doubt = False
        return SAME

    def _install(self, holding: Holding, sender_id: bytes | None, now: int):
        """Put a key in force."""
        self._store_and_begin(holding, sender_id)
        self._old = self._current if self._delta else None
        self._old_until = now + self._delta
        self._current, self._pending = holding, None
        self._is_in_doubt = self._is_unchecked = False

    def _store_and_begin(self, holding: Holding, sender_id: bytes | None):
        """Store a key and a Sender ID before anything is done with them."""
        if sender_id is not None and len(sender_id) > holding.key.longest_sender_id():
            raise DecodeError("a Sender ID that is too long for the nonce")
        is_same = self._current is not None and holding.key.is_same(self._current.key)
        if is_same and sender_id == self._numbers.sender_id:
            # Told again what it has: its numbers go on.
            self._put_state(holding, sender_id)
            return
        if self._current is None or self._numbers.are_lost():
            self._numbers.first(holding.num, sender_id)
        self._put_state(holding, sender_id)
        self._numbers.begin(holding.num, sender_id)

    def _put_state(self, holding: Holding, sender_id: bytes | None):
        signing = None if self._signatures is None else self._signatures.signing
        state = {
            labels.GNAME: [self.group],
            labels.GKTY: labels.GROUP_PUBSUB_KEYING_MATERIAL,
            labels.KEY: PubSubMaterial(holding.key, sender_id, signing).to_cbor(),
            labels.NUM: holding.num,
            labels.ACE_GROUPCOMM_PROFILE: self._profile,
            labels.GROUP_POLICIES: {labels.EXPIRATION_DELTA: self._delta},
        }
        if holding.path is not None:
            state[labels.MGT_KEY_MATERIAL] = holding.path.encode()
        if self._kdc_public is not None:
            state[labels.KDC_CRED] = credential.encode(self._kdc_public)
        self._store.put_state(messages.encode(state))

    def _is_digest(self, holding: Holding, digest: bytes) -> bool:
        key = PubSubMaterial(holding.key).to_cbor()
        gkty = labels.GROUP_PUBSUB_KEYING_MATERIAL
        own = confirmation.digest(self._provider, self.group, holding.num, gkty, key)
        return equal(own, digest)

    def _traffic(self, gid: bytes, now: int) -> Traffic:
        if now > self._old_until:
            self._old = None
        current = self._joined()
        if gid == current.key.gid and not current.has_expired(now - self._delta):
            return current.traffic
        if self._pending is not None and gid == self._pending.key.gid:
            return self._pending.traffic
        if self._old is not None and gid == self._old.key.gid:
            return self._old.traffic
        raise NoGroupKey("a publication under a key that is not held, or not any more")


def _material(parameters: dict) -> PubSubMaterial:
    if not isinstance(parameters[labels.KEY], PubSubMaterial):
        raise DecodeError("the keying material of another kind of group")
    return parameters[labels.KEY]


def _sender_id(parameters: dict) -> bytes | None:
    """A Sender ID in the answer to a GET: within the key, or beside it."""
    inside = _material(parameters).sender_id
    return parameters.get(labels.GROUP_SENDER_ID) if inside is None else inside


def _expiry(parameters: dict, now: int, epoch) -> int | None:
    """When the key expires, by the clock of `now`; who knows the time of day goes by that."""
    if epoch is not None and labels.EXP in parameters:
        return now + parameters[labels.EXP] - epoch
    left = parameters.get(labels.EXI)
    return None if left is None else now + left
