"""Who comes into a group and who goes (RFC 9594 sections 4.3.1, 4.8 and 5).

A Sender ID is given to one member, once in the life of a group: no two members have one, and no
(key, Sender ID) meets a second node, whatever happens between two steps.
"""

import secrets
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.group import scope
from leafkey.group.keytree import KeyTree, Step
from leafmanager.kdc import groups, rekeying, rights
from leafmanager.kdc.tables import Farewell, Group, Member

_NODENAME_BYTES = 4
# Sender IDs have four bytes at most: a join a second uses them up in 136 years.
MAX_ID = (1 << 32) - 1


class NoSenderId(Exception):
    """All Sender IDs of a group were given to somebody."""


class Newcomer(NamedTuple):
    """Who joins; see `leafmanager.kdc.tables.Member`."""

    subject: str
    label: str
    scope: bytes
    roles: int
    cred: bytes | None
    cnonce: bytes
    control_uri: str | None
    address: str
    expires_at: int | None


def found(session: Session, name: str, subject: str) -> tuple[Group | None, Member | None]:
    """Return the group of that name, and the member of it that somebody is."""
    its = (Member.group_id == Group.id) & (Member.subject == subject)
    both = select(Group, Member).outerjoin(Member, its).where(Group.name == name)
    row = session.execute(both.with_for_update(of=Group)).first()
    return (None, None) if row is None else (row[0], row[1])


def find(session: Session, group: Group, subject: str) -> Member | None:
    """Return the member that somebody is, if it is one."""
    ours = (Member.group_id == group.id, Member.subject == subject)
    return session.scalar(select(Member).where(*ours))


def join(
    session: Session, group: Group, member: Member | None, newcomer: Newcomer, now: int
) -> tuple[Member, bool]:
    """Return the member that a newcomer is from now on, and whether it was none before.

    `member` is what it was: it keeps its name, and is given another Sender ID. NoSenderId if there
    is none.
    """
    is_new = member is None
    if member is None:
        member = Member(group=group, name=secrets.token_hex(_NODENAME_BYTES), joined_at=now)
    elif member.sender_id is not None:
        rekeying.give_up(session, group, member.sender_id)
    for column, value in newcomer._asdict().items():
        setattr(member, column, value)
    member.sender_id = _next_id(group) if groups.sends(group, newcomer.roles) else None
    member.since = member.told = group.num + (1 if is_new and group.has_backward else 0)
    session.add(member)
    session.flush()
    if is_new and group.has_backward:
        rekeying.renew(session, group, _taking_leaf(member), now)
    return member, is_new


def leave(session: Session, member: Member, now: int) -> None:
    """Take a member out of its group, whose others get another key where policy has it so."""
    group = member.group
    if member.sender_id is not None:
        rekeying.give_up(session, group, member.sender_id)
    leaf = member.leaf
    session.delete(member)
    session.flush()
    if group.has_forward:
        change = None if leaf is None else _freeing_leaf(leaf)
        rekeying.renew(session, group, change, now)


def evict(session: Session, member: Member, now: int) -> None:
    """Put a member out, who is to hear of it if it has said where."""
    if member.control_uri is not None:
        told = {"subject": member.subject, "control_uri": member.control_uri}
        session.add(Farewell(**told, decided_at=now))
    leave(session, member, now)


def enforce(session: Session, now: int, only_expired: bool = False) -> list[tuple[str, str]]:
    """Put out whoever may not be what it is any more; return (group, member) by their names.

    `only_expired`: of those whose time seemed to be over. Others are looked at when rules or tokens
    change.
    """
    wanted = select(Member).where(Member.expires_at <= now) if only_expired else select(Member)
    out = []
    for member in session.scalars(wanted.order_by(Member.id)).all():
        right = rights.of_member(session, member, now)
        if scope.covers(right.roles, member.roles):
            member.expires_at = right.ends_at
        else:
            out.append((member.group.name, member.label))
            evict(session, member, now)
    return out


def change_sender_id(session: Session, member: Member) -> bytes:
    """Give a member another Sender ID under the same key; NoSenderId if there is none."""
    sender_id = _next_id(member.group)
    if member.sender_id is not None:
        rekeying.give_up(session, member.group, member.sender_id)
    member.sender_id, member.since = sender_id, member.group.num
    session.flush()
    return sender_id


def _next_id(group: Group) -> bytes:
    number = group.next_id
    if number > MAX_ID:
        raise NoSenderId
    group.next_id += 1
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def _taking_leaf(member: Member) -> rekeying.Change:
    def change(tree: KeyTree, num: int, told: bytes) -> Step:
        step = tree.join(num, told)
        member.leaf = step.leaf
        return step

    return change


def _freeing_leaf(leaf: int) -> rekeying.Change:
    def change(tree: KeyTree, num: int, told: bytes) -> Step:
        return tree.leave(leaf, num, told)

    return change
