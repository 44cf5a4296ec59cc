"""Serial lines for tests: a pty between a node and its bridge, with noise where it is wanted."""

import os
import pty
import tty
from pathlib import Path

from tests.support.processes import Process, leafkey, micropython

HOST = "127.0.0.1"
PATIENCE = 30


class Tty:
    """A pty under a path of its own, which outlives the device behind it as /dev/serial/by-id does.

    The node has the one end as its standard input and output, a bridge opens the other at `path`.
    """

    def __init__(self, path: Path):
        self.path = path
        self._ends: tuple[int, int] | None = None

    @property
    def node_end(self) -> int:
        """The file descriptor for the node."""
        assert self._ends
        return self._ends[0]

    def plug(self) -> None:
        """Let the device be there."""
        self._ends = pty.openpty()
        tty.setraw(self._ends[1])
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._ends[1]))

    def unplug(self) -> None:
        """Let the device be gone, if it is there."""
        if self._ends:
            self.path.unlink()
            for end in self._ends:
                os.close(end)
            self._ends = None

    def to_bridge(self, data: bytes) -> None:
        """Put something on the line that the node did not write."""
        os.write(self.node_end, data)

    def to_node(self, data: bytes) -> None:
        """Put something on the line that the bridge did not write."""
        assert self._ends
        os.write(self._ends[1], data)


def bridge(port: str, udp_port: int, name: str) -> list[str]:
    """Return the command of a bridge between a line and a UDP port of loopback."""
    return [leafkey(), "bridge", port, "--listen", f"{HOST}:{udp_port}", "--name", name]


def node(script: Path, *words: str, heap: str = "768k") -> list[str]:
    """Return the command of a node that speaks over its standard input and output."""
    return [micropython(), "-X", f"heapsize={heap}", str(script), *words]


class Board:
    """A node on a pty and the bridge to it: `uri` is where everybody reaches it."""

    def __init__(self, tty_path: Path, udp_port: int, command: list[str], start=Process):
        """`command` starts the node; `start` starts processes, with the arguments of Process."""
        self.tty = Tty(tty_path)
        self.port = udp_port
        self._command = command
        self._start = start
        self._bridge_command = bridge(str(tty_path), udp_port, "board")
        self.tty.plug()
        self.start_bridge()
        self.start()

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *_: object) -> None:
        self.bridge.stop()
        self.node.stop()
        self.tty.unplug()

    def start_bridge(self) -> None:
        """Start the bridge and wait until it is there."""
        self.bridge = self._start(self._bridge_command)
        self.bridge.wait_for("ready", PATIENCE)

    def start(self) -> None:
        """Start the node and wait until it serves, as its log says through the bridge."""
        self.node = self._start(self._command, line=self.tty.node_end)
        self.bridge.wait_for("ready on a line", PATIENCE)

    def uri(self, path: str) -> str:
        """Return the URI of a resource."""
        return f"coap://{HOST}:{self.port}{path}"
