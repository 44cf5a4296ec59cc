"""Join Requests and new credentials: what is checked, in which order (RFC 9594 section 4.3.1).

Whoever asks is known already. Nothing is changed before the last check has passed.
"""

import secrets

from sqlalchemy.orm import Session

from leafkey.coap import uri as coap_uri
from leafkey.coap.message import Message
from leafkey.coap.numbers import CHANGED, CREATED, FORBIDDEN, LOCATION_PATH
from leafkey.crypto.provider import default_provider
from leafkey.errors import AuthenticationError, DecodeError
from leafkey.group import credential, creds, evidence, labels, messages, scope
from leafmanager.kdc import answers, asking, groups, keytrees, membership, rekeying
from leafmanager.kdc.answers import Problem
from leafmanager.kdc.asking import Asked, Nonces
from leafmanager.kdc.tables import Group, Member

_PUBSUB_ROLES = labels.PUBLISH | labels.READ


def join(by: Asked, nonces: Nonces) -> Message:
    """Return the Join Response; Problem says why there is none."""
    session, group, asker, request = by.session, by.group, by.asker, by.request
    if not by.right.roles:
        raise answers.refuse(FORBIDDEN)
    answers.check_format(request)
    help_ = _Help(group, asker.subject, nonces, by.now)
    try:
        asked = messages.decode_join_request(request.payload)
        wanted = _scope(group, asked)
    except DecodeError:
        raise help_.problem() from None
    if not scope.covers(by.right.roles, wanted.roles):
        raise answers.refuse(FORBIDDEN)
    if not group.is_active:
        raise answers.refuse_with(labels.GROUP_NOT_ACTIVE)
    if labels.CONTROL_URI in asked and not _is_own(asked[labels.CONTROL_URI], asker.address):
        raise help_.problem()
    cred = _credential(group, wanted.roles, by.member, asked, help_)
    newcomer = membership.Newcomer(
        subject=asker.subject,
        label=asker.label,
        scope=asked[labels.SCOPE],
        roles=wanted.roles,
        cred=cred,
        cnonce=asked[labels.CNONCE],
        control_uri=asked.get(labels.CONTROL_URI),
        address=asker.address,
        expires_at=by.right.ends_at,
    )
    try:
        member, is_new = membership.join(session, group, by.member, newcomer, by.now)
    except membership.NoSenderId:
        raise answers.refuse_with(labels.NO_INDIVIDUAL_MATERIAL) from None
    parameters = _joined(session, member, asked, by.now)
    where = ("ace-group", group.name, "nodes", member.name)
    path = tuple((LOCATION_PATH, part.encode()) for part in where)
    return answers.groupcomm(parameters, CREATED if is_new else CHANGED, path)


def change_credential(member: Member, nonces: Nonces, request: Message, now: int) -> Message:
    """Take another credential of a member (section 4.9.1)."""
    group = member.group
    if not groups.KINDS[group.kind].is_signed:
        raise answers.refuse_with(labels.SIGNATURES_NOT_USED)
    if not groups.needs_cred(group, member.roles):
        raise answers.refuse_with(labels.INCONSISTENT_WITH_ROLES)
    if not group.is_active:
        raise answers.refuse_with(labels.GROUP_NOT_ACTIVE)
    answers.check_format(request)
    help_ = _Help(group, member.subject, nonces, now)
    try:
        asked = messages.decode_cred_update(request.payload)
    except DecodeError:
        raise help_.problem() from None
    cred = asked[labels.CLIENT_CRED]
    _verify(cred, member.scope, asked, help_)
    member.cred, member.cnonce, member.since = cred, asked[labels.CNONCE], group.num
    return Message(CHANGED)


def kdc_evidence(session: Session, cnonce: bytes) -> dict:
    """Return the KDC's credential, and its proof for who sent `cnonce` (section 4.5.1)."""
    nonce = secrets.token_bytes(asking.NONCE_LEN)
    signature = groups.signer(session).sign(evidence.kdc_input(cnonce, nonce))
    return {
        labels.KDC_CRED: groups.kdc_cred(session),
        labels.KDC_NONCE: nonce,
        labels.KDC_CRED_VERIFY: signature,
    }


def policies(group: Group) -> dict:
    """Return the policies of a group, by their labels."""
    return {
        labels.KEY_UPDATE_CHECK_INTERVAL: group.check_interval,
        labels.EXPIRATION_DELTA: group.delta,
    }


class _Help:
    """What a 4.00 says so that the next request is better: how members sign, and a nonce."""

    def __init__(self, group: Group, subject: str, nonces: Nonces, now: int):
        self._group = group
        self._subject = subject
        self._nonces = nonces
        self._now = now

    def nonce(self) -> bytes:
        """Return N_S; Problem with a new one if there is none."""
        nonce = self._nonces.of(self._subject, self._now)
        if nonce is None:
            raise self.problem()
        return nonce

    def used(self) -> None:
        """The nonce has served."""
        self._nonces.used(self._subject)

    def problem(self) -> Problem:
        """Return the 4.00."""
        if not groups.KINDS[self._group.kind].is_signed:
            return answers.refuse_by({})
        nonce = self._nonces.new(self._subject, self._now)
        info = [groups.sign_info(self._group)]
        return answers.refuse_by({labels.SIGN_INFO: info, labels.KDCCHALLENGE: nonce})


def _scope(group: Group, asked: dict) -> scope.Scope:
    """Return what is asked for; DecodeError for no scope of this group, or for no roles in it."""
    if labels.SCOPE not in asked:
        raise DecodeError("no scope")
    wanted = scope.decode(asked[labels.SCOPE])
    if wanted.name != group.name:
        raise DecodeError("the scope of another group")
    if group.kind == groups.OSCORE:
        scope.check_oscore_roles(wanted.roles)
    else:
        scope.check_pubsub_roles(wanted.roles)
        # To delete a topic is the broker's business.
        wanted.roles &= ~labels.DELETE_TOPIC
        if not wanted.roles or wanted.roles & ~_PUBSUB_ROLES:
            raise DecodeError("no roles in a security group")
    return wanted


def _is_own(uri: str, address: str) -> bool:
    """Tell whether a URI is at the host that gives it: the KDC sends to nobody else for it."""
    try:
        parsed = coap_uri.parse(uri)
    except DecodeError:
        return False
    return parsed[0] == coap_uri.parse(f"coap://{address}")[0]


def _credential(
    group: Group, roles: int, held: Member | None, asked: dict, help_: _Help
) -> bytes | None:
    """Return the credential that somebody joins with, once it has proved that it is its own.

    An empty byte string stands for what the KDC has already.
    """
    if not groups.needs_cred(group, roles):
        return None
    known = None if held is None else held.cred
    cred = asked.get(labels.CLIENT_CRED) or known
    shown = asked.get(labels.CLIENT_CRED_VERIFY)
    if cred is None:
        raise help_.problem()
    if shown:
        _verify(cred, asked[labels.SCOPE], asked, help_)
    elif cred != known:
        raise help_.problem() if shown is None else answers.refuse_with(labels.INVALID_EVIDENCE)
    return cred


def _verify(cred: bytes, joined_with: bytes, asked: dict, help_: _Help) -> None:
    """Raise Problem unless the evidence shows that a credential's key is that of who asks."""
    try:
        public = credential.decode(cred)
    except DecodeError:
        raise answers.refuse_with(labels.INCOMPATIBLE_CREDENTIAL) from None
    signed = evidence.client_input(joined_with, help_.nonce(), asked[labels.CNONCE])
    try:
        default_provider().ed25519_verify(public, asked[labels.CLIENT_CRED_VERIFY], signed)
    except (AuthenticationError, ValueError):
        raise answers.refuse_with(labels.INVALID_EVIDENCE) from None
    help_.used()


def _joined(session: Session, member: Member, asked: dict, now: int) -> dict:
    group = member.group
    told = rekeying.stated(group, now) | {labels.KEY: groups.key_of(group, member.sender_id, True)}
    if labels.GET_CREDS in asked:
        told |= rekeying.credentials(_asked_for(session, member, asked[labels.GET_CREDS]))
    if group.kind != groups.PUBSUB:
        # The pub/sub profile has none here; members may ask for them.
        told[labels.GROUP_POLICIES] = policies(group)
    if groups.KINDS[group.kind].is_signed:
        told |= kdc_evidence(session, member.cnonce)
    return told | keytrees.of_member(session, member)


def _asked_for(session: Session, member: Member, wanted: creds.Filter | None) -> list[Member]:
    """Return the others whose credentials somebody who joins has asked for."""
    others = [one for one in with_credentials(session, member.group) if one.id != member.id]
    if wanted is not None:
        return [one for one in others if wanted.matches(one.roles, one.sender_id or b"")]
    if member.group.kind != groups.OSCORE:
        return others
    # All that matter: who requests hears responders, who responds or monitors hears requesters.
    heard = labels.RESPONDER if member.roles & labels.REQUESTER else 0
    heard |= labels.REQUESTER if member.roles & ~labels.REQUESTER else 0
    return [one for one in others if one.roles & heard]


def with_credentials(session: Session, group: Group) -> list[Member]:
    """Return the members that have a credential."""
    return [one for one in groups.members(session, group) if one.cred is not None]
