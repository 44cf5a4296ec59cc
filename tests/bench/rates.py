"""How many GETs a second servers answer: ours open and at each level, and microCoAPy's."""

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from leafkey.pat.tokens import LEVELS, ServerToken
from tests.bench import authority
from tests.bench.load import Shot, Target, Volley, get, shot
from tests.bench.report import Record
from tests.support.processes import Process, free_port, micropython

NODES = Path(__file__).parent / "nodes"
OPEN = "open"
MICROCOAPY = "microcoapy"
N_SLOTS = 4
ROUNDS = 50
SHOTS = 64
# A file system in memory, if there is one: how fast this machine's disk is belongs to no claim.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# Requests under way at a time: the server never waits for its client.
UNDER_WAY = 8


class Range:
    """The servers, and for each kind of request a way to make it."""

    def __init__(self, microcoapy: str | None):
        """`microcoapy`: the directory of its checkout; None leaves it out."""
        self._ends = ExitStack()
        token = authority.server_token(authority.SERVER, N_SLOTS, authority.readers_grant())
        self._client = authority.Client(token)
        ours = self._authorized_server(token)
        self._kinds: dict[str, tuple[Target, Callable[[], Shot]]] = {
            OPEN: (ours, lambda: shot(get("/open")))
        }
        for name, level in LEVELS.items():
            self._kinds[name] = (ours, lambda level=level: self._authorized(level))
        if microcoapy:
            theirs = self._target("microcoapy_server.py", microcoapy)
            self._kinds[MICROCOAPY] = (theirs, lambda: shot(get("/temp")))

    def __enter__(self) -> "Range":
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def fire(self) -> dict[str, Volley]:
        """Return the medians of each kind.

        All kinds take turns, so that what else this machine does strikes them alike.
        """
        volleys: dict[str, list[Volley]] = {kind: [] for kind in self._kinds}
        for _ in range(ROUNDS):
            for kind, (target, make) in self._kinds.items():
                shots = [make() for _ in range(SHOTS)]
                volleys[kind].append(target.fire(shots, UNDER_WAY))
        return {kind: _medians(found) for kind, found in volleys.items()}

    def _authorized(self, level: int) -> Shot:
        message, protection = self._client.protect(get(authority.PATH), level)
        return shot(message, lambda answer: protection.unprotect_response(answer)[0])

    def _authorized_server(self, token: ServerToken) -> Target:
        temporary = tempfile.TemporaryDirectory(prefix="leafkey-", dir=MEMORY)
        state = Path(self._ends.enter_context(temporary)) / "state"
        manager = authority.Manager(token)
        self._ends.callback(manager.close)
        manager.provision(state)
        target = self._target("server.py", str(state))
        manager.answer()
        return target

    def _target(self, script: str, *arguments: str) -> Target:
        port = free_port()
        command = [micropython(), str(NODES / script), *arguments, str(port)]
        server = self._ends.enter_context(Process(command))
        server.wait_for("ready")
        target = Target(port)
        self._ends.callback(target.close)
        return target


def _medians(volleys: list[Volley]) -> Volley:
    return Volley(*map(median, zip(*volleys, strict=True)))


def records(volleys: dict[str, Volley]) -> list[Record]:
    """Return the rates of each kind, beside that of an open GET."""
    us = volleys[OPEN].rate
    made = [Record("open_get_rate", us, "GET/s")]
    for level in LEVELS:
        rate = volleys[level].rate
        made.append(Record(f"{level}_get_rate", rate, "GET/s", "open GET, same server", us))
    if MICROCOAPY in volleys:
        theirs = volleys[MICROCOAPY].rate
        made.append(Record("open_get_vs_microcoapy", us, "GET/s", "microCoAPy's server", theirs))
    return made


def measure() -> dict[str, Volley]:
    """Return what came of each kind; microCoAPy's is there if MICROCOAPY_DIR names a checkout."""
    with Range(os.environ.get("MICROCOAPY_DIR")) as servers:
        return servers.fire()
