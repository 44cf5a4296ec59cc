"""leafkey.pat.window against sets of numbers: the rules of SPEC 6.1 without their cleverness."""

# timeout: 120

import unittest

from leafkey.errors import UnknownToken
from leafkey.pat import functions, tree
from leafkey.pat.window import Window
from tests.unit.pat.world import PROVIDER, Random

SUITE = functions.suite(PROVIDER, functions.CHACHA20)
AT_LEN = 16
ARRAYS = ("_parents", "_next", "_end", "_used", "_heads", "_links", "_tags")


class Naive:
    """One slot: what was used, and how far the window reaches."""

    def __init__(self, width: int, last: int, mark: int = -1):
        self.width = width
        self.last = last
        self.highest = mark
        self.unused = set()

    def state(self, number: int) -> str:
        low = max(0, self.highest - self.width + 1)
        if not low <= number <= min(self.highest + self.width, self.last):
            return "unknown"
        return "fresh" if number > self.highest or number in self.unused else "used"

    def use(self, number: int):
        for skipped in range(self.highest + 1, number):
            self.unused.add(skipped)
        self.unused.discard(number)
        self.highest = max(self.highest, number)


def secret(slot: int, generation: int = 1) -> bytes:
    return tree.derive(SUITE, bytes(32), (slot, generation))


def state(window: Window, at: bytes) -> str:
    try:
        slot, leaf = window.find(at)
    except UnknownToken:
        return "unknown"
    return "used" if window.is_used(slot, leaf.number) else "fresh"


class Slot:
    """The windows under test and the naive one, side by side, for one slot."""

    def __init__(self, window: Window, slot: int, degree: int, last: int, width: int):
        self.window, self.slot, self.degree, self.width = window, slot, degree, width
        self.generation = 0
        self.open(last)

    def open(self, last: int, mark: int = -1):
        self.generation += 1
        self.ct = secret(self.slot, self.generation)
        self.reopen(last, mark)

    def reopen(self, last: int, mark: int):
        self.window.open(self.slot, self.ct, last, mark)
        self.naive = Naive(self.width, last, mark)

    def extend(self, last: int):
        self.window.extend(self.slot, last)
        self.naive.last = last

    def at(self, number: int) -> bytes:
        return tree.Branch(SUITE, self.degree, self.ct).leaf(number).at(AT_LEN)

    def show(self, number: int) -> tuple:
        """Present a number; (what the window says, what it should say). A fresh one is used."""
        found, expected = state(self.window, self.at(number)), self.naive.state(number)
        if found == "fresh" and expected == "fresh":
            self.window.use(self.slot, number)
            self.naive.use(number)
        return found, expected


def one_slot(width: int = 8, degree: int = 17, last: int = 1000) -> Slot:
    return Slot(Window(SUITE, 1, width, degree), 1, degree, last, width)


class OrderTest(unittest.TestCase):
    def check(self, slot: Slot, numbers, expected: str):
        for number in numbers:
            self.assertEqual(slot.show(number), (expected, expected), str(number))

    def test_in_order_over_level_boundaries(self):
        slot = one_slot()
        for number in range(100):
            self.check(slot, (number,), "fresh")
            self.check(slot, (number,), "used")

    def test_out_of_order_within_the_window(self):
        slot = one_slot()
        self.check(slot, (7, 0, 6, 1, 5, 2, 4, 3), "fresh")
        self.check(slot, range(8), "used")

    def test_only_w_ahead(self):
        slot = one_slot()
        self.check(slot, (8, 9, 100), "unknown")
        self.check(slot, (7, 15, 23), "fresh")

    def test_what_the_window_left_is_unknown(self):
        slot = one_slot()
        self.check(slot, (7, 15), "fresh")
        self.check(slot, range(8), "unknown")
        self.check(slot, range(8, 15), "fresh")

    def test_nothing_past_last(self):
        slot = one_slot(last=9)
        self.check(slot, (3, 9), "fresh")
        self.check(slot, (10, 11, 17), "unknown")
        self.check(slot, (9,), "used")

    def test_boundary_within_the_window(self):
        slot = one_slot(width=8, degree=17)
        self.check(slot, (7, 12, 20, 15, 16, 14, 17, 13), "fresh")
        self.check(slot, (20, 15, 16, 14, 17, 13), "used")
        self.check(slot, (12,), "unknown")

    def test_smallest_degree(self):
        slot = one_slot(width=1, degree=3)
        self.check(slot, range(50), "fresh")
        self.check(slot, (48, 51), "unknown")

    def test_widest_window(self):
        slot = one_slot(width=16, degree=33)
        self.check(slot, (15, 31, 47), "fresh")
        self.check(slot, range(32, 47), "fresh")
        self.check(slot, range(32, 48), "used")


class OpenTest(unittest.TestCase):
    def test_a_mark_makes_all_up_to_it_used(self):
        slot = one_slot()
        slot.reopen(1000, 40)
        for number in range(80):
            found, expected = state(slot.window, slot.at(number)), slot.naive.state(number)
            self.assertEqual(found, expected, str(number))
        self.assertEqual(slot.window.next_number(1), 41)

    def test_a_mark_past_last(self):
        slot = one_slot()
        slot.reopen(42, 45)
        for number in range(30, 60):
            self.assertFalse(state(slot.window, slot.at(number)) == "fresh")
        self.assertEqual(state(slot.window, slot.at(42)), "used")

    def test_closed_slots_find_nothing(self):
        slot = one_slot()
        slot.show(3)
        slot.window.close(1)
        for number in range(20):
            self.assertEqual(state(slot.window, slot.at(number)), "unknown")

    def test_closing_wipes_the_parent(self):
        slot = one_slot()
        slot.window.close(1)
        self.assertEqual(bytes(slot.window._parents), bytes(32))

    def test_closing_twice_and_opening_again(self):
        slot = one_slot()
        slot.window.close(1)
        slot.window.close(1)
        slot.open(1000)
        self.assertEqual(slot.show(5), ("fresh", "fresh"))

    def test_a_new_generation_forgets_the_old(self):
        slot = one_slot()
        old = [slot.at(number) for number in range(8)]
        slot.open(1000)
        for at in old:
            self.assertEqual(state(slot.window, at), "unknown")

    def test_a_far_level(self):
        slot = one_slot(width=2, degree=5, last=4000)
        slot.reopen(4000, 3990)
        self.assertEqual(slot.show(3992), ("fresh", "fresh"))
        self.assertEqual(slot.show(3991), ("fresh", "fresh"))

    def test_never_opened(self):
        window = Window(SUITE, 3, 8, 17)
        window.close(2)
        self.assertEqual(state(window, bytes(16)), "unknown")
        at = tree.Branch(SUITE, 17, bytes(32)).leaf(0).at(AT_LEN)
        self.assertEqual(state(window, at), "unknown")


class ExtendTest(unittest.TestCase):
    def check_all(self, slot: Slot):
        for number in range(60):
            found, expected = state(slot.window, slot.at(number)), slot.naive.state(number)
            self.assertEqual(found, expected, str(number))

    def test_up_down_and_up(self):
        slot = one_slot(last=5)
        slot.show(4)
        for last in (30, 7, 4, 2, 0, 3, 6, 40):
            slot.extend(last)
            self.check_all(slot)

    def test_used_numbers_stay_used(self):
        slot = one_slot(last=20)
        slot.show(6)
        slot.extend(2)
        slot.extend(20)
        self.assertEqual(slot.show(6), ("used", "used"))
        self.assertEqual(slot.show(5), ("fresh", "fresh"))


class ManySlotsTest(unittest.TestCase):
    def walk(self, seed: int, n_slots: int, width: int, degree: int, steps: int):
        random = Random(seed)
        window = Window(SUITE, n_slots, width, degree)
        slots = [Slot(window, i + 1, degree, 300, width) for i in range(n_slots)]
        for _ in range(steps):
            slot = slots[random.below(n_slots)]
            what = random.below(40)
            if what == 0:
                slot.open(random.below(400))
            elif what == 1:
                slot.extend(random.below(400))
            elif what == 2:
                slot.reopen(slot.naive.last, slot.naive.highest + random.below(width))
            else:
                self.present(slot, random)
            self.assertEqual(window.next_number(slot.slot), slot.naive.highest + 1)

    def present(self, slot: Slot, random: Random):
        around = slot.naive.highest + random.below(3 * slot.width + 2) - slot.width
        found, expected = slot.show(max(0, around))
        self.assertEqual(found, expected)

    def test_against_the_model(self):
        self.walk(1, 1, 8, 17, 500)
        self.walk(2, 3, 4, 9, 500)
        self.walk(3, 5, 2, 5, 500)
        self.walk(4, 2, 16, 33, 300)

    def test_memory_of_the_arrays_is_constant(self):
        window = Window(SUITE, 4, 8, 17)
        sizes = [len(getattr(window, name)) for name in ARRAYS]
        slot = Slot(window, 2, 17, 2000, 8)
        for number in range(200):
            slot.show(number)
        self.assertEqual([len(getattr(window, name)) for name in ARRAYS], sizes)
        self.assertEqual(len(window.__dict__), len(Window(SUITE, 4, 8, 17).__dict__))

    def test_bytes_a_slot(self):
        window = Window(SUITE, 20, 8, 17)
        size = 0
        for name, width in zip(ARRAYS, (1, 4, 4, 2, 2, 2, 2)):
            size += len(getattr(window, name)) * width
        self.assertTrue(size <= 160 * 20, str(size))

    def test_a_neighbour_of_an_at_is_not_found(self):
        slot = one_slot()
        at = bytearray(slot.at(0))
        for i in range(AT_LEN):
            at[i] ^= 1
            self.assertEqual(state(slot.window, bytes(at)), "unknown")
            at[i] ^= 1
        self.assertEqual(state(slot.window, bytes(at)), "fresh")


if __name__ == "__main__":
    unittest.main()
