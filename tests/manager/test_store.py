"""The database: who may read it, what it survives, and what it says when it cannot be used."""

import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import select, text

from leafmanager import provision
from leafmanager.errors import ManagerError
from leafmanager.store import database
from leafmanager.store.tables import Channel, Manager


def manager() -> Manager:
    return provision.manager_row("home", "coap://127.0.0.1:5683", 10)


def create(directory: Path) -> database.Store:
    return database.create(directory, [manager()])


@pytest.fixture
def channel() -> Channel:
    """The channel of a node that there is none of."""
    secret = bytes(range(65, 97))
    return Channel(node_id=9, alg=10, secret=secret, sender_id=b"abcd", recipient_id=b"efgh")


def test_only_the_owner_may_read_it(tmp_path: Path):
    store = create(tmp_path / "a" / "state")
    files = [path.stat() for path in (tmp_path / "a" / "state").iterdir()]
    assert {stat.S_IMODE(file.st_mode) for file in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "a" / "state").stat().st_mode) == 0o700
    store.close()


def test_it_is_durable_and_checks_its_keys(tmp_path: Path):
    store = create(tmp_path)
    with store.transaction() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA synchronous")) == 2
        assert session.scalar(text("PRAGMA foreign_keys")) == 1
    store.close()


def test_a_transaction_happens_whole_or_not_at_all(tmp_path: Path):
    store = create(tmp_path)
    with pytest.raises(RuntimeError), store.transaction() as session:
        provision.add_client(session, "display", 1)
        session.flush()
        raise RuntimeError
    with store.transaction() as session:
        assert session.scalars(select(Channel)).all() == []
        provision.add_client(session, "display", 1)
    store.close()


def test_a_failed_creation_leaves_nothing(tmp_path: Path):
    with pytest.raises(Exception, match="UNIQUE"):
        database.create(tmp_path, [manager(), manager()])
    assert not (tmp_path / database.FILE_NAME).exists()
    create(tmp_path).close()


def test_an_existing_manager_is_left_alone(tmp_path: Path):
    create(tmp_path).close()
    before = (tmp_path / database.FILE_NAME).read_bytes()
    with pytest.raises(ManagerError, match="already"):
        create(tmp_path)
    assert (tmp_path / database.FILE_NAME).read_bytes() == before


def test_rows_show_no_secrets(channel: Channel):
    assert channel.secret.hex() not in repr(channel)
    assert repr(channel.secret) not in repr(channel)


def test_statements_that_fail_show_no_secrets(tmp_path: Path, channel: Channel):
    store = create(tmp_path)
    with pytest.raises(Exception, match="FOREIGN KEY") as failed, store.transaction() as session:
        session.add(channel)
    assert repr(channel.secret) not in str(failed.value)
    store.close()


def test_another_schema_is_refused(tmp_path: Path):
    store = create(tmp_path)
    with store.transaction() as session:
        session.execute(text("UPDATE leafkey_schema SET version = 99"))
    store.close()
    with pytest.raises(ManagerError, match="schema 99"):
        database.open_existing(tmp_path)


def test_a_database_of_somebody_else_is_refused(tmp_path: Path):
    sqlite3.connect(tmp_path / database.FILE_NAME).execute("CREATE TABLE x (y)")
    with pytest.raises(ManagerError, match="not a Leafkey database"):
        database.open_existing(tmp_path)


def test_what_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / database.FILE_NAME).write_bytes(b"\x00" * 10_000)
    with pytest.raises(ManagerError, match="not a database"):
        database.open_existing(tmp_path)


def test_a_locked_database_is_waited_for_and_then_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    create(tmp_path).close()
    holder = sqlite3.connect(tmp_path / database.FILE_NAME, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(ManagerError, match="locked"):
        database.open_existing(tmp_path)
    holder.close()
    database.open_existing(tmp_path).close()
