"""leafnode.storage with the power cut at every step, on full flash and over damaged files."""

import unittest

from leafkey.errors import StateError
from leafnode.storage import Storage
from tests.unit.robust.flash import Flash, PowerCut

OLD = b"the old record"
NEW = b"a new record, and a longer one"


class InPlace(Storage):
    """Planted: writes over the old record."""

    def _put(self, name: str, content: bytes):
        with self._files.open(self._path(name), "wb") as file:
            file.write(content)
            self._files.sync(file)


class Unsynced(Storage):
    """Planted: renames what may not be on flash yet."""

    def _put(self, name: str, content: bytes):
        path = self._path(name)
        with self._files.open(path + ".new", "wb") as file:
            file.write(content)
        self._files.rename(path + ".new", path)


class CopyLast(Storage):
    """Planted: a copy that may be behind its record."""

    def write(self, name: str, data: bytes, twice: bool = False):
        super().write(name, data)
        super().write(name, data, True)


def found(storage: Storage, name: str = "st"):
    """What a start finds in a record."""
    try:
        return storage.read(name)
    except StateError:
        return b"damaged"


def after_cuts(storage_class, twice: bool, keeps: bool, old: bytes | None = OLD):
    """What a start finds after a cut at each step of replacing a record, and after the last."""
    outcomes = []
    while True:
        flash = Flash(grain=1)
        if old is not None:
            Storage("d", flash).write("st", old, twice)
        storage = storage_class("d", flash)
        flash.cut_after = flash.steps + len(outcomes)
        try:
            storage.write("st", NEW, twice)
            flash.reboot(keeps)
            return outcomes + [found(Storage("d", flash))]
        except PowerCut:
            flash.reboot(keeps)
        restarted = storage_class("d", flash)
        outcomes.append(found(restarted))
        restarted.write("st", NEW, twice)
        if found(restarted) != NEW or restarted.names("") != ["st"]:
            outcomes.append(b"stuck")


class CutTest(unittest.TestCase):
    def check(self, outcomes, steps: int, before):
        """First the old record, then the new one; and that at the latest when `write` returned."""
        self.assertTrue(len(outcomes) >= steps, str(len(outcomes)))
        self.assertEqual([x for x in outcomes if x not in (before, NEW)], [])
        self.assertEqual(outcomes, sorted(outcomes, key=lambda x: x == NEW))
        self.assertEqual(outcomes[-1], NEW)

    def test_old_or_new_at_every_byte(self):
        for keeps in (True, False):
            self.check(after_cuts(Storage, False, keeps), len(NEW) + 3, OLD)
            self.check(after_cuts(Storage, True, keeps), 2 * len(NEW) + 6, OLD)

    def test_none_or_new_at_the_first_write(self):
        for keeps in (True, False):
            self.check(after_cuts(Storage, False, keeps, None), len(NEW) + 3, None)
            self.check(after_cuts(Storage, True, keeps, None), 2 * len(NEW) + 6, None)

    def test_this_finds_what_is_wrong(self):
        self.assertIn(b"damaged", after_cuts(InPlace, False, True))
        self.assertIn(b"damaged", after_cuts(InPlace, False, False))
        self.assertIn(b"damaged", after_cuts(Unsynced, False, False))

    def behind(self, storage_class) -> bool:
        """Whether a copy, after a cut at any step, may be older than what a start found before."""
        cut, done = 0, False
        while not done:
            flash = Flash()
            Storage("d", flash).write("st", OLD, twice=True)
            flash.cut_after = flash.steps + cut
            cut += 1
            try:
                storage_class("d", flash).write("st", NEW, twice=True)
                done = True
            except PowerCut:
                flash.reboot()
            before = found(Storage("d", flash))
            flash.put("d/st", b"damaged")
            if found(Storage("d", flash)) not in (before, NEW):
                return True
        return False

    def test_a_copy_is_never_behind(self):
        self.assertFalse(self.behind(Storage))
        self.assertTrue(self.behind(CopyLast))

    def test_removal(self):
        for twice in (False, True):
            for cut in range(3):
                flash = Flash()
                storage = Storage("d", flash)
                storage.write("st", OLD, twice)
                flash.cut_after = flash.steps + cut
                try:
                    storage.remove("st")
                except PowerCut:
                    flash.reboot()
                self.assertIn(found(Storage("d", flash)), (OLD, None))
                Storage("d", flash).remove("st")
                self.assertEqual(flash.names("d"), [])


class DamageTest(unittest.TestCase):
    def setUp(self):
        self.flash = Flash()
        self.storage = Storage("d", self.flash)

    def damaged(self, path: str):
        """Each damaged content of a file, which is in place while the caller looks."""
        content = self.flash.get(path)
        for place in range(len(content)):
            for mask in (1, 0x80):
                flipped = bytearray(content)
                flipped[place] ^= mask
                self.flash.put(path, bytes(flipped))
                yield place
            self.flash.put(path, content[:place])
            yield place
        self.flash.put(path, content + b"\x00")
        yield len(content)
        self.flash.put(path, content)

    def test_every_flip_and_cut_is_seen(self):
        self.storage.write("st", OLD)
        for place in self.damaged("d/st"):
            self.assertEqual(found(self.storage), b"damaged", str(place))

    def test_a_copy_stands_in(self):
        self.storage.write("st", OLD, twice=True)
        for path in ("d/st", "d/st.copy"):
            for place in self.damaged(path):
                self.assertEqual(found(self.storage), OLD, str(place))

    def test_mended(self):
        """One after the other may be damaged, if there is a start in between."""
        self.storage.write("st", OLD, twice=True)
        for path in ("d/st", "d/st.copy"):
            for _ in self.damaged(path):
                self.storage.mend("st")
                self.assertEqual(self.flash.get("d/st"), self.flash.get("d/st.copy"))
        writes = self.flash.writes
        self.storage.mend("st")
        self.storage.mend("none")
        self.assertEqual(self.flash.writes, writes)

    def test_both_damaged(self):
        self.storage.write("st", OLD, twice=True)
        self.flash.put("d/st.copy", b"")
        for place in self.damaged("d/st"):
            self.storage.mend("st")
            self.assertEqual(found(self.storage), b"damaged", str(place))

    def test_a_record_under_another_name(self):
        self.storage.write("st", OLD)
        self.flash.put("d/node", self.flash.get("d/st"))
        self.assertEqual(found(self.storage, "node"), b"damaged")

    def test_a_copy_is_no_record(self):
        self.storage.write("ct-1", OLD, twice=True)
        self.flash.put("d/ct-2.new", b"torn")
        self.assertEqual(self.storage.names("ct-"), ["ct-1"])


class FullTest(unittest.TestCase):
    def test_the_old_record_stays(self):
        flash = Flash()
        storage = Storage("d", flash)
        storage.write("st", OLD, twice=True)
        flash.full = True
        for twice in (False, True):
            with self.assertRaises(OSError):
                storage.write("st", NEW, twice)
        self.assertEqual(found(storage), OLD)

    def test_a_short_write_is_an_error(self):
        """MicroPython's files take what fits, and say how much that was."""

        class Short(Flash):
            def open(self, path, mode):
                self.full = False
                file = super().open(path, mode)
                self.full = mode == "wb"
                return file

        flash = Short()
        flash.put("d/st", b"")
        with self.assertRaises(OSError):
            Storage("d", flash).write("st", NEW)
        self.assertEqual(flash.get("d/st"), b"")

    def test_what_cannot_be_removed_or_read_is_an_error(self):
        class Stuck(Flash):
            def remove(self, path):
                raise OSError(5, "broken")

            def open(self, path, mode):
                raise OSError(5, "broken")

        with self.assertRaises(OSError):
            Storage("d", Stuck()).remove("identity")
        with self.assertRaises(StateError):
            Storage("d", Stuck()).read("st")


if __name__ == "__main__":
    unittest.main()
