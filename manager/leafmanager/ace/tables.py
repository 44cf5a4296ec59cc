"""Access tokens that were made. Of their secrets nothing is kept: they are in the tokens alone."""

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from leafmanager.store.tables import Audience, Base, Node


class AccessToken(Base):
    """An access token: see `leafmanager.ace.authorization`.

    `number` counts the tokens of its audience, and is the end of its cti. `kid` is the id of the
    OSCORE_Input_Material that it is bound to, `token_hash` what stands for it on the revocation
    list. `exi` is null where the token has `exp`; `expires_at` is when the AS takes it to be over.
    """

    __tablename__ = "access_tokens"
    __table_args__ = (UniqueConstraint("audience_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("nodes.id"))
    audience_id: Mapped[int] = mapped_column(ForeignKey("audiences.node_id"), index=True)
    number: Mapped[int]
    kid: Mapped[bytes] = mapped_column(LargeBinary)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scope: Mapped[bytes] = mapped_column(LargeBinary)
    issued_at: Mapped[int]
    exi: Mapped[int | None]
    expires_at: Mapped[int]
    ended_at: Mapped[int | None]

    client: Mapped[Node] = relationship(lazy="joined", innerjoin=True)
    audience: Mapped[Audience] = relationship(lazy="joined", innerjoin=True)


TABLES = [AccessToken.metadata.tables[AccessToken.__tablename__]]
