"""`leafkey pseudonym`: for a third party that the owner lets recognize a client."""

import time
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from leafkey.crypto.provider import default_provider
from leafkey.pat import functions
from leafmanager import issue, provision
from leafmanager.cli import ui
from leafmanager.errors import ManagerError
from leafmanager.slots import has_expired, live_grants
from leafmanager.store.tables import Grant, Server


def pseudonym(
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="The client's name.")],
    state: ui.State,
    server: Annotated[str, typer.Option("--server", metavar="SERVER", help="Where it is known.")],
    first: Annotated[
        bool, typer.Option("--first", help="Print pseudonym 1, by which the server knows it.")
    ] = False,
) -> None:
    """Print PsK of a client's present ticket for a server, as hexadecimal.

    Whoever has it can compute every pseudonym of the client under this ticket, and so tell which
    requests that the server's application speaks of are the client's. It opens no message, gives no
    access, and tells nothing about tickets before and after. See section 3.4 of SPEC.md.
    """
    with ui.opened(state) as store, store.transaction() as session:
        grant = _held(session, client, server)
        psk = issue.pseudonym_key(grant)
        suite = functions.suite(default_provider(), grant.server.suite)
    print((suite.f(functions.PSEUDONYM, psk, 1) if first else psk).hex())
    ui.done(
        f"whoever has this can tell what {client} asks of {server} under its present ticket, if "
        f"{server} passes on pseudonyms; give it to nobody else"
    )


def _held(session: Session, client: str, name: str) -> Grant:
    node = provision.find_node(session, client, provision.CLIENT)
    server = session.get_one(Server, provision.find_node(session, name, provision.SERVER).id)
    for _, grant in live_grants(session, server):
        if grant.client_id == node.id and not has_expired(grant, int(time.time())):
            return grant
    raise ManagerError(
        f"{client} holds no ticket for {name}",
        "a pseudonym belongs to a ticket: let the client ask for one first",
    )
