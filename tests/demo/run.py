"""make demo: a stranger becomes an authorized client, message by message, between real processes.

The manager runs on CPython, the server and both clients on MicroPython. Two taps stand on the wire
and show what passes, numbered as in Figure 2 of the draft. Exits with 0 only if everything happened
that should.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from leafkey.coap.message import decode
from leafkey.coap.numbers import PAT, UNAUTHORIZED
from leafkey.pat.tokens import POP
from tests.demo.cast import GROUP, TOPIC, Cast, send
from tests.demo.processes import Program
from tests.demo.screen import PATIENCE, Screen, scene

LEVELS = ("bearer", "pop", "integrity", "confidential")
# What is printed for something that did not happen.
Missing = list[str]


async def owner(cast: Cast) -> None:
    """Everything an owner types."""
    scene("An owner sets up a manager, a server, two clients, and one rule")
    await cast.owner("init", "--name", "home", "--uri", cast.manager_uri)
    await cast.owner("server", "add", "thermo", "--level", "bearer", *cast.identity("thermo"))
    for client in ("display", "stranger"):
        await cast.owner("client", "add", client, *cast.identity(client))
    await cast.owner("policy", "allow", "display", "thermo", "/temp", "--for", "1h")


async def server(cast: Cast, screen: Screen) -> Missing:
    """Messages (2) and (3)."""
    scene("The server asks its manager for its secret, the root of the tree")
    await cast.manager()
    await cast.server()
    return [] if await screen.number(3) else ["the server got its token"]


async def display(cast: Cast, screen: Screen) -> Missing:
    """Messages (1), (4), (6), (7), and then (11) and (12) at each level."""
    scene("A display asks for a temperature: refused, a ticket, and then a fresh AT each time")
    answers = await cast.client("display", *LEVELS)
    missing = [] if await screen.number(4) else ["the display was refused with hints"]
    missing += [] if await screen.number(7) else ["the display got a ticket"]
    wanted = {level: f"answer {level} 2.05 21.5" for level in LEVELS}
    return missing + [f"an answer at {level}" for level in LEVELS if wanted[level] not in answers]


async def replay(cast: Cast, screen: Screen) -> Missing:
    """What the display sent at `pop` comes again, from somebody who saw it."""
    scene("A listener sends the display's second request again, as it was")
    captured = next(seen.data for seen in screen.sightings if _level(seen.message) == POP)
    cast.listener()
    answer = decode(await send(captured, cast.server_port))
    await screen.quiet()
    refused = answer.code == UNAUTHORIZED and answer.option(PAT) is None
    return [] if refused else ["the replayed AT was refused"]


async def stranger(cast: Cast, screen: Screen) -> Missing:
    """A client with a channel to the manager, and no rule."""
    scene("Another client asks, whom no rule allows anything")
    lines = await cast.client("stranger")
    refusals = [line for line in lines if line.startswith("refused")]
    print("   what its program was told:", *refusals)
    return [] if refusals else ["the client without the right was refused"]


async def consent(cast: Cast, screen: Screen) -> Missing:
    """A request that no rule decides waits until the owner says yes."""
    scene("The display wants to open the vent, of which the owner said: ask me")
    await cast.owner("policy", "ask", "display", "thermo", "/vent", "--methods", "PUT")
    program = await cast.begin("display", "remote.py", "/vent")
    number = await _question(cast)
    await screen.quiet()
    await cast.owner("consent", "approve", number, "--for", "1h")
    answers = await cast.end(program)
    return [] if "answer 2.04" in answers else ["the vent opened when the owner had agreed"]


async def _question(cast: Cast) -> str:
    """The number of the question that waits for the owner."""
    async with asyncio.timeout(PATIENCE):
        while True:
            questions = json.loads("\n".join(await cast.leafkey("consent", "list", "--json")))
            if questions:
                return str(questions[0]["id"])


async def revocation(cast: Cast, screen: Screen) -> Missing:
    """The owner takes everything back; the next request is refused."""
    scene("The display is stolen: the owner revokes it, and it tries once more")
    for line in await cast.owner("revoke", "display"):
        print("  ", line)
    lines = await cast.client("display")
    refusals = [line for line in lines if line.startswith("refused")]
    print("   what its program was told:", *refusals)
    return [] if refusals else ["the revoked client was refused"]


async def group(cast: Cast, screen: Screen) -> Missing:
    """Two members exchange what the broker between them cannot read."""
    scene("Two boards share a key; what one publishes the other reads, and the broker does not")
    await cast.owner("group", "create", GROUP)
    await cast.owner("topic", "create", TOPIC, "--group", GROUP)
    for name in ("sensor", "panel"):
        await cast.owner("client", "add", name, *cast.identity(name))
        await cast.owner("policy", "allow", name, "kdc", GROUP, "--roles", "publish,read")
    sensor, panel = [await cast.member(name) for name in ("sensor", "panel")]
    heard = await panel.line("read", PATIENCE)
    print("   sensor:", sensor.lines[-1])
    print("   panel: ", heard)
    for line in await cast.owner("topic", "list"):
        print("  ", line)
    size = sum(map(len, screen.counted))
    print(f"   on the wire: {len(screen.counted)} messages, {size} B, {screen.in_clear} in clear")
    missing = ["nothing of the group in clear"] if screen.in_clear else []
    return missing + await _eviction(cast, sensor, panel)


async def _eviction(cast: Cast, sensor: Program, panel: Program) -> Missing:
    """Who was put out may still fetch, by a rule that was forgotten, and reads nothing."""
    scene("The panel is stolen: the owner puts it out, but lets it fetch what is published")
    await cast.owner("policy", "allow", "panel", "broker", TOPIC, "--roles", "read")
    await cast.owner("group", "evict", GROUP, "panel")
    told = await panel.line("evicted", PATIENCE)
    await panel.finish(PATIENCE)
    outcome = panel.lines[-1]
    print("   panel: ", told)
    print("   panel: ", outcome)
    rekeyed = [line for line in sensor.lines if "rekeyed" in line]
    print("   sensor:", *rekeyed[-1:])
    missing = [] if rekeyed else ["the other member got another key"]
    is_closed = outcome.startswith("fetched") and not panel.said_after(told, "read")
    return missing + ([] if is_closed else ["the evicted member could not read what followed"])


def _level(message) -> int | None:
    value = message.option(PAT)
    return value[0] if value else None


async def play(directory: Path) -> Missing:
    """Run all scenes."""
    screen = Screen()
    cast = Cast(directory, screen)
    printing = asyncio.create_task(screen.run())
    try:
        await cast.open()
        await owner(cast)
        missing = await server(cast, screen)
        for act in (display, replay, stranger, consent, revocation, group):
            missing += await act(cast, screen)
        if missing:
            print(cast.said())
        return missing
    except (TimeoutError, RuntimeError):
        print(cast.said())
        raise
    finally:
        await cast.close()
        printing.cancel()


def main() -> int:
    """Return 0 if everything happened."""
    with tempfile.TemporaryDirectory(prefix="leafkey-demo-") as directory:
        missing = asyncio.run(play(Path(directory)))
    for what in missing:
        print("did not happen:", what)
    if not missing:
        print("\nAll of it happened: a refusal, a ticket, four levels, a replay refused,")
        print("a stranger refused, consent asked and given, a client revoked, a group whose")
        print("members read each other, and one that was put out and reads nothing that follows.")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
