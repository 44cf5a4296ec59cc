"""`leafkey grant`: who holds what, and what is filled in of it later."""

import time
from typing import Annotated

import typer
from sqlalchemy import select

from leafkey.ace import aif
from leafkey.pat import tokens
from leafmanager import cam_clients, provision, revocation, units
from leafmanager.cli import delivery, ui
from leafmanager.cli.delivery import Wait
from leafmanager.slots import has_expired
from leafmanager.store.tables import Grant, Server

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


@app.command()
def permit(
    client: Annotated[
        str, typer.Argument(metavar="CLIENT", help="The client's name, or CAM/CLIENT.")
    ],
    server: Annotated[str, typer.Argument(metavar="SERVER", help="The server's name.")],
    state: ui.State,
    permissions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PERMISSION]...",
            help="'GET /temp', 'GET,PUT /vent', or /vent for all methods.",
            show_default="all that the ticket says",
        ),
    ] = None,
    wait: Wait = delivery.WAIT_SECONDS,
    as_json: ui.Json = False,
) -> None:
    """Tell a server what a client's ticket permits, if only the ticket was to say so.

    This is for a ticket that is out, given by a rule with --endorsed. From then on the server
    allows what is named here alone, which may be less than the ticket says, and never more.
    """
    now = int(time.time())
    named = [units.resource_permission(text) for text in permissions or ()]
    with ui.opened(state) as store:
        with store.transaction() as session:
            node = provision.find_node(session, server, provision.SERVER)
            found = session.get_one(Server, node.id, with_for_update={"of": Server})
            holder = cam_clients.named(session, client, now)
            revocation.permit(session, holder, found, named, now)
            wanted = [delivery.awaited(found)]
        delivery.report(store, state, wanted, wait, as_json)


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
