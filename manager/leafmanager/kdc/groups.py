"""What groups there are, and the keying material that their members are told.

Of each kind the constants say what its profile fixes: pub/sub groups (draft-ietf-ace-coap-pubsub-
profile), without signatures as a private profile, and OSCORE groups in group mode (draft-ietf-ace-
key-groupcomm-oscore).
"""

import secrets
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.crypto.hkdf import expand, extract
from leafkey.crypto.provider import default_provider
from leafkey.crypto.signer import Signer
from leafkey.group import credential, labels, material
from leafkey.group.fields import MAX_NUM
from leafkey.group.material import GroupKey, PubSubMaterial, Signing
from leafkey.oscore.keys import info
from leafmanager.errors import ManagerError
from leafmanager.kdc.tables import Farewell, Group, KdcKey, Member

PUBSUB, SYMMETRIC, OSCORE = "pubsub", "symmetric", "oscore"
DAY = 86400
GID_LEN = 8
SALT_LEN = 8
_SECRET_LEN = 32
_HMAC_SHA256 = 5
# A key is replaced on schedule when so much of its lifetime is over: three of four parts.
_USED, _PARTS = 3, 4


class Kind(NamedTuple):
    """What all groups of a kind have in common; `words` are the names of roles."""

    gkty: int
    profile: int
    is_signed: bool
    words: dict[str, int]


# The other bits of a pub/sub scope are about topics: the broker's business.
_PUBSUB_WORDS = {"publish": labels.PUBLISH, "read": labels.READ}
_OSCORE_WORDS = {
    "requester": labels.REQUESTER,
    "responder": labels.RESPONDER,
    "monitor": labels.MONITOR,
    "verifier": labels.VERIFIER,
}
_PUBSUB_KEY = labels.GROUP_PUBSUB_KEYING_MATERIAL
_OSCORE_KEY = labels.GROUP_OSCORE_INPUT_MATERIAL
KINDS = {
    PUBSUB: Kind(_PUBSUB_KEY, labels.COAP_GROUP_PUBSUB_APP, True, _PUBSUB_WORDS),
    SYMMETRIC: Kind(_PUBSUB_KEY, labels.COAP_GROUP_PUBSUB_SYMMETRIC, False, _PUBSUB_WORDS),
    OSCORE: Kind(_OSCORE_KEY, labels.COAP_GROUP_OSCORE_APP, True, _OSCORE_WORDS),
}


class Policy(NamedTuple):
    """What an owner decides about a group; see `leafmanager.kdc.tables.Group`."""

    lifetime: int = DAY
    delta: int = 0
    check_interval: int = 3600
    has_forward: bool = True
    has_backward: bool = False


def create(
    session: Session, name: str, kind: str, alg: int, scheme: int, policy: Policy, now: int
) -> Group:
    """Make a group with its first key; ManagerError if there is one of that name.

    In a key tree, and in an OSCORE group, whoever leaves cannot read on; in a key tree, whoever
    joins cannot read what was before.
    """
    if session.scalar(select(Group).where(Group.name == name)):
        raise ManagerError(f"there is a group named {name!r} already", "choose another name")
    if kind == OSCORE and scheme != labels.POINT_TO_POINT:
        raise ManagerError(
            "an OSCORE group is rekeyed point to point: its profile knows no other scheme",
            "leave out --tree",
        )
    group = Group(name=name, kind=kind, alg=alg, scheme=scheme, num=0, next_id=0, is_active=True)
    group.rekeyed_at = group.created_at = now
    set_policy(group, policy)
    set_fresh_key(group)
    session.add(group)
    session.flush()
    return group


def set_policy(group: Group, policy: Policy) -> None:
    """Take an owner's policy, as far as the group's kind leaves a choice."""
    is_tree = group.scheme == labels.KEY_TREE
    group.lifetime, group.delta, group.check_interval = policy[:3]
    group.has_forward = policy.has_forward or group.kind == OSCORE or is_tree
    group.has_backward = policy.has_backward or is_tree


def policy_of(group: Group) -> Policy:
    """Return the policy in force."""
    seconds = group.lifetime, group.delta, group.check_interval
    return Policy(*seconds, group.has_forward, group.has_backward)


def set_fresh_key(group: Group) -> None:
    """Put a random key under a random Gid in the place of the one there was."""
    key_size, nonce_size = material.SIZES[group.alg]
    group.gid = secrets.token_bytes(GID_LEN)
    is_oscore = group.kind == OSCORE
    group.secret = secrets.token_bytes(_SECRET_LEN if is_oscore else key_size)
    group.salt = secrets.token_bytes(SALT_LEN if is_oscore else nonce_size)


def find(session: Session, name: str) -> Group | None:
    """Return the group of that name, locked against other decisions."""
    return session.scalar(select(Group).where(Group.name == name).with_for_update())


def named(session: Session, name: str) -> Group:
    """Return the group of that name; ManagerError names those there are."""
    group = find(session, name)
    if group is None:
        known = ", ".join(session.scalars(select(Group.name).order_by(Group.name)))
        raise ManagerError(
            f"there is no group named {name!r}",
            f"known are: {known}" if known else f"make it with 'leafkey group create {name}'",
        )
    return group


def members(session: Session, group: Group) -> list[Member]:
    """Return who is in a group, who came first first."""
    ours = select(Member).where(Member.group_id == group.id).order_by(Member.id)
    return list(session.scalars(ours))


def delete(session: Session, group: Group, now: int) -> None:
    """Forget a group. Members with a `control_uri` are told as if they were put out."""
    for member in members(session, group):
        if member.control_uri is not None:
            told = {"subject": member.subject, "control_uri": member.control_uri}
            session.add(Farewell(**told, decided_at=now))
    session.delete(group)


def expires_at(group: Group) -> int:
    """Return when the key in force expires."""
    return group.rekeyed_at + group.lifetime


def is_due(group: Group, now: int) -> bool:
    """Tell whether it is time for another key, before this one expires, and there is one."""
    return group.num < MAX_NUM and now >= group.rekeyed_at + group.lifetime * _USED // _PARTS


def roles_text(kind: str, roles: int) -> str:
    """Return roles as a person writes them: "publish,read"."""
    return ",".join(word for word, bit in KINDS[kind].words.items() if roles & bit)


def sends(group: Group, roles: int) -> bool:
    """Tell whether who has these roles needs a Sender ID."""
    if group.kind == OSCORE:
        return bool(roles & (labels.REQUESTER | labels.RESPONDER))
    return bool(roles & labels.PUBLISH)


def needs_cred(group: Group, roles: int) -> bool:
    """Tell whether who has these roles has to show a credential of its own."""
    return KINDS[group.kind].is_signed and sends(group, roles)


def key_of(group: Group, sender_id: bytes | None = None, is_join: bool = False) -> dict:
    """Return `key`, for a member with a Sender ID, or for one without.

    How members of a pub/sub group sign is told at a join alone (SPEC-GROUP section 2).
    """
    if group.kind == OSCORE:
        key = rekeyed_key(group) | _group_mode(group)
        return key if sender_id is None else key | {material.OSCORE_SENDER_ID: sender_id}
    signing = Signing() if is_join and KINDS[group.kind].is_signed else None
    return PubSubMaterial(_group_key(group), sender_id, signing).to_cbor()


def rekeyed_key(group: Group) -> dict:
    """Return `key` as a rekeying message has it: what has changed."""
    if group.kind == OSCORE:
        secret_parts = {material.MS: group.secret, material.SALT: group.salt}
        return secret_parts | {material.CONTEXT_ID: group.gid}
    return PubSubMaterial(_group_key(group)).to_cbor()


def verification_key(group: Group) -> dict:
    """Return `key` for who only checks signatures: nothing secret."""
    return _group_mode(group) | {material.CONTEXT_ID: group.gid}


def signature_encryption_key(group: Group) -> bytes:
    """Return the Signature Encryption Key (draft-ietf-core-oscore-groupcomm section 2.1.9)."""
    size = material.SIZES[group.alg][0]
    prk = extract(group.salt, group.secret)
    return expand(prk, info(b"", group.gid, group.alg, "SEKey", size), size)


def sign_info(group: Group) -> list:
    """Return the `sign_info` entry of a signed group (RFC 9594 section 3.3.1)."""
    alg_params, key_params = labels.ED25519_PARAMS
    return [group.name, labels.EDDSA, alg_params, key_params, labels.KCCS]


def signer(session: Session) -> Signer:
    """Return the key by which this KDC signs; the first call makes it."""
    row = session.get(KdcKey, 1)
    if row is None:
        row = KdcKey(id=1, secret=secrets.token_bytes(_SECRET_LEN))
        session.add(row)
        session.flush()
    return default_provider().ed25519_key(row.secret)


def kdc_cred(session: Session) -> bytes:
    """Return the KDC's credential, the same bytes each time."""
    return credential.encode(signer(session).public)


def _group_key(group: Group) -> GroupKey:
    return GroupKey(group.gid, group.alg, group.salt, group.secret)


def _group_mode(group: Group) -> dict:
    signing = Signing()
    return {
        material.HKDF: _HMAC_SHA256,
        material.OSCORE_CRED_FMT: signing.cred_fmt,
        material.GP_ENC_ALG: group.alg,
        material.OSCORE_SIGN_ALG: signing.alg,
        material.OSCORE_SIGN_PARAMS: signing.params,
    }
