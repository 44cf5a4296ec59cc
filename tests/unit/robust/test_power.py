"""The power of both nodes goes at any time, also while they start because it went.

tests/unit/robust/lives.py says what has to hold; test_power_server and test_power_client cut at
every single step.
"""
# heap: 1200k

import unittest

from tests.unit.pat.world import Random
from tests.unit.robust.flash import Flash
from tests.unit.robust.house import House
from tests.unit.robust.lives import lives, look_back


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
                lives(victim, True, Forgetful)


if __name__ == "__main__":
    unittest.main()
