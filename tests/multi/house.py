"""An owner's house: a manager, servers and clients, each a process, on loopback."""

import itertools
import json
import secrets
from pathlib import Path
from typing import TypeVar

from leafkey.coap.message import decode
from leafkey.coap.numbers import GET, PAT, POST
from leafmanager.cli.main import app
from tests.multi.leaks import Secrets
from tests.multi.peer import Peer
from tests.support.processes import Process, free_port, micropython
from tests.support.relay import Relay

NODES = Path(__file__).parent / "nodes"
HOST = "127.0.0.1"
# Longer than a whole retransmission span of CoAP, since the machine may be busy too.
PATIENCE = 120
# Of this the code takes 220 KB, which a board has in flash, and pointers are twice as wide here.
HEAP = "768k"

Kind = TypeVar("Kind", bound=Relay)


class House:
    """Ends its processes when left, and then fails if one of them has printed a secret.

    with House(tmp_path) as house:
        thermo = house.add_server("thermo")
    """

    def __init__(
        self, directory: Path, relay: dict[str, int] | None = None, serve: tuple[str, ...] = ()
    ):
        """`relay`: the manager is reached through such a Relay, `house.relay`.

        `serve`: further words for `leafkey serve`.
        """
        self._directory = directory
        self._serve = serve
        self._port = free_port()
        self.relay = None if relay is None else Relay((HOST, self._port), **relay)
        self.manager_port = self.relay.port if self.relay else self._port
        self.processes: list[Process] = []
        self.relays: list[Relay] = []
        self.manager: Process | None = None
        self.owner("init", "--name", "home", "--uri", f"coap://{HOST}:{self.manager_port}")

    def __enter__(self) -> "House":
        if self.relay:
            self.open(self.relay)
        self.start_manager()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        for process in self.processes:
            process.stop()
        for relay in self.relays:
            relay.__exit__()
        if kind is None:
            self.check_secrets()

    def check_secrets(self) -> None:
        """AssertionError if a process has printed anything secret, in whatever form."""
        secrets = Secrets(self.path("manager"), self._directory)
        for process in self.processes:
            assert secrets.found_in(process.output) == [], process.command
            assert "Traceback" not in process.output, process.output

    def owner(self, *words: str) -> None:
        """Do what the command `leafkey` does."""
        app([*words, "--state", str(self.path("manager"))], standalone_mode=False)

    def allow(self, client: str, server: str, path: str, *words: str) -> None:
        """Add a rule."""
        self.owner("policy", "allow", client, server, path, *words)

    def start_manager(self) -> None:
        """Let it serve, as its user would."""
        words = ["--host", HOST, "--port", str(self._port), "--state", str(self.path("manager"))]
        words += self._serve
        command = [str(Path(micropython()).parent / "leafkey"), "serve", *words]
        self.manager = self.start(command)
        self.manager.wait_for("ready", PATIENCE)

    def add_server(
        self, name: str, *words: str, dtls: dict[str, int] | None = None
    ) -> "ServerNode":
        """Add a server and start it; it has its ST when this returns.

        `dtls`: it serves DTLS too, which is reached through such a Relay, `dtls_relay`.
        """
        self.owner("server", "add", name, "--out", str(self._identity(name)), *words)
        return ServerNode(self, name, dtls, ("ace",) if "--ace" in words else ())

    def add_client(self, name: str, *words: str) -> "ClientNode":
        """Add a client and start it; `words` as nodes/client.py reads them."""
        self.owner("client", "add", name, "--out", str(self._identity(name)))
        return ClientNode(self, name, *words)

    def provision(self, name: str) -> Path:
        """Add a client that is no process of the house, and return its identity file."""
        self.owner("client", "add", name, "--out", str(self._identity(name)))
        return self._identity(name)

    def path(self, name: str) -> Path:
        """Return where somebody keeps his things."""
        return self._directory / name

    def open(self, relay: Kind) -> Kind:
        """Open a relay that closes with the house."""
        self.relays.append(relay)
        return relay.__enter__()

    def start(self, command: list[str], listens: bool = False, line: int | None = None) -> Process:
        """Start a process that ends with the house; `listens` and `line` as of Process."""
        self.processes.append(Process(command, listens, line))
        return self.processes[-1]

    def told(self, text: str) -> list[str]:
        """Return the lines with a text that the managers of this house have printed so far."""
        managers = [process for process in self.processes if "serve" in process.command]
        return [line for manager in managers for line in manager.lines if text in line]

    def tickets(self, client: str) -> list[str]:
        """Return what the managers have said of the tickets they gave to a client."""
        return self.told(f"home -> {client}  ticket")

    def _identity(self, name: str) -> Path:
        self.path(name).mkdir(exist_ok=True)
        return self.path(name) / "identity"


class ServerNode:
    """A MicroPython server, over all its lives. `relay` is where clients reach it."""

    def __init__(
        self,
        house: House,
        name: str,
        dtls: dict[str, int] | None = None,
        words: tuple[str, ...] = (),
    ):
        """`words` as nodes/server.py reads them."""
        self.house = house
        self.name = name
        self.port = free_port(above=dtls is not None)
        self.relay = house.open(Relay((HOST, self.port), port=free_port(above=dtls is not None)))
        self._words = [*words]
        if dtls is not None:
            self._words.append("dtls")
            target = HOST, self.port + 1
            self.dtls_relay = house.open(Relay(target, port=self.relay.port + 1, **dtls))
        self._lives: list[Process] = []
        self.start()

    def presented(self) -> list[int]:
        """Return the levels at which ATs were shown to it so far, in their order.

        -1 stands for a GET without an AT.
        """
        levels = []
        for message in map(decode, self.relay.heard):
            value = message.option(PAT)
            if value:
                levels.append(value[0])
            elif message.code == GET:
                levels.append(-1)
        return levels

    def start(self, token: str = "(3)") -> None:
        """Start it, and wait for its ST or for another line."""
        script = [str(NODES / "server.py"), str(self.house.path(self.name)), str(self.port)]
        command = [micropython(), "-X", f"heapsize={HEAP}", *script, *self._words]
        process = self.house.start(command)
        self._lives.append(process)
        process.wait_for(token, PATIENCE)

    @property
    def process(self) -> Process:
        """The present life."""
        return self._lives[-1]

    def kill(self) -> None:
        """Cut its power."""
        self.process.kill()

    def uri(self, path: str, relay: Relay | None = None) -> str:
        """Return the URI of a resource, behind `relay` in place of the usual one."""
        return f"coap://{HOST}:{(relay or self.relay).port}{path}"

    def tick(self) -> None:
        """Let /ticks count one up."""
        with Peer(self.port) as anybody:
            anybody.bare(POST, "/tick")

    @property
    def acted(self) -> list[str]:
        """What its application has acted on so far, in all its lives; it must be alive."""
        mark = secrets.token_hex(4)
        with Peer(self.port) as peer:
            peer.bare(POST, "/mark", mark.encode())
        # What it printed before has been read by then.
        self.process.wait_for("marked " + mark)
        lines = [line for life in self._lives for line in life.lines]
        return [line.split()[1] for line in lines if line.startswith("acted ")]


class ClientNode:
    """A MicroPython client, over all its lives."""

    def __init__(self, house: House, name: str, *words: str):
        self.house = house
        self.name = name
        self._words = words
        self._numbers = itertools.count(1)
        self._heard: dict[int, list[str]] = {}
        self.start()

    def start(self) -> None:
        """Start it."""
        script = [str(NODES / "client.py"), str(self.house.path(self.name)), *self._words]
        command = [micropython(), "-X", f"heapsize={HEAP}", *script]
        self.process = self.house.start(command, listens=True)
        self.process.wait_for("listening")

    def kill(self) -> None:
        """Cut its power."""
        self.process.kill()

    def ask(self, method: str, uri: str, level: str | None = None, **more: object) -> str:
        """Make a request and return what came of it: "2.05 21.5", "NotAllowed ..".

        `more`: what nodes/client.py reads.
        """
        return self.answer(self.begin(method, uri, level, **more))

    def begin(self, method: str, uri: str, level: str | None = None, **more: object) -> int:
        """Make a request and return its number."""
        number = next(self._numbers)
        wish = {"id": number, "do": method, "uri": uri, "level": level} | more
        self.process.say(json.dumps(wish))
        return number

    def answer(self, number: int) -> str:
        """Return the next thing that comes of a request."""
        while not self._heard.get(number):
            mark, _, text = self.process.wait_for("#", PATIENCE).partition(" ")
            self._heard.setdefault(int(mark[1:]), []).append(text)
        return self._heard[number].pop(0)
