"""`leafkey channel` and `leafkey cam channel`: what nodes and their manager share."""

from contextlib import AbstractContextManager
from typing import Annotated

import typer
from sqlalchemy import select, update

from leafmanager.cli import cam_state, ui
from leafmanager.errors import ManagerError, UsageError
from leafmanager.store.database import Store
from leafmanager.store.tables import Channel, Node

_HELP = (
    "The channels between nodes and this manager. Their keys are made anew at each start of either "
    "end, and at least once a day."
)
app = ui.group(_HELP)
cams = ui.group(_HELP)

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="The node's name.")]
All = Annotated[bool, typer.Option("--all", help="Of all nodes.")]


@app.command("rotate")
def rotate(state: ui.State, name: Name = None, everybody: All = False) -> None:
    """Have new keys made with the next message between a node and this manager.

    Nothing is lost of what is under way. It heals no leak of what a node was provisioned with.
    """
    _rotate(ui.opened(state), name, everybody)


@cams.command("rotate")
def rotate_at_cam(state: cam_state.State, name: Name = None, everybody: All = False) -> None:
    """Have new keys made with the next message between a client and this CAM.

    Nothing is lost of what is under way. It heals no leak of what a client was provisioned with.
    """
    _rotate(cam_state.opened(state), name, everybody)


def _rotate(opening: AbstractContextManager[Store], name: str | None, everybody: bool) -> None:
    if (name is None) != everybody:
        raise UsageError("whose channel?", "name a node, or use --all")
    rotated = update(Channel).values(rotations=Channel.rotations + 1)
    with opening as store, store.transaction() as session:
        if name is not None:
            found = session.scalar(select(Channel).join(Node).where(Node.name == name))
            if found is None:
                raise ManagerError(
                    f"there is no node named {name!r} with a channel of its own",
                    "see 'leafkey server list' and 'leafkey client list'",
                )
            rotated = rotated.where(Channel.node_id == found.node_id)
        session.execute(rotated)
    ui.done(f"{name or 'every node'}: new keys with the next message")
