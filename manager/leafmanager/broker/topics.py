"""Which topics there are: their owner makes and deletes them."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from leafmanager.broker.tables import Topic
from leafmanager.errors import ManagerError
from leafmanager.kdc.tables import Group

MAX_TOPICS = 256
MAX_NAME = 128


def create(session: Session, name: str, group: Group | None, now: int) -> Topic:
    """Make a topic, which can be read from now on, and is empty.

    ManagerError for a name that is none or taken, and past MAX_TOPICS.
    """
    _check_name(name)
    if find(session, name) is not None:
        raise ManagerError(f"there is a topic named {name!r} already", "choose another name")
    if (session.scalar(select(func.count()).select_from(Topic)) or 0) >= MAX_TOPICS:
        raise ManagerError(f"there are {MAX_TOPICS} topics, and no more", "delete one first")
    topic = Topic(name=name, group=group, content=b"", created_at=now)
    session.add(topic)
    session.flush()
    return topic


def find(session: Session, name: str) -> Topic | None:
    """Return the topic of that name."""
    return session.get(Topic, name)


def named(session: Session, name: str) -> Topic:
    """Return the topic of that name; ManagerError names those there are."""
    topic = find(session, name)
    if topic is None:
        known = ", ".join(one.name for one in every(session))
        raise ManagerError(
            f"there is no topic named {name!r}",
            f"known are: {known}" if known else f"make it with 'leafkey topic create {name}'",
        )
    return topic


def every(session: Session) -> list[Topic]:
    """Return all topics by their names."""
    return list(session.scalars(select(Topic).order_by(Topic.name)))


def delete(session: Session, topic: Topic) -> None:
    """Delete a topic, with what was published last; who subscribes hears of it."""
    session.delete(topic)
    session.flush()


def _check_name(name: str) -> None:
    """A name is a path of an URI, so "a/b", whose segments are not empty."""
    is_fit = 0 < len(name.encode()) <= MAX_NAME and name.isprintable() and " " not in name
    if not is_fit or not all(name.split("/")):
        raise ManagerError(
            f"{name!r} is no name of a topic",
            f"take printable characters without spaces, at most {MAX_NAME} bytes, like floor2/temp",
        )
