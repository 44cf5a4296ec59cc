"""Long random runs of everything that can happen, against the model of what S must accept."""
# heap: 1m
# timeout: 300

import unittest

from leafkey.coap.numbers import GET, PUT
from leafkey.pat.tokens import BEARER, CONFIDENTIAL
from tests.unit.pat.world import Random
from tests.unit.robust.machine import CLIENTS, FATES, WAYS, WHOLE, Machine

STEPS = 2000
SEEDS = range(1, 9)


class Run:
    """Draws steps. Most are requests; the rest is what disturbs them."""

    def __init__(self, seed: int):
        self.machine = Machine(seed)
        self.random = Random(1000 + seed)

    def step(self):
        random, machine = self.random, self.machine
        who = random.below(CLIENTS)
        if random.below(100) < 60:
            level, code = random.below(CONFIDENTIAL + 1), (GET, PUT)[random.below(5) == 0]
            fate = random.below(FATES) if random.below(2) else 0
            machine.ask(who, level, code, fate, code == PUT and random.below(2) == 0)
            return
        steps = (
            lambda: machine.deliver_held(random.below(99), random.below(2), random.below(2)),
            lambda: machine.deliver_held(random.below(99), random.below(2), random.below(2)),
            machine.restart_server,
            lambda: machine.restart_client(who),
            lambda: machine.cut_server(random.below(12)),
            lambda: machine.cut_client(who, random.below(12)),
            lambda: self.change(who),
            self.bring,
            self.bring,
            lambda: machine.forge(random.below(9), random.below(999)),
            lambda: machine.quiet(who),
            lambda: machine.quiet(who),
        )
        steps[random.below(len(steps))]()

    def change(self, who: int):
        random, machine = self.random, self.machine
        what = random.below(12)
        if what < 4:
            level = (BEARER, 1, 1, CONFIDENTIAL)[random.below(4)]
            machine.grant(who, random.below(3) * 7, 1 + random.below(120), level)
        elif what < 6:
            machine.close(who)
        elif what < 8:
            machine.extend(who, random.below(200))
        elif what < 10:
            machine.resize(random.below(9))
        elif what == 10:
            machine.replace()
        else:
            machine.ratchet(who)

    def bring(self):
        """Mostly the latest, sometimes an older one."""
        latest = len(self.machine.versions) - 1
        which = latest if self.random.below(2) else self.random.below(9)
        self.machine.bring(self.random.below(WAYS), which)


class ModelTest(unittest.TestCase):
    def test_runs(self):
        for seed in SEEDS:
            run = Run(seed)
            for number in range(STEPS):
                try:
                    run.step()
                except AssertionError as error:
                    raise AssertionError("seed %d, step %d: %s" % (seed, number, error))
            machine = run.machine
            for who in range(CLIENTS):
                machine.quiet(who)
            self.assertTrue(machine.served > STEPS // 8, "%d served" % machine.served)
            machine.bring(WHOLE, 0)


if __name__ == "__main__":
    unittest.main()
