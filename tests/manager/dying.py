"""`leafkey`, which is killed at a step: `python -m tests.manager.dying WHEN FILE ARGUMENT...`

Once FILE is there, the process kills itself (SIGKILL) at its next transaction that writes: "before"
it is committed, or "after" that and before anything is sent. FILE is removed with it.
"""

import os
import signal
import sys
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from leafmanager.cli.main import main


def arm(when: str, file: Path) -> None:
    """Have this process killed at a step."""
    changes: dict[int, int] = {}

    def has_written(connection: Connection) -> bool:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        known, now = changes.get(id(raw), 0), raw.total_changes
        changes[id(raw)] = now
        return now != known

    def committing(connection: Connection) -> None:
        if not has_written(connection) or not file.exists():
            return
        file.unlink()
        if when == "after":
            raw = connection.connection.dbapi_connection
            assert raw is not None
            raw.commit()
        os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "commit", committing)


if __name__ == "__main__":
    arm(sys.argv[1], Path(sys.argv[2]))
    sys.argv = ["leafkey", *sys.argv[3:]]
    main()
