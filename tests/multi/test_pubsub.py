"""Two MicroPython members of a group, the manager as KDC and broker, and who was put out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.multi.house import House
from tests.multi.members import GROUP, TOPIC, MemberNode, found

KINDS = {
    "symmetric": ("symmetric",),
    "signed": ("pubsub",),
    "tree": ("symmetric", "--tree"),
    "signed tree": ("pubsub", "--tree", "--aead", "chacha20-poly1305"),
}


@pytest.fixture(params=KINDS)
def floor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A house with a group of each kind."""
    with House(tmp_path) as house:
        found(house, *KINDS[request.param])
        yield house


def pair(house: House) -> tuple[MemberNode, MemberNode]:
    """Two members that have subscribed."""
    nodes = MemberNode(house, "thermo"), MemberNode(house, "panel")
    for node in nodes:
        node.join()
        node.subscribe()
    # In a key tree who joins makes another key: what is said under the one before is not for it.
    nodes[0].has_key(nodes[1].num())
    return nodes


def test_a_life_of_a_group(floor: House):
    thermo, panel = pair(floor)
    thermo.publish(21.5)
    sender = panel.heard(21.5)
    panel.publish("warm enough")
    assert thermo.heard("warm enough") != sender

    # Everybody starts again, the manager too: nobody needs help.
    for node in (thermo, panel):
        node.restart()
        node.subscribe()
    floor.manager.kill()
    floor.start_manager()
    thermo.publish(21.6)
    thermo.restart()
    panel.restart()
    panel.subscribe()
    thermo.publish(21.7)
    assert panel.heard(21.7) == sender

    # The panel is stolen. The thief copies its key before the owner knows.
    panel.do("keep", "kept")
    before = thermo.num()
    floor.owner("group", "evict", GROUP, "panel")
    thermo.sees(f"group {GROUP}: rekeyed, num {before + 1}")
    assert thermo.num() > before
    thermo.publish(22)
    published = sealed(floor)
    assert "Evicted" in panel.do("publish", "failed", topic=TOPIC, value="a lie")
    panel.sees("unsubscribed Evicted")
    assert "4.03" in panel.do("pry", "sealed", topic=TOPIC)
    # Nor does it help to fetch what is sealed, where the owner has left a way to.
    floor.allow("panel", "broker", TOPIC, "--roles", "read")
    assert published.hex() in panel.do("pry", "sealed 2.05", topic=TOPIC)
    panel.sees("failed AuthenticationError")
    assert not any("22" in line for line in panel.process.lines if line.startswith("heard"))


def test_a_slow_subscriber_hears_the_newest_and_holds_nobody_up(tmp_path: Path):
    with House(tmp_path) as house:
        found(house, "symmetric")
        thermo, panel = pair(house)
        thermo.publish(0)
        panel.heard(0)
        panel.process.pause()
        for value in range(1, 31):
            thermo.publish(value)
        panel.process.go_on()
        panel.heard(30)
        heard = [line for line in panel.process.lines if line.startswith("heard")]
        # What was under way when it stopped, and the last: few were in between.
        assert len(heard) < 10


def test_a_topic_that_its_owner_deletes(tmp_path: Path):
    with House(tmp_path) as house:
        found(house, "symmetric")
        thermo, panel = pair(house)
        thermo.publish(1)
        panel.heard(1)
        house.owner("topic", "delete", TOPIC)
        panel.sees("unsubscribed")
        assert "ProtocolError" in thermo.do("publish", "failed", topic=TOPIC, value=2)


def sealed(house: House) -> bytes:
    """Return what the broker has: it is all that it could give to anybody."""
    from leafmanager.broker import topics
    from leafmanager.store import database

    store = database.open_existing(house.path("manager"))
    try:
        with store.transaction() as session:
            return topics.named(session, TOPIC).content or b""
    finally:
        store.close()
