"""Another key for a group, and what its members are told (RFC 9594 section 6).

A rekeying is one transaction: the new `num` and key are stored, and the old key is gone, before
anything is sent. What is sent says what is stored, so it can be sent again after a power cut.
"""

from collections.abc import Callable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from leafkey.group import labels, messages
from leafkey.group.fields import MAX_NUM
from leafkey.group.keytree import KeyTree, Step
from leafmanager.errors import ManagerError
from leafmanager.kdc import groups, keytrees
from leafmanager.kdc.tables import Group, Member, Stale

# Sets of stale Sender IDs that are kept, that of the key in force included.
STALE_SETS = 3
# A rekeying message brings the credentials of so many newcomers; members fetch more of them.
MAX_NEWCOMERS = 8

# Makes the change of a key tree: (tree, num, rekeying message).
Change = Callable[[KeyTree, int, bytes], Step]


def rekey(session: Session, group: Group, now: int, skip: int = 1) -> None:
    """Put another key in force, and change nothing else; `skip` as of `renew`."""
    refresh: Change = KeyTree.refresh
    renew(session, group, refresh if _has_leaves(session, group) else None, now, skip)


def renew(session: Session, group: Group, change: Change | None, now: int, skip: int = 1) -> None:
    """Put another key in force, with a change of the group's key tree where it has one.

    ManagerError once all nums are used. `skip`: how far num goes on.
    """
    if group.num + skip > MAX_NUM:
        raise ManagerError(f"{group.name} has had all its keys", "make another group")
    group.num += skip
    group.rekeyed_at = now
    groups.set_fresh_key(group)
    session.flush()
    if keytrees.is_used(group) and change is not None:
        tree = keytrees.of(session, group)
        told = messages.encode(message(session, group, now, group.num - 1))
        keytrees.put(session, group, change(tree, group.num, told))
    too_old = group.num - STALE_SETS
    session.execute(delete(Stale).where(Stale.group_id == group.id, Stale.num <= too_old))


def message(session: Session, group: Group, now: int, since: int) -> dict:
    """Return the parameters of a rekeying message for members who have the key of num `since`."""
    told = stated(group, now) | {labels.KEY: groups.rekeyed_key(group)}
    if group.kind == groups.OSCORE:
        # Those given up under the key before: who has missed that one asks for more.
        told[labels.STALE_NODE_IDS] = _stale_of(session, group, group.num - 1)
    newcomers = [
        member
        for member in session.scalars(select(Member).where(*_who_came(group, since)))
        if member.cred is not None
    ]
    return told | (credentials(newcomers) if 0 < len(newcomers) <= MAX_NEWCOMERS else {})


def stated(group: Group, now: int) -> dict:
    """Return what goes with each `key`: type, num, profile and when it expires."""
    kind, expires_at = groups.KINDS[group.kind], groups.expires_at(group)
    return {
        labels.GKTY: kind.gkty,
        labels.NUM: group.num,
        labels.ACE_GROUPCOMM_PROFILE: kind.profile,
        labels.EXP: expires_at,
        labels.EXI: max(0, expires_at - now),
    }


def credentials(members: list[Member]) -> dict:
    """Return `creds`, `peer_roles` and `peer_identifiers` of members that have a credential."""
    return {
        labels.CREDS: [member.cred for member in members],
        labels.PEER_ROLES: [member.roles for member in members],
        labels.PEER_IDENTIFIERS: [member.sender_id for member in members],
    }


def stale_since(session: Session, group: Group, num: int) -> list[bytes] | None:
    """Return the Sender IDs given up since the key of `num` came; None if that is not known."""
    if group.num - num + 1 > min(STALE_SETS, group.num + 1):
        return None
    wanted = select(Stale.sender_id).where(Stale.group_id == group.id, Stale.num >= num)
    return list(session.scalars(wanted.order_by(Stale.num, Stale.sender_id)))


def give_up(session: Session, group: Group, sender_id: bytes) -> None:
    """Note that a Sender ID is nobody's any more."""
    session.add(Stale(group_id=group.id, sender_id=sender_id, num=group.num))


def _stale_of(session: Session, group: Group, num: int) -> list[bytes]:
    wanted = select(Stale.sender_id).where(Stale.group_id == group.id, Stale.num == num)
    return list(session.scalars(wanted.order_by(Stale.sender_id)))


def _who_came(group: Group, since: int) -> tuple:
    return Member.group_id == group.id, Member.since > since


def _has_leaves(session: Session, group: Group) -> bool:
    members = select(Member.id).where(Member.group_id == group.id, Member.leaf.is_not(None))
    return session.scalar(members.limit(1)) is not None
