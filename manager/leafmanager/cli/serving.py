"""What `leafkey serve` and `leafkey cam serve` have in common towards their user."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from leafkey.coap.numbers import COAP_PORT
from leafmanager.cli import ui
from leafmanager.events import Event, Sink

# An address that routes like the world at large; nothing is sent to it (RFC 5737).
_SOMEWHERE = ("192.0.2.1", 9)

Host = Annotated[str, typer.Option("--host", help="Address to listen at.", show_default="all")]
Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="UDP port; 0: any.", show_default="the URI's"),
]


def own_uri() -> str:
    """Return the URI at which other machines most likely reach this one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_SOMEWHERE)
            host = probe.getsockname()[0]
        except OSError:
            host = "127.0.0.1"
    return f"coap://{host}:{COAP_PORT}"


def output(what: str, state: Path, as_json: bool) -> tuple[Sink, Callable[[str, str], None]]:
    """Return what prints events, and what prints that `what` listens: (name, URI)."""

    def tell(event: Event) -> None:
        print(event.json() if as_json else event.line(), flush=True)

    def ready(name: str, uri: str) -> None:
        ui.done(f"{what} {name}, kept in {state}")
        print(json.dumps({"ready": uri}) if as_json else f"ready {uri}", flush=True)

    return tell, ready
