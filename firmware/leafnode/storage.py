"""Records that survive a power cut: each is replaced whole, or not at all.

A record is one file, written beside the old one, flushed and renamed over it. littlefs (what RP2040
and ESP32 boards format) and POSIX rename atomically, so a record that does not verify was damaged
later, and its owner must not go on as if it held something older (SPEC 6.1, 7.1).
"""

import os
from hashlib import sha256

from leafkey.errors import StateError

_MAGIC = b"LK1"
_DIGEST_LEN = 16


class Storage:
    """The records of one node in one directory, made if it is missing."""

    def __init__(self, directory: str):
        self._directory = directory
        try:
            os.mkdir(directory)
        except OSError:
            os.stat(directory)

    def read(self, name: str) -> bytes | None:
        """Return a record, None if there is none; StateError if it is damaged."""
        try:
            with open(self._path(name), "rb") as file:
                content = file.read()
        except OSError:
            return None
        data = content[len(_MAGIC) + _DIGEST_LEN :]
        if content[: len(_MAGIC) + _DIGEST_LEN] != _MAGIC + _digest(name, data):
            raise StateError("record " + name + " is damaged")
        return data

    def write(self, name: str, data: bytes):
        """Replace a record; it is durable on return. OSError leaves the old one in place."""
        path = self._path(name)
        with open(path + ".new", "wb") as file:
            file.write(_MAGIC + _digest(name, data) + data)
            file.flush()
        os.rename(path + ".new", path)

    def remove(self, name: str):
        """Remove a record, if it is there."""
        try:
            os.remove(self._path(name))
        except OSError:
            pass

    def names(self, prefix: str) -> list:
        """Return the names of all records that begin with `prefix`, sorted."""
        names = os.listdir(self._directory)
        return sorted(x for x in names if x.startswith(prefix) and not x.endswith(".new"))

    def take_raw(self, name: str) -> bytes | None:
        """Return a file that is no record, as provisioning leaves one; None if there is none."""
        try:
            with open(self._path(name), "rb") as file:
                return file.read()
        except OSError:
            return None

    def _path(self, name: str) -> str:
        return self._directory + "/" + name


def _digest(name: str, data: bytes) -> bytes:
    return sha256(name.encode() + b"\x00" + data).digest()[:_DIGEST_LEN]
