"""What a CAM remembers: its clients and their channels, the SAMs it may ask, its owner's rules.

Of the tickets that pass through it remembers nothing. Like a manager it is one row `Manager` with a
row `Node` for each client.
"""

from sqlalchemy import ForeignKey, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from leafmanager.store.database import Layout
from leafmanager.store.tables import Base, Channel, Manager, Node, Schema, Sentence, Shared


class Authority(Shared, Base):
    """A SAM that this CAM shares a channel with. `known_as` is the CAM's name there."""

    __tablename__ = "authorities"
    # A number is not given a second time: a CAM that serves knows channels by it.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    uri: Mapped[str] = mapped_column(String(255), unique=True)
    known_as: Mapped[str] = mapped_column(String(64))


class ClientRule(Sentence, Base):
    """One sentence of the owner's about a client at a server: see `leafmanager.cam.policy`."""

    __tablename__ = "client_rules"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("nodes.id"))
    authority_id: Mapped[int] = mapped_column(ForeignKey("authorities.id", ondelete="CASCADE"))
    audience: Mapped[str] = mapped_column(String(255))

    client: Mapped[Node] = relationship(lazy="joined", innerjoin=True)
    authority: Mapped[Authority] = relationship(lazy="joined", innerjoin=True)


def _table(declared: type[Base]) -> Table:
    assert isinstance(declared.__table__, Table)
    return declared.__table__


CAM = Layout(
    "CAM",
    "cam.db",
    [_table(declared) for declared in (Schema, Manager, Node, Channel, Authority, ClientRule)],
    "create one with 'leafkey cam init', or name its directory with --state or LEAFKEY_CAM_STATE",
)
