"""Where a CAM is kept, for the commands of `leafkey cam`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from leafmanager.cam.tables import CAM
from leafmanager.cli import ui
from leafmanager.store import database
from leafmanager.store.database import Store


def default_state() -> Path:
    """Return where a CAM lives unless --state or LEAFKEY_CAM_STATE says otherwise."""
    return ui.default_state().with_name("leafkey-cam")


State = Annotated[
    Path,
    typer.Option(
        "--state",
        envvar="LEAFKEY_CAM_STATE",
        default_factory=default_state,
        show_default="the user's data directory",
        help="Directory that holds the CAM.",
    ),
]


@contextmanager
def opened(state: Path) -> Iterator[Store]:
    """Open the CAM in a directory, and let go of it at the end."""
    store = database.open_existing(state, CAM)
    try:
        yield store
    finally:
        store.close()
