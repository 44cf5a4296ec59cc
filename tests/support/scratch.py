"""State directories for the unit tests, on CPython and on MicroPython."""

import os


class Scratch:
    """A directory of its own, empty at first; `remove` it in the end."""

    def __init__(self):
        self.path = "/tmp/leafkey-%s" % os.urandom(8).hex()
        os.mkdir(self.path)

    def remove(self):
        """Remove it with the files in it."""
        for name in os.listdir(self.path):
            os.remove(self.path + "/" + name)
        os.rmdir(self.path)
