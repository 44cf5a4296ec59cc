"""Makes managers, servers and clients, and the identities that nodes receive (SPEC section 10)."""

import secrets
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.codec import cbor
from leafkey.errors import DecodeError
from leafkey.oscore.material import ID_LEN, SECRET_LEN, Material
from leafkey.pat import tokens
from leafkey.pat.tokens import SlotGrant
from leafmanager import audiences, issue
from leafmanager.errors import ManagerError
from leafmanager.store.tables import Channel, Manager, Node, Server

SERVER = "server"
CLIENT = "client"

# Labels of an identity.
_NAME, _URI, _HAS_CAM, _CHANNEL, _IS_SERVER, _MANAGER = 1, 2, 5, 6, 7, 8


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
    """Return a new manager; `aead` is for the channels of its clients."""
    return Manager(id=1, name=name, uri=uri, aead=aead)


def manager_of(session: Session) -> Manager:
    """Return the manager."""
    return session.scalars(select(Manager)).one()


def add_client(session: Session, name: str, now: int, has_cam: bool = False) -> bytes:
    """Add a client and return its identity; ManagerError if the name is taken.

    `has_cam`: this manager is a CAM.
    """
    manager = manager_of(session)
    node = _add_node(session, manager, name, CLIENT, now)
    channel = _add_channel(session, node, manager.aead)
    return _identity(manager, node, channel, {_HAS_CAM: True} if has_cam else {})


def add_server(
    session: Session,
    name: str,
    shape: Shape,
    now: int,
    asks: bool = False,
    takes_tokens: bool = False,
) -> bytes:
    """Add a server with a fresh St and return its identity.

    `takes_tokens`: it is a resource server of ACE, too (SPEC section 16).
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
        takes_tokens=takes_tokens,
        **shape._asdict(),
    )
    session.add(server)
    session.flush()
    check_shape(session, server, now)
    channel = _add_channel(session, server.node, server.aead)
    return _identity(manager, server.node, channel, {_IS_SERVER: True})


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
    node = Node(name=name, role=role, created_at=now)
    session.add(node)
    session.flush()
    return node


def _add_channel(session: Session, node: Node, alg: int) -> Material:
    """Draw what a node and this manager share, and return it as this manager has it."""
    secret = secrets.token_bytes(SECRET_LEN)
    own, theirs = _fresh_id(session), _fresh_id(session)
    while own == theirs:
        theirs = _fresh_id(session)
    made = Material(alg, secret, own, theirs)
    session.add(Channel(node=node, **vars(made)))
    session.flush()
    return made


def _fresh_id(session: Session) -> bytes:
    """Return an ID that no node has here: a node is known by it alone."""
    while True:
        drawn = secrets.token_bytes(ID_LEN)
        if session.scalar(select(Channel).where(Channel.recipient_id == drawn)) is None:
            return drawn


def _check_free(session: Session, manager: Manager, name: str) -> None:
    taken = session.scalar(select(Node).where(Node.name == name))
    if taken:
        raise ManagerError(f"there is a {taken.role} named {name!r} already", "choose another name")
    if name in audiences.OWN:
        raise ManagerError(f"{name!r} is a part of the manager itself", "choose another name")
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


def _identity(manager: Manager, node: Node, channel: Material, flags: dict[int, bool]) -> bytes:
    """Return what the node gets; `channel` is what this manager has of it."""
    shared = channel.mirrored().fields()
    fields = {_NAME: node.name, _URI: manager.uri, _CHANNEL: shared, _MANAGER: manager.name}
    return cbor.encode(fields | flags)
