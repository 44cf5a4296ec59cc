"""`leafkey bridge`: the way to a node that has a serial line and no network."""

import asyncio
from typing import Annotated

import typer

from leafkey.coap import uri as coap_uri
from leafmanager import units
from leafmanager.cli import ui
from leafmanager.events import printable
from leafmanager.net import bridge as net


def bridge(
    port: Annotated[
        str,
        typer.Argument(
            metavar="PORT", help="Serial device or pty; or socket://HOST:PORT, as emulators offer."
        ),
    ],
    listen: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="The node's UDP address. Port 0: any that is free; a server wants one that stays.",
        ),
    ] = "127.0.0.1:0",
    to: Annotated[
        str | None,
        typer.Option(
            metavar="URI", help="Server of the requests that name none.", show_default="none"
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name before its log lines.", show_default="from PORT")
    ] = None,
) -> None:
    """Give a node on a serial line a UDP address, until interrupted.

    Prints 'ready' and the node's URI, then its log lines. Whoever reaches the address reaches the
    node. Towards UDP it forwards the node's answers to who has asked, and its requests to the
    hosts that they name: at most 20 a second, to 16 hosts at once and one more every 10 s, and
    none to multicast. Choose --listen 0.0.0.0:PORT if hosts are on other machines.
    """
    name = printable(name or port.rsplit("/", 1)[-1])
    default = coap_uri.parse(units.uri(to))[:2] if to else None
    voices = net.Voices(lambda line: print(f"{name}: {line}", flush=True), ui.done)
    asyncio.run(net.run(port, units.endpoint(listen), default, voices, _ready))


def _ready(uri: str) -> None:
    print(f"ready {uri}", flush=True)
