"""What the broker remembers: topics, and the last publication of each, as it came."""

from sqlalchemy import ForeignKey, LargeBinary, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from leafmanager.kdc.tables import Group
from leafmanager.store.tables import Base


class Topic(Base):
    """A topic. `group_id`: the group whose members publish and read; null: rules say who does.

    `content` is what was published last, b"" before the first time; null: it was deleted.
    """

    __tablename__ = "topics"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"))
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    content_format: Mapped[int | None]
    created_at: Mapped[int]

    group: Mapped[Group | None] = relationship(lazy="joined")


assert isinstance(Topic.__table__, Table)
TABLES = [Topic.__table__]
