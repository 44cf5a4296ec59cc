"""`leafkey revoke`, `renew`, `ratchet`, `replace` and `pending`: the owner changes his mind."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from leafmanager import audiences, cam_clients, provision, revocation, slots, units, versions
from leafmanager.ace import tokens
from leafmanager.cli import delivery, ui
from leafmanager.cli.delivery import Wait
from leafmanager.store.tables import Audience, Node, Server

Client = Annotated[str, typer.Argument(metavar="CLIENT", help="The client's name, or CAM/CLIENT.")]
ServerName = Annotated[str, typer.Argument(metavar="SERVER", help="The server's name.")]


def revoke(
    client: Client,
    state: ui.State,
    server: Annotated[
        str | None, typer.Option("--server", metavar="SERVER", help="There alone, or kdc, broker.")
    ] = None,
    wait: Wait = delivery.WAIT_SECONDS,
    as_json: ui.Json = False,
) -> None:
    """Take everything back from a client: it is refused at its next request.

    Its rules end, its tickets and access tokens are void, and its observations end. A server that
    is off is told when it is back, or by any client that comes to it. What you allow the client
    later counts again.
    """
    now = int(time.time())
    with ui.opened(state) as store:
        with store.transaction() as session:
            node = cam_clients.holder(session, client, now)
            found = [audiences.named(session, server, now)] if server else _audiences(session)
            told = revocation.revoke(session, node, found, now)
            wanted = [delivery.awaited(one) for one in told]
        if not wanted:
            ui.done(f"{client} is allowed nothing any more; it holds no ticket")
        delivery.report(store, state, wanted, wait, as_json)


def renew(
    client: Client,
    state: ui.State,
    server: Annotated[str, typer.Option("--server", metavar="SERVER", help="For which server.")],
    wait: Wait = delivery.WAIT_SECONDS,
    as_json: ui.Json = False,
) -> None:
    """Void a client's ticket for a server, in case somebody else has it.

    Its rules stay: the client is refused once, and gets a fresh ticket by itself.
    """
    now = int(time.time())
    with ui.opened(state) as store:
        with store.transaction() as session:
            found = _server(session, server)
            revocation.renew(session, cam_clients.named(session, client, now), found, now)
            wanted = [delivery.awaited(found)]
        delivery.report(store, state, wanted, wait, as_json)


def ratchet(
    server: ServerName,
    state: ui.State,
    wait: Wait = delivery.WAIT_SECONDS,
    as_json: ui.Json = False,
) -> None:
    """Move a server's secret on: all tickets for it are void, and what was captured before is dead.

    Clients get fresh tickets by themselves, as far as rules allow. It heals no leak of the secret
    itself: that takes 'leafkey replace'.
    """
    apply(state, server, slots.ratchet, wait, as_json)


def replace(
    server: ServerName,
    state: ui.State,
    wait: Wait = delivery.WAIT_SECONDS,
    as_json: ui.Json = False,
) -> None:
    """Give a server a fresh secret: after the old one leaked, or a backup of the manager came back.

    All tickets for it are void; clients get fresh ones by themselves, as far as rules allow. The
    secret travels in the server's own channel: no client can carry it.
    """
    apply(state, server, slots.begin_epoch, wait, as_json)


def pending(state: ui.State, as_json: ui.Json = False) -> None:
    """List what servers have not confirmed yet, the oldest first, and who can tell them."""
    with ui.opened(state) as store, store.transaction() as session:
        records = [
            _record(server, version, bool(versions.following(session, server)))
            for server in _servers(session)
            for version in versions.unconfirmed(session, server)
        ]
    ui.show_records(records, as_json, "nothing is pending: all servers know everything")


def apply(
    state: Path,
    server: str,
    change: Callable[[Session, Server, int], object],
    wait: float,
    as_json: bool,
) -> None:
    """Change a server in one transaction, `change(session, server, now)`, and let it know."""
    with ui.opened(state) as store:
        with store.transaction() as session:
            found = _server(session, server)
            change(session, found, int(time.time()))
            wanted = [delivery.awaited(found)]
        delivery.report(store, state, wanted, wait, as_json)


def resize(
    name: ServerName,
    state: ui.State,
    n_clients: Annotated[
        int | None,
        typer.Option("--slots", help="Clients at the same time (N).", show_default=False),
    ] = None,
    ace: Annotated[
        bool | None,
        typer.Option(
            "--ace/--no-ace", help="It takes access tokens of ACE, too.", show_default=False
        ),
    ] = None,
    wait: Wait = delivery.WAIT_SECONDS,
    as_json: ui.Json = False,
) -> None:
    """Change how many clients a server has room for, while it serves, and what it takes.

    With fewer slots, tickets in the last ones are void; their clients ask again, and wait if there
    is no room. What ranges say of the last slots ends, too. With --no-ace, access tokens are void.
    """
    if ace is not None:
        _set_ace(state, name, ace)
    if n_clients is None:
        return
    now = int(time.time())
    with ui.opened(state) as store:
        with store.transaction() as session:
            found = _server(session, name)
            ended = slots.resize(session, found, n_clients, now)
            provision.check_shape(session, found, now)
            text = units.counted(len(ended), "ticket")
            wanted = [delivery.awaited(found)]
        ui.done(f"{name}: {n_clients} slots" + (f"; {text} void" if ended else ""))
        delivery.report(store, state, wanted, wait, as_json)


def _set_ace(state: Path, name: str, ace: bool) -> None:
    now = int(time.time())
    with ui.opened(state) as store, store.transaction() as session:
        found = _server(session, name)
        found.takes_tokens = ace
        rows = [row for row in tokens.live(session, now) if row.audience_id == found.node_id]
        if not ace:
            tokens.end(session, rows, now)
    ui.done(f"{name}: takes {'access tokens, too' if ace else 'no access tokens'}")


def _server(session: Session, name: str) -> Server:
    node = provision.find_node(session, name, provision.SERVER)
    return session.get_one(Server, node.id, with_for_update={"of": Server})


def _audiences(session: Session) -> list[Audience]:
    return list(session.scalars(select(Audience).join(Node).order_by(Node.name)))


def _servers(session: Session) -> list[Server]:
    return list(session.scalars(select(Server).join(Node).order_by(Node.name)))


def _record(server: Server, version, carried: bool) -> dict[str, object]:
    return {
        "server": server.node.name,
        "version": version.number,
        "what": version.text,
        "since": ui.moment(version.decided_at),
        "off_since": ui.moment(server.off_since),
        "told_by": "the manager or any client" if carried else "the manager",
    }
