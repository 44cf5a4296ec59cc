"""Who gets an access token, and why (SPEC section 16.4).

A token is granted as PAT tickets are: to a client that the manager knows by its channel, as far as
the owner's rules allow what was asked for; where they say so, the owner is asked. What counts ATs
counts no requests under a token, so rules with a number of ATs allow none. A token lasts no longer
than the rules it rests on: see `leafmanager.ace.tokens`.
"""

import secrets
from typing import NamedTuple

from sqlalchemy.orm import Session

from leafkey.ace import cwt, labels, osc
from leafkey.ace.token import TokenErrorResponse
from leafkey.errors import DecodeError
from leafkey.pat.ticket import TokenRequest
from leafmanager import audiences, cam_clients, consent, policy, scopes
from leafmanager.ace import tokens
from leafmanager.ace.cwt import seal
from leafmanager.ace.tables import AccessToken
from leafmanager.consent import NO_TICKET
from leafmanager.provision import manager_of
from leafmanager.scopes import Scope
from leafmanager.store.tables import Audience, Consent, Node, Rule
from leafmanager.trl import token_hash

ID_LEN = 8
SALT_LEN = 8
SECRET_LEN = 32
MAX_CNONCE = 64


class Grant(NamedTuple):
    """What was granted: the row, what the client is told (RFC 9200 section 5.8.2), and scope."""

    row: AccessToken
    response: dict
    scope: Scope


def grant_token(
    session: Session, client: Node, fields: dict, now: int, answer_seconds: int
) -> Grant | Consent:
    """Return the token that answers a request, or the question that the owner has to answer first.

    `fields` are those of `leafkey.ace.token.decode_request`. TokenErrorResponse says why there is
    neither, tokens.TooMany that the client has enough of them, consent.TooMany that the owner is
    asked too much.
    """
    audience = _audience(session, client, fields, now)
    asked = _scope(audience, fields)
    kid = _known_kid(session, client, audience, fields, now)
    scope = permitted(session, client, audience, asked, now, answer_seconds)
    if isinstance(scope, Consent):
        return scope
    tokens.check_room(session, client, audience, now)
    made = _Made(session, client, audience, fields.get(labels.CNONCE), now)
    return made.grant(scope, kid, scope != asked or isinstance(fields[labels.SCOPE], str))


def permitted(
    session: Session, client: Node, audience: Audience, asked: Scope, now: int, answer_seconds: int
) -> Scope | Consent:
    """Return what rules allow of a scope, or the question that the owner has to answer first.

    TokenErrorResponse if that is nothing.
    """
    rules = uncounted(session, client, audience)
    open_part = policy.undecided(rules, asked, audience.asks, now)
    to_ask = consent.without_refused(session, client, audience, open_part, now)
    if to_ask:
        request = TokenRequest(audience.node.name, asked, NO_TICKET)
        return consent.ask(session, client, audience, request, to_ask, now, answer_seconds)
    allowed = policy.narrowed([rule for rule in rules if policy.in_force(rule, now)], asked)
    if not allowed:
        if open_part:
            raise TokenErrorResponse("the owner does not consent", labels.ACCESS_DENIED)
        raise TokenErrorResponse("policy allows none of this", labels.INVALID_SCOPE)
    return allowed


def uncounted(session: Session, client: Node, audience: Audience) -> list[Rule]:
    """Return the rules for a client at an audience that say something about access tokens."""
    found = cam_clients.rules_for(session, client, audience)
    return [rule for rule in found if rule.ats_left is None]


def _audience(session: Session, client: Node, fields: dict, now: int) -> Audience:
    """Return the audience of a request whose other parameters make sense."""
    if fields.get(labels.GRANT_TYPE, labels.CLIENT_CREDENTIALS) != labels.CLIENT_CREDENTIALS:
        text = "the grant type is client_credentials"
        raise TokenErrorResponse(text, labels.UNSUPPORTED_GRANT_TYPE)
    if fields.get(labels.CLIENT_ID, client.name) != client.name:
        raise TokenErrorResponse("a node asks for itself", labels.INVALID_CLIENT)
    if len(fields.get(labels.CNONCE, b"")) > MAX_CNONCE:
        raise TokenErrorResponse("cnonce is too long", labels.INVALID_REQUEST)
    audience = audiences.find(session, fields.get(labels.AUDIENCE, ""), now)
    if audience is None:
        raise TokenErrorResponse("the audience is unknown", labels.INVALID_REQUEST)
    profile = fields.get(labels.ACE_PROFILE)
    if profile not in (None, labels.COAP_OSCORE) or not audience.takes_tokens:
        raise TokenErrorResponse(
            "the audience has no such profile", labels.INCOMPATIBLE_ACE_PROFILES
        )
    return audience


def _scope(audience: Audience, fields: dict) -> Scope:
    try:
        return policy.merged(scopes.of(audience).decode(fields.get(labels.SCOPE)))
    except DecodeError as error:
        raise TokenErrorResponse(str(error), labels.INVALID_SCOPE) from None


def _known_kid(
    session: Session, client: Node, audience: Audience, fields: dict, now: int
) -> bytes | None:
    """Return the key to which the new token is to be bound, None for a new one (RFC 9203 3.1)."""
    if labels.REQ_CNF not in fields:
        return None
    kid = fields[labels.REQ_CNF].get(labels.KID)
    if len(fields[labels.REQ_CNF]) != 1 or not isinstance(kid, bytes):
        text = "keys are made here; one that was is named by its kid"
        raise TokenErrorResponse(text, labels.UNSUPPORTED_POP_KEY)
    if not tokens.has_key(session, client, audience, kid, now):
        raise TokenErrorResponse("no token has this kid", labels.INVALID_REQUEST)
    return kid


class _Made:
    """A token while it is made."""

    def __init__(
        self, session: Session, client: Node, audience: Audience, cnonce: bytes | None, now: int
    ):
        self._session = session
        self._client = client
        self._audience = audience
        self._cnonce = cnonce
        self._now = now

    def grant(self, scope: Scope, kid: bytes | None, says_scope: bool) -> Grant:
        """Make and store it. `says_scope`: the client is told the scope."""
        key = audiences.token_key(self._session, self._audience)
        material = None if kid else self._material(key.alg)
        bound = {labels.KID: kid} if material is None else {labels.OSC: material.fields()}
        row = self._row(scope, kid if material is None else material.id)
        token = seal(key, self._claims(row, bound))
        row.token_hash = token_hash(token)
        self._session.add(row)
        self._session.flush()
        response = {
            labels.ACCESS_TOKEN: token,
            labels.EXPIRES_IN: tokens.seconds_left(row, self._now),
            labels.ACE_PROFILE: labels.COAP_OSCORE,
        }
        if material is not None:
            response[labels.CNF] = bound
        if says_scope:
            response[labels.SCOPE] = row.scope
        return Grant(row, response, scope)

    def _row(self, scope: Scope, kid: bytes | None) -> AccessToken:
        ends_at = self._ends_at(scope)
        self._audience.issued += 1
        row = AccessToken(
            client=self._client,
            audience=self._audience,
            number=self._audience.issued,
            kid=kid,
            scope=scopes.encode(scope),
            issued_at=self._now,
            expires_at=ends_at,
        )
        if tokens.counts_from_arrival(self._audience, self._cnonce):
            # It may be held back before its time begins; this long, it can still be revoked.
            row.exi, row.expires_at = ends_at - self._now, 2 * ends_at - self._now
        return row

    def _ends_at(self, scope: Scope) -> int:
        rules = uncounted(self._session, self._client, self._audience)
        permission = policy.decide(rules, scope, 0, self._now)
        ends = None if permission is None else permission.ends_at
        latest = self._now + tokens.lifetime(self._audience)
        return latest if ends is None else min(ends, latest)

    def _claims(self, row: AccessToken, bound: dict) -> dict:
        claims = {
            cwt.ISS: manager_of(self._session).uri,
            cwt.AUD: self._audience.node.name,
            cwt.IAT: self._now,
            cwt.CTI: tokens.cti(row),
            cwt.CNF: bound,
            cwt.SCOPE: row.scope,
            cwt.ACE_PROFILE: labels.COAP_OSCORE,
        }
        if row.exi is None:
            claims[cwt.EXP] = row.expires_at
        else:
            claims[cwt.EXI] = row.exi
        if self._cnonce is not None:
            claims[cwt.CNONCE] = self._cnonce
        return claims

    def _material(self, alg: int) -> osc.InputMaterial:
        id = secrets.token_bytes(ID_LEN)
        while tokens.is_taken(self._session, self._audience, id):
            id = secrets.token_bytes(ID_LEN)
        secret, salt = secrets.token_bytes(SECRET_LEN), secrets.token_bytes(SALT_LEN)
        return osc.InputMaterial(id, secret, salt, alg=alg)
