"""The manager as a PAT server towards its nodes (SPEC section 10)."""

import secrets
import time

from sqlalchemy import select, update

from leafkey.coap.message import Message
from leafkey.crypto.provider import default_provider
from leafkey.pat import tokens
from leafkey.pat.verifier import Session, Verifier
from leafmanager import issue
from leafmanager.errors import ManagerError
from leafmanager.provision import manager_of
from leafmanager.store.database import Store
from leafmanager.store.tables import Node


def now_ms() -> int:
    """Return the milliseconds of a clock that never goes back."""
    return time.monotonic_ns() // 1_000_000


class Channels:
    """Tells which node a request comes from; nodes added meanwhile are known at once."""

    def __init__(self, store: Store):
        self._store = store
        with store.transaction() as session:
            manager = manager_of(session)
            marks = {node.slot: node.mark for node in issue.channel_nodes(session)}
            token = issue.manager_token(session, manager)
            self._version = manager.version
            self.name = manager.name
        self._verifier = Verifier(
            default_provider(),
            secrets.token_bytes,
            _Marks(store),
            token[tokens.SAM],
            token[tokens.AUDIENCE],
        )
        self._verifier.load(token, {slot: mark for slot, mark in marks.items() if mark is not None})

    def unprotect(self, message: Message) -> Session:
        """Return the session of a node's request; Refused carries the answer to all others."""
        self._take_new_nodes()
        return self._verifier.unprotect(message, _always_confidential, now_ms())

    def node_of(self, session: Session) -> tuple[int, str]:
        """Return the id and name of the node that holds a session's slot."""
        with self._store.transaction() as database:
            node = database.scalars(select(Node).where(Node.slot == session.slot)).one()
            return node.id, node.name

    def _take_new_nodes(self) -> None:
        with self._store.transaction() as session:
            latest = manager_of(session).version
            new = range(self._version + 1, latest + 1)
            changes = [issue.manager_change(session, version) for version in new]
        for change in changes:
            self._verifier.apply(change, now_ms())
        self._version = latest


class _Marks:
    """The verifier's durable memory. The token itself is made from the rows of the nodes."""

    def __init__(self, store: Store):
        self._store = store

    def put_token(self, token: tokens.ServerToken, marks: dict) -> None:
        """Nothing: a change to the token came from the database in the first place."""

    def put_mark(self, slot: int, mark: int) -> None:
        """Keep a node's numbers up to `mark` used, whatever happens from here on."""
        try:
            with self._store.transaction() as session:
                session.execute(update(Node).where(Node.slot == slot).values(mark=mark))
        except ManagerError as error:
            raise OSError(str(error)) from error


def _always_confidential(_request: Message) -> int:
    return tokens.CONFIDENTIAL
