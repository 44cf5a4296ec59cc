"""Makes managers, servers and clients, and the identities that nodes receive (SPEC section 10)."""

import secrets
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from leafkey.codec import cbor
from leafkey.errors import DecodeError
from leafkey.pat import tokens
from leafkey.pat.tokens import SlotGrant
from leafmanager import issue, units
from leafmanager.errors import ManagerError
from leafmanager.store.tables import Manager, Node, Server

SERVER = "server"
CLIENT = "client"

# Labels of an identity.
_NAME, _MANAGER_URI, _UPWARD, _DOWNWARD, _HAS_CAM = 1, 2, 3, 4, 5


class Shape(NamedTuple):
    """The parameters of a server's tree (SPEC section 4.1); level is the least it demands."""

    n_clients: int
    suite: int
    degree: int
    depth: int
    at_len: int
    window: int
    aead: int
    level: int


def manager_row(name: str, uri: str, aead: int) -> Manager:
    """Return a new manager with a fresh St for its channels."""
    suite = units.suite("chacha20")
    st = secrets.token_bytes(tokens.SECRET_LEN)
    return Manager(id=1, name=name, uri=uri, st=st, suite=suite, aead=aead, version=0)


def manager_of(session: Session) -> Manager:
    """Return the manager."""
    return session.scalars(select(Manager)).one()


def add_client(session: Session, name: str, now: int, has_cam: bool = False) -> bytes:
    """Add a client and return its identity; ManagerError if the name is taken.

    `has_cam`: this manager is a CAM.
    """
    manager = manager_of(session)
    node = _add_node(session, manager, name, CLIENT, now)
    return _identity(manager, node, {_HAS_CAM: True} if has_cam else {})


def add_server(session: Session, name: str, shape: Shape, now: int, asks: bool = False) -> bytes:
    """Add a server with a fresh St and return its identity.

    ManagerError if the name is taken or the shape breaks SPEC section 11.
    """
    manager = manager_of(session)
    server = Server(
        node=_add_node(session, manager, name, SERVER, now),
        st=secrets.token_bytes(tokens.SECRET_LEN),
        epoch=1,
        version=1,
        confirmed=0,
        asks=asks,
        channel_st=secrets.token_bytes(tokens.SECRET_LEN),
        **shape._asdict(),
    )
    session.add(server)
    session.flush()
    check_shape(session, server, now)
    downward = tokens.encode_server_token(issue.downward_server_token(manager, server))
    return _identity(manager, server.node, {_DOWNWARD: cbor.decode(downward)})


def find_node(session: Session, name: str, role: str) -> Node:
    """Return the server or client of that name; ManagerError names those there are."""
    found = session.scalar(select(Node).where(Node.name == name, Node.role == role))
    if found is None:
        names = session.scalars(select(Node.name).where(Node.role == role).order_by(Node.name))
        known = ", ".join(names)
        raise ManagerError(
            f"there is no {role} named {name!r}",
            f"known are: {known}" if known else f"add it with 'leafkey {role} add {name}'",
        )
    return found


def _add_node(session: Session, manager: Manager, name: str, role: str, now: int) -> Node:
    _check_free(session, manager, name)
    highest = session.scalar(select(func.max(Node.slot))) or 0
    if highest >= issue.MAX_NODES:
        raise ManagerError(f"this manager has {highest} nodes, its limit", "start a second manager")
    manager.version += 1
    node = Node(
        name=name,
        role=role,
        slot=highest + 1,
        generation=1,
        version=manager.version,
        created_at=now,
    )
    session.add(node)
    session.flush()
    return node


def _check_free(session: Session, manager: Manager, name: str) -> None:
    taken = session.scalar(select(Node).where(Node.name == name))
    if taken:
        raise ManagerError(f"there is a {taken.role} named {name!r} already", "choose another name")
    if name == manager.name:
        raise ManagerError(f"{name!r} is the manager's own name", "choose another name")


def check_shape(session: Session, server: Server, now: int) -> None:
    """Let the token's own checks judge a shape, with every slot at the level it demands."""
    token = issue.whole(session, server, now)
    token.params[tokens.SLOTS] = {server.n_clients: SlotGrant(1, 0, server.level)}
    try:
        tokens.decode_server_token(tokens.encode_server_token(token))
    except DecodeError as error:
        raise ManagerError(
            f"a server cannot have these parameters: {error}",
            "see 'leafkey server add --help' for the limits",
        ) from None


def _identity(manager: Manager, node: Node, more: dict[int, object]) -> bytes:
    upward = tokens.encode_client_token(issue.upward_token(manager, node))
    fields = {_NAME: node.name, _MANAGER_URI: manager.uri, _UPWARD: cbor.decode(upward)}
    return cbor.encode(fields | more)
