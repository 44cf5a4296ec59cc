"""What the KDC remembers. As elsewhere everything secret is a column named `st` or `secret`.

A group's key lies in its row alone: the transaction that makes a new one deletes the old one.
"""

from sqlalchemy import ForeignKey, LargeBinary, String, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from leafmanager.store.tables import Base


class KdcKey(Base):
    """One row, once a group needs it: the key by which this KDC signs (Ed25519)."""

    __tablename__ = "kdc_key"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    secret: Mapped[bytes] = mapped_column(LargeBinary)


class Group(Base):
    """A group, and the one key that is in force in it.

    `kind` is that of `leafmanager.kdc.groups`; `alg` a COSE AEAD; `scheme` a rekeying scheme
    (RFC 9594 section 11.13). `num` counts the keys, `gid` names this one, and `salt` is what goes
    with it: the Base IV, or the Master Salt. `next_id` is the Sender ID that was never given to
    anybody. `lifetime` and `delta` are seconds; `has_forward`: whoever leaves cannot read on;
    `has_backward`: whoever joins cannot read what was before.
    """

    __tablename__ = "groups"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(12))
    alg: Mapped[int]
    scheme: Mapped[int]
    num: Mapped[int]
    gid: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    next_id: Mapped[int]
    lifetime: Mapped[int]
    delta: Mapped[int]
    check_interval: Mapped[int]
    has_forward: Mapped[bool]
    has_backward: Mapped[bool]
    is_active: Mapped[bool]
    rekeyed_at: Mapped[int]
    created_at: Mapped[int]


class Member(Base):
    """Who is in a group. `subject` is who that is (`leafmanager.kdc.rights`).

    `name` is its NODENAME, `label` what the owner calls it. `scope` is what it joined with, in its
    bytes: evidence of a later credential covers it. `sender_id` is null for who does not send;
    `cnonce` its last N_C; `leaf` its place in the key tree; `address` where it asked from. `since`
    is the num at which it came, or its credential or Sender ID changed; `told` the highest num that
    it surely has. `expires_at` is the end of what let it in.
    """

    __tablename__ = "group_members"
    __table_args__ = (
        UniqueConstraint("group_id", "subject"),
        UniqueConstraint("group_id", "name"),
        UniqueConstraint("group_id", "sender_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"))
    subject: Mapped[str] = mapped_column(String(80), index=True)
    name: Mapped[str] = mapped_column(String(16))
    label: Mapped[str] = mapped_column(String(128))
    scope: Mapped[bytes] = mapped_column(LargeBinary)
    roles: Mapped[int]
    sender_id: Mapped[bytes | None] = mapped_column(LargeBinary)
    cred: Mapped[bytes | None] = mapped_column(LargeBinary)
    cnonce: Mapped[bytes] = mapped_column(LargeBinary)
    leaf: Mapped[int | None]
    control_uri: Mapped[str | None] = mapped_column(String(255))
    address: Mapped[str] = mapped_column(String(80))
    since: Mapped[int]
    told: Mapped[int]
    joined_at: Mapped[int]
    expires_at: Mapped[int | None]

    group: Mapped[Group] = relationship()


class Stale(Base):
    """A Sender ID that somebody gave up under the key with this num."""

    __tablename__ = "group_stale_ids"

    group_id: Mapped[int] = mapped_column(
        ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True
    )
    sender_id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    num: Mapped[int]


class TreeKey(Base):
    """The key of a node of a group's key tree, and the num that it is of."""

    __tablename__ = "group_tree_keys"

    group_id: Mapped[int] = mapped_column(
        ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True
    )
    node: Mapped[int] = mapped_column(primary_key=True)
    num: Mapped[int]
    secret: Mapped[bytes] = mapped_column(LargeBinary)


class TreeMessage(Base):
    """What went to a whole group when it came to `num`, sealed for its members."""

    __tablename__ = "group_tree_messages"

    group_id: Mapped[int] = mapped_column(
        ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True
    )
    num: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Farewell(Base):
    """Somebody who was put out, and is to be told at its `control_uri` (RFC 9594 section 5)."""

    __tablename__ = "group_farewells"

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(String(80))
    control_uri: Mapped[str] = mapped_column(String(255))
    decided_at: Mapped[int]


def _table(declared: type[Base]) -> Table:
    assert isinstance(declared.__table__, Table)
    return declared.__table__


_DECLARED = (KdcKey, Group, Member, Stale, TreeKey, TreeMessage, Farewell)
TABLES = [_table(declared) for declared in _DECLARED]
