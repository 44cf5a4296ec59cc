"""`leafkey group`: groups that share a key, and who is in them."""

import time
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.group import labels
from leafmanager import audiences, cam_clients, scopes, units
from leafmanager.ace import tokens
from leafmanager.cli import ui
from leafmanager.errors import ManagerError, UsageError
from leafmanager.kdc import groups, rekeying, rights
from leafmanager.kdc.tables import Group, Member
from leafmanager.store.tables import Node, Rule

app = ui.group(
    "Groups that share a key: this manager makes it, gives it to the members, and makes another "
    "one when somebody leaves. Members hear of what you change here while 'leafkey serve' runs, or "
    "when it does again."
)

Name = Annotated[str, typer.Argument(metavar="GROUP", help="The group's name.")]
NodeName = Annotated[str, typer.Argument(metavar="NODE", help="The server's or client's name.")]
# How far num goes on after a copy of the store was brought back: past all that it can have been.
_RESTORED = 1 << 16

Lifetime = Annotated[
    str | None, typer.Option("--lifetime", help="How long a key lasts at most: 12h, 7d.")
]
Delta = Annotated[
    int | None,
    typer.Option("--delta", min=0, help="Seconds for which members read under the key before."),
]
Interval = Annotated[
    int | None, typer.Option("--interval", min=1, help="Seconds after which members may ask.")
]
Forward = Annotated[
    bool | None,
    typer.Option("--forward/--no-forward", help="Who leaves cannot read on."),
]
Backward = Annotated[
    bool | None,
    typer.Option("--backward/--no-backward", help="Who joins cannot read what was before."),
]


@app.command()
def create(
    name: Name,
    state: ui.State,
    kind: Annotated[
        str,
        typer.Option(
            help="pubsub: each publication is signed. symmetric: none is, and members can "
            "impersonate each other. oscore: for Group OSCORE."
        ),
    ] = groups.PUBSUB,
    aead: Annotated[str, typer.Option(help="aes-ccm or chacha20-poly1305.")] = "aes-ccm",
    tree: Annotated[
        bool, typer.Option("--tree", help="Rekey all with one message, by a tree of keys.")
    ] = False,
    lifetime: Lifetime = None,
    delta: Delta = None,
    interval: Interval = None,
    forward: Forward = None,
    backward: Backward = None,
) -> None:
    """Make a group. Let nodes in with 'leafkey policy allow NODE kdc GROUP --roles ...'."""
    if kind not in groups.KINDS:
        raise UsageError(f"{kind!r} is not a kind of group", f"use {', '.join(groups.KINDS)}")
    policy = _changed(groups.Policy(), lifetime, delta, interval, forward, backward)
    scheme = labels.KEY_TREE if tree else labels.POINT_TO_POINT
    with ui.opened(state) as store, store.transaction() as session:
        given = units.name(name), kind, units.aead(aead), scheme, policy
        groups.create(session, *given, int(time.time()))
    ui.done(f"group {name} made; let in with 'leafkey policy allow NODE kdc {name} --roles ...'")


@app.command("list")
def list_groups(state: ui.State, as_json: ui.Json = False) -> None:
    """List the groups."""
    with ui.opened(state) as store, store.transaction() as session:
        found = session.scalars(select(Group).order_by(Group.name))
        records = [_summary(session, group) for group in found]
    ui.show_records(records, as_json, "no groups; make one with 'leafkey group create NAME'")


@app.command()
def show(name: Name, state: ui.State, as_json: ui.Json = False) -> None:
    """Show a group's key number, policy and who is allowed in. Its key is never shown."""
    with ui.opened(state) as store, store.transaction() as session:
        group = groups.named(session, name)
        allowed = _allowed(session, group)
        record = _summary(session, group) | _policy_record(group)
        record["gid"] = group.gid.hex()
        record["rekeyed"] = ui.moment(group.rekeyed_at)
        record["expires"] = ui.moment(groups.expires_at(group))
    if as_json:
        ui.show_json(record | {"allowed": allowed})
        return
    texts = [f"{client} ({roles})" for client, roles in sorted(allowed.items())]
    record["allowed"] = ", ".join(texts) or None
    rows = [
        [key.replace("_", " "), "-" if value is None else str(value)]
        for key, value in record.items()
    ]
    ui.show_table(("", ""), rows, "")


@app.command()
def members(name: Name, state: ui.State, as_json: ui.Json = False) -> None:
    """List who is in a group. `has key`: the last one that it has fetched or confirmed."""
    with ui.opened(state) as store, store.transaction() as session:
        group = groups.named(session, name)
        records = [_member_record(member) for member in groups.members(session, group)]
    ui.show_records(records, as_json, f"nobody is in {name}")


@app.command()
def rekey(
    name: Name,
    state: ui.State,
    restored: Annotated[
        bool,
        typer.Option(
            "--restored", help="The state directory is an old copy that was brought back."
        ),
    ] = False,
) -> None:
    """Put another key in force now.

    After an old copy of the state directory was brought back, do this with --restored for each
    group before 'leafkey serve' runs: members would ignore a key whose number they have had, and
    two of them could be given one Sender ID under the same key.
    """
    with ui.opened(state) as store, store.transaction() as session:
        group = groups.named(session, name)
        rekeying.rekey(session, group, int(time.time()), _RESTORED if restored else 1)
        num = group.num
    ui.done(f"{name} has key {num}")


@app.command()
def evict(name: Name, member: NodeName, state: ui.State) -> None:
    """Put a member out, and let it in no more. The others get another key."""
    now = int(time.time())
    with ui.opened(state) as store, store.transaction() as session:
        group = groups.named(session, name)
        if member not in [one.label for one in groups.members(session, group)]:
            raise ManagerError(
                f"{member!r} is not in {name}", f"see 'leafkey group members {name}'"
            )
        audience = audiences.named(session, scopes.KDC, now)
        denial = Rule(allow=False, path=name, methods=scopes.GROUPS.every, created_at=now)
        denial.client, denial.audience = cam_clients.named(session, member, now), audience
        session.add(denial)
        session.flush()
        tokens.enforce(session, audience, now)
        num, number = group.num, denial.id
    ui.done(f"{member} is out of {name}, which has key {num}; rule {number} says so")


@app.command()
def policy(
    name: Name,
    state: ui.State,
    lifetime: Lifetime = None,
    delta: Delta = None,
    interval: Interval = None,
    forward: Forward = None,
    backward: Backward = None,
    active: Annotated[
        bool | None,
        typer.Option("--active/--inactive", help="OSCORE groups: nobody joins an inactive one."),
    ] = None,
    as_json: ui.Json = False,
) -> None:
    """Change a group's policy, or show it. Members of a key tree, and of OSCORE groups, that leave
    never read on."""
    with ui.opened(state) as store, store.transaction() as session:
        group = groups.named(session, name)
        if active is not None and group.kind != groups.OSCORE:
            raise ManagerError("only an OSCORE group can be inactive", "leave that option out")
        now = groups.policy_of(group)
        groups.set_policy(group, _changed(now, lifetime, delta, interval, forward, backward))
        group.is_active = group.is_active if active is None else active
        record = _policy_record(group)
    if as_json:
        ui.show_json(record)
        return
    ui.show_records([record], False, "")


@app.command()
def delete(name: Name, state: ui.State) -> None:
    """Delete a group, its key and all that is known of its members. They hear that it is gone."""
    now = int(time.time())
    with ui.opened(state) as store, store.transaction() as session:
        groups.delete(session, groups.named(session, name), now)
    ui.done(f"group {name} deleted")


def _changed(
    now: groups.Policy,
    lifetime: str | None,
    delta: int | None,
    interval: int | None,
    forward: bool | None,
    backward: bool | None,
) -> groups.Policy:
    given = {
        "lifetime": units.duration(lifetime) if lifetime else None,
        "delta": delta,
        "check_interval": interval,
        "has_forward": forward,
        "has_backward": backward,
    }
    return now._replace(**{name: value for name, value in given.items() if value is not None})


def _allowed(session: Session, group: Group) -> dict[str, str]:
    """Return the roles that rules allow in a group, by client."""
    now, allowed = int(time.time()), {}
    clients = select(Rule.client_id).join(Node, Rule.audience_id == Node.id)
    for number in session.scalars(clients.where(Node.name == scopes.KDC).distinct()):
        roles = rights.of_node(session, number, group.name, now).roles
        text = groups.roles_text(group.kind, roles)
        if text:
            allowed[session.get_one(Node, number).name] = text
    return allowed


def _summary(session: Session, group: Group) -> dict[str, object]:
    return {
        "name": group.name,
        "kind": group.kind,
        "aead": units.choice_text(units.AEADS, group.alg),
        "rekeying": "tree" if group.scheme == labels.KEY_TREE else "point to point",
        "key": group.num,
        "members": len(groups.members(session, group)),
    }


def _policy_record(group: Group) -> dict[str, object]:
    return {
        "lifetime": units.duration_text(group.lifetime),
        "delta": group.delta,
        "interval": group.check_interval,
        "forward": group.has_forward,
        "backward": group.has_backward,
        "active": group.is_active,
    }


def _member_record(member: Member) -> dict[str, object]:
    return {
        "member": member.label,
        "roles": groups.roles_text(member.group.kind, member.roles),
        "sender_id": None if member.sender_id is None else member.sender_id.hex(),
        "node_name": member.name,
        "has_key": member.told,
        "joined": ui.moment(member.joined_at),
        "until": ui.moment(member.expires_at),
    }
