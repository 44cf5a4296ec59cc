"""Opens and creates the database. One `transaction()` is one decision: all of it happens, or none.

A committed decision survives a power cut (`synchronous=FULL`): a ticket is sent only after its
commit, so what was granted is never granted again.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Engine, Table, create_engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import Session

from leafmanager.ace.tables import TABLES as ACE_TABLES
from leafmanager.broker.tables import TABLES as BROKER_TABLES
from leafmanager.errors import ManagerError
from leafmanager.kdc.tables import TABLES as KDC_TABLES
from leafmanager.store.tables import MANAGER_TABLES, SCHEMA_VERSION, Base, Schema

FILE_NAME = "leafkey.db"
_INIT = "create one with 'leafkey init', or name its directory with --state or LEAFKEY_STATE"
# How long a command waits for another one that is writing.
BUSY_SECONDS = 5


class Layout(NamedTuple):
    """What a database is for: its tables, what holds them, and how a person comes to have one."""

    what: str
    file_name: str
    tables: list[Table]
    init: str


_TABLES = [*MANAGER_TABLES, *ACE_TABLES, *KDC_TABLES, *BROKER_TABLES]
MANAGER = Layout("manager", FILE_NAME, _TABLES, _INIT)
# secure_delete: keys that were replaced are not left in the file's free places.
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")


class Store:
    """An open database. Every statement runs inside `transaction()`."""

    def __init__(self, engine: Engine):
        self._engine = engine

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session; commit at the end, or roll everything back if an exception leaves.

        ManagerError when the database is locked for too long or cannot be written.
        """
        with explained(), Session(self._engine) as session, session.begin():
            yield session

    def changes(self) -> "Changes":
        """Return a look-out for what is written from now on. Close it before the store."""
        return Changes(self._engine)

    def close(self) -> None:
        """Let go of the database's files."""
        self._engine.dispose()


class Changes:
    """Tells whether a database was written to, by whatever process. Asking costs very little."""

    def __init__(self, engine: Engine):
        self._connection = engine.raw_connection() if engine.name == "sqlite" else None
        self._seen: object = None

    def any(self) -> bool:
        """Tell whether there may be something new since the last call; True the first time."""
        if self._connection is None:
            return True
        try:
            found = self._connection.cursor().execute("PRAGMA data_version").fetchone()
        except sqlite3.OperationalError:
            return True
        changed = found != self._seen
        self._seen = found
        return changed

    def close(self) -> None:
        """Let go of the database's files."""
        if self._connection:
            self._connection.close()


def create(directory: Path, first_rows: list[Base], layout: Layout = MANAGER) -> Store:
    """Create directory (0700) and database (0600) with its first rows, all or nothing.

    ManagerError if there is a database already.
    """
    path = directory / layout.file_name
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise _exists(directory, layout.what) from None
    except OSError as error:
        raise _unusable(directory, error) from None
    store = connect(f"sqlite:///{path}")
    try:
        with store.transaction() as session:
            Base.metadata.create_all(session.connection(), tables=layout.tables)
            session.add_all([Schema(version=SCHEMA_VERSION), *first_rows])
    except BaseException:
        store.close()
        path.unlink()
        raise
    return store


def open_existing(directory: Path, layout: Layout = MANAGER) -> Store:
    """Open the database in `directory`; ManagerError if there is none of this schema."""
    path = directory / layout.file_name
    try:
        found = path.is_file()
    except OSError as error:
        raise _unusable(directory, error) from None
    if not found:
        raise ManagerError(f"there is no {layout.what} in {directory}", layout.init)
    store = connect(f"sqlite:///{path}")
    with store.transaction() as session:
        _check_schema(session, path)
    return store


def connect(url: str) -> Store:
    """Open a database by its SQLAlchemy URL, without looking at its schema."""
    if make_url(url).get_backend_name() != "sqlite":
        return Store(create_engine(url, hide_parameters=True))
    # hide_parameters: an exception would otherwise print the secrets of its statement.
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return Store(engine)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the database complains about, and a person can mend, into a ManagerError."""
    try:
        yield
    except OperationalError as error:
        raise ManagerError(
            f"the database cannot be used: {error.orig}",
            "see that no other program holds it, that the disk has room, and that you own it",
        ) from None
    except DatabaseError as error:
        if "not a database" not in str(error.orig):
            raise
        raise ManagerError(
            "what the state directory holds is not a database",
            "restore it from a backup, or choose another directory with --state",
        ) from None


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must leave BEGIN to us: it would start transactions too late, and not for reading.
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection) -> None:
    # IMMEDIATE: two decisions at once must not both read before one writes.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _check_schema(session: Session, path: Path) -> None:
    names = inspect(session.connection()).get_table_names()
    found = session.scalar(select(Schema.version)) if Schema.__tablename__ in names else None
    if found is None:
        raise ManagerError(f"{path} is not a Leafkey database", "choose another with --state")
    if found != SCHEMA_VERSION:
        raise ManagerError(
            f"{path} has schema {found}; this leafkey knows schema {SCHEMA_VERSION}",
            "use the leafkey that wrote it",
        )


def _exists(directory: Path, what: str) -> ManagerError:
    return ManagerError(
        f"there is a {what} in {directory} already",
        "use it as it is, or choose another directory with --state",
    )


def _unusable(directory: Path, error: OSError) -> ManagerError:
    return ManagerError(
        f"{directory} cannot be used: {error.strerror}",
        "choose a directory you may write to with --state or LEAFKEY_STATE",
    )
