"""`leafkey consent`: the owner is asked, and answers."""

import json
import time
from typing import Annotated

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.ace import aif
from leafkey.pat import tokens
from leafmanager import consent, decisions, scopes, units
from leafmanager.cli import ui
from leafmanager.decisions import Terms
from leafmanager.errors import UsageError
from leafmanager.events import printable
from leafmanager.store.database import Store
from leafmanager.store.tables import Consent, Grant

app = ui.group(
    "Requests that no rule decides wait for the owner: of which servers and resources is said by "
    "'leafkey server add --consent' and 'leafkey policy ask'. A question that nobody answers in "
    "time is refused."
)

Number = Annotated[int, typer.Argument(metavar="ID", help="As 'consent list' shows it.")]
_LOOK_SECONDS = 0.2


@app.command("list")
def list_questions(
    state: ui.State,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    as_json: ui.Json = False,
) -> None:
    """List the open questions: who wants to do what, where, since when."""
    with ui.opened(state) as store:
        records = [
            record for record in _records(store) if everything or record["state"] == consent.OPEN
        ]
    ui.show_records(records, as_json, "nothing waits for your consent")


@app.command()
def watch(state: ui.State, as_json: ui.Json = False) -> None:
    """Show the open questions, and then each question and each answer as they come.

    Ends when interrupted. With --json, one object a line.
    """
    with ui.opened(state) as store:
        try:
            _follow(store, as_json)
        except KeyboardInterrupt:
            return


@app.command()
def approve(
    number: Number,
    state: ui.State,
    once: Annotated[
        bool, typer.Option("--once", help="One AT: one request. This is the default.")
    ] = False,
    duration: Annotated[str | None, typer.Option("--for", help="45s, 1h, 7d.")] = None,
    ats: Annotated[
        int | None,
        typer.Option(min=1, max=tokens.MAX_NUMBERS, help="How many ATs, renewals included."),
    ] = None,
    always: Annotated[bool, typer.Option("--always", help="Without an end.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only this part: /vent, GET, or 'GET,PUT /vent'. May be repeated."),
    ] = None,
) -> None:
    """Say yes. It becomes rules, which 'policy list' shows, and a ticket for the client.

    A request takes one AT; of a fresh resource, two. What --only leaves out is refused. Where an
    access token is asked for, no requests are counted: say --for or --always.
    """
    now = int(time.time())
    terms = _terms(once, duration, ats, always, now)
    with ui.opened(state) as store, store.transaction() as session:
        vocabulary = decisions.asked_for(session, number)
        narrowed = [units.part(text, vocabulary) for text in only or ()]
        grant = decisions.approve(session, number, narrowed, terms, now)
        done = _grant_text(grant) if grant else f"question {number}: approved"
    ui.done(done)


@app.command()
def deny(
    number: Number,
    state: ui.State,
    duration: Annotated[
        str | None,
        typer.Option("--for", help="Do not ask the same again for: 1h, 7d.", show_default="1m"),
    ] = None,
    always: Annotated[bool, typer.Option("--always", help="Never ask again: a rule.")] = False,
) -> None:
    """Say no."""
    if always and duration:
        raise UsageError("--always and --for exclude each other", "choose one")
    seconds = units.duration(duration) if duration else consent.REFUSAL_SECONDS
    with ui.opened(state) as store, store.transaction() as session:
        decisions.deny(session, number, None if always else seconds, int(time.time()))
    ui.done(f"question {number}: denied")


@app.command()
def withdraw(number: Number, state: ui.State) -> None:
    """Take a yes back: its rules go, and what the client got by them ends, ticket or access token.

    'leafkey serve' tells the server at once, or as soon as it is back.
    """
    with ui.opened(state) as store, store.transaction() as session:
        ended = decisions.withdraw(session, number, int(time.time()))
    ui.done(f"question {number}: taken back, {units.counted(ended, 'grant')} ended")


def _terms(once: bool, duration: str | None, ats: int | None, always: bool, now: int) -> Terms:
    if once + always + bool(duration or ats) > 1:
        raise UsageError("--once, --always and limits exclude each other", "choose one")
    if always or duration or ats:
        return Terms(ats, now + units.duration(duration) if duration else None)
    return decisions.ONCE


def _grant_text(grant: Grant) -> str:
    what = f"{aif.text(aif.decode(grant.permissions))} on {grant.server.node.name}"
    return (
        f"{grant.client.name} may: {what}, with {units.counted(grant.last + 1 - grant.first, 'AT')}"
    )


def _follow(store: Store, as_json: bool) -> None:
    known = {record["id"]: record for record in _records(store) if record["state"] != consent.OPEN}
    changes = store.changes()
    try:
        while True:
            # Silence changes a question, but nothing in the database.
            changed = changes.any() or any(x["state"] == consent.OPEN for x in known.values())
            for record in _records(store) if changed else ():
                if known.get(record["id"]) != record:
                    print(json.dumps(record) if as_json else _line(record), flush=True)
                known[record["id"]] = record
            time.sleep(_LOOK_SECONDS)
    finally:
        changes.close()


def _line(record: dict[str, object]) -> str:
    number, answer = record["id"], record["state"]
    question = f"{record['client']} wants to {record['asks']} on {record['server']}"
    if answer != consent.OPEN:
        return printable(f"{number}  {answer}: {question}")
    often = "again" if record["asked_before"] else "for the first time"
    advice = f"leafkey consent approve {number}, or deny {number}"
    return printable(f"{number}  {question}, asked {record['asked']} {often}: {advice}")


def _records(store: Store) -> list[dict[str, object]]:
    now = int(time.time())
    with store.transaction() as session:
        found = session.scalars(select(Consent).order_by(Consent.id))
        return [_record(session, asked, now) for asked in found]


def _record(session: Session, asked: Consent, now: int) -> dict[str, object]:
    return {
        "id": asked.id,
        "client": asked.client.name,
        "server": asked.audience.node.name,
        "asks": scopes.of(asked.audience).text(scopes.stored(asked.scope)),
        "asked": ui.moment(asked.asked_at),
        "times": asked.times,
        "asked_before": consent.asked_before(session, asked),
        "until": ui.moment(asked.expires_at),
        "state": consent.state(asked, now),
        "decided": ui.moment(asked.decided_at),
    }
