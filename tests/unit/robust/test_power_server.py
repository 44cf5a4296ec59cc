"""The server's power is cut at every step that it ever stores anything by."""
# heap: 1200k
# timeout: 240

import unittest

from tests.unit.robust.lives import lives


class CutTest(unittest.TestCase):
    def test_whether_or_not_what_is_not_synced_survives(self):
        for keeps_unsynced in (True, False):
            self.assertTrue(lives("server", keeps_unsynced) > 140)


if __name__ == "__main__":
    unittest.main()
