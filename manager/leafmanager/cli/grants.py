"""`leafkey grant`: who holds what."""

import time
from typing import Annotated

import typer
from sqlalchemy import select

from leafkey.ace import aif
from leafkey.pat import tokens
from leafmanager import units
from leafmanager.cli import ui
from leafmanager.slots import has_expired
from leafmanager.store.tables import Grant

app = ui.group("The tickets that were granted.")


@app.command("list")
def list_grants(
    state: ui.State,
    everything: Annotated[bool, typer.Option("--all", help="Grants that are over, too.")] = False,
    as_json: ui.Json = False,
) -> None:
    """List the grants: who may do what on which server, in which slot, until when.

    A grant is 'pending' until its server has confirmed it; only then the client gets its ticket.
    """
    now = int(time.time())
    with ui.opened(state) as store, store.transaction() as session:
        found = session.scalars(select(Grant).order_by(Grant.id)).all()
        shown = [grant for grant in found if everything or not _is_over(grant, now)]
        records = [_record(grant, now) for grant in shown]
    ui.show_records(records, as_json, "no grants")


def _record(grant: Grant, now: int) -> dict[str, object]:
    return {
        "client": grant.client.name,
        "server": grant.server.node.name,
        "permissions": aif.text(aif.decode(grant.permissions)),
        "level": units.choice_text(tokens.LEVELS, grant.level),
        "slot": grant.slot,
        "generation": grant.generation,
        "first": grant.first,
        "last": grant.last,
        "issued": ui.moment(grant.issued_at),
        "expires": ui.moment(grant.expires_at),
        "state": _state(grant, now),
    }


def _state(grant: Grant, now: int) -> str:
    if _is_over(grant, now):
        return "over"
    return "confirmed" if grant.server.confirmed >= grant.version else "pending"


def _is_over(grant: Grant, now: int) -> bool:
    return grant.ended_at is not None or has_expired(grant, now)
