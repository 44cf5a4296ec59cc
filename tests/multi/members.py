"""Members of a group, each a MicroPython process of a house, over all their lives."""

import json
import time

from tests.multi.house import HEAP, NODES, PATIENCE, House
from tests.support.processes import Process, micropython

GROUP = "floor2"
TOPIC = "floor2/temp"
URI = f"coap://home/ace-group/{GROUP}"


class MemberNode:
    """A node that joins the group when it is told to."""

    def __init__(self, house: House, name: str, roles: str = "publish,read"):
        """`roles`: what the owner allows."""
        self.house = house
        self.name = name
        self.roles = roles.split(",")
        house.provision(name)
        house.allow(name, "kdc", GROUP, "--roles", roles)
        self.start()

    def start(self) -> None:
        """Start it."""
        script = [str(NODES / "subscriber.py"), str(self.house.path(self.name))]
        command = [micropython(), "-X", f"heapsize={HEAP}", *script]
        self.process: Process = self.house.start(command, listens=True)
        self.process.wait_for("listening", PATIENCE)

    def restart(self) -> None:
        """Cut its power, start it and let it join, or go on."""
        self.process.kill()
        self.start()
        self.join()

    def tell(self, do: str, **more: object) -> None:
        """Have it do something, and wait for nothing."""
        self.process.say(json.dumps({"do": do} | more))

    def do(self, what: str, mark: str, **more: object) -> str:
        """Have it do something, and wait for a line that begins with `mark`."""
        self.tell(what, **more)
        return self.process.wait_for(mark, PATIENCE)

    def join(self) -> None:
        """Become a member, or go on being one."""
        self.do("join", "joined", uri=URI, roles=self.roles)

    def subscribe(self) -> None:
        """Subscribe to the topic."""
        self.do("subscribe", "subscribing", topic=TOPIC)

    def publish(self, value: object) -> None:
        """Publish on the topic."""
        self.do("publish", "published", topic=TOPIC, value=value)

    def heard(self, value: object) -> str:
        """Wait until it has heard a value; return from which sender."""
        while True:
            _, sender, text = self.process.wait_for("heard", PATIENCE).split(" ", 2)
            if text == str(value):
                return sender

    def sees(self, text: str) -> None:
        """Wait until it has printed something, whether or not that was waited for before."""
        if not any(text in line for line in self.process.lines):
            self.process.wait_for(text, PATIENCE)

    def has_key(self, num: int) -> None:
        """Wait until it has a key, or a later one."""
        deadline = time.monotonic() + PATIENCE
        while self.num() < num:
            assert time.monotonic() < deadline, f"{self.name} has no key {num}"

    def num(self) -> int:
        """Return which key it has."""
        return int(self.do("num", "key number").split()[2])


def found(house: House, kind: str, *words: str) -> None:
    """Make the group, and its topic."""
    house.owner("group", "create", GROUP, "--kind", kind, *words)
    house.owner("topic", "create", TOPIC, "--group", GROUP)
