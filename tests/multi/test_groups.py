"""Members of a group on MicroPython and on CPython, with the manager as their KDC (RFC 9594)."""

import time
from pathlib import Path

import pytest

from leafkey.errors import NoGroupKey
from leafkey.group import messages
from leafkey.group.member import TAKEN
from tests.manager.members import GroupNode
from tests.multi.house import HEAP, NODES, PATIENCE, House
from tests.support.processes import Process, micropython

TRIES = 100


class MemberNode:
    """A MicroPython member of a group."""

    def __init__(self, house: House, name: str, group: str = "floor2"):
        self.house = house
        if not house.path(name).exists():
            house.provision(name)
            house.owner("policy", "allow", name, "kdc", group, "--roles", "publish,read")
        uri = f"coap://127.0.0.1:{house.manager_port}/ace-group/{group}"
        script = [str(NODES / "member.py"), str(house.path(name)), uri]
        self._command = [micropython(), "-X", f"heapsize={HEAP}", *script]
        self.start()

    def start(self) -> None:
        """Let it join, or go on."""
        self.process: Process = self.house.start(self._command, listens=True)
        self.process.wait_for("joined", PATIENCE)

    def publish(self, text: str) -> bytes:
        """Return a publication."""
        self.process.say(f"publish {text}")
        return bytes.fromhex(self.process.wait_for("said ", PATIENCE).split()[-1])

    def hear(self, publication: bytes, wanted: str) -> None:
        """See that it makes this of a publication: "heard TEXT" or "failed NAME"."""
        self.process.say(f"hear {publication.hex()}")
        self.process.wait_for(wanted, PATIENCE)


@pytest.mark.parametrize(
    "options", [("--kind", "symmetric"), (), ("--kind", "symmetric", "--tree"), ("--tree",)]
)
def test_an_evicted_member_reads_nothing_that_follows(tmp_path: Path, options: tuple[str, ...]):
    with House(tmp_path) as house:
        house.owner("group", "create", "floor2", *options)
        ann, eve = MemberNode(house, "ann"), MemberNode(house, "eve")
        house.owner("policy", "allow", _provisioned(house), "kdc", "floor2", "--roles", "read")
        with GroupNode(house.path("bob") / "identity", house.manager_port) as bob:
            told = bob.join(8)
            bob.learn(told)
            said = _read(ann, bob, "21.5")
            eve.hear(said, "heard 21.5")
            observing = bob.observe("/ace-group/floor2")
            house.owner("group", "evict", "floor2", "eve")
            keys = messages.decode_keys(bob.notified(observing, PATIENCE).payload)
            assert bob.member.take(keys, 0) == TAKEN
            said = _read(ann, bob, "21.7")
            eve.hear(said, "failed")


def test_a_member_goes_on_after_its_own_restart_and_the_managers(tmp_path: Path):
    with House(tmp_path) as house:
        house.owner("group", "create", "floor2", "--kind", "symmetric")
        ann, bob = MemberNode(house, "ann"), MemberNode(house, "bob")
        before = ann.publish("one")
        bob.hear(before, "heard one")
        ann.process.kill()
        assert house.manager is not None
        house.manager.kill()
        house.owner("group", "rekey", "floor2")
        house.start_manager()
        ann.start()
        bob.hear(ann.publish("two"), "heard two")


def _read(ann: MemberNode, bob: GroupNode, text: str) -> bytes:
    """Return a publication of Ann's that Bob has read: she may hear of the new key after him."""
    for _ in range(TRIES):
        said = ann.publish(text)
        try:
            assert bob.member.receive(said, 0).payload == text.encode()
            return said
        except NoGroupKey:
            time.sleep(0.2)
    raise AssertionError("she has not heard of the new key")


def _provisioned(house: House, name: str = "bob") -> str:
    house.provision(name)
    return name
