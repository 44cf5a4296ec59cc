"""`leafkey policy`: the owner's rules."""

import time
from typing import Annotated

import typer
from sqlalchemy import select

from leafkey.ace import aif
from leafkey.pat import tokens
from leafmanager import cam_clients, per_at, provision, units
from leafmanager.cli import limits, ui
from leafmanager.errors import ManagerError
from leafmanager.policy import ENDORSED, IMPLICIT, in_force
from leafmanager.store.tables import Rule, Server

app = ui.group(
    "The owner's rules: who may do what where. What no rule allows is denied, unless the owner is "
    "to be asked; a denial outweighs every permission. A change counts from the next ticket on: "
    "tickets that are out stay valid."
)

Client = Annotated[
    str,
    typer.Argument(
        metavar="CLIENT",
        help="The client's name; CAM/NAME for a client of a CAM, 'CAM/*' for all of them.",
    ),
]
ServerName = Annotated[str, typer.Argument(metavar="SERVER", help="The server's name.")]
ResourcePath = Annotated[
    str, typer.Argument(metavar="PATH", help="/temp, or '/room/*' for all below /room.")
]
MAX_ATS = tokens.MAX_NUMBERS
_ACTIONS = {True: "allow", False: "deny", None: "ask"}


@app.command()
def allow(
    client: Client,
    server: ServerName,
    path: ResourcePath,
    state: ui.State,
    methods: Annotated[str, typer.Option(help="Comma-separated, or all.")] = "GET",
    level: Annotated[
        str | None,
        typer.Option(
            help="Least protection: bearer, pop, integrity, confidential.",
            show_default="the server's",
        ),
    ] = None,
    duration: Annotated[
        str | None,
        typer.Option("--for", help="How long from now, renewals included: 45s, 1h, 7d."),
    ] = None,
    ats: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_ATS, help="How many requests altogether, renewals included."),
    ] = None,
    notifications_per_at: limits.Notifications = None,
    seconds_per_at: limits.Seconds = None,
    requests_per_at: limits.Requests = None,
    implicit: Annotated[
        bool,
        typer.Option("--implicit", help="Everything, and nobody is told what: '/*', all methods."),
    ] = False,
    endorsed: Annotated[
        bool,
        typer.Option("--endorsed", help="The ticket tells the server what the client may do."),
    ] = False,
) -> None:
    """Allow a client to use a resource of a server.

    The rule counts from the client's next ticket on. When its time or its requests are used up, the
    client is refused. Requests of a ticket that was replaced before they were made are used up too.

    A renewal of an observation is one more request. Clients do it by themselves, in time; with
    --ats, it is what limits how much they hear.

    A server usually learns from the manager what its clients may do. With --endorsed the ticket
    says it, which the client shows sealed, and the server keeps it then. With --implicit whoever
    holds a ticket may do everything, as long as no other rule speaks of client and server.
    """
    if implicit and (endorsed or path != "/*" or units.methods(methods) != aif.ALL_METHODS):
        raise ManagerError(
            "--implicit leaves nothing to check: it allows everything, and has no other source",
            "give '/*' with --methods all, and no --endorsed",
        )
    now = int(time.time())
    ends_at = now + units.duration(duration) if duration else None
    rule = Rule(
        allow=True,
        path=units.path(path),
        methods=units.methods(methods),
        level=units.level(level) if level else None,
        ends_at=ends_at,
        ats_left=ats,
        notifications_per_at=notifications_per_at,
        seconds_per_at=seconds_per_at,
        requests_per_at=requests_per_at,
        authorization=IMPLICIT if implicit else ENDORSED if endorsed else None,
        created_at=now,
    )
    _add(state, rule, client, server)


@app.command()
def deny(
    client: Client,
    server: ServerName,
    path: ResourcePath,
    state: ui.State,
    methods: Annotated[str, typer.Option(help="Comma-separated, or all.")] = "all",
) -> None:
    """Deny a client a resource of a server, whatever other rules allow.

    The rule counts from the client's next ticket on.
    """
    rule = Rule(
        allow=False,
        path=units.path(path),
        methods=units.methods(methods),
        created_at=int(time.time()),
    )
    _add(state, rule, client, server)


@app.command()
def ask(
    client: Client,
    server: ServerName,
    path: ResourcePath,
    state: ui.State,
    methods: Annotated[str, typer.Option(help="Comma-separated, or all.")] = "all",
) -> None:
    """Be asked when a client wants a resource that no other rule allows or denies.

    See 'leafkey consent' for how to answer. The rule counts from the client's next ticket on.
    """
    rule = Rule(
        allow=None,
        path=units.path(path),
        methods=units.methods(methods),
        created_at=int(time.time()),
    )
    _add(state, rule, client, server)


@app.command("list")
def list_rules(state: ui.State, as_json: ui.Json = False) -> None:
    """List the rules, those that are over included."""
    now = int(time.time())
    with ui.opened(state) as store, store.transaction() as session:
        records = [_record(rule, now) for rule in session.scalars(select(Rule).order_by(Rule.id))]
    nothing = "no rules; allow something with 'leafkey policy allow CLIENT SERVER PATH'"
    ui.show_records(records, as_json, nothing)


@app.command()
def remove(
    rule_id: Annotated[int, typer.Argument(metavar="ID", help="As 'policy list' shows it.")],
    state: ui.State,
) -> None:
    """Remove a rule. Tickets that were granted by it stay valid until they end."""
    with ui.opened(state) as store, store.transaction() as session:
        rule = session.get(Rule, rule_id)
        if rule is None:
            raise ManagerError(f"there is no rule {rule_id}", "see 'leafkey policy list'")
        session.delete(rule)
    ui.done(f"rule {rule_id} removed; it counts no more from the next ticket on")


def _add(state, rule: Rule, client: str, server: str) -> None:
    with ui.opened(state) as store, store.transaction() as session:
        rule.client = cam_clients.named(session, client, int(time.time()))
        node = provision.find_node(session, server, provision.SERVER)
        rule.server = session.get_one(Server, node.id)
        _check_bearer(rule)
        session.add(rule)
        session.flush()
        number = rule.id
    ui.done(f"rule {number}; it counts from the next ticket on")


def _check_bearer(rule: Rule) -> None:
    if rule.level == tokens.BEARER and rule.server.at_len < 16:
        raise ManagerError(
            f"{rule.server.node.name} has ATs of {rule.server.at_len} bytes; bearer demands 16",
            "choose --level pop",
        )


def _record(rule: Rule, now: int) -> dict[str, object]:
    return {
        "id": rule.id,
        "rule": _ACTIONS[rule.allow],
        "client": rule.client.name,
        "server": rule.server.node.name,
        "path": rule.path,
        "methods": units.methods_text(rule.methods),
        "level": None if rule.level is None else units.choice_text(tokens.LEVELS, rule.level),
        "until": ui.moment(rule.ends_at),
        "ats_left": rule.ats_left,
        "per_at": per_at.text(per_at.of(rule)),
        "authorization": rule.authorization,
        "state": "in force" if in_force(rule, now) else "over",
    }
