"""`leafkey init` and `leafkey serve`: the manager itself."""

import asyncio
from typing import Annotated

import typer

from leafmanager import consent, provision, units
from leafmanager.cli import serving, ui
from leafmanager.net import service
from leafmanager.store import database


def init(
    state: ui.State,
    name: Annotated[
        str | None, typer.Option(help="The manager's name.", show_default="manager")
    ] = None,
    uri: Annotated[
        str | None,
        typer.Option(
            help="coap://host:port, as nodes reach this machine.", show_default="its address"
        ),
    ] = None,
    aead: Annotated[
        str, typer.Option(help="Seals the channels of clients: as for 'server add'.")
    ] = "aes-ccm",
) -> None:
    """Create a manager: a directory with its secrets and its memory."""
    name = units.name(name or ui.ask("Name of this manager", "manager"))
    uri = units.uri(uri or ui.ask("Its URI, as nodes reach it", serving.own_uri()))
    row = provision.manager_row(name, uri, units.aead(aead))
    database.create(state, [row]).close()
    ui.done(f"manager {name} at {uri}, kept in {state}")
    ui.done("next: leafkey serve")


def serve(
    state: ui.State,
    host: serving.Host = "::",
    port: serving.Port = None,
    answer_time: Annotated[
        str, typer.Option(help="How long the owner has to answer a question.")
    ] = units.duration_text(consent.ANSWER_SECONDS),
    as_json: ui.Json = False,
) -> None:
    """Serve tickets to clients and tokens to servers until interrupted.

    Prints 'ready' and its address when it listens, then a line for each message, numbered as in
    section 1 of SPEC.md. Nodes that are added meanwhile are served at once.
    """
    tell, ready = serving.output("manager", state, as_json)
    answer_seconds = units.duration(answer_time)
    with ui.opened(state) as store, service.only_one(state):
        asyncio.run(service.serve(store, (host, port), tell, ready, answer_seconds))
