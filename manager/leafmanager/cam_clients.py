"""Clients that SAM hears of through their CAM alone (SPEC section 9.6).

Each is a row of its own, called "CAM/CLIENT", so that rules, grants and questions tell it from the
CAM's other clients and from the CAM itself. The CAM vouches for who it is. "CAM/*" stands for all
of them.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from leafkey.ace import labels
from leafkey.ace.token import TokenErrorResponse
from leafkey.pat.ticket import MAX_CLIENT_ID
from leafmanager import provision
from leafmanager.errors import ManagerError
from leafmanager.store.tables import Audience, Node, Rule

EVERYBODY = "*"
# Clients that one CAM may have here: whoever holds its keys can make up names.
MAX_CLIENTS = 64


def asking(session: Session, node: Node, client_id: str | None, now: int) -> Node:
    """Return whom a node's ticket request is for: itself, or the client it names.

    TokenErrorResponse if that would be one client too many.
    """
    if client_id is None:
        return node
    try:
        return _client(session, node, client_id, now)
    except ManagerError as error:
        raise TokenErrorResponse(str(error), labels.INVALID_REQUEST) from None


def named(session: Session, name: str, now: int) -> Node:
    """Return the client that an owner names, CLIENT or CAM/CLIENT, for a rule about it.

    A CAM need not have asked for its client yet. ManagerError if there is no such node.
    """
    cam, slash, client_id = name.partition("/")
    node = provision.find_node(session, cam, provision.CLIENT)
    if not slash:
        return node
    if not 1 <= len(client_id.encode()) <= MAX_CLIENT_ID:
        raise ManagerError(
            f"{client_id!r} is not a CAM's name for a client", f"use 1 to {MAX_CLIENT_ID} bytes"
        )
    return _client(session, node, client_id, now)


def holder(session: Session, name: str, now: int) -> Node:
    """Return the client that an owner names, as `named`, or a server: the KDC has them, too."""
    server = select(Node).where(Node.name == name, Node.role == provision.SERVER)
    return session.scalar(server) or named(session, name, now)


def rules_for(session: Session, client: Node, audience: Audience) -> list[Rule]:
    """Return the owner's rules that count for a client at an audience.

    For a client with a CAM these are its own, those for all clients of the CAM, and what is denied
    to the CAM.
    """
    found = session.scalars(select(Rule).where(Rule.audience_id == audience.node_id))
    return [rule for rule in found if _counts(rule, client)]


def _counts(rule: Rule, client: Node) -> bool:
    if rule.client_id == client.id:
        return True
    if client.cam_id is None:
        return False
    if rule.client_id == client.cam_id:
        return rule.allow is False
    return rule.client.cam_id == client.cam_id and _client_id(rule.client) == EVERYBODY


def _client_id(client: Node) -> str:
    return client.name.partition("/")[2]


def _client(session: Session, cam: Node, client_id: str, now: int) -> Node:
    name = f"{cam.name}/{client_id}"
    found = session.scalar(select(Node).where(Node.name == name))
    return found or _add(session, cam, name, now)


def _add(session: Session, cam: Node, name: str, now: int) -> Node:
    count = session.scalar(select(func.count(Node.id)).where(Node.cam_id == cam.id)) or 0
    if count >= MAX_CLIENTS:
        raise ManagerError(f"{cam.name} has {count} clients here, the limit", "use another CAM")
    node = Node(name=name, role=provision.CLIENT, cam_id=cam.id, created_at=now)
    session.add(node)
    session.flush()
    return node
