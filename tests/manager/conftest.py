"""A manager of one's own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.manager.nodes import ClientNode, ServerNode
from tests.manager.processes import Leafkey, Serving


@pytest.fixture
def leafkey(tmp_path: Path) -> Leafkey:
    """The command, with no manager yet."""
    return Leafkey(tmp_path)


@pytest.fixture
def home(leafkey: Leafkey) -> Leafkey:
    """The command, with a manager, the server `thermo` and the client `display`."""
    leafkey.ok("init", "--name", "home", "--uri", "coap://127.0.0.1:5683")
    leafkey.ok("server", "add", "thermo")
    leafkey.ok("client", "add", "display")
    return leafkey


@pytest.fixture
def serving(home: Leafkey) -> Iterator[Serving]:
    """The manager, serving."""
    with Serving(home) as process:
        yield process


@pytest.fixture
def display(home: Leafkey, serving: Serving) -> Iterator[ClientNode]:
    """The client."""
    node = ClientNode(home.directory / "display.identity", serving.port)
    yield node
    node.close()


@pytest.fixture
def thermo(home: Leafkey, serving: Serving) -> Iterator[ServerNode]:
    """The server, not heard of yet."""
    node = ServerNode(home.directory / "thermo.identity", serving.port)
    yield node
    node.close()


@pytest.fixture
def ready(thermo: ServerNode) -> ServerNode:
    """The server has its ST and answers."""
    thermo.pull()
    thermo.start()
    return thermo


@pytest.fixture
def allowed(home: Leafkey) -> None:
    """The display may read the temperature 50 times."""
    home.ok("policy", "allow", "display", "thermo", "/temp", "--ats", "50")
