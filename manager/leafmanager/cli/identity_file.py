"""The file that carries a node's identity: the place of a serial cable."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leafmanager.errors import ManagerError


class IdentityFile:
    """A file in the making; it appears under `path` when everything else has succeeded."""

    def __init__(self, path: Path, force: bool):
        self.path = path
        self._force = force
        self.draft = path.with_name(f".{path.name}.{os.getpid()}")

    def write(self, identity: bytes) -> None:
        """Write the identity, mode 0600, beside where it will appear.

        ManagerError if there is a file already that must not be replaced.
        """
        if self.path.exists() and not self._force:
            raise ManagerError(
                f"{self.path} exists", "name another file with --out, or replace it with --force"
            )
        descriptor = os.open(self.draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(identity)
            file.flush()
            os.fsync(descriptor)


@contextmanager
def new(name: str, out: Path | None, force: bool) -> Iterator[IdentityFile]:
    """Yield the file for a node's identity; nothing of it remains if an exception leaves.

    ManagerError if the file exists and `force` is not given, or cannot be written.
    """
    file = IdentityFile(out or Path(f"{name}.identity"), force)
    try:
        yield file
        file.draft.replace(file.path)
    except OSError as error:
        raise ManagerError(
            f"{file.path} cannot be written: {error.strerror}", "name another file with --out"
        ) from None
    finally:
        file.draft.unlink(missing_ok=True)
