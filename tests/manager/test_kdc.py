"""The KDC over loopback: members join, hear of new keys, and are put out (RFC 9594)."""

from collections.abc import Iterator

import pytest

from leafkey.coap.numbers import CHANGED, CONTENT, DELETE, NOT_FOUND, OBSERVE, POST
from leafkey.codec import cbor
from leafkey.errors import NoGroupKey
from leafkey.group import labels, messages
from leafkey.group.member import PENDING, SAME, TAKEN, TAKEN_AFTER_GAP
from tests.manager.members import GroupNode, error_of
from tests.manager.processes import Leafkey, Serving

NAMES = ("ann", "bob", "eve")


@pytest.fixture
def house(leafkey: Leafkey) -> Leafkey:
    """A manager with three clients."""
    leafkey.ok("init", "--name", "home", "--uri", "coap://127.0.0.1:5683")
    for name in NAMES:
        leafkey.ok("client", "add", name)
    return leafkey


@pytest.fixture
def kdc(house: Leafkey) -> Iterator[Serving]:
    """The manager, serving."""
    with Serving(house) as process:
        yield process


@pytest.fixture
def nodes(house: Leafkey, kdc: Serving) -> Iterator[list[GroupNode]]:
    """The three clients."""
    made = [GroupNode(house.directory / f"{name}.identity", kdc.port) for name in NAMES]
    yield made
    for node in made:
        node.close()


def create(house: Leafkey, *options: str, roles: str = "publish,read") -> None:
    house.ok("group", "create", "floor2", *options)
    for name in NAMES:
        house.ok("policy", "allow", name, "kdc", "floor2", "--roles", roles)


def symmetric(house: Leafkey, *options: str) -> None:
    create(house, "--kind", "symmetric", *options)


def test_members_of_a_signed_group_read_each_other(house: Leafkey, nodes: list[GroupNode]):
    create(house)
    ann, bob = nodes[:2]
    ann.join(is_signed=True)
    told = bob.join(is_signed=True)
    assert told[labels.ACE_GROUPCOMM_PROFILE] == labels.COAP_GROUP_PUBSUB_APP
    assert len(told[labels.CREDS]) == len(told[labels.PEER_ROLES]) == 1
    assert bob.member.receive(ann.member.publish(b"21.5", 0), 0).payload == b"21.5"
    ann.learn(messages.decode_creds(ann.get("/creds").payload))
    assert ann.member.receive(bob.member.publish(b"on", 0), 0).payload == b"on"


def test_who_leaves_makes_observers_hear_of_another_key(house: Leafkey, nodes: list[GroupNode]):
    symmetric(house)
    ann, bob, eve = nodes
    for node in nodes:
        node.join()
    observing = [node.observe("/ace-group/floor2") for node in (ann, bob)]
    assert all(one.response.option(OBSERVE) is not None for one in observing)
    eve.leave()
    for node, one in zip((ann, bob), observing, strict=True):
        keys = messages.decode_keys(node.notified(one).payload)
        assert node.member.take(keys, 0) == TAKEN
    said = ann.member.publish(b"without eve", 0)
    assert bob.member.receive(said, 0).payload == b"without eve"
    with pytest.raises(NoGroupKey):
        eve.member.receive(said, 0)
    assert error_of(eve.get("")) == labels.NOT_A_MEMBER
    assert error_of(eve.get("/num")) == labels.NOT_A_MEMBER


def test_the_owner_puts_a_member_out_who_hears_it(house: Leafkey, nodes: list[GroupNode]):
    symmetric(house)
    ann, bob = nodes[:2]
    ann.join()
    bob.join()
    first, own = ann.observe("/ace-group/floor2"), bob.observe(bob.path)
    house.ok("group", "evict", "floor2", "bob")
    last = bob.notified(own)
    assert (last.code, error_of(last)) == (NOT_FOUND, labels.MEMBERSHIP_TERMINATED)
    assert ann.member.take(messages.decode_keys(ann.notified(first).payload), 0) == TAKEN
    assert bob.post_join(bob.join_request()).code == 0x83
    assert "bob" not in house.ok("group", "members", "floor2")


def test_a_member_at_its_control_uri_is_sent_keys_until_it_has_them(
    house: Leafkey, nodes: list[GroupNode]
):
    symmetric(house)
    ann, bob = nodes[:2]
    port = ann.socket.getsockname()[1]
    ann.join(CONTROL_URI=f"coap://127.0.0.1:{port}/ace-group/floor2/node")
    bob.join()
    house.ok("group", "rekey", "floor2")
    request = ann.served()
    assert request.path() == (b"ace-group", b"floor2", b"node")
    assert (request.code, ann.member.num()) == (POST, 1)
    assert bob.catch_up() == TAKEN
    assert bob.member.receive(ann.member.publish(b"x", 0), 0).payload == b"x"
    house.ok("group", "evict", "floor2", "ann")
    assert ann.served().code == DELETE


def test_a_group_that_is_deleted_says_so(house: Leafkey, nodes: list[GroupNode]):
    symmetric(house)
    ann = nodes[0]
    ann.join()
    observing = ann.observe("/ace-group/floor2")
    house.ok("group", "delete", "floor2")
    last = ann.notified(observing)
    assert (last.code, error_of(last)) == (NOT_FOUND, labels.GROUP_DELETED)
    assert last.option(OBSERVE) is None


def test_a_key_tree_rekeys_all_with_one_message(house: Leafkey, nodes: list[GroupNode]):
    symmetric(house, "--tree")
    ann, bob, eve = nodes
    told = ann.join()
    assert told[labels.REKEYING_SCHEME] == labels.KEY_TREE
    observing = ann.observe("/ace-group/floor2/tree")
    for node in (bob, eve):
        node.join()
        message = cbor.decode(ann.notified(observing).payload)
        assert ann.member.hear(message, 0) == PENDING
        assert (
            ann.member.confirm(
                ann.get(ann.path.removeprefix("/ace-group/floor2") + "/confirmation").payload, 0
            )
            == TAKEN
        )
    eve.leave()
    message = cbor.decode(ann.notified(observing).payload)
    assert (ann.member.hear(message, 0), bob.member.num()) == (PENDING, 2)
    # Bob has missed one message, and fetches both.
    both = cbor.decode(bob.fetch("/tree", cbor.encode(2), ()).payload)
    assert [bob.member.hear(one, 0) for one in both] == [PENDING, PENDING]
    assert eve.member.hear(message, 0) != PENDING
    assert (ann.catch_up(), bob.catch_up()) == (TAKEN, TAKEN_AFTER_GAP)
    assert bob.member.receive(ann.member.publish(b"x", 0), 0).payload == b"x"


def test_members_of_a_key_tree_may_be_told_point_to_point(house: Leafkey, nodes: list[GroupNode]):
    symmetric(house, "--tree")
    ann, bob, eve = nodes
    ann.join()
    observing = ann.observe("/ace-group/floor2")
    bob.join()
    assert ann.member.take(messages.decode_keys(ann.notified(observing).payload), 0) == TAKEN
    eve.join()
    # With each key comes the path that it takes to follow the next message.
    assert ann.member.take(messages.decode_keys(ann.notified(observing).payload), 0) == TAKEN
    eve.leave()
    (message,) = cbor.decode(ann.fetch("/tree", cbor.encode(3), ()).payload)
    assert ann.member.hear(message, 0) == PENDING


def test_joining_again_gives_another_sender_id(house: Leafkey, nodes: list[GroupNode]):
    symmetric(house)
    ann = nodes[0]
    first = ann.join()[labels.KEY].sender_id
    path = ann.path
    assert ann.post_join(ann.join_request()).code == CHANGED
    again = ann.join()[labels.KEY].sender_id
    assert (again != first, ann.path) == (True, path)
    renewed = messages.decode_individual(ann.send(POST, ann.path).payload)
    assert renewed not in (first, again)
    ann.member.change_sender_id(renewed)
    assert ann.catch_up() == SAME


def test_reading_what_there_is(house: Leafkey, nodes: list[GroupNode]):
    symmetric(house, "--delta", "30")
    ann = nodes[0]
    gid = ann.join()[labels.KEY].group_key.gid
    assert cbor.decode(ann.get("/num").payload) == 0
    assert messages.decode_policies(ann.get("/policies").payload) == {1: 3600, 2: 30}
    found = ann.send(5, "/ace-group", messages.encode({labels.GID: [gid, b"other"]}))
    assert messages.decode_groups(found.payload) == [(gid, "floor2", "/ace-group/floor2")]
    none = ann.send(5, "/ace-group", messages.encode({labels.GID: [b"other"]}))
    assert (none.code, none.payload) == (CONTENT, b"\x40")
