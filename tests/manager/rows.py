"""A manager's rows without a process: a server, clients with rules, and the server's own side."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.crypto.provider import default_provider
from leafkey.pat import commands, ticket, tokens
from leafkey.pat.commands import Sealed
from leafkey.pat.follower import Follower
from leafkey.pat.verifier import Verifier
from leafmanager import cam_clients, provision, sam
from leafmanager.store import database
from leafmanager.store.tables import Grant, Rule, Server
from tests.manager.nodes import Memory

GET = 1
NOW = 1_700_000_000
SHAPE = provision.Shape(
    n_clients=4, suite=1, degree=33, depth=30, at_len=16, window=8, aead=10, level=1
)
NAMES = ("display", "phone", "cam")


@contextmanager
def opened(directory: Path) -> Iterator[Session]:
    """A transaction on a manager with a server that has its first ST, and clients with rules."""
    row = provision.manager_row("home", "coap://127.0.0.1", 10)
    store = database.create(directory / "state", [row])
    with store.transaction() as session:
        provision.add_server(session, "thermo", SHAPE, NOW)
        for name in NAMES:
            provision.add_client(session, name, NOW)
            allow(session, name)
        server(session).confirmed = server(session).sent = 1
        yield session
    store.close()


def server(session: Session) -> Server:
    return session.scalars(select(Server)).one()


def allow(session: Session, name: str, **limits: object) -> None:
    client = cam_clients.named(session, name, NOW)
    rule = Rule(path="/temp", methods=GET, allow=True, created_at=NOW, **limits)
    rule.client, rule.audience = client, server(session)
    session.add(rule)
    session.flush()


def grant(session: Session, name: str, request_id: bytes = b"request1") -> Grant:
    """Grant and release a ticket."""
    request = ticket.TokenRequest("thermo", [("/temp", GET)], request_id)
    made = sam.grant_ticket(session, cam_clients.named(session, name, NOW), request, NOW)
    assert isinstance(made, Grant)
    made.released_at = NOW
    session.flush()
    return made


class Node:
    """The server's side of commands, in memory."""

    def __init__(self, whole: tokens.ServerToken):
        self.verifier = Verifier(default_provider(), bytes, Memory(), "", "thermo")
        self.verifier.apply(whole, 0)
        self.follower = Follower(default_provider(), self.verifier, self)

    def put_command(self, token: tokens.ServerToken, marks: dict, last: bytes) -> None:
        """Nothing needs to survive a test."""

    def take(self, payload: bytes) -> Sealed | None:
        """Take carried commands; return the receipt."""
        receipt = self.follower.follow(payload, 0)
        return None if receipt is None else commands.decode(receipt)

    @property
    def token(self) -> tokens.ServerToken:
        """The ST in force."""
        assert self.verifier.token
        return self.verifier.token
