"""ST and marks as a node keeps them: a cut, damage or loss anywhere lets no used AT in again.

What a start finds is the ST and the marks of one moment, or nothing at all: then SAM is asked.
"""

import unittest

from leafkey.errors import StateError
from leafkey.pat import tokens
from leafkey.pat.tokens import POP, SlotGrant
from leafnode.state import PAGE, VerifierState, page_prefix
from leafnode.storage import Storage
from tests.unit.pat.world import server_token
from tests.unit.robust.flash import Flash, PowerCut

DIRECTORY = "d"
NAME = "st"
# As littlefs keeps a file in its metadata on boards with the smallest caches.
INLINE = 128
DAMAGED = "damaged"
LAST = 900
# In two pages.
OLD = server_token({1: SlotGrant(1, LAST, POP), PAGE + 1: SlotGrant(2, LAST, POP)}, n_clients=20)
OLD_MARKS = {1: 15, PAGE + 1: 23}


def other_st(**slots) -> tokens.ServerToken:
    """The whole ST of the next epoch; a1=3 opens slot 1 in generation 3."""
    grants = {int(slot[1:]): SlotGrant(slots[slot], LAST, POP) for slot in slots}
    return server_token(grants, st=b"\x07" * 32, n_clients=20, epoch=2, version=5)


class InTheSamePlace(VerifierState):
    """Planted: the pages of a new epoch take the place of the old ones."""

    def _page_name(self, token, number):
        return page_prefix(self._name) + "%d" % number


def at_work(flash: Flash, state_class=VerifierState) -> VerifierState:
    """A node with the old ST and marks."""
    state = state_class(Storage(DIRECTORY, flash), NAME)
    state.put_token(OLD, {})
    for slot in OLD_MARKS:
        state.put_mark(slot, OLD_MARKS[slot])
    return state


def found(flash: Flash, state_class=VerifierState):
    """What a start finds: ((epoch, version), marks)."""
    state = state_class(Storage(DIRECTORY, flash), NAME)
    try:
        token, marks = state.load()
    except StateError:
        return DAMAGED
    return (token[tokens.EPOCH], token[tokens.VERSION]), marks


def after_cuts(act, state_class=VerifierState, keeps: bool = True) -> list:
    """What starts find after a cut at each step of `act(state)`, and after the last."""
    outcomes = []
    while True:
        flash = Flash(grain=8)
        state = at_work(flash, state_class)
        flash.cut_after = flash.steps + len(outcomes)
        try:
            act(state)
            return outcomes + [found(flash, state_class)]
        except PowerCut:
            flash.reboot(keeps)
        outcomes.append(found(flash, state_class))


class CutTest(unittest.TestCase):
    before = ((1, 1), OLD_MARKS)

    def check(self, act, after):
        """First the old state, then the new one, which is there at the latest when `act` ends."""
        for keeps in (True, False):
            outcomes = after_cuts(act, VerifierState, keeps)
            self.assertTrue(len(outcomes) > 5)
            self.assertEqual([x for x in outcomes if x not in (self.before, after)], [])
            self.assertEqual(outcomes, sorted(outcomes, key=lambda x: x == after))
            self.assertEqual(outcomes[-1], after)

    def test_a_mark(self):
        raised = dict(OLD_MARKS)
        raised[1] = 31
        self.check(lambda state: state.put_mark(1, 31), ((1, 1), raised))

    def test_a_change_that_opens_a_page(self):
        slots = dict(OLD[tokens.SLOTS])
        slots[2 * PAGE + 1] = SlotGrant(1, LAST, POP)
        changed = server_token(slots, n_clients=20, version=2)
        self.check(lambda state: state.put_token(changed, OLD_MARKS), ((1, 2), OLD_MARKS))

    def test_another_epoch_with_the_same_slots(self):
        self.check(lambda state: state.put_token(other_st(a1=1, a9=2), {}), ((2, 5), {}))

    def test_this_finds_what_is_wrong(self):
        def replace(state):
            state.put_token(other_st(a1=1, a9=2), {})

        outcomes = after_cuts(replace, InTheSamePlace)
        self.assertTrue([x for x in outcomes if x not in (self.before, ((2, 5), {}))] != [])


class GenerationTest(unittest.TestCase):
    def setUp(self):
        self.flash = Flash()
        self.state = at_work(self.flash)

    def change(self, slots: dict):
        self.version = getattr(self, "version", 1) + 1
        self.state.put_token(server_token(slots, n_clients=20, version=self.version), {})

    def marks(self) -> dict:
        return found(self.flash)[1]

    def test_a_mark_counts_for_its_generation(self):
        self.change({1: SlotGrant(2, LAST, POP), PAGE + 1: SlotGrant(2, LAST, POP)})
        self.assertEqual(self.marks(), {PAGE + 1: 23})
        self.state.put_mark(1, 7)
        self.assertEqual(self.marks(), {1: 7, PAGE + 1: 23})

    def test_the_marks_of_other_slots_stay_when_one_is_closed(self):
        self.change({1: SlotGrant(1, LAST, POP), 2: SlotGrant(1, LAST, POP)})
        self.state.put_mark(2, 7)
        self.change({2: SlotGrant(1, LAST, POP)})
        self.assertEqual(self.marks(), {2: 7})
        self.state.put_mark(2, 15)
        self.assertEqual(self.marks(), {2: 15})

    def test_a_page_without_an_open_slot_begins_anew_after_a_start(self):
        self.change({1: SlotGrant(1, LAST, POP)})
        self.state = VerifierState(Storage(DIRECTORY, self.flash), NAME)
        self.state.load()
        self.change({1: SlotGrant(1, LAST, POP), PAGE + 1: SlotGrant(3, LAST, POP)})
        self.assertEqual(self.marks(), {1: 15})

    def test_a_mark_of_a_generation_to_come_is_damage(self):
        """No order of writes leads there."""
        late = VerifierState(Storage("other", Flash()), NAME)
        late.put_token(server_token({1: SlotGrant(9, LAST, POP)}, n_clients=20), {})
        late.put_mark(1, 7)
        page = late._storage.read(NAME + "-1-0")
        self.state._storage.write(NAME + "-1-0", page)
        self.assertEqual(found(self.flash), DAMAGED)

    def test_pages_of_other_epochs_are_removed(self):
        self.state.put_token(other_st(a1=1), {})
        self.assertEqual(sorted(self.flash.names(DIRECTORY)), [NAME, NAME + "-2-0"])


class DamageTest(unittest.TestCase):
    def setUp(self):
        self.flash = Flash()
        self.state = at_work(self.flash)
        self.pages = [DIRECTORY + "/" + NAME + "-1-%d" % number for number in (0, 1)]

    def test_every_flip_and_every_length(self):
        for path in self.pages:
            content = self.flash.get(path)
            for place in range(len(content)):
                flipped = bytearray(content)
                flipped[place] ^= 1 << place % 8
                for bad in (bytes(flipped), content[:place]):
                    self.flash.put(path, bad)
                    self.assertEqual(found(self.flash), DAMAGED)
            self.flash.put(path, content)
        self.assertEqual(found(self.flash), ((1, 1), OLD_MARKS))

    def test_a_page_that_is_lost(self):
        for path in self.pages:
            content = self.flash.get(path)
            self.flash.remove(path)
            self.assertEqual(found(self.flash), DAMAGED)
            self.flash.put(path, content)

    def test_a_page_in_the_place_of_another(self):
        first, second = self.pages
        content = self.flash.get(first)
        self.flash.put(first, self.flash.get(second))
        self.assertEqual(found(self.flash), DAMAGED)
        self.flash.put(first, content)
        self.state.put_token(other_st(a1=1), {})
        self.flash.put(DIRECTORY + "/" + NAME + "-2-0", content)
        self.assertEqual(found(self.flash), DAMAGED)

    def test_what_verifies_and_is_no_page(self):
        for wrong in (b"", b"\x80", b"\x90" + bytes(15) + b"\x20", b"\x90" + b"\xf5" * 16):
            self.state._storage.write(NAME + "-1-0", wrong)
            self.assertEqual(found(self.flash), DAMAGED)


class SizeTest(unittest.TestCase):
    def test_a_page_is_small_whatever_it_holds(self):
        most = tokens.MAX_UINT
        slots = {slot: SlotGrant(most, LAST, POP) for slot in range(1, PAGE + 1)}
        flash = Flash()
        state = VerifierState(Storage(DIRECTORY, flash), NAME)
        state.put_token(server_token(slots, n_clients=20, epoch=most), {})
        for slot in slots:
            state.put_mark(slot, most + tokens.MAX_WINDOW)
        page = flash.get(DIRECTORY + "/" + NAME + "-%d-0" % most)
        self.assertTrue(len(page) <= INLINE, str(len(page)))
        self.assertEqual(found(flash)[1][PAGE], most + tokens.MAX_WINDOW)

    def test_a_mark_writes_its_page_alone(self):
        flash = Flash()
        state = at_work(flash)
        st, other = flash.get(DIRECTORY + "/st"), flash.get(DIRECTORY + "/st-1-1")
        writes = flash.writes
        state.put_mark(1, 31)
        self.assertEqual(flash.writes, writes + 1)
        self.assertEqual(flash.get(DIRECTORY + "/st"), st)
        self.assertEqual(flash.get(DIRECTORY + "/st-1-1"), other)

    def test_what_cannot_be_stored_does_not_count(self):
        flash = Flash()
        state = at_work(flash)
        flash.full = True
        with self.assertRaises(OSError):
            state.put_mark(1, 31)
        with self.assertRaises(OSError):
            state.put_token(other_st(a1=1, a9=2), {})
        flash.full = False
        self.assertEqual(found(flash), ((1, 1), OLD_MARKS))
        state.put_mark(1, 31)
        self.assertEqual(found(flash)[1][1], 31)


if __name__ == "__main__":
    unittest.main()
