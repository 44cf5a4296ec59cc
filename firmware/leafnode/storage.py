"""Records that survive a power cut: each is replaced whole, or not at all.

A record is one file, written beside the old one, flushed and renamed over it. littlefs (what RP2040
and ESP32 boards format) and POSIX rename atomically, so a record that does not verify was damaged
later, and its owner must not go on as if it held something older (SPEC 6.1, 7.1).
"""

import os
from errno import EIO, ENOENT
from hashlib import sha256

from leafkey.compat import MICROPYTHON
from leafkey.errors import StateError

_MAGIC = b"LK1"
_DIGEST_LEN = 16
_NEW = ".new"
_COPY = ".copy"


class Files:
    """What a Storage does with files, by this runtime's means; OSError as from `os`.

    What `sync`, `rename` and `remove` did is durable when they return.
    """

    def open(self, path: str, mode: str):
        """Return a file, as the built-in."""
        return open(path, mode)

    def sync(self, file):
        """Make durable what was written to an open file."""
        file.flush()
        if not MICROPYTHON:
            os.fsync(file.fileno())

    def rename(self, old: str, new: str):
        """Rename a file over another one of the same directory."""
        os.rename(old, new)
        _sync_directory(new)

    def remove(self, path: str):
        """Remove a file."""
        os.remove(path)
        _sync_directory(path)

    def make_directory(self, path: str):
        """Make a directory, unless it is there."""
        try:
            os.mkdir(path)
        except OSError:
            os.stat(path)

    def names(self, path: str) -> list:
        """Return the names of the files in a directory."""
        return os.listdir(path)


class Storage:
    """The records of one node in one directory, made if it is missing."""

    def __init__(self, directory: str, files: Files | None = None):
        self._files = files or Files()
        self._directory = directory
        self._files.make_directory(directory)

    def read(self, name: str) -> bytes | None:
        """Return a record, None if there is none; StateError if it is damaged, its copy too."""
        try:
            return self._verified(name, "")
        except StateError:
            copy = self._verified(name, _COPY)
            if copy is None:
                raise
            return copy

    def write(self, name: str, data: bytes, twice: bool = False):
        """Replace a record; it is durable on return. OSError leaves the old one in place.

        `twice` keeps a copy, for what nothing else could bring back.
        """
        content = _MAGIC + _digest(name, data) + data
        if twice:
            # First: a copy may be ahead of its record, where nothing happened yet, never behind.
            self._put(name + _COPY, content)
        self._put(name, content)

    def mend(self, name: str):
        """Write a record that is kept twice anew if one of the two is damaged or missing."""
        try:
            data = self.read(name)
        except StateError:
            return
        if data is not None and not (self._is_whole(name, "") and self._is_whole(name, _COPY)):
            self.write(name, data, twice=True)

    def remove(self, name: str):
        """Remove a record with its copy, if it is there; OSError if it stays."""
        for suffix in ("", _COPY):
            try:
                self._files.remove(self._path(name + suffix))
            except OSError as error:
                if error.errno != ENOENT:
                    raise

    def names(self, prefix: str) -> list:
        """Return the names of all records that begin with `prefix`, sorted."""
        names = [x for x in self._files.names(self._directory) if x.startswith(prefix)]
        return sorted([x for x in names if _is_record(x)])

    def take_raw(self, name: str) -> bytes | None:
        """Return a file that is no record, as provisioning leaves one; None if there is none."""
        try:
            with self._files.open(self._path(name), "rb") as file:
                return file.read()
        except OSError as error:
            if error.errno == ENOENT:
                return None
            raise StateError("file " + name + " cannot be read")

    def _verified(self, name: str, suffix: str) -> bytes | None:
        content = self.take_raw(name + suffix)
        if content is None:
            return None
        data = content[len(_MAGIC) + _DIGEST_LEN :]
        if content[: len(_MAGIC) + _DIGEST_LEN] != _MAGIC + _digest(name, data):
            raise StateError("record " + name + " is damaged")
        return data

    def _is_whole(self, name: str, suffix: str) -> bool:
        try:
            return self._verified(name, suffix) is not None
        except StateError:
            return False

    def _put(self, name: str, content: bytes):
        path = self._path(name)
        with self._files.open(path + _NEW, "wb") as file:
            # MicroPython's files write what fits.
            if file.write(content) != len(content):
                raise OSError(EIO, "no room")
            self._files.sync(file)
        self._files.rename(path + _NEW, path)

    def _path(self, name: str) -> str:
        return self._directory + "/" + name


def _sync_directory(path: str):
    """A POSIX system may keep a new name in memory for long; littlefs writes it at once."""
    directory = path[: path.rindex("/")] or "/"
    if MICROPYTHON:
        try:
            with open(directory, "rb") as handle:
                handle.flush()
        except OSError:
            return
    else:
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_record(name: str) -> bool:
    return name[-len(_NEW) :] != _NEW and name[-len(_COPY) :] != _COPY


def _digest(name: str, data: bytes) -> bytes:
    return sha256(name.encode() + b"\x00" + data).digest()[:_DIGEST_LEN]
