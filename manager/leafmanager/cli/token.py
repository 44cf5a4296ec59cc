"""`leafkey token`: the access tokens that were made, and what one says."""

import base64
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from leafmanager import scopes
from leafmanager.ace import tokens
from leafmanager.ace.tables import AccessToken
from leafmanager.cli import ui
from leafmanager.errors import ManagerError
from leafmanager.trl import token_hash

app = ui.group(
    "The access tokens of ACE clients: for servers that take them, see 'leafkey server add --ace', "
    "and for kdc and broker. 'leafkey policy' says who gets one."
)


@app.command("list")
def list_tokens(
    state: ui.State,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    as_json: ui.Json = False,
) -> None:
    """List the access tokens: who may do what where, until when."""
    now = int(time.time())
    with ui.opened(state) as store, store.transaction() as session:
        found = session.scalars(select(AccessToken).order_by(AccessToken.id)).all()
        records = [_record(row, now) for row in found if everything or tokens.is_live(row, now)]
    ui.show_records(records, as_json, "no access tokens")


@app.command()
def revoke(
    number: Annotated[int, typer.Argument(metavar="ID", help="As 'token list' shows it.")],
    state: ui.State,
) -> None:
    """End one access token. The rules stay: its client may get another one.

    The kdc and the broker refuse it at once, a server as soon as it has read the revocation list or
    asked what the token is.
    """
    now = int(time.time())
    with ui.opened(state) as store, store.transaction() as session:
        row = session.get(AccessToken, number)
        if row is None or not tokens.is_live(row, now):
            raise ManagerError(f"there is no access token {number}", "see 'leafkey token list'")
        tokens.end(session, [row], now)
    ui.done(f"access token {number}: revoked")


@app.command()
def introspect(
    state: ui.State,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="In bytes, hex or base64.", show_default="stdin, hex or base64"
        ),
    ] = None,
    as_json: ui.Json = False,
) -> None:
    """Say whose an access token is, what it allows, and whether it stands; never its keys."""
    data = _read(file)
    now = int(time.time())
    with ui.opened(state) as store, store.transaction() as session:
        row = _find(session, data)
        if row is None:
            raise ManagerError(
                "this is no access token of this manager", "see 'leafkey token list'"
            )
        records = [_record(row, now)]
    ui.show_records(records, as_json, "")


def _find(session: Session, token: bytes) -> AccessToken | None:
    known = AccessToken.token_hash == token_hash(token)
    return session.scalar(select(AccessToken).where(known))


def _read(file: Path | None) -> bytes:
    try:
        data = sys.stdin.read().encode() if file is None else file.read_bytes()
    except OSError as error:
        raise ManagerError(f"{file} cannot be read: {error.strerror}", "name a file") from None
    return _decoded(data)


def _decoded(data: bytes) -> bytes:
    """Return what text stands for, or the bytes that are none."""
    text = data.strip()
    for decode in (bytes.fromhex, _base64):
        try:
            return decode(text.decode("ascii"))
        except ValueError:
            continue
    return data


def _base64(text: str) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=True)


def _record(row: AccessToken, now: int) -> dict[str, object]:
    return {
        "id": row.id,
        "client": row.client.name,
        "audience": row.audience.node.name,
        "scope": scopes.of(row.audience).text(scopes.stored(row.scope)),
        "key": row.kid.hex(),
        "issued": ui.moment(row.issued_at),
        "expires": ui.moment(row.issued_at + row.exi if row.exi else row.expires_at),
        "state": "revoked" if row.ended_at else "active" if tokens.is_live(row, now) else "over",
    }
