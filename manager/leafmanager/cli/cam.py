"""`leafkey cam`: a manager of one's own clients, where others manage the servers."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from leafmanager import provision, units
from leafmanager.cam import authorities, service
from leafmanager.cam.tables import CAM, Authority
from leafmanager.cli import cam_rules, channel, identity_file, serving, ui
from leafmanager.cli.cam_state import State, opened
from leafmanager.cli.nodes import Name
from leafmanager.errors import ManagerError
from leafmanager.net.service import only_one
from leafmanager.store import database
from leafmanager.store.tables import Node

app = ui.group(
    "A CAM: asks the managers of other people's servers for tickets, on behalf of your clients and "
    "as far as your rules let them. It keeps no ticket."
)
clients = ui.group("The clients this CAM speaks for.")


@app.command()
def init(
    state: State,
    name: Annotated[str | None, typer.Option(help="The CAM's name.", show_default="cam")] = None,
    uri: Annotated[
        str | None,
        typer.Option(
            help="coap://host:port, as clients reach this machine.", show_default="its address"
        ),
    ] = None,
    aead: Annotated[
        str, typer.Option(help="Seals the clients' channels: as for 'leafkey server add'.")
    ] = "aes-ccm",
) -> None:
    """Create a CAM: a directory with its secrets and its memory."""
    name = units.name(name or ui.ask("Name of this CAM", "cam"))
    uri = units.uri(uri or ui.ask("Its URI, as clients reach it", serving.own_uri()))
    row = provision.manager_row(name, uri, units.aead(aead))
    database.create(state, [row], CAM).close()
    ui.done(f"CAM {name} at {uri}, kept in {state}")
    ui.done("next: leafkey cam join FILE, with an identity from the manager of a server")


@app.command()
def join(
    identity: Annotated[
        Path, typer.Argument(metavar="FILE", help="What 'leafkey client add' wrote for this CAM.")
    ],
    state: State,
    name: Annotated[
        str | None, typer.Option(help="How to call that SAM here.", show_default="its own name")
    ] = None,
) -> None:
    """Join a SAM, the manager of somebody's servers, so that this CAM may ask it for tickets.

    The SAM's owner makes the file with 'leafkey client add', and brings it over a line that nobody
    listens to. It is taken up once and then removed; keep no copy.
    """
    with _read(identity) as content, opened(state) as store, store.transaction() as session:
        joined = authorities.join(session, content, name and units.name(name))
        text = f"{joined.name} at {joined.uri}, which knows this CAM as {joined.known_as}"
    ui.done(f"joined {text}")


@app.command()
def leave(
    sam: Annotated[str, typer.Argument(metavar="SAM", help="As 'leafkey cam sams' shows it.")],
    state: State,
) -> None:
    """Leave a SAM: forget its channel, and the rules about its servers."""
    with opened(state) as store, store.transaction() as session:
        session.delete(authorities.named(session, sam))
    ui.done(f"left {sam}; tickets that clients have stay valid until they end")


@app.command()
def sams(state: State, as_json: ui.Json = False) -> None:
    """List the SAMs that this CAM may ask."""
    with opened(state) as store, store.transaction() as session:
        found = session.scalars(select(Authority).order_by(Authority.name))
        records: list[dict[str, object]] = [
            {"name": one.name, "uri": one.uri, "known_as": one.known_as} for one in found
        ]
    ui.show_records(records, as_json, "no SAM; join one with 'leafkey cam join FILE'")


@app.command()
def serve(
    state: State,
    host: serving.Host = "::",
    port: serving.Port = None,
    as_json: ui.Json = False,
) -> None:
    """Serve clients until interrupted.

    Prints 'ready' and its address when it listens, then a line for each message, numbered as in
    section 1 of SPEC.md. Clients and SAMs that are added meanwhile count at once.
    """
    tell, ready = serving.output("CAM", state, as_json)
    with opened(state) as store, only_one(state, "leafkey cam serve"):
        asyncio.run(service.serve(store, (host, port), tell, ready))


@clients.command("add")
def add_client(name: Name, state: State, out: ui.Out = None, force: ui.Force = False) -> None:
    """Add a client and write its identity to a file.

    The file holds secrets. Put it into the node's state directory under the name 'identity', over a
    line that nobody listens to, and keep no copy.
    """
    units.name(name)
    with (
        opened(state) as store,
        identity_file.new(name, out, force) as file,
        store.transaction() as session,
    ):
        file.write(provision.add_client(session, name, int(time.time()), has_cam=True))
    ui.done(f"client {name}: identity in {file.path}")


@clients.command("list")
def list_clients(state: State, as_json: ui.Json = False) -> None:
    """List the clients this CAM speaks for."""
    with opened(state) as store, store.transaction() as session:
        found = session.scalars(select(Node).order_by(Node.name))
        records: list[dict[str, object]] = [
            {"name": node.name, "added": ui.moment(node.created_at)} for node in found
        ]
    ui.show_records(records, as_json, "no clients; add one with 'leafkey cam client add NAME'")


@contextmanager
def _read(identity: Path) -> Iterator[bytes]:
    """Yield the content of a file, and remove it when what is done with it has succeeded."""
    try:
        content = identity.read_bytes()
    except OSError as error:
        raise ManagerError(f"{identity}: {error.strerror}", "name an identity file") from None
    yield content
    try:
        identity.unlink()
    except OSError as error:
        raise ManagerError(
            f"joined, but {identity} is still there: {error.strerror}", "remove it yourself"
        ) from None


app.add_typer(clients, name="client")
app.add_typer(channel.cams, name="channel")
app.add_typer(cam_rules.app, name="policy")
