"""`leafkey group` as an owner types it."""

import json

import pytest
from sqlalchemy import select

from leafmanager.kdc.tables import Group, KdcKey
from leafmanager.store import database
from tests.manager.processes import Leafkey


@pytest.fixture
def house(leafkey: Leafkey) -> Leafkey:
    """A manager with one client."""
    leafkey.ok("init", "--name", "home", "--uri", "coap://127.0.0.1:5683")
    leafkey.ok("client", "add", "ann")
    return leafkey


def test_a_group_is_made_shown_and_deleted(house: Leafkey):
    house.ok("group", "create", "floor2", "--lifetime", "12h", "--backward")
    house.ok("policy", "allow", "ann", "kdc", "floor2", "--roles", "publish,read")
    (listed,) = json.loads(house.ok("group", "list", "--json"))
    assert listed == {
        "name": "floor2",
        "kind": "pubsub",
        "aead": "aes-ccm",
        "rekeying": "point to point",
        "key": 0,
        "members": 0,
    }
    shown = json.loads(house.ok("group", "show", "floor2", "--json"))
    assert (shown["lifetime"], shown["forward"], shown["backward"]) == ("12h", True, True)
    assert shown["allowed"] == {"ann": "publish,read"}
    assert "ann (publish,read)" in house.ok("group", "show", "floor2")
    assert json.loads(house.ok("group", "members", "floor2", "--json")) == []
    house.ok("group", "rekey", "floor2")
    assert json.loads(house.ok("group", "show", "floor2", "--json"))["key"] == 1
    house.ok("group", "rekey", "floor2", "--restored")
    assert json.loads(house.ok("group", "show", "floor2", "--json"))["key"] == 1 + (1 << 16)
    house.ok("group", "delete", "floor2")
    assert json.loads(house.ok("group", "list", "--json")) == []


def test_no_secret_is_shown(house: Leafkey):
    house.ok("group", "create", "floor2", "--tree")
    house.ok("group", "create", "floor3", "--kind", "oscore")
    said = ""
    for name in ("floor2", "floor3"):
        for command in (("show", name), ("members", name), ("policy", name), ("rekey", name)):
            result = house.run("group", *command)
            said += result.stdout + result.stderr
    store = database.open_existing(house.state)
    with store.transaction() as session:
        held = [*session.scalars(select(Group.secret)), *session.scalars(select(KdcKey.secret))]
    store.close()
    assert len(held) >= 2
    for one in held:
        assert one.hex() not in said and repr(one) not in said


def test_policy_is_changed_as_far_as_the_kind_leaves_it(house: Leafkey):
    house.ok("group", "create", "floor2")
    house.ok("group", "policy", "floor2", "--no-forward", "--delta", "30", "--interval", "60")
    told = json.loads(house.ok("group", "policy", "floor2", "--json"))
    assert (told["forward"], told["delta"], told["interval"]) == (False, 30, 60)
    house.ok("group", "create", "floor3", "--kind", "oscore", "--no-forward")
    assert json.loads(house.ok("group", "policy", "floor3", "--json"))["forward"] is True
    house.ok("group", "policy", "floor3", "--inactive")
    assert json.loads(house.ok("group", "policy", "floor3", "--json"))["active"] is False


def test_what_an_owner_gets_wrong(house: Leafkey):
    house.ok("group", "create", "floor2")
    assert "already" in house.fails("group", "create", "floor2")
    assert "known are: floor2" in house.fails("group", "show", "floor3")
    assert "not in floor2" in house.fails("group", "evict", "floor2", "ann")
    assert "kind of group" in house.fails("group", "create", "x", "--kind", "y", code=2)
    assert "not a name" in house.fails("group", "create", "a b", code=2)
    assert "point to point" in house.fails("group", "create", "x", "--kind", "oscore", "--tree")
    assert "inactive" in house.fails("group", "policy", "floor2", "--inactive")
