"""A group's key tree in the rows: what a rekeying changes in it (SPEC-GROUP section 6)."""

import secrets

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from leafkey.crypto.provider import default_provider
from leafkey.group import labels
from leafkey.group.keytree import KeyTree, Step
from leafkey.group.treemessage import Cipher
from leafkey.pat import functions
from leafmanager.kdc import groups
from leafmanager.kdc.tables import Group, Member, TreeKey, TreeMessage

# So many messages are kept for members that have missed the last ones.
KEPT_MESSAGES = 8
_SUITE = functions.SHA256


def is_used(group: Group) -> bool:
    """Tell whether a group has a key tree."""
    return group.scheme == labels.KEY_TREE


def of(session: Session, group: Group) -> KeyTree:
    """Return a group's tree as it is stored, for a change that comes with the group's num."""
    # Members that cannot verify ask the KDC whether a key is its own (SPEC-GROUP section 6.4).
    signer = groups.signer(session) if groups.KINDS[group.kind].is_signed else None
    cipher = Cipher(default_provider(), _SUITE, group.alg)
    tree = KeyTree(cipher, secrets.token_bytes, group.name, signer)
    rows = select(TreeKey.node, TreeKey.num, TreeKey.secret).where(TreeKey.group_id == group.id)
    found = [tuple(row) for row in session.execute(rows)]
    tree.load(group.num - 1, found)
    return tree


def put(session: Session, group: Group, step: Step) -> None:
    """Store a change of the tree, and the message that tells of it."""
    for node, num, node_key in step.rows():
        session.execute(delete(TreeKey).where(TreeKey.group_id == group.id, TreeKey.node == node))
        if node_key is not None:
            session.add(TreeKey(group_id=group.id, node=node, num=num, secret=node_key))
    if step.message:
        session.add(TreeMessage(group_id=group.id, num=step.num, content=step.message))
    too_old = step.num - KEPT_MESSAGES
    session.execute(
        delete(TreeMessage).where(TreeMessage.group_id == group.id, TreeMessage.num <= too_old)
    )
    session.flush()


def parameters(tree: KeyTree, member: Member) -> dict:
    """Return the rekeying scheme, and the path of a member that has a leaf."""
    assert member.leaf is not None
    path = tree.path(member.leaf).encode()
    return {labels.REKEYING_SCHEME: labels.KEY_TREE, labels.MGT_KEY_MATERIAL: path}


def of_member(session: Session, member: Member) -> dict:
    """Return what a member needs to follow its group's tree; nothing where there is none."""
    return {} if member.leaf is None else parameters(of(session, member.group), member)


def messages_after(session: Session, group: Group, num: int) -> list[bytes]:
    """Return the messages that take a member from `num` to the key in force; [] if any is gone."""
    wanted = select(TreeMessage.content).where(
        TreeMessage.group_id == group.id, TreeMessage.num > num
    )
    found = list(session.scalars(wanted.order_by(TreeMessage.num)))
    return found if len(found) == group.num - num else []
