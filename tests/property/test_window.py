"""leafkey.pat.window against sets of numbers over long runs of everything that can happen."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from leafkey.crypto.provider import default_provider
from leafkey.errors import UnknownToken
from leafkey.pat import functions, tree
from leafkey.pat.window import Window

SUITE = functions.suite(default_provider(), functions.SHA256)
AT_LEN = 16
ARRAYS = ("_parents", "_next", "_end", "_used", "_heads", "_links", "_tags")
N_SLOTS = 3
SLOTS = st.integers(1, N_SLOTS)


class Model:
    """One slot by the words of SPEC 6.1."""

    def __init__(self, width: int, last: int, mark: int):
        self.width, self.last, self.highest, self.mark = width, last, mark, mark
        self.clear: set[int] = set()

    def expected(self, number: int) -> str:
        low, high = max(0, self.highest - self.width + 1), self.highest + self.width
        if not low <= number <= min(high, self.last):
            return "unknown"
        return "fresh" if number > self.highest or number in self.clear else "used"

    def use(self, number: int) -> None:
        if number > self.highest:
            self.clear |= set(range(self.highest + 1, number))
            self.highest = number
        self.clear.discard(number)
        if number > self.mark:
            self.mark = number + self.width - 1


class WindowMachine(RuleBasedStateMachine):
    """Several slots in one table; each step is checked against its model."""

    @initialize(width=st.integers(1, 16), spare=st.integers(0, 20))
    def start(self, width, spare):
        self.width, self.degree = width, 2 * width + 1 + spare
        self.window = Window(SUITE, N_SLOTS, width, self.degree)
        self.models: dict[int, Model] = {}
        self.generations = dict.fromkeys(range(1, N_SLOTS + 1), 0)
        self.ats: dict[tuple, bytes] = {}
        self.sizes = [len(getattr(self.window, name)) for name in ARRAYS]

    def ct(self, slot: int) -> bytes:
        return tree.derive(SUITE, bytes(32), (slot, max(1, self.generations[slot])))

    def at(self, slot: int, number: int) -> bytes:
        place = slot, self.generations[slot], number
        if place not in self.ats:
            branch = tree.Branch(SUITE, self.degree, self.ct(slot))
            self.ats[place] = branch.leaf(number).at(AT_LEN)
        return self.ats[place]

    @rule(slot=SLOTS, last=st.integers(0, 300), first=st.integers(0, 60))
    def open_anew(self, slot, last, first):
        self.generations[slot] += 1
        self.window.open(slot, self.ct(slot), last, first - 1)
        self.models[slot] = Model(self.width, last, first - 1)

    @rule(slot=SLOTS)
    def restart(self, slot):
        model = self.models.get(slot)
        if model:
            self.window.open(slot, self.ct(slot), model.last, model.mark)
            self.models[slot] = Model(self.width, model.last, model.mark)

    @rule(slot=SLOTS)
    def close(self, slot):
        self.window.close(slot)
        self.models.pop(slot, None)

    @rule(slot=SLOTS, last=st.integers(0, 300))
    def extend(self, slot, last):
        if slot in self.models:
            self.window.extend(slot, last)
            self.models[slot].last = last

    @rule(slot=SLOTS, offsets=st.lists(st.integers(-20, 20), min_size=1, max_size=12))
    def present(self, slot, offsets):
        for offset in offsets:
            model = self.models.get(slot)
            number = max(0, (model.highest if model else 0) + offset)
            expected = model.expected(number) if model else "unknown"
            assert self.found(slot, number) == expected
            if expected == "fresh":
                self.window.use(slot, number)
                model.use(number)

    def found(self, slot: int, number: int) -> str:
        try:
            found_slot, leaf = self.window.find(self.at(slot, number))
        except UnknownToken:
            return "unknown"
        assert (found_slot, leaf.number) == (slot, number)
        return "used" if self.window.is_used(slot, number) else "fresh"

    @invariant()
    def nothing_grows(self):
        if hasattr(self, "window"):
            assert [len(getattr(self.window, name)) for name in ARRAYS] == self.sizes

    @invariant()
    def every_at_around_is_as_the_model_says(self):
        for slot, model in getattr(self, "models", {}).items():
            assert self.window.next_number(slot) == model.highest + 1
            for number in range(max(0, model.highest - 18), model.highest + 19):
                assert self.found(slot, number) == model.expected(number)


WindowMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestWindow = WindowMachine.TestCase
