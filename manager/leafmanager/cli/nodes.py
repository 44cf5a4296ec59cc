"""`leafkey server` and `leafkey client`: nodes and their identities."""

import time
from typing import Annotated

import typer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from leafkey.pat import functions
from leafmanager import provision, units
from leafmanager.cli import identity_file, ui
from leafmanager.slots import live_grants
from leafmanager.store.tables import Grant, Node, Server

servers = ui.group("The servers this manager speaks for.")
clients = ui.group("The clients that may ask for tickets.")

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="1 to 32 letters, digits, dots, hyphens, underscores.")
]


@servers.command("add")
def add_server(
    name: Name,
    state: ui.State,
    out: ui.Out = None,
    force: ui.Force = False,
    slots: Annotated[int, typer.Option(help="Clients at the same time (N).")] = 16,
    suite: Annotated[str, typer.Option(help="chacha20 or sha256.")] = "chacha20",
    at_len: Annotated[int, typer.Option(help="Bytes of an AT on the wire, 8 to 32.")] = 16,
    window: Annotated[int, typer.Option(help="Requests that may overtake, 1 to 16 (w).")] = 8,
    aead: Annotated[
        str, typer.Option(help="aes-ccm, or chacha20-poly1305 for boards without AES.")
    ] = "aes-ccm",
    degree: Annotated[int, typer.Option(help="Children of a node, 2w + 1 to 1025 (k).")] = 33,
    depth: Annotated[int, typer.Option(help="Levels; a ticket holds at most d (k - 1) ATs.")] = 30,
    level: Annotated[
        str, typer.Option(help="Least protection: bearer, pop, integrity, confidential.")
    ] = "pop",
    asks: Annotated[
        bool, typer.Option("--consent", help="Ask the owner for what no rule decides.")
    ] = False,
    ace: Annotated[
        bool, typer.Option("--ace", help="It takes access tokens of ACE, too (RFC 9203).")
    ] = False,
) -> None:
    """Add a server and write its identity to a file.

    The file holds secrets. Put it into the node's state directory under the name 'identity', over a
    line that nobody listens to, and keep no copy.
    """
    shape = provision.Shape(
        n_clients=slots,
        suite=units.suite(suite),
        degree=degree,
        depth=depth,
        at_len=at_len,
        window=window,
        aead=units.aead(aead),
        level=units.level(level),
    )
    units.name(name)
    with (
        ui.opened(state) as store,
        identity_file.new(name, out, force) as file,
        store.transaction() as session,
    ):
        file.write(provision.add_server(session, name, shape, int(time.time()), asks, ace))
    ui.done(f"server {name}: identity in {file.path}")


@clients.command("add")
def add_client(name: Name, state: ui.State, out: ui.Out = None, force: ui.Force = False) -> None:
    """Add a client and write its identity to a file.

    The file holds secrets. Put it into the node's state directory under the name 'identity', over a
    line that nobody listens to, and keep no copy.
    """
    units.name(name)
    with (
        ui.opened(state) as store,
        identity_file.new(name, out, force) as file,
        store.transaction() as session,
    ):
        file.write(provision.add_client(session, name, int(time.time())))
    ui.done(f"client {name}: identity in {file.path}")


@servers.command("list")
def list_servers(state: ui.State, as_json: ui.Json = False) -> None:
    """List the servers: where each was last heard, and whether it knows its latest ST."""
    with ui.opened(state) as store, store.transaction() as session:
        found = session.scalars(select(Server).join(Node).order_by(Node.name))
        records = [_server_record(session, server) for server in found]
    ui.show_records(records, as_json, "no servers; add one with 'leafkey server add NAME'")


@clients.command("list")
def list_clients(state: ui.State, as_json: ui.Json = False) -> None:
    """List the clients and how many grants each holds."""
    with ui.opened(state) as store, store.transaction() as session:
        found = session.scalars(select(Node).where(Node.role == "client").order_by(Node.name))
        records = [_client_record(session, node) for node in found]
    ui.show_records(records, as_json, "no clients; add one with 'leafkey client add NAME'")


def _server_record(session: Session, server: Server) -> dict[str, object]:
    return {
        "name": server.node.name,
        "address": server.address,
        "heard": ui.moment(server.heard_at),
        "suite": units.choice_text(functions.SUITES, server.suite),
        "slots": server.n_clients,
        "taken": len(live_grants(session, server)),
        "version": server.version,
        "confirmed": server.confirmed,
        "ace": server.takes_tokens,
    }


def _client_record(session: Session, node: Node) -> dict[str, object]:
    held = select(func.count()).where(Grant.client_id == node.id, Grant.ended_at.is_(None))
    return {
        "name": node.name,
        "added": ui.moment(node.created_at),
        "grants": session.scalar(held),
    }
