"""What nodes bring from servers, and read of tokens that were revoked (SPEC sections 9.3, 9.7)."""

from leafkey.ace import labels
from leafkey.ace.token import encode_error
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    CONTENT_FORMAT,
    URI_QUERY,
)
from leafkey.codec import cbor
from leafkey.errors import DecodeError
from leafkey.pat import commands
from leafmanager import issue, sam, trl, versions
from leafmanager.events import NOTE, Event, Sink
from leafmanager.net.peer import Peer
from leafmanager.store.database import Store

# RFC 9770: Content-Formats; keys of an answer (section 11) and of an error (5.1), and its
# identifiers (12).
APPLICATION_ACE_TRL_CBOR = 262
APPLICATION_PROBLEM_CBOR = 257
FULL_SET, DIFF_SET, CURSOR, MORE = 0, 1, 2, 3
_ACE_TRL_ERROR, _ERROR_ID, _ERROR_CURSOR = 1, 0, 1
INVALID_VALUE, INVALID_SET, OUT_OF_BOUND = 0, 1, 2
# What is no number.
_NONE = -1


class _BadQuery(Exception):
    """A query that RFC 9770 section 5.3 has an error for; `shows_cursor`: which it is to show."""

    def __init__(self, error: int, shows_cursor: bool = False):
        super().__init__(error)
        self.error = error
        self.shows_cursor = shows_cursor


class Reports:
    """Takes receipts from those who carried commands, and shows the revocation list."""

    def __init__(self, store: Store, manager: str, tell: Sink):
        self._store = store
        self._manager = manager
        self._tell = tell

    def routes(self) -> dict:
        """Return what answers a POST, by path."""
        return {issue.RECEIPT_PATH: self.receipt}

    def reads(self) -> dict:
        """Return what answers a GET, by path."""
        return {issue.TRL_PATH: self.revoked}

    async def receipt(self, peer: Peer, request: Message) -> Message:
        """Take a server's receipt from whoever brings it: it proves itself."""
        try:
            audience, receipt = commands.decode_report(request.payload)
        except DecodeError as error:
            return _refused(str(error))
        with self._store.transaction() as session:
            server = sam.find_server(session, audience)
            if server is None or not versions.take_receipt(session, server, receipt):
                return _refused("no receipt for a command of this manager")
        text = f"receipt of {audience}: it has version {receipt.version}"
        self._tell(Event(NOTE, peer.name, self._manager, text))
        return Message(CHANGED)

    async def revoked(self, peer: Peer, request: Message) -> Message:
        """Return the node's part of the revocation list, all of it or what changed."""
        now = issue.now()
        with self._store.transaction() as session:
            try:
                count, cursor = _query(request)
                if count is None:
                    hashes, latest = trl.full(session, peer.id, now)
                    return _listed({FULL_SET: hashes, CURSOR: latest})
                found = trl.difference(session, peer.id, count, cursor, now)
            except _BadQuery as bad:
                cursor = {_ERROR_CURSOR: trl.latest(session, peer.id, now)}
                return _problem({_ERROR_ID: bad.error} | (cursor if bad.shows_cursor else {}))
            except trl.OutOfBound:
                return _problem({_ERROR_ID: OUT_OF_BOUND})
            updates = [[removed, added] for removed, added in found.updates]
            return _listed({DIFF_SET: updates, CURSOR: found.cursor, MORE: found.more})


def _query(request: Message) -> tuple[int | None, int | None]:
    """Return (diff, cursor), None for what is not there; other parameters are passed over."""
    texts: dict[str, str] = {}
    for option in request.options_of(URI_QUERY):
        name, _, text = option.decode("utf-8", "replace").partition("=")
        if name in ("diff", "cursor") and name in texts:
            raise _BadQuery(INVALID_SET)
        texts[name] = text
    diff, cursor = (_number(texts[name]) if name in texts else None for name in ("diff", "cursor"))
    if diff == _NONE:
        raise _BadQuery(INVALID_VALUE)
    if cursor is not None and diff is None:
        raise _BadQuery(INVALID_SET)
    if cursor == _NONE or (cursor or 0) > trl.MAX_INDEX:
        raise _BadQuery(INVALID_VALUE, shows_cursor=True)
    return diff, cursor


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else _NONE


def _listed(fields: dict) -> Message:
    return Message(CONTENT, ((CONTENT_FORMAT, APPLICATION_ACE_TRL_CBOR),), cbor.encode(fields))


def _problem(details: dict) -> Message:
    payload = cbor.encode({_ACE_TRL_ERROR: details})
    return Message(BAD_REQUEST, ((CONTENT_FORMAT, APPLICATION_PROBLEM_CBOR),), payload)


def _refused(text: str) -> Message:
    payload = encode_error(labels.INVALID_REQUEST, text)
    return Message(BAD_REQUEST, ((CONTENT_FORMAT, APPLICATION_ACE_CBOR),), payload)
