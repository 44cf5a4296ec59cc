"""A KDC that is killed at each step: no num, key or Sender ID serves twice, and members go on."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from leafkey.coap.numbers import DELETE, POST
from leafkey.errors import LeafkeyError
from leafmanager.kdc import tables as rows
from leafmanager.store import database
from tests.manager import nodes
from tests.manager.members import GroupNode
from tests.manager.processes import ROOT, Leafkey, Serving

NAMES = ("ann", "bob", "eve")


class DyingServing(Serving):
    """A `leafkey serve` that is killed at a step, once `doom` was called."""

    def __init__(self, leafkey: Leafkey, when: str):
        self.file = leafkey.directory / "doom"
        self.command = [sys.executable, "-m", "tests.manager.dying", when, str(self.file)]
        super().__init__(leafkey)

    def doom(self) -> None:
        """Let it die at its next step."""
        self.file.touch()

    def died(self) -> bool:
        """Wait for its end; tell whether it was killed."""
        return self._process.wait(nodes.PATIENCE) == -9 and not self.file.exists()


class Ledger:
    """What was ever in force in a group, as the rows had it after each step."""

    def __init__(self, state: Path):
        self.state = state
        self.keys: dict[int, tuple[bytes, bytes]] = {}
        self.owners: dict[bytes, str] = {}
        self.gone: set[bytes] = set()

    def note(self) -> None:
        """Look at the rows, and see that nothing came back."""
        store = database.open_existing(self.state)
        with store.transaction() as session:
            group = session.scalars(select(rows.Group)).one()
            key = (group.gid, group.secret)
            assert group.num >= max(self.keys, default=0)
            assert self.keys.get(group.num, key) == key
            others = [one for num, one in self.keys.items() if num != group.num]
            assert not {key[0]} & {gid for gid, _ in others}
            assert not {key[1]} & {secret for _, secret in others}
            self.keys[group.num] = key
            members = session.scalars(select(rows.Member)).all()
            given = [(one.sender_id, one.label) for one in members if one.sender_id is not None]
        store.close()
        present = dict(given)
        assert len(present) == len(given)
        assert not self.gone & set(present)
        assert all(self.owners.get(id, label) == label for id, label in present.items())
        self.gone |= set(self.owners) - set(present)
        self.owners |= present

    def told(self, node: GroupNode) -> None:
        """See that what a member holds is what was stored under that num."""
        held = node.member._joined()
        assert self.keys[held.num] == (held.key.gid, held.key.key)


@pytest.fixture
def house(leafkey: Leafkey, monkeypatch: pytest.MonkeyPatch) -> Leafkey:
    """A manager with three clients. Nobody waits long for an answer."""
    monkeypatch.setattr(nodes, "PATIENCE", 2)
    leafkey.environment["PYTHONPATH"] += f":{ROOT}"
    leafkey.ok("init", "--name", "home", "--uri", "coap://127.0.0.1:5683")
    for name in NAMES:
        leafkey.ok("client", "add", name)
    return leafkey


@pytest.fixture
def clients(house: Leafkey) -> Iterator[list[GroupNode]]:
    """The three clients."""
    made = [GroupNode(house.directory / f"{name}.identity", 0) for name in NAMES]
    yield made
    for node in made:
        node.close()


def joins(house: Leafkey, eve: GroupNode) -> None:
    eve.post_join(eve.join_request())


def leaves(house: Leafkey, eve: GroupNode) -> None:
    eve.send(DELETE, eve.path)


def renews(house: Leafkey, eve: GroupNode) -> None:
    eve.send(POST, eve.path)


def joins_again(house: Leafkey, eve: GroupNode) -> None:
    eve.post_join(eve.join_request())


def waits(house: Leafkey, eve: GroupNode) -> None:
    """The key is due for its replacement in a moment."""
    house.ok("group", "policy", "floor2", "--lifetime", "1")
    raise LeafkeyError


STEPS: dict[str, Callable[[Leafkey, GroupNode], None]] = {
    "joins": joins,
    "leaves": leaves,
    "renews": renews,
    "joins again": joins_again,
    "waits": waits,
}


ALONE, TREE = "--no-backward", "--tree"
CASES = [(step, ALONE) for step in STEPS] + [("joins", TREE), ("leaves", TREE)]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("step", "scheme"), CASES)
def test_killed(step: str, when: str, scheme: str, house: Leafkey, clients: list[GroupNode]):
    house.ok("group", "create", "floor2", "--kind", "symmetric", scheme)
    for name in NAMES:
        house.ok("policy", "allow", name, "kdc", "floor2", "--roles", "publish,read")
    ann, bob, eve = clients
    ledger = Ledger(house.state)
    with DyingServing(house, when) as kdc:
        for node in clients:
            node.manager = ("127.0.0.1", kdc.port)
            if node is not eve or step != "joins":
                node.join()
                ledger.note()
                ledger.told(node)
        kdc.doom()
        with pytest.raises(LeafkeyError):
            STEPS[step](house, eve)
        assert kdc.died()
    ledger.note()
    before = max(ledger.keys)
    house.ok("group", "policy", "floor2", "--lifetime", "1d")
    with Serving(house) as kdc:
        for node in clients:
            node.manager = ("127.0.0.1", kdc.port)
        # Who was cut off does it again, or finds that it is done.
        if step == "leaves":
            eve.send(DELETE, eve.path)
        else:
            eve.join()
        ledger.note()
        if scheme == TREE or step in ("leaves", "waits"):
            assert max(ledger.keys) >= before
        for node in (ann, bob):
            node.catch_up()
            ledger.told(node)
        said = ann.member.publish(b"we go on", 0)
        assert bob.member.receive(said, 0).payload == b"we go on"
        if step == "leaves":
            with pytest.raises(LeafkeyError):
                eve.member.receive(said, 0)
        else:
            assert eve.member.receive(said, 0).payload == b"we go on"
        house.ok("group", "rekey", "floor2")
        ledger.note()


def test_what_was_not_sent_before_it_was_killed_is_sent_after(
    house: Leafkey, clients: list[GroupNode]
):
    house.ok("group", "create", "floor2", "--kind", "symmetric")
    house.ok("policy", "allow", "ann", "kdc", "floor2", "--roles", "publish,read")
    ann = clients[0]
    port = ann.socket.getsockname()[1]
    with Serving(house) as kdc:
        ann.manager = ("127.0.0.1", kdc.port)
        ann.join(CONTROL_URI=f"coap://127.0.0.1:{port}/ace-group/floor2/node")
        kdc.kill()
    house.ok("group", "rekey", "floor2")
    with Serving(house) as kdc:
        ann.manager = ("127.0.0.1", kdc.port)
        ann.served()
        assert ann.member.num() == 1
        # It is not sent twice to who has confirmed it.
        with pytest.raises(AssertionError):
            ann.served(1)
    shown = house.ok("group", "members", "floor2", "--json")
    assert '"has_key": 1' in shown
