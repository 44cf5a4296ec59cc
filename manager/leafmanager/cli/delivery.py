"""How a command that changed something waits for servers to confirm, and says what came of it."""

import time
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from sqlalchemy.orm import Session

from leafmanager import versions
from leafmanager.cli import ui
from leafmanager.net import service
from leafmanager.store.database import Store
from leafmanager.store.tables import Server

WAIT_SECONDS = 5.0
_LOOK_SECONDS = 0.03
# A server that was off before is told at once, too, but not waited for so long.
_OFF_SECONDS = 1.0

Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for servers to confirm.")
]


class Awaited(NamedTuple):
    """A version that a server has to confirm."""

    server_id: int
    version: int


class _State(NamedTuple):
    name: str
    is_confirmed: bool
    is_heard: bool
    can_be_carried: bool
    off_since: int | None


def awaited(server: Server) -> Awaited:
    """Return what has to be confirmed of the decisions about a server so far."""
    return Awaited(server.node_id, server.version)


def report(store: Store, state: Path, wanted: list[Awaited], wait: float, as_json: bool) -> None:
    """Show for each server when it confirmed, or why not yet. What was decided is stored already.

    `state` is the directory of the manager; waits `wait` seconds at most.
    """
    start = time.monotonic()
    serves = service.is_serving(state)
    left, records = list(wanted), []
    while left:
        waited = time.monotonic() - start
        for one in list(left):
            found = _state(store, one)
            if found.is_confirmed or waited >= _patience(found, wait, serves):
                left.remove(one)
                records.append(_record(found, waited, serves))
                if not as_json:
                    _show(records[-1])
        time.sleep(_LOOK_SECONDS if left else 0)
    if as_json:
        ui.show_json(records)


def _state(store: Store, one: Awaited) -> _State:
    with store.transaction() as session:
        server = session.get_one(Server, one.server_id)
        return _State(
            server.node.name,
            server.confirmed >= one.version,
            server.address is not None,
            bool(_can_be_carried(session, server)),
            server.off_since,
        )


def _can_be_carried(session: Session, server: Server) -> bool:
    return server.confirmed > 0 and bool(versions.following(session, server))


def _patience(found: _State, wait: float, serves: bool) -> float:
    if not serves or not found.is_heard:
        return 0
    return min(wait, _OFF_SECONDS) if found.off_since is not None else wait


def _record(found: _State, waited: float, serves: bool) -> dict[str, object]:
    return {
        "server": found.name,
        "confirmed": found.is_confirmed,
        "seconds": round(waited, 3) if found.is_confirmed else None,
        "off_since": ui.moment(found.off_since),
        "text": _text(found, waited, serves),
    }


def _text(found: _State, waited: float, serves: bool) -> str:
    if found.is_confirmed:
        return f"confirmed {waited:.{1 if waited >= 0.1 else 2}f} s"
    if not found.is_heard:
        return "never heard of; will get it when it asks"
    if not serves:
        return "will be told when 'leafkey serve' runs again"
    since = "does not answer"
    if found.off_since is not None:
        since = f"off since {time.strftime('%H:%M', time.localtime(found.off_since))}"
    carried = "; any client may carry the message" if found.can_be_carried else ""
    return f"{since}; will be told when it is back{carried}"


def _show(record: dict[str, object]) -> None:
    print(f"  {record['server']!s:9} {record['text']}", flush=True)
