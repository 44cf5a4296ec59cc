"""`leafkey policy`: the owner's rules."""

import time
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from leafkey.ace import aif
from leafkey.pat import tokens as pat
from leafmanager import audiences, cam_clients, per_at, scopes, units
from leafmanager.ace import tokens
from leafmanager.cli import limits, ui
from leafmanager.errors import ManagerError, UsageError
from leafmanager.policy import ENDORSED, IMPLICIT, in_force
from leafmanager.store.tables import Rule, Server

app = ui.group(
    "The owner's rules: who may do what where. What no rule allows is denied, unless the owner is "
    "to be asked; a denial outweighs every permission. A change counts from the next ticket on: "
    "tickets that are out stay valid. Access tokens end with the rules that allow them."
)

Client = Annotated[
    str,
    typer.Argument(
        metavar="CLIENT",
        help="The client's name; CAM/NAME for a client of a CAM, 'CAM/*' for all of them.",
    ),
]
ServerName = Annotated[
    str,
    typer.Argument(
        metavar="SERVER",
        help="The server's name; kdc for groups, broker for topics, of this manager.",
    ),
]
ResourcePath = Annotated[
    str,
    typer.Argument(
        metavar="PATH",
        help="/temp, or '/room/*' for all below /room; the name of a group or topic, or '*'.",
    ),
]
Methods = Annotated[str | None, typer.Option(help="Comma-separated, or all.", show_default="GET")]
AllMethods = Annotated[
    str | None, typer.Option("--methods", help="Comma-separated, or all.", show_default="all")
]
Roles = Annotated[
    str | None,
    typer.Option(
        help="In a group: publish, read, delete; requester, responder, monitor, verifier; or all. "
        "On a topic: publish, read, delete."
    ),
]
MAX_ATS = pat.MAX_NUMBERS
_ACTIONS = {True: "allow", False: "deny", None: "ask"}


@app.command()
def allow(
    client: Client,
    server: ServerName,
    path: ResourcePath,
    state: ui.State,
    methods: Methods = None,
    roles: Roles = None,
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
    if implicit and (
        endorsed or path != "/*" or units.methods(methods or "GET") != aif.ALL_METHODS
    ):
        raise ManagerError(
            "--implicit leaves nothing to check: it allows everything, and has no other source",
            "give '/*' with --methods all, and no --endorsed",
        )
    now = int(time.time())
    ends_at = now + units.duration(duration) if duration else None
    rule = Rule(
        allow=True,
        level=units.level(level) if level else None,
        ends_at=ends_at,
        ats_left=ats,
        notifications_per_at=notifications_per_at,
        seconds_per_at=seconds_per_at,
        requests_per_at=requests_per_at,
        authorization=IMPLICIT if implicit else ENDORSED if endorsed else None,
        created_at=now,
    )
    wanted = "GET" if methods is None and roles is None else methods
    _add(state, rule, (client, server), path, wanted, roles)


@app.command()
def deny(
    client: Client,
    server: ServerName,
    path: ResourcePath,
    state: ui.State,
    methods: AllMethods = None,
    roles: Roles = None,
) -> None:
    """Deny a client a resource of a server, whatever other rules allow.

    The rule counts from the client's next ticket on.
    """
    rule = Rule(allow=False, created_at=int(time.time()))
    _add(state, rule, (client, server), path, methods, roles)


@app.command()
def ask(
    client: Client,
    server: ServerName,
    path: ResourcePath,
    state: ui.State,
    methods: AllMethods = None,
    roles: Roles = None,
) -> None:
    """Be asked when a client wants a resource that no other rule allows or denies.

    See 'leafkey consent' for how to answer. The rule counts from the client's next ticket on.
    """
    rule = Rule(allow=None, created_at=int(time.time()))
    _add(state, rule, (client, server), path, methods, roles)


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
        audience = rule.audience
        session.delete(rule)
        session.flush()
        ended = tokens.enforce(session, audience, int(time.time()))
    text = f"rule {rule_id} removed; it counts no more from the next ticket on"
    ui.done(text + _ended_text(ended))


def _add(
    state: Path,
    rule: Rule,
    ends: tuple[str, str],
    path: str,
    methods: str | None,
    roles: str | None,
) -> None:
    """Store a rule about (client, audience); without methods or roles it is about all of them."""
    now = int(time.time())
    with ui.opened(state) as store, store.transaction() as session:
        is_own = ends[1] in audiences.OWN
        rule.client = (cam_clients.holder if is_own else cam_clients.named)(session, ends[0], now)
        rule.audience = audience = audiences.named(session, ends[1], now)
        if isinstance(audience, Server):
            _describe(rule, path, methods, roles)
            _check_bearer(rule, audience)
        else:
            _describe_own(rule, path, methods, roles)
        session.add(rule)
        session.flush()
        ended = tokens.enforce(session, audience, now)
        number = rule.id
    ui.done(f"rule {number}; it counts from the next ticket on" + _ended_text(ended))


def _describe(rule: Rule, path: str, methods: str | None, roles: str | None) -> None:
    if roles is not None:
        raise UsageError("--roles are for kdc and broker", "choose --methods")
    rule.path, rule.methods = units.path(path), units.methods("all" if methods is None else methods)


def _describe_own(rule: Rule, path: str, methods: str | None, roles: str | None) -> None:
    name = rule.audience.node.name
    if methods is not None:
        raise UsageError(f"{name} has roles", "choose them, as in --roles publish,read")
    if any(value is not None for value in _of_tickets(rule)):
        raise UsageError(f"{name} gives no tickets", "of the limits, --for alone is for it")
    rule.path = units.group(path)
    rule.methods = units.roles("all" if roles is None else roles, scopes.of(rule.audience))


def _of_tickets(rule: Rule) -> tuple:
    limits = per_at.of(rule)
    return rule.level, rule.ats_left, rule.authorization, limits


def _ended_text(ended: list) -> str:
    return f"; {units.counted(len(ended), 'access token')} void" if ended else ""


def _check_bearer(rule: Rule, server: Server) -> None:
    if rule.level == pat.BEARER and server.at_len < 16:
        raise ManagerError(
            f"{server.node.name} has ATs of {server.at_len} bytes; bearer demands 16",
            "choose --level pop",
        )


def _record(rule: Rule, now: int) -> dict[str, object]:
    return {
        "id": rule.id,
        "rule": _ACTIONS[rule.allow],
        "client": rule.client.name,
        "server": rule.audience.node.name,
        "path": rule.path,
        "methods": units.bits_text(rule.methods, scopes.of(rule.audience)),
        "level": None if rule.level is None else units.choice_text(pat.LEVELS, rule.level),
        "until": ui.moment(rule.ends_at),
        "ats_left": rule.ats_left,
        "per_at": per_at.text(per_at.of(rule)),
        "authorization": rule.authorization,
        "state": "in force" if in_force(rule, now) else "over",
    }
