"""`leafkey init` and `leafkey serve`: the manager itself."""

import asyncio
import json
import socket
from typing import Annotated

import typer

from leafkey.coap.numbers import COAP_PORT
from leafmanager import consent, provision, units
from leafmanager.cli import ui
from leafmanager.events import Event
from leafmanager.net import service
from leafmanager.store import database

# An address that routes like the world at large; nothing is sent to it (RFC 5737).
_SOMEWHERE = ("192.0.2.1", 9)


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
        str, typer.Option(help="Seals what nodes send to the manager: as for 'server add'.")
    ] = "aes-ccm",
) -> None:
    """Create a manager: a directory with its secrets and its memory."""
    name = units.name(name or ui.ask("Name of this manager", "manager"))
    uri = units.uri(uri or ui.ask("Its URI, as nodes reach it", _own_uri()))
    row = provision.manager_row(name, uri, units.aead(aead))
    database.create(state, [row]).close()
    ui.done(f"manager {name} at {uri}, kept in {state}")
    ui.done("next: leafkey serve")


def serve(
    state: ui.State,
    host: Annotated[str, typer.Option(help="Address to listen at.", show_default="all")] = "::",
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="UDP port; 0: any.", show_default="the URI's"),
    ] = None,
    answer_time: Annotated[
        str, typer.Option(help="How long the owner has to answer a question.")
    ] = units.duration_text(consent.ANSWER_SECONDS),
    as_json: ui.Json = False,
) -> None:
    """Serve tickets to clients and tokens to servers until interrupted.

    Prints 'ready' and its address when it listens, then a line for each message, numbered as in
    section 1 of SPEC.md. Nodes that are added meanwhile are served at once.
    """

    def tell(event: Event) -> None:
        print(event.json() if as_json else event.line(), flush=True)

    def ready(name: str, uri: str) -> None:
        ui.done(f"manager {name}, kept in {state}")
        print(json.dumps({"ready": uri}) if as_json else f"ready {uri}", flush=True)

    answer_seconds = units.duration(answer_time)
    with ui.opened(state) as store, service.only_one(state):
        asyncio.run(service.serve(store, (host, port), tell, ready, answer_seconds))


def _own_uri() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_SOMEWHERE)
            host = probe.getsockname()[0]
        except OSError:
            host = "127.0.0.1"
    return f"coap://{host}:{COAP_PORT}"
