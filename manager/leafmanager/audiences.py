"""What clients can ask for access to: the servers, and this manager's own KDC and broker."""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.ace import cwt
from leafkey.crypto.provider import default_provider
from leafkey.oscore.material import SECRET_LEN
from leafmanager.errors import ManagerError
from leafmanager.scopes import BROKER, KDC
from leafmanager.store.tables import Audience, Channel, Manager, Node

# The key distribution center of RFC 9594, and the broker of groups that publish. No node may have
# these names.
OWN = (KDC, BROKER)
# The role of the rows that stand for them.
ROLE = "own"


def find(session: Session, name: str, now: int) -> Audience | None:
    """Return the audience of that name, locked against other decisions; None if there is none."""
    found = select(Audience).join(Node).where(Node.name == name)
    audience = session.scalar(found.with_for_update(of=Audience))
    if audience is None and name in OWN:
        return _own(session, name, now)
    return audience


def named(session: Session, name: str, now: int) -> Audience:
    """Return the audience that an owner names; ManagerError names those there are."""
    found = find(session, name, now)
    if found is None:
        names = [audience.node.name for audience in session.scalars(select(Audience))]
        known = ", ".join(sorted({*names, *OWN}))
        raise ManagerError(f"there is no server named {name!r}", f"known are: {known}")
    return found


def token_key(session: Session, audience: Audience) -> cwt.TokenKey:
    """Return what protects the access tokens for an audience (SPEC section 16.1)."""
    if audience.secret is not None:
        alg, secret = session.scalars(select(Manager.aead)).one(), audience.secret
    else:
        channel = session.get_one(Channel, audience.node_id)
        alg, secret = channel.alg, channel.secret
    return cwt.channel_key(default_provider(), secret, alg)


def _own(session: Session, name: str, now: int) -> Audience:
    """Make what stands for a part of this manager, which is there from the first use on."""
    node = Node(name=name, role=ROLE, created_at=now)
    made = Audience(node=node, takes_tokens=True, secret=secrets.token_bytes(SECRET_LEN))
    session.add(made)
    session.flush()
    return made
