"""What nodes bring from servers, and read of tokens that were revoked (SPEC sections 9.3, 9.8)."""

from leafkey.ace import labels
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
from leafkey.pat.ticket import encode_error
from leafmanager import issue, sam, trl, versions
from leafmanager.events import NOTE, Event, Sink
from leafmanager.net.handlers import Peer
from leafmanager.store.database import Store

# RFC 9770: Content-Formats, keys of an answer and of an error, and its error identifiers.
APPLICATION_ACE_TRL_CBOR = 262
APPLICATION_PROBLEM_CBOR = 257
FULL_SET, DIFF_SET, CURSOR, MORE = 0, 1, 2, 3
_ACE_TRL_ERROR, _ERROR_ID, _ERROR_CURSOR = 1, 0, 1
INVALID_VALUE, INVALID_SET, OUT_OF_BOUND = 0, 1, 2
_LARGEST = 1 << 32


class _BadQuery(Exception):
    """A query that RFC 9770 has an error for."""

    def __init__(self, error: int):
        super().__init__(error)
        self.error = error


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
                return _problem({_ERROR_ID: bad.error})
            except trl.OutOfBound as bound:
                return _problem({_ERROR_ID: OUT_OF_BOUND, _ERROR_CURSOR: bound.latest})
            updates = [[removed, added] for removed, added in found.updates]
            return _listed({DIFF_SET: updates, CURSOR: found.cursor, MORE: found.more})


def _query(request: Message) -> tuple[int | None, int | None]:
    """Return (diff, cursor); what is not asked for is None."""
    values: dict[str, int] = {}
    for option in request.options_of(URI_QUERY):
        name, _, text = option.decode("utf-8", "replace").partition("=")
        if name not in ("diff", "cursor") or name in values:
            raise _BadQuery(INVALID_SET)
        if not (text.isascii() and text.isdigit() and int(text[:11]) < _LARGEST):
            raise _BadQuery(INVALID_VALUE)
        values[name] = int(text[:11])
    if "cursor" in values and "diff" not in values:
        raise _BadQuery(INVALID_SET)
    return values.get("diff"), values.get("cursor")


def _listed(fields: dict) -> Message:
    return Message(CONTENT, ((CONTENT_FORMAT, APPLICATION_ACE_TRL_CBOR),), cbor.encode(fields))


def _problem(details: dict) -> Message:
    payload = cbor.encode({_ACE_TRL_ERROR: details})
    return Message(BAD_REQUEST, ((CONTENT_FORMAT, APPLICATION_PROBLEM_CBOR),), payload)


def _refused(text: str) -> Message:
    payload = encode_error(labels.INVALID_REQUEST, text)
    return Message(BAD_REQUEST, ((CONTENT_FORMAT, APPLICATION_ACE_CBOR),), payload)
