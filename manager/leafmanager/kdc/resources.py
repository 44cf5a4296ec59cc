"""The KDC's resources: `/ace-group` and what is below it (RFC 9594 section 4)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_CBOR,
    BAD_REQUEST,
    DELETE,
    DELETED,
    FETCH,
    FORBIDDEN,
    GET,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    OBSERVE,
    POST,
)
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.errors import DecodeError
from leafkey.group import confirmation, fields, labels, messages
from leafmanager.kdc import answers, asking, groups, joining, keytrees, membership, rekeying
from leafmanager.kdc.answers import Problem
from leafmanager.kdc.asking import Asked, Asker, Nonces
from leafmanager.kdc.tables import Group, Member
from leafmanager.store.database import Store

ROOT = "ace-group"
_MAX_GIDS = 64


class Kdc:
    """Answers requests whose sender is known. Each is one transaction, or changes nothing."""

    def __init__(self, store: Store, nonces: Nonces):
        self._store = store
        self._nonces = nonces

    def answer(self, asker: Asker, request: Message, now: int) -> tuple[Message, tuple | None]:
        """Return the answer to a request below `/ace-group`, and its `state_of` what is observed.

        The answer has an Observe option where the asker is to hear of what changes.
        """
        try:
            with self._store.transaction() as session:
                response = self._answered(session, asker, request, now)
                if response.option(OBSERVE) is None:
                    return response, None
                path = path_of(request)
                group = groups.named(session, path.split("/")[2])
                return response, state_of(path, group)
        except Problem as problem:
            return problem.message, None

    def _answered(self, session: Session, asker: Asker, request: Message, now: int) -> Message:
        path = tuple(part.decode("utf-8", "replace") for part in request.path())[1:]
        if not path:
            return _found_groups(session, asker, request, now)
        group, member = membership.found(session, path[0], asker.subject)
        right = asking.right_of(session, path[0], asker, now)
        if group is None or (member is None and not right.roles):
            # Nobody hears of groups that are not its own.
            raise _strange(path)
        if member is not None and member.expires_at is not None and member.expires_at <= now:
            raise answers.refuse_with(labels.NOT_A_MEMBER)
        asked = Asked(session, group, asker, right, member, request, now)
        if path[1:2] == ("nodes",):
            return self._node(asked, path[2:])
        return self._group(asked, path[1:])

    def _group(self, asked: Asked, path: tuple[str, ...]) -> Message:
        if not path and asked.request.code == POST:
            return joining.join(asked, self._nonces)
        name = path[0] if len(path) == 1 else "" if not path else None
        handlers = _RESOURCES.get(name, {})
        if asked.group.kind == groups.OSCORE:
            handlers = handlers | _OSCORE_RESOURCES.get(name, {})
        return _dispatched(handlers, asked)

    def _node(self, asked: Asked, path: tuple[str, ...]) -> Message:
        """Answer a request for a member's own resource, or what is below it."""
        member = _member(asked)
        if path[:1] != (member.name,):
            raise answers.refuse(FORBIDDEN)
        if path[1:] == ("cred",) and asked.request.code == POST:
            return joining.change_credential(member, self._nonces, asked.request, asked.now)
        name = path[1] if len(path) == 2 else "" if not path[1:] else None
        return _dispatched(_NODE.get(name, {}), asked)


def _dispatched(handlers: dict, asked: Asked) -> Message:
    if not handlers:
        raise answers.refuse(NOT_FOUND)
    if asked.request.code not in handlers:
        raise answers.refuse(METHOD_NOT_ALLOWED)
    return handlers[asked.request.code](asked)


def path_of(request: Message) -> str:
    """Return the path of a request as a text."""
    return "/" + "/".join(part.decode("utf-8", "replace") for part in request.path())


def state_of(path: str, group: Group) -> tuple:
    """Return what an observer of a path is told about: it hears of it when that changes."""
    if path.endswith("/active") and path.count("/") == 3:
        return group.id, group.is_active
    return group.id, group.num


def keys(session: Session, member: Member, now: int, is_own: bool) -> Message:
    """Return the keying material in force, with what is the member's own or without it."""
    told = rekeying.stated(member.group, now)
    told[labels.KEY] = groups.key_of(member.group, member.sender_id if is_own else None)
    return answers.groupcomm(told | keytrees.of_member(session, member))


def _found_groups(session: Session, asker: Asker, request: Message, now: int) -> Message:
    if request.code != FETCH:
        raise answers.refuse(METHOD_NOT_ALLOWED)
    answers.check_format(request)
    try:
        gids = messages.decode_gids(request.payload)
    except DecodeError:
        raise answers.refuse(BAD_REQUEST) from None
    wanted = [gid for gid in gids if isinstance(gid, bytes)][:_MAX_GIDS]
    present = session.scalars(select(Group).where(Group.gid.in_(wanted)).order_by(Group.id))
    found = [group for group in present if _is_known(session, group, asker, now)]
    if not found:
        return answers.none_found()
    names = [group.name for group in found]
    uris = [f"/{ROOT}/{name}" for name in names]
    return answers.groupcomm(
        {labels.GID: [group.gid for group in found], labels.GNAME: names, labels.GURI: uris}
    )


def _is_known(session: Session, group: Group, asker: Asker, now: int) -> bool:
    """Tell whether somebody is in a group, or may be."""
    right = asking.right_of(session, group.name, asker, now)
    return bool(right.roles) or membership.find(session, group, asker.subject) is not None


def _strange(path: tuple[str, ...]) -> Problem:
    """Return the answer to who has no business with a group, whether there is one or not."""
    return answers.refuse(FORBIDDEN) if len(path) == 1 else answers.refuse_with(labels.NOT_A_MEMBER)


def _member(asked: Asked) -> Member:
    if asked.member is None:
        raise answers.refuse_with(labels.NOT_A_MEMBER)
    return asked.member


def _verifier(asked: Asked) -> None:
    """Raise Problem unless somebody may check signatures, and is no member."""
    if asked.member is not None or not asked.right.roles & labels.VERIFIER:
        raise answers.refuse_with(labels.ONLY_FOR_VERIFIERS)


def _member_or_verifier(asked: Asked) -> None:
    is_verifier = asked.group.kind == groups.OSCORE and asked.right.roles & labels.VERIFIER
    if not is_verifier:
        _member(asked)


def _group_key(asked: Asked) -> Message:
    member = _member(asked)
    member.told = max(member.told, asked.group.num)
    return _observed(asked, keys(asked.session, member, asked.now, False))


def _own_key(asked: Asked) -> Message:
    member = _member(asked)
    member.told = max(member.told, asked.group.num)
    return _observed(asked, keys(asked.session, member, asked.now, True))


def _observed(asked: Asked, response: Message) -> Message:
    if asked.request.uint(OBSERVE) == 0:
        response.add(OBSERVE, b"")
    return response


def _creds(asked: Asked) -> Message:
    _member_or_verifier(asked)
    found = joining.with_credentials(asked.session, asked.group)
    return answers.groupcomm({labels.NUM: asked.group.num} | rekeying.credentials(found))


def _some_creds(asked: Asked) -> Message:
    _member_or_verifier(asked)
    answers.check_format(asked.request)
    try:
        wanted = messages.decode_creds_request(asked.request.payload)
    except DecodeError:
        raise answers.refuse(BAD_REQUEST) from None
    found = [
        member
        for member in joining.with_credentials(asked.session, asked.group)
        if wanted is None or wanted.matches(member.roles, member.sender_id)
    ]
    if not found:
        return answers.none_found()
    return answers.groupcomm({labels.NUM: asked.group.num} | rekeying.credentials(found))


def _kdc_cred(asked: Asked) -> Message:
    member = _member(asked)
    if not groups.KINDS[asked.group.kind].is_signed:
        raise answers.refuse(NOT_FOUND)
    return answers.groupcomm(joining.kdc_evidence(asked.session, member.cnonce))


def _kdc_cred_for_verifier(asked: Asked) -> Message:
    _verifier(asked)
    answers.check_format(asked.request)
    try:
        sent = cbor.decode(asked.request.payload, lenient=True)
        cnonce = fields.known(sent, {labels.CNONCE: fields.nonce}, (labels.CNONCE,))[labels.CNONCE]
    except DecodeError:
        raise answers.refuse(BAD_REQUEST) from None
    return answers.groupcomm(joining.kdc_evidence(asked.session, cnonce))


def _policies(asked: Asked) -> Message:
    _member(asked)
    return answers.groupcomm({labels.GROUP_POLICIES: joining.policies(asked.group)})


def _num(asked: Asked) -> Message:
    _member(asked)
    return answers.number(asked.group.num)


def _active(asked: Asked) -> Message:
    _member(asked)
    return _observed(asked, answers.plain(asked.group.is_active))


def _verification_data(asked: Asked) -> Message:
    _verifier(asked)
    told = rekeying.stated(asked.group, asked.now)
    told[labels.KEY] = groups.verification_key(asked.group)
    told[labels.SIGN_ENC_KEY] = groups.signature_encryption_key(asked.group)
    return answers.groupcomm(told)


def _stale_ids(asked: Asked) -> Message:
    _member(asked)
    answers.check_format(asked.request, APPLICATION_CBOR)
    try:
        num = fields.num(cbor.decode(asked.request.payload, lenient=True))
    except DecodeError:
        raise answers.refuse(BAD_REQUEST) from None
    if num >= asked.group.num:
        raise answers.refuse(BAD_REQUEST)
    stale = rekeying.stale_since(asked.session, asked.group, num)
    return Message(answers.CONTENT) if stale is None else answers.plain(stale)


def _tree_messages(asked: Asked) -> Message:
    """Answer with the messages that take a member on from the num it has (SPEC-GROUP section 6)."""
    _member(asked)
    answers.check_format(asked.request, APPLICATION_CBOR)
    try:
        num = fields.num(cbor.decode(asked.request.payload, lenient=True))
    except DecodeError:
        raise answers.refuse(BAD_REQUEST) from None
    if num > asked.group.num:
        raise answers.refuse(BAD_REQUEST)
    return answers.plain(keytrees.messages_after(asked.session, asked.group, num))


def _last_tree_message(asked: Asked) -> Message:
    _member(asked)
    num = asked.group.num - 1
    found = keytrees.messages_after(asked.session, asked.group, num)
    return _observed(asked, answers.plain(found[0] if found else None))


def _confirmed(asked: Asked) -> Message:
    """Answer whose key is the KDC's own (SPEC-GROUP section 6.4)."""
    group = asked.group
    gkty, key = groups.KINDS[group.kind].gkty, groups.rekeyed_key(group)
    told = confirmation.digest(default_provider(), group.name, group.num, gkty, key)
    return answers.plain([group.num, told])


def _renewed_id(asked: Asked) -> Message:
    member = _member(asked)
    if not groups.sends(asked.group, member.roles):
        raise answers.refuse_with(labels.INCONSISTENT_WITH_ROLES)
    if not asked.group.is_active:
        raise answers.refuse_with(labels.GROUP_NOT_ACTIVE)
    if asked.request.payload:
        raise answers.refuse(BAD_REQUEST)
    try:
        sender_id = membership.change_sender_id(asked.session, member)
    except membership.NoSenderId:
        raise answers.refuse_with(labels.NO_INDIVIDUAL_MATERIAL) from None
    return answers.groupcomm({labels.GROUP_SENDER_ID: sender_id})


def _left(asked: Asked) -> Message:
    membership.leave(asked.session, _member(asked), asked.now)
    return Message(DELETED)


# By the last segment of the path, and the method.
_RESOURCES: dict = {
    "": {GET: _group_key},
    "creds": {GET: _creds, FETCH: _some_creds},
    "kdc-cred": {GET: _kdc_cred},
    "policies": {GET: _policies},
    "num": {GET: _num},
    "tree": {GET: _last_tree_message, FETCH: _tree_messages},
}
_OSCORE_RESOURCES: dict = {
    "kdc-cred": {FETCH: _kdc_cred_for_verifier},
    "active": {GET: _active},
    "verif-data": {GET: _verification_data},
    "stale-sids": {FETCH: _stale_ids},
}
_NODE: dict = {
    "": {GET: _own_key, POST: _renewed_id, DELETE: _left},
    # `_node` takes the POST.
    "cred": {POST: None},
    "confirmation": {GET: _confirmed},
}
