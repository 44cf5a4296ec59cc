"""Who asks the KDC, and what it may do: a node by the owner's rules, or the holder of a token."""

import secrets
from collections import OrderedDict
from typing import NamedTuple

from sqlalchemy.orm import Session

from leafkey.coap.message import Message
from leafmanager.kdc import rights
from leafmanager.kdc.rights import Right
from leafmanager.kdc.tables import Group, Member

NONCE_LEN = 8
# How long a nonce of the KDC's may be proved with, and how many are open.
NONCE_SECONDS = 300
MAX_NONCES = 1024


class Asker(NamedTuple):
    """Who asks: `subject` as in `leafmanager.kdc.rights`, `label` is for the owner to read.

    `scope` has the roles by group that an access token gives until `ends_at`, and is None for who
    comes in its channel.
    """

    subject: str
    label: str
    address: str
    scope: dict[str, int] | None = None
    ends_at: int | None = None


class Asked(NamedTuple):
    """A request about a group: by whom, its right there, and the member if it is one."""

    session: Session
    group: Group
    asker: Asker
    right: Right
    member: Member | None
    request: Message
    now: int


def right_of(session: Session, name: str, asker: Asker, now: int) -> Right:
    """Return what somebody may do in a group of that name."""
    if asker.scope is not None:
        return Right(asker.scope.get(name, 0), asker.ends_at)
    return rights.of_node(session, rights.node_of(asker.subject), name, now)


class Nonces:
    """N_S, the nonces by which members prove that a key is theirs (RFC 9594 section 3.3.2).

    In memory: who has one that is not known any more is given another. Each serves once.
    """

    def __init__(self) -> None:
        # By subject: (nonce, when it is too old), who asked least recently first.
        self._given: OrderedDict[str, tuple[bytes, int]] = OrderedDict()

    def new(self, subject: str, now: int) -> bytes:
        """Return a nonce in the place of the one that somebody has."""
        nonce = secrets.token_bytes(NONCE_LEN)
        self._given.pop(subject, None)
        self._given[subject] = (nonce, now + NONCE_SECONDS)
        while len(self._given) > MAX_NONCES:
            self._given.popitem(last=False)
        return nonce

    def of(self, subject: str, now: int) -> bytes | None:
        """Return the nonce that somebody has, if it may still be proved with."""
        nonce, until = self._given.get(subject, (None, 0))
        return nonce if now < until else None

    def used(self, subject: str) -> None:
        """Forget the nonce that somebody has proved with."""
        self._given.pop(subject, None)
