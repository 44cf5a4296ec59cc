"""The tables. Everything secret is a column named `st` or `secret`; nothing else is.

Times are whole seconds since 1970. Generations, versions and epochs only grow. An AIF is stored as
CBOR (SPEC section 4.1).
"""

from typing import ClassVar

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SCHEMA_VERSION = 7


class Base(DeclarativeBase):
    """Its metadata is the schema."""

    def __repr__(self) -> str:
        """Only the class: rows hold secrets, and a repr ends up in logs."""
        return f"<{type(self).__name__}>"


class Schema(Base):
    """One row: which schema this database has."""

    __tablename__ = "leafkey_schema"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class Manager(Base):
    """One row: who the manager is. `aead` is for the channels of its clients."""

    __tablename__ = "manager"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(64))
    uri: Mapped[str] = mapped_column(String(255))
    aead: Mapped[int]


class Node(Base):
    """A server or a client.

    A client with a CAM, `cam_id`, is heard through that node and has no channel of its own; its
    name is "CAM/CLIENT": see `leafmanager.cam_clients`.
    """

    __tablename__ = "nodes"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(128), unique=True)
    role: Mapped[str] = mapped_column(String(8))
    cam_id: Mapped[int | None] = mapped_column(ForeignKey("nodes.id"))
    created_at: Mapped[int]


class Shared:
    """What two ends were given for their channel (SPEC section 10): a COSE AEAD, and so on."""

    alg: Mapped[int]
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    sender_id: Mapped[bytes] = mapped_column(LargeBinary)
    recipient_id: Mapped[bytes] = mapped_column(LargeBinary)


class Channel(Shared, Base):
    """The channel between this manager and a node, which is known by `recipient_id`.

    `rotations` counts how often the owner wanted a new context: see `leafmanager.net.channels`.
    """

    __tablename__ = "channels"

    node_id: Mapped[int] = mapped_column(
        ForeignKey("nodes.id", ondelete="CASCADE"), primary_key=True
    )
    recipient_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    rotations: Mapped[int] = mapped_column(default=0)

    node: Mapped[Node] = relationship(lazy="joined", innerjoin=True)


class Audience(Base):
    """What clients ask for access to: a server, or a part of this manager.

    `asks`: what no rule decides is asked of the owner. `takes_tokens`: it is a resource server of
    ACE; `issued` counts the access tokens that were ever made for it. `secret` protects those for
    parts of this manager; a server's are protected by its channel (SPEC section 16.1).
    """

    __tablename__ = "audiences"
    __mapper_args__: ClassVar = {"polymorphic_on": "kind", "polymorphic_identity": "own"}

    node_id: Mapped[int] = mapped_column(ForeignKey("nodes.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    asks: Mapped[bool] = mapped_column(default=False)
    takes_tokens: Mapped[bool] = mapped_column(default=False)
    issued: Mapped[int] = mapped_column(default=0)
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)

    node: Mapped[Node] = relationship(lazy="joined")


class Server(Audience):
    """What makes a node a server: its St and parameters, and how far it has confirmed them.

    `confirmed` is the version the server is known to have, 0 for none; `sent` the highest that ever
    left this manager for it. `off_since` is when it last stopped to answer, null while it answers.
    `address` is where the server was last heard, as host:port.
    """

    __tablename__ = "servers"
    __mapper_args__: ClassVar = {"polymorphic_identity": "server"}

    node_id: Mapped[int] = mapped_column(ForeignKey("audiences.node_id"), primary_key=True)
    st: Mapped[bytes] = mapped_column(LargeBinary)
    epoch: Mapped[int]
    suite: Mapped[int]
    n_clients: Mapped[int]
    degree: Mapped[int]
    depth: Mapped[int]
    at_len: Mapped[int]
    window: Mapped[int]
    aead: Mapped[int]
    level: Mapped[int]
    version: Mapped[int]
    confirmed: Mapped[int]
    sent: Mapped[int] = mapped_column(default=0)
    off_since: Mapped[int | None]
    address: Mapped[str | None] = mapped_column(String(80))
    heard_at: Mapped[int | None]


class Slot(Base):
    """A slot that was ever granted: the highest generation granted in this epoch.

    `grant_id` is the grant in force, or null: the slot is closed. `version` is the server's at
    which the slot last changed.
    """

    __tablename__ = "slots"

    server_id: Mapped[int] = mapped_column(ForeignKey("servers.node_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    generation: Mapped[int]
    grant_id: Mapped[int | None] = mapped_column(ForeignKey("grants.id"))
    version: Mapped[int]

    grant: Mapped["Grant | None"] = relationship(lazy="joined")


class Version(Base):
    """A decision that its server has not confirmed: see `leafmanager.versions`.

    `content` is a params-s (SPEC section 4.1), and `sealed` the command that was made of it, if one
    was. `st` and `epoch` are those in force before: under them it is sealed, and its receipt.
    """

    __tablename__ = "versions"

    server_id: Mapped[int] = mapped_column(ForeignKey("servers.node_id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    st: Mapped[bytes] = mapped_column(LargeBinary)
    kind: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    text: Mapped[str] = mapped_column(String(160))
    decided_at: Mapped[int]


class Revocation(Base):
    """A token on a node's part of the revocation list: see `leafmanager.trl`.

    `added` and `removed` are the numbers of the updates of that part by which it came and went.
    """

    __tablename__ = "revocations"

    id: Mapped[int] = mapped_column(primary_key=True)
    node_id: Mapped[int] = mapped_column(ForeignKey("nodes.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[int | None]
    added: Mapped[int]
    removed: Mapped[int | None]


class PerAt:
    """What one AT carries at most (SPEC section 4.3): see `leafmanager.per_at`. Null: no limit."""

    notifications_per_at: Mapped[int | None]
    seconds_per_at: Mapped[int | None]
    requests_per_at: Mapped[int | None]


class Range(PerAt, Base):
    """What the slots `first` to `last` of a server have in common: see `leafmanager.ranges`.

    `level` and `permissions` null: nothing is said of them.
    """

    __tablename__ = "ranges"

    server_id: Mapped[int] = mapped_column(ForeignKey("servers.node_id"), primary_key=True)
    first: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]
    level: Mapped[int | None]
    permissions: Mapped[bytes | None] = mapped_column(LargeBinary)


class Grant(PerAt, Base):
    """One generation of one slot, given to one client, for good: the first constraint says so.

    The second makes a repeated ticket request find its ticket. `version` is the server's that
    carries the grant: once confirmed, the ticket may be released. `released_at` is null until then,
    `ended_at` while the grant holds its slot.
    """

    __tablename__ = "grants"
    __table_args__ = (
        UniqueConstraint("server_id", "epoch", "slot", "generation"),
        UniqueConstraint("client_id", "request_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("servers.node_id"), index=True)
    epoch: Mapped[int]
    slot: Mapped[int]
    generation: Mapped[int]
    client_id: Mapped[int] = mapped_column(ForeignKey("nodes.id"))
    request_id: Mapped[bytes] = mapped_column(LargeBinary)
    access_token: Mapped[bytes] = mapped_column(LargeBinary)
    permissions: Mapped[bytes] = mapped_column(LargeBinary)
    level: Mapped[int]
    first: Mapped[int]
    last: Mapped[int]
    authorization: Mapped[str] = mapped_column(String(8))
    version: Mapped[int]
    issued_at: Mapped[int]
    released_at: Mapped[int | None]
    expires_at: Mapped[int | None]
    ended_at: Mapped[int | None]

    client: Mapped[Node] = relationship(lazy="joined", innerjoin=True)
    server: Mapped[Server] = relationship(lazy="joined", innerjoin=True)


class Sentence:
    """What every rule says, a manager's or a CAM's. `allow` null: ask the owner."""

    allow: Mapped[bool | None]
    path: Mapped[str] = mapped_column(String(128))
    methods: Mapped[int]


class Rule(Sentence, PerAt, Base):
    """One sentence of the owner's: see `leafmanager.policy`.

    `path` and `methods` are what the scopes of its audience are made of: see `leafmanager.scopes`.
    `level` null: the server's own. `ends_at` null: no end. `ats_left` null: no limit.
    `authorization` as in `leafmanager.policy`, null: EXPLICIT. `consent_id` is what the owner was
    asked when the rule was made, if anything.
    """

    __tablename__ = "rules"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("nodes.id"))
    audience_id: Mapped[int] = mapped_column(ForeignKey("audiences.node_id"))
    level: Mapped[int | None]
    ends_at: Mapped[int | None]
    ats_left: Mapped[int | None]
    authorization: Mapped[str | None] = mapped_column(String(8))
    created_at: Mapped[int]
    consent_id: Mapped[int | None] = mapped_column(ForeignKey("consents.id", ondelete="SET NULL"))

    client: Mapped[Node] = relationship(lazy="joined", innerjoin=True)
    audience: Mapped[Audience] = relationship(lazy="joined", innerjoin=True)


class Consent(Base):
    """One question to the owner, and the answer: see `leafmanager.consent`.

    `scope` is what is asked, sorted. `request_id`, `requested` and `kept` are those of the last of
    the `times` ticket requests that asked it. `expires_at` is when it is too late for an answer.
    `refused` is the part that counts as refused until `refused_until`; while the question is open,
    that is what silence will mean.
    """

    __tablename__ = "consents"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("nodes.id"), index=True)
    audience_id: Mapped[int] = mapped_column(ForeignKey("audiences.node_id"))
    scope: Mapped[bytes] = mapped_column(LargeBinary)
    request_id: Mapped[bytes] = mapped_column(LargeBinary)
    requested: Mapped[bytes] = mapped_column(LargeBinary)
    kept: Mapped[bytes] = mapped_column(LargeBinary)
    times: Mapped[int]
    asked_at: Mapped[int]
    expires_at: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), index=True)
    decided_at: Mapped[int | None]
    refused: Mapped[bytes] = mapped_column(LargeBinary)
    refused_until: Mapped[int]

    client: Mapped[Node] = relationship(lazy="joined", innerjoin=True)
    audience: Mapped[Audience] = relationship(lazy="joined", innerjoin=True)


class Charge(Base):
    """A grant took all its ATs out of this rule, which counts them."""

    __tablename__ = "charges"

    grant_id: Mapped[int] = mapped_column(
        ForeignKey("grants.id", ondelete="CASCADE"), primary_key=True
    )
    rule_id: Mapped[int] = mapped_column(
        ForeignKey("rules.id", ondelete="CASCADE"), primary_key=True
    )

    rule: Mapped[Rule] = relationship(lazy="joined", innerjoin=True)


# CAM and KDC have tables of their own (`cam.tables`, `kdc.tables`), which are declared later.
MANAGER_TABLES = list(Base.metadata.sorted_tables)
