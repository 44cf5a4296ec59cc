"""A group member's power is cut at every step that it ever stores anything by.

Its life has joins, numbers that are reserved, rekeying, restarts and an eviction in it. Whatever
the step: no nonce comes twice, and it is back at work without anybody's help.
"""
# heap: 1m
# timeout: 240

import unittest

from leafkey.oscore.sequence import BLOCK
from tests.unit.node.circle import Broker, Kdc, Party, run
from tests.unit.robust.flash import PowerCut

PUBLICATIONS = BLOCK + 2


class Life:
    """One member that may lose its power, beside one that does not."""

    def __init__(self, cut_after: int, keeps_unsynced: bool, is_tree: bool):
        self.kdc = Kdc(is_tree=is_tree)
        self.broker = Broker(self.kdc)
        self.victim = Party("victim", self.kdc, self.broker)
        self.other = Party("other", self.kdc, self.broker)
        self.victim.flash.cut_after = cut_after
        self._keeps_unsynced = keeps_unsynced
        self.other.begin()

    def powered(self, action):
        """Do what the victim does, again from its start if its power goes meanwhile."""
        while True:
            try:
                return action()
            except PowerCut:
                self.victim.flash.reboot(self._keeps_unsynced)
                self._restart()

    def _restart(self):
        self.powered(self.victim.begin)

    def live(self):
        self.powered(self.victim.begin)
        for _ in range(PUBLICATIONS):
            self.powered(lambda: self.victim.publish(b"21.5"))
        self.kdc.renew()
        self.powered(lambda: run(self.victim.membership.check()))
        self.exchange()
        self.powered(self.victim.begin)
        self.exchange()
        self.kdc.evict("victim")
        self.powered(self.victim.begin)
        self.exchange()
        self.powered(lambda: run(self.victim.membership.leave()))
        self.powered(self.victim.begin)
        self.exchange()

    def exchange(self):
        """Both publish, and hear each other."""
        run(self.other.membership.check())
        sealed = self.powered(lambda: self.victim.publish(b"from the victim"))
        if self.other.receive(sealed).payload != b"from the victim":
            raise AssertionError("not heard")
        sealed = self.other.publish(b"from the other")
        if self.powered(lambda: self.victim.receive(sealed)).payload != b"from the other":
            raise AssertionError("hears nothing")


def lives(keeps_unsynced: bool, is_tree: bool) -> int:
    """One life for each step at which power may go; returns how many those are."""
    cut, went = 0, True
    while went:
        life = Life(cut, keeps_unsynced, is_tree)
        life.live()
        went = life.victim.flash.cut_after is None
        cut += 1
    return cut


class CutTest(unittest.TestCase):
    def test_whether_or_not_what_is_not_synced_survives(self):
        for keeps_unsynced in (True, False):
            self.assertTrue(lives(keeps_unsynced, False) > 60)


if __name__ == "__main__":
    unittest.main()
