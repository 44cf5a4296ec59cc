"""Files in memory that outlast their power supply, which fails after a given number of steps."""

from errno import EIO, ENOENT


class PowerCut(BaseException):
    """The power goes. Nothing that handles errors sees it."""


class _File:
    """One file: what was written, and how much of that would outlast a cut."""

    def __init__(self, flash: "Flash"):
        self._flash = flash
        self.data = b""
        self.synced = b""

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, kind, error, trace):
        """Closing promises nothing."""

    def read(self) -> bytes:
        return self.data

    def write(self, content: bytes) -> int:
        """One step for each `grain` bytes; what a full flash takes is cut short."""
        taken = len(content) // 2 if self._flash.full else len(content)
        for start in range(0, taken, self._flash.grain):
            self._flash.step()
            self.data += content[start : min(taken, start + self._flash.grain)]
        return taken


class Flash:
    """The leafnode.storage.Files of a node that may lose power at any step.

    `steps` counts them; the one after number `cut_after` does not happen, and nothing after it
    until `reboot`; `cuts` says after how many steps the next cuts follow. `writes` counts records
    written. `full` lets no more bytes in.
    """

    def __init__(self, grain: int = 64):
        self.grain = grain
        self.steps = 0
        self.writes = 0
        self.cut_after = None
        self.cuts = []
        self.full = False
        self._files = {}

    def reboot(self, keeps_unsynced: bool = True):
        """Power again. What was not synced is there as far as it was written, or is lost."""
        self.cut_after = self.steps + self.cuts.pop() if self.cuts else None
        for file in self._files.values():
            if keeps_unsynced:
                file.synced = file.data
            else:
                file.data = file.synced

    def step(self):
        if self.cut_after is not None and self.steps >= self.cut_after:
            raise PowerCut()
        self.steps += 1

    def put(self, path: str, content: bytes):
        """Lay down a file from outside, as provisioning does."""
        file = self._files[path] = _File(self)
        file.data = file.synced = content

    def get(self, path: str) -> bytes:
        """A file's content."""
        return self._files[path].data

    def open(self, path: str, mode: str) -> _File:
        if mode == "rb":
            return self._file(path)
        self.step()
        if self.full:
            raise OSError(EIO, "no room")
        file = self._files[path] = _File(self)
        return file

    def sync(self, file: _File):
        self.step()
        file.synced = file.data

    def rename(self, old: str, new: str):
        self.step()
        self._files[new] = self._file(old)
        self._files.pop(old)
        self.writes += 1

    def remove(self, path: str):
        self._file(path)
        self.step()
        self._files.pop(path)

    def make_directory(self, path: str):
        """There is one directory, and it is there."""

    def names(self, path: str) -> list:
        return [name[len(path) + 1 :] for name in self._files]

    def _file(self, path: str) -> _File:
        if path not in self._files:
            raise OSError(ENOENT, "no such file")
        return self._files[path]
