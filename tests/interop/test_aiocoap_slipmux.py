"""aiocoap's own slipmux at the other end of the line.

No released aiocoap has it: the environment variable AIOCOAP_DIR names a checkout that does.
"""

import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.peers import BODY, NODES, SECONDS, AiocoapClient
from tests.support.lines import HOST, PATIENCE, Tty, bridge, node
from tests.support.processes import Process, free_port

SCRIPT = NODES / "aiocoap_slipmux.py"


@pytest.fixture(scope="module")
def checkout() -> Path:
    """Where aiocoap's sources are; without any, tests are skipped."""
    named = Path(os.environ.get("AIOCOAP_DIR", ""))
    if not (named / "aiocoap" / "transports" / "slipmux.py").exists():
        pytest.skip("AIOCOAP_DIR names no checkout of aiocoap with slipmux")
    return named


def aiocoap(checkout: Path, *words: str) -> Process:
    """Start the checkout's aiocoap at one end of a line."""
    start = f"import runpy, sys; sys.path.insert(0, {str(checkout)!r}); sys.argv[1:] = {words!r}; "
    run = f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    return Process([sys.executable, "-c", start + run])


def test_aiocoap_asks_a_node(checkout: Path, tmp_path: Path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "line"))
    listener.listen(1)
    with listener, aiocoap(checkout, "ask", str(tmp_path / "line")) as client:
        line = listener.accept()[0]
        with line, Process(node(NODES / "server.py", "line"), line=line.fileno()):
            assert client.wait_for("get", SECONDS) == "get 2.05 hello"
            assert client.wait_for("put", SECONDS) == "put 2.04"
            assert client.wait_for("get", SECONDS) == "get 2.05 good"
            seen = client.wait_for("observe", SECONDS).split()[1:]
            assert len(set(seen)) == len(seen) == 4
            assert client.finish(SECONDS) == 0


@pytest.fixture
def bridged(checkout: Path, tmp_path: Path) -> Iterator[str]:
    """The URI of an aiocoap server that a bridge reaches over its line."""
    tty = Tty(tmp_path / "tty")
    tty.plug()
    port = free_port()
    with aiocoap(checkout, "serve", str(tmp_path / "line")) as server:
        server.wait_for("ready", PATIENCE)
        line = socket.socket(socket.AF_UNIX)
        line.connect(str(tmp_path / "line"))
        with line, Process(bridge(str(tty.path), port, "board")) as process:
            process.wait_for("ready", PATIENCE)
            for source, sink in ((tty.node_end, line.fileno()), (line.fileno(), tty.node_end)):
                threading.Thread(target=_copy, args=(source, sink), daemon=True).start()
            yield f"coap://{HOST}:{port}"
            line.shutdown(socket.SHUT_RDWR)
    tty.unplug()


def _copy(source: int, sink: int) -> None:
    """Carry bytes until one end is gone."""
    try:
        while data := os.read(source, 4096):
            os.write(sink, data)
    except OSError:
        return


def test_a_bridge_reaches_an_aiocoap_server(bridged: str):
    assert AiocoapClient().put(bridged + "/store") == ("2.04", BODY)
