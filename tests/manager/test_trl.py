"""The revocation list: what is on it, and what a node may ask of it (RFC 9770)."""

import base64
import hashlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import NamedTuple, cast

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.coap.message import Message
from leafkey.coap.numbers import BAD_REQUEST, CONTENT, CONTENT_FORMAT, GET, URI_QUERY
from leafmanager import trl
from leafmanager.store import database, tables
from leafmanager.store.tables import Grant, Revocation
from tests.manager.answers import TEMP, granted
from tests.manager.nodes import ClientNode, Node, ServerNode, decoded
from tests.manager.processes import Leafkey

NOW = 1_700_000_000
SERVER, CLIENT = 1, 2


def test_a_hash_is_that_of_rfc_9770():
    token = bytes(range(16))
    text = base64.urlsafe_b64encode(token).rstrip(b"=")
    assert trl.token_hash(token) == b"\x01" + hashlib.sha256(text).digest()
    assert text == b"AAECAwQFBgcICQoLDA0ODw"


@pytest.fixture
def session(tmp_path) -> Iterator[Session]:
    """A transaction on a list that is empty; whom its entries are about is not looked at."""
    store = database.connect(f"sqlite:///{tmp_path / 'list.db'}")
    with store.transaction() as opened:
        tables.Base.metadata.create_all(opened.connection())
        nodes = [("thermo", SERVER), ("display", CLIENT)]
        for name, number in nodes:
            opened.add(tables.Node(id=number, name=name, role="any", created_at=NOW))
        opened.flush()
        yield opened
    store.close()


class Ended(NamedTuple):
    """As much of a grant as counts here."""

    access_token: bytes
    expires_at: int | None = None
    released_at: int | None = NOW
    server_id: int = SERVER
    client_id: int = CLIENT
    client: SimpleNamespace = SimpleNamespace(cam_id=None)


def revoke(session: Session, *grants: Ended) -> None:
    trl.revoke(session, cast(list[Grant], grants), NOW)


def test_server_and_client_see_the_same_token(session: Session):
    revoke(session, Ended(b"a"))
    for node in (SERVER, CLIENT):
        assert trl.full(session, node, NOW) == ([trl.token_hash(b"a")], 0)
    assert trl.full(session, 3, NOW) == ([], None)


def test_what_expires_leaves_the_list_in_an_update_of_its_own(session: Session):
    revoke(session, Ended(b"a", NOW + 60), Ended(b"b"))
    assert trl.full(session, SERVER, NOW + 60) == ([trl.token_hash(b"b")], 1)
    updates = trl.difference(session, SERVER, 0, None, NOW + 60).updates
    assert updates == [
        ([trl.token_hash(b"a")], []),
        ([], [trl.token_hash(b"a"), trl.token_hash(b"b")]),
    ]


def test_what_observers_wait_for(session: Session):
    assert (trl.latest_of_all(session), trl.next_end(session)) == ({}, None)
    revoke(session, Ended(b"a", NOW + 60), Ended(b"b", NOW + 90))
    revoke(session, Ended(b"c"))
    assert trl.latest_of_all(session) == {SERVER: 1, CLIENT: 1}
    trl.expire(session, NOW + 59)
    assert trl.next_end(session) == NOW + 60
    trl.expire(session, NOW + 60)
    assert trl.latest_of_all(session) == {SERVER: 2, CLIENT: 2}
    assert trl.next_end(session) == NOW + 90
    trl.expire(session, NOW + 90)
    assert trl.next_end(session) is None


def test_what_never_went_out_or_is_over_is_not_on_it(session: Session):
    revoke(session, Ended(b"a", released_at=None), Ended(b"b", NOW))
    assert trl.full(session, SERVER, NOW) == ([], None)


def test_differences_come_in_batches_the_oldest_first(session: Session):
    for number in range(40):
        revoke(session, Ended(bytes([number])))
    seen, cursor = [], None
    while True:
        found = trl.difference(session, SERVER, 0, cursor, NOW)
        assert len(found.updates) <= trl.MAX_BATCH
        seen += [added for _, added in reversed(found.updates)]
        cursor = found.cursor
        if not found.more:
            break
    assert seen == [[trl.token_hash(bytes([number]))] for number in range(40)]
    assert cursor == 39
    latest = trl.difference(session, SERVER, 2, None, NOW)
    assert [added for _, added in latest.updates] == [
        [trl.token_hash(bytes([39]))],
        [trl.token_hash(bytes([38]))],
    ]
    assert trl.difference(session, SERVER, 0, 39, NOW) == trl.Difference([], 39, False)


def test_of_the_updates_asked_for_the_eldest_come_first(session: Session):
    for number in range(40):
        revoke(session, Ended(bytes([number])))

    def numbers(found: trl.Difference) -> list[bytes]:
        return [added for _, (added,) in found.updates]

    first = trl.difference(session, SERVER, 20, None, NOW)
    assert numbers(first) == [trl.token_hash(bytes([n])) for n in range(35, 19, -1)]
    assert (first.cursor, first.more) == (35, True)
    rest = trl.difference(session, SERVER, 20, first.cursor, NOW)
    assert numbers(rest) == [trl.token_hash(bytes([n])) for n in range(39, 35, -1)]
    assert (rest.cursor, rest.more) == (39, False)
    # What was asked for may begin after the cursor.
    assert numbers(trl.difference(session, SERVER, 1, 30, NOW)) == [trl.token_hash(bytes([39]))]


def test_a_cursor_that_is_too_old_asks_for_the_whole_list(session: Session):
    for number in range(trl.MAX_UPDATES + 5):
        revoke(session, Ended(bytes([number])))
    # Kept are 5 to 68. After 4 nothing is lost; after 3, the update 4 is (RFC 9770 section 8.2.3).
    assert trl.difference(session, SERVER, 0, 3, NOW) == trl.Difference([], None, True)
    found = trl.difference(session, SERVER, 0, 4, NOW)
    assert found.updates[-1] == ([], [trl.token_hash(bytes([5]))])
    assert (found.cursor, found.more) == (20, True)
    with pytest.raises(trl.OutOfBound):
        trl.difference(session, SERVER, 0, 1000, NOW)


def test_the_list_is_bounded(session: Session):
    for number in range(trl.MAX_TOKENS + 100):
        revoke(session, Ended(number.to_bytes(2, "big")))
    listed, _ = trl.full(session, SERVER, NOW)
    assert len(listed) == trl.MAX_TOKENS
    assert listed[-1] == trl.token_hash((trl.MAX_TOKENS + 99).to_bytes(2, "big"))
    for _ in range(trl.MAX_UPDATES + 1):
        revoke(session, Ended(b"a"))
    kept = session.scalars(select(Revocation).where(Revocation.node_id == SERVER)).all()
    assert len(kept) <= trl.MAX_TOKENS + trl.MAX_UPDATES + 2 * trl.MAX_BATCH


def get(node: Node, *query: str) -> Message:
    """Return the manager's answer to a GET of the list in a node's channel."""
    request = Message(GET)
    request.set_path("/trl")
    for part in query:
        request.add(URI_QUERY, part.encode())
    return node.ask_for(request)


def test_nodes_read_their_part_in_their_channels(
    home: Leafkey, display: ClientNode, ready: ServerNode
):
    home.ok("policy", "allow", "display", "thermo", "/temp")
    response = display.ask("thermo", TEMP)
    granted(response)
    assert decoded(get(display).payload) == {0: [], 2: None}
    revoked = trl.token_hash(decoded(response.payload)[1])
    home.ok("revoke", "display")
    ready.rest()
    for node in (display, ready):
        answer = get(node)
        assert (answer.code, answer.uint(CONTENT_FORMAT)) == (CONTENT, 262)
        assert decoded(answer.payload) == {0: [revoked], 2: 0}
        answer = get(node, "diff=0", "other=1")
        assert decoded(answer.payload) == {1: [[[], [revoked]]], 2: 0, 3: False}
        for text, error in (("1", {0: 2}), ("4294967296", {0: 0, 1: 0})):
            answer = get(node, "diff=0", f"cursor={text}")
            assert (answer.code, decoded(answer.payload)) == (BAD_REQUEST, {1: error})


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (("diff=-1",), {0: 0}),
        (("diff=x",), {0: 0}),
        (("diff=",), {0: 0}),
        (("diff",), {0: 0}),
        (("diff=x", "cursor=x"), {0: 0}),
        (("diff=1", "diff=2"), {0: 1}),
        (("cursor=0",), {0: 1}),
        (("cursor=x",), {0: 1}),
        (("diff=1", "cursor=x"), {0: 0, 1: None}),
        (("cursor=-1", "diff=1"), {0: 0, 1: None}),
        (("diff=1", "cursor=4294967296"), {0: 0, 1: None}),
    ],
)
def test_a_wrong_query_is_answered_with_its_error(display: ClientNode, query, error):
    answer = get(display, *query)
    assert (answer.code, answer.uint(CONTENT_FORMAT)) == (BAD_REQUEST, 257)
    assert decoded(answer.payload) == {1: error}


@pytest.mark.parametrize(
    "query",
    [
        ("diff=0",),
        ("diff=99999999999999999999",),
        ("diff=1", "cursor=0"),
        ("diff=1", "cursor=4294967295"),
        ("c.pmax=60", "diff=1", "\xff"),
    ],
)
def test_before_the_first_update_every_difference_is_empty(display: ClientNode, query):
    answer = get(display, *query)
    assert answer.code == CONTENT
    assert decoded(answer.payload) == {1: [], 2: None, 3: False}
