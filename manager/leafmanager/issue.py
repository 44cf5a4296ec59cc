"""The tokens that go out: STs whole and as changes, and CTs.

Everything is made from rows and the clock; nothing here decides or stores.
"""

import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.ace import aif
from leafkey.crypto.provider import default_provider
from leafkey.pat import endorsement as endorsements
from leafkey.pat import functions, tokens, tree
from leafkey.pat.tokens import ClientToken, ServerToken, SlotGrant
from leafmanager import per_at, ranges
from leafmanager.holding import has_expired, live_grants
from leafmanager.policy import ENDORSED, IMPLICIT
from leafmanager.store.tables import Grant, Manager, Server, Slot

TOKEN_PATH = "/token"
SERVER_TOKEN_PATH = "/server-token"
COMMANDS_PATH = "/commands"
RECEIPT_PATH = "/receipt"
TRL_PATH = "/trl"
INTROSPECT_PATH = "/introspect"
AUTHZ_INFO_PATH = "/authz-info"


def now() -> int:
    """Return the seconds since 1970 that grants are counted in."""
    return int(time.time())


def token_uri(manager: Manager) -> str:
    """Return the URI of SAM's token endpoint, as the hints name it."""
    return manager.uri + TOKEN_PATH


def whole(session: Session, server: Server, now: int) -> ServerToken:
    """Return the ST of a server with every slot that holds a grant (SPEC section 9.1)."""
    shared = ranges.of(session, server)
    manager = session.scalars(select(Manager)).one()
    slots = {slot.number: _slot_grant(held, now) for slot, held in live_grants(session, server)}
    params = {
        tokens.EPOCH: server.epoch,
        tokens.N_CLIENTS: server.n_clients,
        tokens.AUDIENCE: server.node.name,
        tokens.SAM: token_uri(manager),
        tokens.SLOTS: {number: grant for number, grant in slots.items() if grant},
        tokens.VERSION: server.version,
    }
    if shared:
        params[tokens.SLOT_RANGES] = shared
    return ServerToken(server.st, _shape(server) | params)


def change(session: Session, server: Server, version: int, now: int) -> ServerToken:
    """Return what changed in `version`, as far as no later version changed it again."""
    changed = session.scalars(
        select(Slot).where(Slot.server_id == server.node_id, Slot.version == version)
    )
    slots = {slot.number: slot.grant and _slot_grant(slot.grant, now) for slot in changed}
    params = {tokens.EPOCH: server.epoch, tokens.VERSION: version}
    return ServerToken(None, params | ({tokens.SLOTS: slots} if slots else {}))


def client_token(session: Session, grant: Grant, now: int) -> ClientToken:
    """Return the CT of a grant. Its permissions travel beside it, as the scope.

    Level and renewal are what the server will demand, with what its slot's range adds.
    """
    server = grant.server
    terms = _terms(grant, now)
    for shared in ranges.of(session, server):
        if shared.first <= grant.slot <= shared.last:
            terms = terms.within(shared)
    params = {
        tokens.AUDIENCE: server.node.name,
        tokens.SLOT: grant.slot,
        tokens.FIRST: grant.first,
        tokens.LAST: grant.last,
        tokens.LEVEL: terms.level,
    }
    if grant.expires_at is not None:
        params[tokens.EXPIRES_IN] = max(0, grant.expires_at - now)
    if terms.renewal:
        params[tokens.RENEWAL] = terms.renewal
    ct = _derive(server.suite, server.st, (grant.slot, grant.generation))
    return ClientToken(ct, _shape(server) | params)


def endorsement(grant: Grant, now: int) -> bytes:
    """Return what the client of a grant can show to the server (SPEC section 4.4).

    Its version is that of the ST, in which no grant changes twice.
    """
    server = grant.server
    params = {
        tokens.EPOCH: server.epoch,
        tokens.SUITE: server.suite,
        tokens.AUDIENCE: server.node.name,
    }
    token, provider = ServerToken(server.st, params), default_provider()
    return endorsements.make(provider, token, grant.slot, grant.version, _terms(grant, now))


def pseudonym_key(grant: Grant) -> bytes:
    """Return PsK of a grant: what a third party may have that the owner names (SPEC 3.4)."""
    server = grant.server
    ct = _derive(server.suite, server.st, (grant.slot, grant.generation))
    return tree.pseudonym_key(_suite(server.suite), ct)


def _shape(server: Server) -> dict:
    return {
        tokens.SUITE: server.suite,
        tokens.DEGREE: server.degree,
        tokens.DEPTH: server.depth,
        tokens.AT_LEN: server.at_len,
        tokens.WINDOW: server.window,
        tokens.AEAD: server.aead,
    }


def _slot_grant(grant: Grant, now: int) -> SlotGrant | None:
    if has_expired(grant, now):
        return None
    terms = _terms(grant, now)
    if grant.authorization == IMPLICIT:
        terms.permissions = None
    elif grant.authorization == ENDORSED:
        terms.permissions = tokens.UNDEFINED
    return terms


def _terms(grant: Grant, now: int) -> SlotGrant:
    return SlotGrant(
        grant.generation,
        grant.last,
        grant.level,
        grant.first,
        aif.decode(grant.permissions),
        None if grant.expires_at is None else grant.expires_at - now,
        per_at.of(grant),
    )


def _derive(suite: int, x: bytes, address: tuple[int, ...]) -> bytes:
    return tree.derive(_suite(suite), x, address)


def _suite(number: int):
    return functions.suite(default_provider(), number)
