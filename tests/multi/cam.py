"""A CAM for a house: a process of its own, with its clients and their owner's rules."""

import time
from pathlib import Path

from leafmanager.cli.main import app
from tests.multi.house import HOST, PATIENCE, ClientNode, House
from tests.support.processes import Process, free_port, micropython

# How long a line takes at most from where it is printed to where a test sees it.
SECONDS = 10


class Cam:
    """A CAM that is known to the house's manager by its name, and serves."""

    def __init__(self, house: House, name: str):
        self.name = name
        self._house = house
        self._port = free_port()
        self.state = house.path(name + "-state")
        self.owner("init", "--name", name, "--uri", f"coap://{HOST}:{self._port}")
        self.owner("join", str(house.provision(name)))
        self._lives: list[Process] = []
        self.start()

    @property
    def process(self) -> Process:
        """The present life."""
        return self._lives[-1]

    @property
    def lines(self) -> list[str]:
        """What it has printed, in all its lives."""
        return [line for life in self._lives for line in life.lines]

    def says(self, mark: str, *texts: str) -> bool:
        """Tell whether it prints a line that begins with `mark` and holds all `texts`, in time."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for line in self.lines:
                if line.startswith(mark) and all(text in line for text in texts):
                    return True
            time.sleep(0.05)
        return False

    def start(self) -> None:
        """Let it serve, as its user would."""
        words = ["--host", HOST, "--port", str(self._port), "--state", str(self.state)]
        command = [str(Path(micropython()).parent / "leafkey"), "cam", "serve", *words]
        self._lives.append(self._house.start(command))
        self.process.wait_for("ready", PATIENCE)

    def owner(self, *words: str) -> None:
        """Do what the command `leafkey cam` does."""
        app(["cam", *words, "--state", str(self.state)], standalone_mode=False)

    def allow(self, client: str, server: str, path: str, *words: str) -> None:
        """Add a rule."""
        self.owner("policy", "allow", client, server, path, *words)

    def add_client(self, name: str) -> ClientNode:
        """Add a client and start it."""
        directory = self._house.path(name)
        directory.mkdir()
        self.owner("client", "add", name, "--out", str(directory / "identity"))
        return ClientNode(self._house, name)

    def files(self) -> dict[str, bytes]:
        """Return all that it has on disk."""
        return {path.name: path.read_bytes() for path in self.state.iterdir()}
