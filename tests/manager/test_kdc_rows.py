"""Groups, their members and their keys as rows: each step is one transaction."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from leafkey.crypto.provider import default_provider
from leafkey.group import labels, material, messages
from leafkey.group.member import IGNORED, PENDING, TAKEN, TAKEN_AFTER_GAP, Member
from leafmanager import audiences, cam_clients, provision, scopes
from leafmanager.errors import ManagerError
from leafmanager.kdc import groups, keytrees, membership, rekeying, rights
from leafmanager.kdc import tables as rows
from leafmanager.kdc.groups import Policy
from leafmanager.store import database
from leafmanager.store.tables import Node as NodeRow
from leafmanager.store.tables import Rule

NOW = 1_700_000_000
PUBLISH_READ = labels.PUBLISH | labels.READ


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    row = provision.manager_row("home", "coap://127.0.0.1", 10)
    store = database.create(tmp_path / "state", [row])
    with store.transaction() as session:
        yield session
    store.close()


def made(session: Session, kind: str = groups.SYMMETRIC, scheme: int = 0, **policy) -> rows.Group:
    return groups.create(session, "floor2", kind, 10, scheme, Policy(**policy), NOW)


def joined(
    session: Session,
    group: rows.Group,
    subject: str,
    roles: int = PUBLISH_READ,
    expires_at: int | None = None,
    control_uri: str | None = None,
) -> rows.Member:
    newcomer = membership.Newcomer(
        subject, subject, b"", roles, None, bytes(8), control_uri, "192.0.2.1", expires_at
    )
    before = membership.find(session, group, subject)
    return membership.join(session, group, before, newcomer, NOW)[0]


class Store:
    """What a member stores, kept in memory."""

    def put_state(self, data: bytes) -> None:
        """Nothing needs to survive a test."""

    def put_bound(self, data: bytes) -> None:
        """Nothing needs to survive a test."""


def node(session: Session, row: rows.Member) -> Member:
    """The member's own side, with what the KDC would tell it now."""
    member = Member(default_provider(), Store(), row.group.name)
    member.join(given(session, row), 0)
    return member


def given(session: Session, row: rows.Member) -> dict:
    told = rekeying.stated(row.group, NOW) | {
        labels.KEY: groups.key_of(row.group, row.sender_id, True)
    }
    told |= keytrees.of_member(session, row)
    return messages.decode_join_response(messages.encode(told))


def rekeyed(session: Session, group: rows.Group, since: int) -> dict:
    return messages.decode_keys(messages.encode(rekeying.message(session, group, NOW, since)))


def test_members_of_a_group_read_each_other(session: Session):
    group = made(session)
    ann, bob = (node(session, joined(session, group, name)) for name in ("ann", "bob"))
    assert bob.receive(ann.publish(b"21.5", 0), 0).payload == b"21.5"


def test_no_two_members_have_one_sender_id_over_all_joins_and_leaves(session: Session):
    group, seen = made(session, has_forward=False), []
    for _ in range(3):
        for name in ("ann", "bob", "eve"):
            seen.append(joined(session, group, name).sender_id)
        membership.leave(session, membership.find(session, group, "eve"), NOW)
    seen.append(membership.change_sender_id(session, membership.find(session, group, "ann")))
    assert len(set(seen)) == len(seen) == 10
    assert all(0 < len(one) <= 4 for one in seen)


def test_sender_ids_that_are_used_up(session: Session):
    group = made(session)
    group.next_id = membership.MAX_ID
    ann = joined(session, group, "ann")
    assert ann.sender_id == b"\xff\xff\xff\xff"
    with pytest.raises(membership.NoSenderId):
        joined(session, group, "bob")
    with pytest.raises(membership.NoSenderId):
        membership.change_sender_id(session, ann)
    assert joined(session, group, "reader", labels.READ).sender_id is None


def test_who_leaves_cannot_read_on_and_the_old_key_is_nowhere(session: Session):
    group = made(session)
    rows_of = [joined(session, group, name) for name in ("ann", "bob", "eve")]
    ann, bob, eve = (node(session, row) for row in rows_of)
    before = (group.num, group.gid, group.secret)
    membership.leave(session, rows_of[2], NOW)
    assert (group.num, group.gid != before[1]) == (before[0] + 1, True)
    for member in (ann, bob):
        assert member.take(rekeyed(session, group, 0), 0) == TAKEN
    said = ann.publish(b"without eve", 0)
    assert bob.receive(said, 0).payload == b"without eve"
    with pytest.raises(Exception, match="held"):
        eve.receive(said, 0)
    session.flush()
    assert before[2] not in session.scalars(select(rows.Group.secret)).all()


def test_policy_may_leave_the_key_when_somebody_goes(session: Session):
    group = made(session, has_forward=False)
    membership.leave(session, joined(session, group, "ann"), NOW)
    assert group.num == 0


def test_backward_security_rekeys_before_somebody_comes(session: Session):
    group = made(session, has_backward=True)
    ann = node(session, joined(session, group, "ann"))
    bob = node(session, joined(session, group, "bob"))
    assert (ann.num(), bob.num()) == (1, 2)
    assert ann.take(rekeyed(session, group, 1), 0) == TAKEN
    assert ann.receive(bob.publish(b"hello", 0), 0).payload == b"hello"


def test_a_member_that_missed_keys_catches_up_and_ignores_old_ones(session: Session):
    group = made(session)
    ann, row = node(session, joined(session, group, "ann")), joined(session, group, "bob")
    bob = node(session, row)
    rekeying.rekey(session, group, NOW)
    old = rekeyed(session, group, 0)
    rekeying.rekey(session, group, NOW)
    assert ann.take(rekeyed(session, group, 0), 0) == TAKEN_AFTER_GAP
    assert ann.take(old, 0) == IGNORED
    assert bob.take(given(session, row), 0) == TAKEN_AFTER_GAP
    assert ann.receive(bob.publish(b"back", 0), 0).payload == b"back"


def test_who_joins_again_keeps_its_name_and_gets_another_sender_id(session: Session):
    group = made(session, has_backward=True)
    first = joined(session, group, "ann")
    was = (first.name, first.sender_id, group.num)
    again = joined(session, group, "ann", labels.PUBLISH)
    assert (again.name, again.roles, group.num) == (was[0], labels.PUBLISH, was[2])
    assert again.sender_id not in (None, was[1])
    assert session.scalar(select(func.count()).select_from(rows.Member)) == 1


def test_stale_sender_ids_are_told_for_three_keys(session: Session):
    group = made(session, groups.OSCORE)
    both = labels.REQUESTER | labels.RESPONDER
    ann, bob, eve = (joined(session, group, name, both) for name in ("ann", "bob", "eve"))
    gone = [ann.sender_id]
    membership.leave(session, ann, NOW)
    told = rekeying.message(session, group, NOW, 0)
    assert (told[labels.NUM], told[labels.STALE_NODE_IDS]) == (1, gone)
    assert set(told[labels.KEY]) == {material.MS, material.SALT, material.CONTEXT_ID}
    gone.append(eve.sender_id)
    membership.change_sender_id(session, eve)
    gone.append(bob.sender_id)
    membership.leave(session, bob, NOW)
    assert rekeying.stale_since(session, group, 0) == [gone[0], gone[2], gone[1]]
    rekeying.rekey(session, group, NOW)
    assert rekeying.stale_since(session, group, 0) is None
    assert rekeying.stale_since(session, group, 1) == [gone[2], gone[1]]
    rekeying.rekey(session, group, NOW)
    assert session.scalars(select(rows.Stale.num)).all() == []


def test_a_key_tree_takes_newcomers_in_and_keeps_leavers_out(session: Session):
    group = made(session, scheme=labels.KEY_TREE)
    assert (group.has_forward, group.has_backward) == (True, True)
    rows_of = {name: joined(session, group, name) for name in ("ann", "bob", "eve", "joe")}
    members = {name: node(session, row) for name, row in rows_of.items()}
    assert [row.leaf for row in rows_of.values()] == [0, 1, 2, 3]
    membership.leave(session, rows_of["eve"], NOW)
    (message,) = keytrees.messages_after(session, group, group.num - 1)
    for name in ("ann", "bob", "joe"):
        # Those who came before the last one have messages to catch up with.
        for one in keytrees.messages_after(session, group, members[name].num()):
            assert members[name].hear(one, 0) == PENDING
        assert members[name].take(given(session, rows_of[name]), 0) in (TAKEN, TAKEN_AFTER_GAP)
    assert members["eve"].hear(message, 0) != PENDING
    said = members["ann"].publish(b"21.5", 0)
    assert members["joe"].receive(said, 0).payload == b"21.5"
    with pytest.raises(Exception, match="held"):
        members["eve"].receive(said, 0)
    # The leaf of who left is free again.
    assert joined(session, group, "sue").leaf == 2
    rekeying.rekey(session, group, NOW)
    assert len(keytrees.messages_after(session, group, group.num - 2)) == 2


def test_a_key_tree_may_become_empty_and_begin_anew(session: Session):
    group = made(session, scheme=labels.KEY_TREE)
    membership.leave(session, joined(session, group, "ann"), NOW)
    assert session.scalars(select(rows.TreeKey.node)).all() == []
    rekeying.rekey(session, group, NOW)
    bob = node(session, joined(session, group, "bob"))
    assert (bob.num(), group.num) == (4, 4)


def test_messages_of_a_tree_are_kept_for_some_time(session: Session):
    group = made(session, scheme=labels.KEY_TREE)
    joined(session, group, "ann")
    for _ in range(keytrees.KEPT_MESSAGES + 2):
        rekeying.rekey(session, group, NOW)
    stored = session.scalar(select(func.count()).select_from(rows.TreeMessage))
    assert stored == keytrees.KEPT_MESSAGES
    assert keytrees.messages_after(session, group, group.num - keytrees.KEPT_MESSAGES - 1) == []
    assert len(keytrees.messages_after(session, group, group.num - 3)) == 3


def test_whose_time_is_over_is_put_out_and_told_where_it_said(session: Session):
    group = made(session)
    ann, bob = (client(session, name) for name in ("ann", "bob"))
    rule = allowed(session, "ann", ends_at=NOW + 10)
    allowed(session, "bob")
    joined(session, group, ann, expires_at=NOW + 10, control_uri="coap://192.0.2.1/x")
    joined(session, group, bob)
    assert membership.enforce(session, NOW + 9, only_expired=True) == []
    # The owner may have given it more time.
    rule.ends_at = NOW + 20
    assert membership.enforce(session, NOW + 10, only_expired=True) == []
    assert membership.enforce(session, NOW + 20, only_expired=True) == [("floor2", ann)]
    assert [member.label for member in groups.members(session, group)] == [bob]
    (farewell,) = session.scalars(select(rows.Farewell)).all()
    assert (farewell.subject, farewell.control_uri) == (ann, "coap://192.0.2.1/x")
    assert group.num == 1


def test_who_may_be_less_than_it_is_goes_out_of_all_groups(session: Session):
    group = made(session)
    other = groups.create(session, "floor3", groups.PUBSUB, 24, 0, Policy(), NOW)
    ann = client(session, "ann")
    rule = allowed(session, "ann", path="*")
    for one in (group, other):
        joined(session, one, ann)
    assert membership.enforce(session, NOW) == []
    rule.methods = labels.READ
    out = membership.enforce(session, NOW)
    assert out == [("floor2", ann), ("floor3", ann)]
    assert (group.num, other.num) == (1, 1)
    assert membership.enforce(session, NOW) == []


def client(session: Session, name: str) -> str:
    """Add a client, and return who it is to the KDC."""
    provision.add_client(session, name, NOW)
    node = session.scalars(select(NodeRow).where(NodeRow.name == name)).one()
    return rights.subject(rights.NODE, node.id)


def allowed(session: Session, name: str, path: str = "floor2", ends_at: int | None = None) -> Rule:
    rule = Rule(allow=True, path=path, methods=PUBLISH_READ, ends_at=ends_at, created_at=NOW)
    rule.client = cam_clients.named(session, name, NOW)
    rule.audience = audiences.named(session, scopes.KDC, NOW)
    session.add(rule)
    session.flush()
    return rule


def test_a_key_is_replaced_before_it_expires(session: Session):
    group = made(session, lifetime=100)
    assert not groups.is_due(group, NOW + 74)
    assert groups.is_due(group, NOW + 75)
    told = rekeying.stated(group, NOW + 10)
    assert (told[labels.EXP], told[labels.EXI]) == (NOW + 100, 90)


def test_nums_that_are_used_up(session: Session):
    group = made(session)
    group.num = (1 << 32) - 1
    with pytest.raises(ManagerError):
        rekeying.rekey(session, group, NOW)
    assert group.num == (1 << 32) - 1


def test_a_group_is_made_once_and_with_a_scheme_of_its_kind(session: Session):
    made(session)
    with pytest.raises(ManagerError, match="already"):
        made(session)
    with pytest.raises(ManagerError, match="point to point"):
        groups.create(session, "other", groups.OSCORE, 10, labels.KEY_TREE, Policy(), NOW)


def test_the_kdc_signs_with_one_key_for_good(session: Session):
    assert groups.kdc_cred(session) == groups.kdc_cred(session)
    assert len(groups.signer(session).public) == 32
