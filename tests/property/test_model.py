"""Three clients, a server and a manager against the model of what must be accepted.

The steps and the model are those of tests/unit/robust, where they run on both runtimes by a seed;
here hypothesis draws them, and makes what it finds small.
"""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from leafkey.coap.numbers import GET, PUT
from leafkey.pat.tokens import BEARER, CONFIDENTIAL
from tests.unit.robust.machine import CLIENTS, FATES, WAYS, Machine
from tests.unit.robust.test_model import Run

WHO = st.integers(0, CLIENTS - 1)
LEVELS = st.integers(BEARER, CONFIDENTIAL)
STEPS_A_RUN = 2000


class ModelMachine(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 39))
    def start(self, seed):
        self.machine = Machine(seed)
        for who in range(CLIENTS):
            self.machine.grant(who, 0, 60, BEARER)
        self.machine.bring(1, -1)

    @rule(
        who=WHO,
        level=LEVELS,
        code=st.sampled_from((GET, PUT)),
        payload=st.booleans(),
        fates=st.lists(st.integers(0, FATES - 1), min_size=1, max_size=12),
    )
    def ask(self, who, level, code, payload, fates):
        for fate in fates:
            self.machine.ask(who, level, code, fate, payload and code == PUT)

    @rule(which=st.integers(0, 11), hear=st.booleans(), keep=st.booleans())
    def deliver_held(self, which, hear, keep):
        self.machine.deliver_held(which, hear, keep)

    @rule()
    def restart_server(self):
        self.machine.restart_server()

    @rule(who=WHO)
    def restart_client(self, who):
        self.machine.restart_client(who)

    @rule(steps=st.integers(0, 20))
    def cut_server(self, steps):
        self.machine.cut_server(steps)

    @rule(who=WHO, steps=st.integers(0, 20))
    def cut_client(self, who, steps):
        self.machine.cut_client(who, steps)

    @rule(who=WHO, first=st.integers(0, 40), count=st.integers(1, 120), level=LEVELS)
    def grant(self, who, first, count, level):
        self.machine.grant(who, first, count, level)

    @rule(who=WHO)
    def close(self, who):
        self.machine.close(who)

    @rule(who=WHO, last=st.integers(0, 200))
    def extend(self, who, last):
        self.machine.extend(who, last)

    @rule(n_clients=st.integers(1, 9))
    def resize(self, n_clients):
        self.machine.resize(n_clients)

    @rule()
    def replace(self):
        self.machine.replace()

    @rule(stays=WHO)
    def ratchet(self, stays):
        self.machine.ratchet(stays)

    @rule(way=st.integers(0, WAYS - 1), which=st.integers(-6, -1))
    def bring(self, way, which):
        self.machine.bring(way, which)

    @rule(which=st.integers(-6, -1), place=st.integers(0, 999))
    def forge(self, which, place):
        self.machine.forge(which, place)

    @rule(who=WHO)
    def quiet(self, who):
        self.machine.quiet(who)

    def teardown(self):
        if hasattr(self, "machine"):
            for who in range(CLIENTS):
                self.machine.quiet(who)


ModelMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)
TestModel = ModelMachine.TestCase


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1 << 30))
def test_long_runs_of_any_seed(seed):
    run = Run(seed)
    for _ in range(STEPS_A_RUN):
        run.step()
    for who in range(CLIENTS):
        run.machine.quiet(who)
