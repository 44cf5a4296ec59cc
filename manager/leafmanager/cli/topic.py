"""`leafkey topic`: what members of groups publish on, through this manager as their broker."""

import time
from typing import Annotated

import typer

from leafmanager.broker import topics
from leafmanager.cli import ui
from leafmanager.kdc import groups

app = ui.group(
    "Topics: what is published on one goes through this manager, which cannot read it. Members of "
    "its group publish and read, in the roles that they have there, and whom 'leafkey policy allow "
    "CLIENT broker TOPIC' lets in."
)

Name = Annotated[str, typer.Argument(metavar="TOPIC", help="The topic's name, like floor2/temp.")]


@app.command()
def create(
    name: Name,
    state: ui.State,
    group: Annotated[
        str | None,
        typer.Option("--group", help="The group whose members publish and read."),
    ] = None,
) -> None:
    """Make a topic. Nothing is published on it yet, but it can be subscribed to."""
    with ui.opened(state) as store, store.transaction() as session:
        found = None if group is None else groups.named(session, group)
        topics.create(session, name, found, int(time.time()))
    ui.done(f"topic {name} made" + (f", for members of {group}" if group else ""))


@app.command("list")
def list_topics(state: ui.State, as_json: ui.Json = False) -> None:
    """List the topics. What was published last is shown by its size alone: it is sealed."""
    with ui.opened(state) as store, store.transaction() as session:
        records = [
            {
                "topic": topic.name,
                "group": topic.group.name if topic.group else None,
                "bytes": None if topic.content is None else len(topic.content),
                "made": ui.moment(topic.created_at),
            }
            for topic in topics.every(session)
        ]
    ui.show_records(records, as_json, "no topics; make one with 'leafkey topic create TOPIC'")


@app.command()
def delete(name: Name, state: ui.State) -> None:
    """Delete a topic, and what was published last. Who has subscribed hears that it is gone."""
    with ui.opened(state) as store, store.transaction() as session:
        topics.delete(session, topics.named(session, name))
    ui.done(f"topic {name} deleted")
