"""The versions of an ST that a server has not confirmed yet (SPEC sections 9.1 and 9.3).

A version is one decision. What it says is fixed when it is decided, and kept until the server has
it: as a change in the channel it says the same as sealed. It is sealed when a carrier is there for
it, and the bytes are stored before they go out, so that nothing else is ever sealed under its
number. `server.sent` is the highest version that ever left this manager, in whatever form.
"""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from leafkey.coap.transfer import MAX_BODY
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.errors import AuthenticationError, DecodeError, OutOfStep
from leafkey.pat import commands, tokens
from leafkey.pat.commands import Sealed
from leafkey.pat.tokens import ServerToken
from leafmanager import issue
from leafmanager.store.tables import Server, Version

# A version that no command makes: the St is another one, and only the whole ST says which.
REPLACEMENT = 0
# Bytes of the commands in one message. It leaves as much to the ticket that may bring them.
MAX_SEALED = MAX_BODY // 2
# A time that a change gives is right for as long as this, in seconds, since it was decided.
TIMELY_SECONDS = 1


def record(
    session: Session,
    server: Server,
    text: str,
    now: int,
    more: dict | None = None,
) -> None:
    """Fix what the version that `server.version` has just reached says; `text` is for the owner.

    A change says what its slots hold now. `more`: further parameters of the ST that it changes.
    """
    session.flush()
    params = issue.change(session, server, server.version, now).params
    content = ServerToken(None, params | (more or {}))
    _add(session, server, commands.CHANGE, content, text, now)


def record_ratchet(session: Session, server: Server, text: str, now: int) -> None:
    """Fix the version that ends the epoch of `server`, whose next one starts without slots."""
    params = {tokens.EPOCH: server.epoch + 1, tokens.VERSION: server.version}
    content = ServerToken(None, params)
    _add(session, server, commands.RATCHET, content, text, now)


def record_replacement(session: Session, server: Server, text: str, now: int) -> None:
    """Note that the server needs its whole ST: what was under way before is void."""
    session.execute(delete(Version).where(Version.server_id == server.node_id))
    content = ServerToken(None, {tokens.VERSION: server.version})
    _add(session, server, REPLACEMENT, content, text, now)


def unconfirmed(session: Session, server: Server) -> list[Version]:
    """Return the versions that the server is not known to have, in their order."""
    ours = select(Version).where(Version.server_id == server.node_id)
    later = ours.where(Version.number > server.confirmed).order_by(Version.number)
    return list(session.scalars(later))


def following(session: Session, server: Server, since: int | None = None) -> list[Version]:
    """Return the commands that lead from what the server confirmed to its latest ST.

    `since`: from that version, which it was given. [] if no commands do: then it needs the whole
    ST.
    """
    since = server.confirmed if since is None else since
    found = [version for version in unconfirmed(session, server) if version.number > since]
    expected = range(since + 1, server.version + 1)
    if [version.number for version in found] != list(expected):
        return []
    return [] if any(version.kind == REPLACEMENT for version in found) else found


def change_of(version: Version) -> ServerToken:
    """Return what a version says, as a change in the channel."""
    return tokens.server_token([None, cbor.decode(version.content, 8, tokens.MAX_ITEMS)])


def is_timely(version: Version, now: int) -> bool:
    """Tell whether the times in a version, if any, are still what was decided."""
    slots = change_of(version).params.get(tokens.SLOTS, {}).values()
    timed = any(grant is not None and grant.expires_in is not None for grant in slots)
    return not timed or now <= version.decided_at + TIMELY_SECONDS


def sealed(session: Session, server: Server) -> bytes:
    """Return the commands that a server has not confirmed, for anybody to carry to it.

    b"" if no commands help, or more than a message holds would be needed.
    """
    found = following(session, server)
    if len(found) > commands.MAX_COMMANDS:
        return b""
    for version in found:
        if version.sealed is None:
            kind, change = version.kind, change_of(version)
            version.sealed = commands.seal(
                default_provider(), _token_of(server, version), kind, change
            )
    session.flush()
    payload = commands.encode_list([version.sealed for version in found]) if found else b""
    if not 0 < len(payload) <= MAX_SEALED:
        return b""
    server.sent = max(server.sent, server.version)
    return payload


def confirm(session: Session, server: Server, version: int) -> None:
    """Note that a server is known to have `version`, and all before it."""
    server.confirmed = version
    ours = (Version.server_id == server.node_id, Version.number <= version)
    session.execute(delete(Version).where(*ours))


def take_receipt(session: Session, server: Server, receipt: Sealed) -> bool:
    """Confirm what a receipt proves; tell whether it is one for a command of this manager's."""
    if receipt.version <= server.confirmed:
        return True
    version = session.get(Version, (server.node_id, receipt.version))
    if version is None or version.sealed is None:
        return False
    try:
        token = _token_of(server, version)
        result = commands.open_receipt(default_provider(), token, receipt)
    except (AuthenticationError, DecodeError, OutOfStep):
        return False
    if result == commands.TAKEN:
        confirm(session, server, receipt.version)
    return result == commands.TAKEN


def _add(
    session: Session, server: Server, kind: int, content: ServerToken, text: str, now: int
) -> None:
    made = Version(server_id=server.node_id, number=server.version, epoch=server.epoch, kind=kind)
    made.st, made.content = server.st, cbor.encode(content.params_s())
    made.text, made.decided_at = text, now
    session.add(made)
    session.flush()


def _token_of(server: Server, version: Version) -> ServerToken:
    """Return as much of the ST of a version's epoch as its command and its receipt need."""
    return ServerToken(
        version.st,
        {
            tokens.EPOCH: version.epoch,
            tokens.SUITE: server.suite,
            tokens.AEAD: server.aead,
            tokens.AUDIENCE: server.node.name,
        },
    )
