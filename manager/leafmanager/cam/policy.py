"""What a CAM's owner lets his clients ask for, and do.

A rule names a client, a server of a SAM, a path, methods, and allows or denies, as the rules of a
manager do. Nothing is asked for that no rule allows.
"""

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.ace import aif, labels
from leafkey.ace.token import TokenErrorResponse
from leafkey.pat.ticket import TokenRequest
from leafmanager.cam import authorities
from leafmanager.cam.tables import ClientRule
from leafmanager.policy import narrowed


class Leave(NamedTuple):
    """What a client may ask of a SAM. `is_all`: nothing was taken away."""

    authority_id: int
    scope: list[tuple[str, int]]
    kept: list[tuple[str, int]]
    is_all: bool

    def cai(self) -> list[tuple[str, int]]:
        """Return what the client may do of what it asked for."""
        return aif.joined(self.scope, self.kept)


class UnknownServer(TokenErrorResponse):
    """A client was told of a SAM or a server that this CAM's owner has not spoken of."""


def decide(session: Session, client_id: int, asked: TokenRequest) -> Leave:
    """Return what the owner lets a client ask for; TokenErrorResponse if nothing.

    Hints are not authenticated: UnknownServer says what the owner should see.
    """
    authority = authorities.by_token_uri(session, asked.sam)
    if authority is None:
        raise UnknownServer("this CAM shares no channel with that SAM", labels.INVALID_REQUEST)
    found = select(ClientRule).where(
        ClientRule.client_id == client_id,
        ClientRule.authority_id == authority.id,
        ClientRule.audience == asked.audience,
    )
    rules = list(session.scalars(found))
    if not rules:
        raise UnknownServer("no rule of the CAM names this server", labels.INVALID_SCOPE)
    scope, kept = narrowed(rules, asked.scope), narrowed(rules, asked.kept)
    if not scope:
        raise TokenErrorResponse("the CAM's policy allows none of this", labels.INVALID_SCOPE)
    taken = aif.minus(aif.joined(asked.scope, asked.kept), aif.joined(scope, kept))
    return Leave(authority.id, scope, kept, not taken)
