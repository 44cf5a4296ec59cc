"""The power cut at every step that a server, then a client, ever stores anything by.

A life begins with provisioning, and has tickets, marks, reservations, changes, a fresh St, a
ratchet and being provisioned again in it. Whatever the step: no AT gets in twice, none is shown for
two messages, and both nodes are back at work without anybody's help.
"""
# heap: 1m
# timeout: 240

import unittest

from leafkey.coap.numbers import PUT
from leafkey.pat.tokens import POP, SlotGrant
from tests.unit.pat.world import Random
from tests.unit.robust.flash import Flash
from tests.unit.robust.house import WIDTH, House


def live(house: House):
    """From the first start on; requests wait for power where it is missing."""
    house.boot()
    for _ in range(2 * WIDTH + 1):
        house.served()
    house.served("/vent", PUT)
    house.sam.change({2: SlotGrant(1, 900, POP)}, n_clients=5)
    for _ in range(WIDTH + 1):
        house.served()
    house.sam.replace()
    house.served()
    house.sam.ratchet()
    house.served()
    for node in (house.server, house.client):
        node.provision()
        node.boot()
    house.served()


def look_back(house: House):
    """Both nodes start once more; nothing that was said gets in, and all goes on."""
    house.replay()
    for node in (house.server, house.client):
        node.flash.reboot(house.keeps_unsynced)
        node.boot()
    house.replay()
    house.served()
    house.served("/vent", PUT)


class Forgetful(Flash):
    """Planted: the last name given is forgotten in a cut."""

    before = None

    def rename(self, old: str, new: str):
        self.before = dict(self._files)
        super().rename(old, new)

    def reboot(self, keeps_unsynced: bool = True):
        self._files = self.before or self._files
        super().reboot(keeps_unsynced)


class CutTest(unittest.TestCase):
    def lives(self, victim: str, keeps_unsynced: bool, make_flash=Flash):
        """One life for each step at which the victim's power may go."""
        cut, went = 0, True
        while went:
            house = House(keeps_unsynced, make_flash)
            flash = getattr(house, victim).flash
            flash.cut_after = cut
            live(house)
            went = flash.cut_after is None
            look_back(house)
            cut += 1
        return cut

    def test_the_server(self):
        for keeps_unsynced in (True, False):
            self.assertTrue(self.lives("server", keeps_unsynced) > 140)

    def test_the_client(self):
        for keeps_unsynced in (True, False):
            self.assertTrue(self.lives("client", keeps_unsynced) > 90)

    def test_again_and_again(self):
        """Both nodes lose power at random, also while they start because they lost it."""
        for seed in (1, 2, 3):
            random, house = Random(seed), House(seed != 2)
            house.boot()
            for _ in range(80):
                for node in (house.server, house.client):
                    if random.below(3) == 0:
                        node.flash.cut_after = node.flash.steps + random.below(40)
                        node.flash.cuts = [random.below(20) for _ in range(random.below(4))]
                if random.below(6) == 0:
                    house.sam.change({}, n_clients=1 + random.below(9))
                if random.below(12) == 0:
                    house.sam.replace()
                if random.below(12) == 0:
                    house.sam.ratchet()
                house.served("/vent" if random.below(4) == 0 else "/temp")
            look_back(house)

    def test_this_finds_what_is_wrong(self):
        for victim in ("server", "client"):
            with self.assertRaises(AssertionError):
                self.lives(victim, True, Forgetful)


if __name__ == "__main__":
    unittest.main()
