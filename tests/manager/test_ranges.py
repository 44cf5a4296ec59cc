"""What slots have in common: what the owner says of it, and what servers and clients hear."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from leafkey.pat import commands, endorsement, tokens
from leafkey.pat.renewal import Renewal
from leafkey.pat.tokens import CONFIDENTIAL, INTEGRITY, POP, SlotRange
from leafmanager import issue, provision, ranges, slots, versions
from leafmanager.errors import ManagerError
from tests.manager.answers import TEMP, granted
from tests.manager.nodes import ClientNode, ServerNode
from tests.manager.processes import Leafkey, Serving
from tests.manager.rows import NOW, SHAPE, Node, allow, grant, opened, server

GET = 1


def shared(first: int, last: int, level: int | None = POP, **more: object) -> SlotRange:
    """Return a range."""
    said = {"permissions": None, "renewal": None} | more
    return SlotRange(first, last, level, said["permissions"], said["renewal"])


def bounds(found: list[SlotRange]) -> list[tuple[int, int, int | None]]:
    return [one[:3] for one in found]


@pytest.mark.parametrize(
    ("first", "last", "left"),
    [
        (1, 1, [(2, 4, 1), (7, 9, 2)]),
        (3, 3, [(2, 2, 1), (4, 4, 1), (7, 9, 2)]),
        (4, 7, [(2, 3, 1), (8, 9, 2)]),
        (2, 4, [(7, 9, 2)]),
        (1, 99, []),
        (5, 6, [(2, 4, 1), (7, 9, 2)]),
        (10, 10, [(2, 4, 1), (7, 9, 2)]),
    ],
)
def test_slots_lose_what_was_said_of_them_and_others_keep_it(first: int, last: int, left: list):
    before = [shared(2, 4, POP), shared(7, 9, INTEGRITY)]
    assert bounds(ranges.without(before, first, last)) == left
    new = shared(first, last, CONFIDENTIAL)
    assert bounds(ranges.replaced(before, new)) == sorted([*left, (first, last, CONFIDENTIAL)])


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A transaction on a manager with a server of 4 slots, and clients with rules."""
    with opened(tmp_path) as session:
        yield session


@pytest.fixture
def node(session: Session) -> Node:
    """The server has the ST of version 1."""
    return Node(issue.whole(session, server(session), NOW))


def share(session: Session, *said: SlotRange) -> None:
    slots.share(session, server(session), list(said), NOW)


def test_what_is_stored_is_what_was_said(session: Session):
    said = [
        shared(1, 1, None, permissions=[("/temp", GET), ("/vent", 5)]),
        shared(2, 3, CONFIDENTIAL),
        shared(4, 4, None, renewal=Renewal(None, 9, 7)),
    ]
    share(session, *said)
    session.expire_all()
    assert ranges.of(session, server(session)) == said


def test_every_way_of_telling_a_server_leads_to_the_same_st(session: Session, node: Node):
    channel = Node(tokens.ServerToken(node.token.st, dict(node.token.params)))
    grant(session, "display")
    share(
        session,
        shared(1, 4, POP),
    )
    share(session, shared(1, 2, INTEGRITY), shared(3, 4, POP, renewal=Renewal(5, None, None)))
    for version in versions.following(session, server(session)):
        channel.verifier.apply(versions.change_of(version), 0)
    assert node.take(versions.sealed(session, server(session)))
    whole = issue.whole(session, server(session), NOW)
    assert node.token.params_s() == channel.token.params_s() == whole.params_s()
    assert len(node.token[tokens.SLOT_RANGES]) == 2


def test_no_ranges_are_none_whichever_way_they_end(session: Session, node: Node):
    share(session, shared(1, 4))
    share(session)
    assert node.take(versions.sealed(session, server(session)))
    assert node.token[tokens.SLOT_RANGES] == []
    assert tokens.SLOT_RANGES not in issue.whole(session, server(session), NOW).params


def test_other_changes_leave_them(session: Session, node: Node):
    share(session, shared(1, 4, INTEGRITY))
    grant(session, "display")
    slots.ratchet(session, server(session), NOW)
    assert node.take(versions.sealed(session, server(session)))
    slots.begin_epoch(session, server(session), NOW)
    whole = issue.whole(session, server(session), NOW)
    assert node.token[tokens.SLOT_RANGES] == whole[tokens.SLOT_RANGES] == [shared(1, 4, INTEGRITY)]


def test_with_fewer_slots_they_are_cut_in_the_same_version(session: Session, node: Node):
    share(session, shared(1, 3, INTEGRITY), shared(4, 4, CONFIDENTIAL))
    slots.resize(session, server(session), 2, NOW)
    found = versions.following(session, server(session))
    assert [version.number for version in found] == [2, 3]
    assert node.take(versions.sealed(session, server(session)))
    assert node.token[tokens.SLOT_RANGES] == [shared(1, 2, INTEGRITY)]
    slots.resize(session, server(session), 4, NOW)
    assert node.take(versions.sealed(session, server(session)))
    assert node.token[tokens.SLOT_RANGES] == [shared(1, 2, INTEGRITY)]


def test_what_no_server_would_take_is_refused(session: Session):
    thermo = server(session)
    with pytest.raises(ManagerError, match="a range lies beyond N"), session.begin_nested():
        share(session, shared(1, SHAPE.n_clients + 1))
        provision.check_shape(session, thermo, NOW)
    thermo.n_clients = 32
    with pytest.raises(ManagerError, match="at most 16"), session.begin_nested():
        share(session, *(shared(n, n) for n in range(1, 18)))
        provision.check_shape(session, thermo, NOW)
    long = [("/" + "x" * 127, GET)] * 32
    with pytest.raises(ManagerError, match="4096 are the limit"):
        share(session, shared(1, 4, permissions=long))


def test_commands_too_long_for_a_message_are_not_carried(session: Session):
    long = [("/" + "x" * 127, GET)] * 28
    for level in (POP, INTEGRITY):
        share(session, shared(1, 4, level, permissions=long))
    assert len(commands.decode_list(versions.sealed(session, server(session)))) == 2
    assert server(session).sent == 3
    share(session, shared(1, 4, CONFIDENTIAL, permissions=long))
    assert versions.sealed(session, server(session)) == b""
    assert server(session).sent == 3


def test_a_ticket_tells_its_client_what_the_range_adds(session: Session):
    allow(session, "display", notifications_per_at=5, requests_per_at=50)
    share(session, shared(1, 1, INTEGRITY, renewal=Renewal(9, 60, 20)), shared(2, 4, CONFIDENTIAL))
    token = issue.client_token(session, grant(session, "display"), NOW)
    assert (token[tokens.LEVEL], token[tokens.RENEWAL]) == (INTEGRITY, Renewal(5, 60, 20))
    other = issue.client_token(session, grant(session, "phone"), NOW)
    assert other[tokens.LEVEL] == CONFIDENTIAL
    assert tokens.RENEWAL not in other.params


def test_requests_of_an_at_reach_server_client_and_endorsement(session: Session):
    allow(session, "display", requests_per_at=20)
    held = grant(session, "display")
    limits = Renewal(None, None, 20)
    whole = issue.whole(session, server(session), NOW)
    assert whole[tokens.SLOTS][held.slot].renewal == limits
    assert issue.client_token(session, held, NOW)[tokens.RENEWAL] == limits
    assert endorsement.decode(held.access_token).terms.renewal == limits


def listed(home: Leafkey) -> list[dict]:
    return json.loads(home.ok("server", "range", "list", "--json"))


def test_ranges_come_and_go(home: Leafkey):
    say = ("server", "range", "set", "thermo")
    home.ok(*say, "all", "--level", "pop", "--requests-per-at", "20", "--seconds-per-at", "60")
    home.ok(*say, "3-5", "GET,PUT /vent", "/lock")
    home.ok("server", "range", "remove", "thermo", "8")
    rest = {"server": "thermo", "permissions": None, "level": "pop"}
    limits = {"per_at": "60 seconds, 20 requests"}
    assert listed(home) == [
        rest | {"slots": "1-2"} | limits,
        {
            "server": "thermo",
            "slots": "3-5",
            "permissions": "GET,PUT /vent, GET,POST,PUT,DELETE,FETCH,PATCH,iPATCH /lock",
            "level": None,
            "per_at": None,
        },
        rest | {"slots": "6-7"} | limits,
        rest | {"slots": "9-16"} | limits,
    ]
    (last, *_) = json.loads(home.ok("pending", "--json"))[::-1]
    assert (last["version"], last["what"]) == (4, "what slots have in common")
    home.ok("server", "range", "remove", "thermo", "all")
    assert listed(home) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("set", "thermo", "all"), 2, "says nothing"),
        (("set", "thermo", "0-3", "/temp"), 2, "are no slots"),
        (("set", "thermo", "5-3", "/temp"), 2, "are no slots"),
        (("set", "thermo", "1,3", "/temp"), 2, "are no slots"),
        (("set", "thermo", "1-17", "/temp"), 1, "has slots 1 to 16"),
        (("set", "thermo", "1", "GET"), 2, "names no path"),
        (("set", "thermo", "1", "--level", "high"), 2, "not a known level"),
        (("set", "lock", "1", "/temp"), 1, "no server named 'lock'"),
        (("remove", "thermo", "1"), 1, "nothing is said"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    home: Leafkey, words: tuple[str, ...], code: int, said: str
):
    assert said in home.fails("server", "range", *words, code=code)
    assert listed(home) == []
    (only,) = json.loads(home.ok("server", "list", "--json"))
    assert only["version"] == 1


def test_a_limit_of_requests_is_part_of_a_rule(home: Leafkey):
    words = ("--notifications-per-at", "5", "--requests-per-at", "20")
    home.ok("policy", "allow", "display", "thermo", "/temp", *words)
    (rule,) = json.loads(home.ok("policy", "list", "--json"))
    assert rule["per_at"] == "5 notifications, 20 requests"


def test_a_running_server_hears_of_them(
    home: Leafkey, serving: Serving, display: ClientNode, ready: ServerNode
):
    home.ok("policy", "allow", "display", "thermo", "/temp")
    granted(display.ask("thermo", TEMP))
    for words in (("set", "thermo", "all", "--level", "integrity"), ("remove", "thermo", "1")):
        assert "confirmed" in home.ok("server", "range", *words)
    assert [token.params.get(tokens.SLOT_RANGES) for token in ready.pushed] == [
        None,
        [shared(1, 16, INTEGRITY)],
        [shared(2, 16, INTEGRITY)],
    ]
