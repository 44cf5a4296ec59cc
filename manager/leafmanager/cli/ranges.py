"""`leafkey server range`: what slots of a server have in common."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.ace import aif
from leafkey.pat import tokens
from leafkey.pat.renewal import Renewal
from leafkey.pat.tokens import SlotRange
from leafmanager import per_at, provision, ranges, slots, units
from leafmanager.cli import changes, delivery, limits, ui
from leafmanager.cli.changes import ServerName
from leafmanager.cli.delivery import Wait
from leafmanager.errors import ManagerError, UsageError
from leafmanager.store.tables import Node, Server

app = ui.group(
    "What slots of a server have in common. It narrows what tickets say, those that are out "
    "included, and never widens it."
)

Slots = Annotated[str, typer.Argument(metavar="SLOTS", help="5, 1-8, or all that there are now.")]


@app.command("set")
def set_range(
    server: ServerName,
    named: Slots,
    state: ui.State,
    permissions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PERMISSION]...",
            help="'GET /temp', 'GET,PUT /vent', or /vent for all methods.",
            show_default="nothing is said of permissions",
        ),
    ] = None,
    level: Annotated[
        str | None, typer.Option(help="Least protection: pop, integrity, confidential.")
    ] = None,
    notifications_per_at: limits.Notifications = None,
    seconds_per_at: limits.Seconds = None,
    requests_per_at: limits.Requests = None,
    wait: Wait = delivery.WAIT_SECONDS,
    as_json: ui.Json = False,
) -> None:
    """Say what slots have in common, while the server serves.

    It takes the place of what was said of these slots before. The higher level and the stricter
    limit count. Permissions are for tickets that a rule with --implicit gave: in place of
    everything, they allow what is named here.
    """
    renewal = Renewal(notifications_per_at, seconds_per_at, requests_per_at)
    said = SlotRange(
        0,
        0,
        units.level(level) if level else None,
        [units.resource_permission(text) for text in permissions] if permissions else None,
        renewal if any(renewal) else None,
    )
    if said[2:] == (None, None, None):
        raise UsageError("this says nothing", "name permissions, --level, or a limit of ATs")

    def changed(found: Server, shared: list[SlotRange]) -> list[SlotRange]:
        first, last = _bounds(found, named)
        return ranges.replaced(shared, said._replace(first=first, last=last))

    _change(state, server, changed, wait, as_json)


@app.command()
def remove(
    server: ServerName,
    named: Slots,
    state: ui.State,
    wait: Wait = delivery.WAIT_SECONDS,
    as_json: ui.Json = False,
) -> None:
    """Take back what was said of slots, while the server serves. What tickets say counts alone."""

    def changed(found: Server, shared: list[SlotRange]) -> list[SlotRange]:
        left = ranges.without(shared, *_bounds(found, named))
        if left == shared:
            raise ManagerError(
                f"nothing is said of these slots of {server}", "see 'leafkey server range list'"
            )
        return left

    _change(state, server, changed, wait, as_json)


@app.command("list")
def list_ranges(state: ui.State, as_json: ui.Json = False) -> None:
    """List what slots have in common, server by server."""
    with ui.opened(state) as store, store.transaction() as session:
        found = session.scalars(select(Server).join(Node).order_by(Node.name))
        records = [
            _record(server, shared) for server in found for shared in ranges.of(session, server)
        ]
    ui.show_records(records, as_json, "no ranges; say something with 'leafkey server range set'")


def _change(
    state: Path,
    server: str,
    changed: Callable[[Server, list[SlotRange]], list[SlotRange]],
    wait: float,
    as_json: bool,
) -> None:
    def change(session: Session, found: Server, now: int) -> None:
        slots.share(session, found, changed(found, ranges.of(session, found)), now)
        provision.check_shape(session, found, now)

    changes.apply(state, server, change, wait, as_json)


def _bounds(server: Server, text: str) -> tuple[int, int]:
    """Return the first and the last slot that a text names, of those that the server has."""
    first, last = units.slots(text, server.n_clients)
    if last > server.n_clients:
        raise ManagerError(
            f"{server.node.name} has slots 1 to {server.n_clients}",
            "name some of these, or change their number with 'leafkey server set'",
        )
    return first, last


def _record(server: Server, shared: SlotRange) -> dict[str, object]:
    return {
        "server": server.node.name,
        "slots": units.slots_text(shared.first, shared.last),
        "permissions": None if shared.permissions is None else aif.text(shared.permissions),
        "level": None if shared.level is None else units.choice_text(tokens.LEVELS, shared.level),
        "per_at": per_at.text(shared.renewal),
    }
