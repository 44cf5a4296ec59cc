"""`leafkey`: the groups of commands put together, and what happens to errors."""

import sys

from leafmanager.cli import (
    bridge,
    cam,
    changes,
    channel,
    consent,
    derive,
    grants,
    group,
    manager,
    nodes,
    pseudonym,
    ranges,
    rules,
    token,
    topic,
    ui,
)
from leafmanager.errors import ManagerError, UsageError

app = ui.group("Authorization for constrained devices: an owner's manager and its tools.")
app.command("init")(manager.init)
app.command("serve")(manager.serve)
nodes.servers.command("set")(changes.resize)
nodes.servers.add_typer(ranges.app, name="range")
app.add_typer(nodes.servers, name="server")
app.add_typer(nodes.clients, name="client")
app.add_typer(channel.app, name="channel")
app.add_typer(rules.app, name="policy")
app.add_typer(consent.app, name="consent")
app.add_typer(grants.app, name="grant")
app.add_typer(token.app, name="token")
app.add_typer(group.app, name="group")
app.add_typer(topic.app, name="topic")
app.command("revoke")(changes.revoke)
app.command("renew")(changes.renew)
app.command("ratchet")(changes.ratchet)
app.command("replace")(changes.replace)
app.command("pending")(changes.pending)
app.add_typer(cam.app, name="cam")
app.command("bridge")(bridge.bridge)
app.command("pseudonym")(pseudonym.pseudonym)
app.command("derive")(derive.derive)


def main() -> None:
    """Run the command line; the exit codes are those of `ui`."""
    try:
        app()
    except ManagerError as error:
        ui.fail(error)
        sys.exit(2 if isinstance(error, UsageError) else 1)


if __name__ == "__main__":
    main()
