"""`leafkey cam policy`: what a CAM's owner lets his clients ask for."""

from typing import Annotated

import typer
from sqlalchemy import select

from leafmanager import units
from leafmanager.cam import authorities
from leafmanager.cam.tables import ClientRule
from leafmanager.cli import ui
from leafmanager.cli.cam_state import State, opened
from leafmanager.cli.rules import ResourcePath
from leafmanager.errors import ManagerError
from leafmanager.store.tables import Node

app = ui.group(
    "Your rules for your clients: which servers they may use, and what for. What no rule allows is "
    "denied; a denial outweighs every permission. The server's owner has rules of his own. A "
    "change counts from the next ticket on."
)

Client = Annotated[str, typer.Argument(metavar="CLIENT", help="The client's name.")]
Server = Annotated[str, typer.Argument(metavar="SERVER", help="The server's name at its SAM.")]
Sam = Annotated[
    str | None, typer.Option("--sam", help="The server's SAM.", show_default="the only one")
]
Methods = Annotated[str, typer.Option(help="Comma-separated, or all.")]


@app.command()
def allow(
    client: Client,
    server: Server,
    path: ResourcePath,
    state: State,
    methods: Methods = "GET",
    sam: Sam = None,
) -> None:
    """Let a client use a resource of a server, as far as the server's owner lets it too."""
    _add(state, ClientRule(allow=True), (client, server, sam), path, methods)


@app.command()
def deny(
    client: Client,
    server: Server,
    path: ResourcePath,
    state: State,
    methods: Methods = "all",
    sam: Sam = None,
) -> None:
    """Keep a client from a resource of a server, whatever the server's owner allows."""
    _add(state, ClientRule(allow=False), (client, server, sam), path, methods)


@app.command("list")
def list_rules(state: State, as_json: ui.Json = False) -> None:
    """List the rules."""
    with opened(state) as store, store.transaction() as session:
        found = session.scalars(select(ClientRule).order_by(ClientRule.id))
        records = [_record(rule) for rule in found]
    nothing = "no rules; allow something with 'leafkey cam policy allow CLIENT SERVER PATH'"
    ui.show_records(records, as_json, nothing)


@app.command()
def remove(
    rule_id: Annotated[int, typer.Argument(metavar="ID", help="As 'cam policy list' shows it.")],
    state: State,
) -> None:
    """Remove a rule. Tickets that were passed on under it stay valid until they end."""
    with opened(state) as store, store.transaction() as session:
        rule = session.get(ClientRule, rule_id)
        if rule is None:
            raise ManagerError(f"there is no rule {rule_id}", "see 'leafkey cam policy list'")
        session.delete(rule)
    ui.done(f"rule {rule_id} removed; it counts no more from the next ticket on")


def _add(
    state, rule: ClientRule, parties: tuple[str, str, str | None], path: str, methods: str
) -> None:
    client, server, sam = parties
    rule.path, rule.methods = units.path(path), units.methods(methods)
    rule.audience = units.name(server)
    with opened(state) as store, store.transaction() as session:
        rule.client = _client(session, client)
        rule.authority = authorities.named(session, sam)
        session.add(rule)
        session.flush()
        number = rule.id
    ui.done(f"rule {number}; it counts from the next ticket on")


def _client(session, name: str) -> Node:
    found = session.scalar(select(Node).where(Node.name == name))
    if found is None:
        raise ManagerError(
            f"there is no client named {name!r}", f"add it with 'leafkey cam client add {name}'"
        )
    return found


def _record(rule: ClientRule) -> dict[str, object]:
    return {
        "id": rule.id,
        "rule": "allow" if rule.allow else "deny",
        "client": rule.client.name,
        "server": rule.audience,
        "sam": rule.authority.name,
        "path": rule.path,
        "methods": units.methods_text(rule.methods),
    }
