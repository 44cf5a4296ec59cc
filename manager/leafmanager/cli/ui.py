"""How the command line speaks. These rules hold for every command.

- Results go to stdout, and only results: what a script reads. With --json they are JSON, one
  document, or one object a line from a command that goes on.
- Everything else goes to stderr: confirmations, hints, errors.
- An error is two lines: "error: what is wrong", then what to do. No traceback for a user's mistake.
- Exit codes: 0 done; 1 it could not be done; 2 the command line itself is wrong.
- Secrets go only into files made for them, mode 0600; the exceptions are `derive` and
  `pseudonym`, whose very purpose is to print one.
- No question is asked unless a person sits at the terminal, and every question has an option.
- What came from a peer is printed with control characters escaped.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from leafmanager.errors import ManagerError
from leafmanager.events import printable
from leafmanager.store import database
from leafmanager.store.database import Store

# Wide enough that nothing is cut when a file or a pipe takes the place of the terminal.
_PIPE_WIDTH = 400


def default_state() -> Path:
    """Return where a manager lives unless --state or LEAFKEY_STATE says otherwise."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "leafkey"
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "leafkey"


State = Annotated[
    Path,
    typer.Option(
        "--state",
        envvar="LEAFKEY_STATE",
        default_factory=default_state,
        show_default="the user's data directory",
        help="Directory that holds the manager.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="File for the node's identity.", show_default="NAME.identity"),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]


def group(help_text: str) -> typer.Typer:
    """Return an empty group of commands that shows its help when called without one.

    Exceptions are left to `main` and to Python: typer's own display would show local variables.
    """
    return typer.Typer(
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )


@contextmanager
def opened(state: Path) -> Iterator[Store]:
    """Open the manager in a directory, and let go of it at the end."""
    store = database.open_existing(state)
    try:
        yield store
    finally:
        store.close()


def done(text: str) -> None:
    """Tell a person what was done."""
    print(printable(text), file=sys.stderr)


def fail(error: ManagerError) -> None:
    """Print an error and what to do about it."""
    print(f"error: {printable(str(error))}\n  {printable(error.advice)}", file=sys.stderr)


def show_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(value, indent=2))


def show_table(heads: Sequence[str], rows: list[list[str]], nothing: str) -> None:
    """Print a table; `nothing` goes to stderr in its place when there are no rows."""
    if not rows:
        done(nothing)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    _console().print(table)


def show_records(records: list[dict[str, object]], as_json: bool, nothing: str) -> None:
    """Print records with the same keys as JSON, or as a table headed by the keys."""
    if as_json:
        show_json(records)
        return
    rows = [[_cell(value) for value in record.values()] for record in records]
    show_table([key.replace("_", " ") for key in (records or [{}])[0]], rows, nothing)


def moment(seconds: int | None) -> str | None:
    """Return a time as a person of this time zone writes it, in ISO 8601."""
    if seconds is None:
        return None
    return time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(seconds))


def ask(question: str, default: str) -> str:
    """Ask the person at the terminal; without one, take the default."""
    if not sys.stdin.isatty():
        return default
    return typer.prompt(question, default=default, err=True)


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _console() -> Console:
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    return Console(width=width, highlight=False, emoji=False, markup=False)
