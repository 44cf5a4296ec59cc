"""`leafkey pseudonym`: what a third party that the owner names learns, and what it does not."""

import time

import pytest

from leafkey.coap.message import Message
from leafkey.coap.numbers import GET
from leafkey.crypto.provider import default_provider
from leafkey.pat import functions, tokens, tree
from leafkey.pat.presenter import Presenter
from tests.manager.answers import TEMP, granted
from tests.manager.nodes import ClientNode, ServerNode
from tests.manager.processes import Leafkey, Serving

COMMAND = ("pseudonym", "display", "--server", "thermo")
SUITE = functions.suite(default_provider(), functions.CHACHA20)
LABELS = range(16)
KEYS = (1, 2, 3, 4, 9, 10)
INDICES = range(1, 40)
ATS = 64


@pytest.fixture
def allowed(home: Leafkey) -> None:
    """Both clients may read the temperature."""
    home.ok("client", "add", "lamp")
    for client in ("display", "lamp"):
        home.ok("policy", "allow", client, "thermo", "/temp")


class User:
    """What a client does with one ticket; `client` is what the server's application sees."""

    def __init__(self, node: ClientNode, server: ServerNode):
        self.token = granted(node.ask("thermo", TEMP))
        self.presenter = Presenter(default_provider(), self.token, lambda state: None)
        self._server = server

    @property
    def client(self) -> bytes:
        message = Message(GET)
        message.set_path("/temp")
        shown = self.presenter.protect(message).message
        return self._server.clients.unprotect(shown, lambda _: 0, 0).pseudonym()


def printed(home: Leafkey, *more: str) -> bytes:
    return bytes.fromhex(home.ok(*COMMAND, *more))


def linked(psk: bytes, seen: list[bytes]) -> list[bool]:
    """What a third party makes of the names that an application saw."""
    own = {SUITE.f(functions.PSEUDONYM, psk, j) for j in INDICES}
    return [name in own for name in seen]


@pytest.mark.usefixtures("allowed")
def test_links_the_ticket_it_was_given_for_and_no_other(
    home: Leafkey, display: ClientNode, ready: ServerNode, serving: Serving
):
    other = ClientNode(home.directory / "lamp.identity", serving.port)
    seen, keys = [], []
    for _ in range(3):
        user = User(display, ready)
        seen += [user.client, user.client]
        assert user.presenter.pseudonym() == seen[-1]
        keys.append(printed(home))
    seen.append(User(other, ready).client)
    other.close()
    yes, no = [True] * 2, [False] * 2
    assert linked(keys[0], seen) == [*yes, *no, *no, False]
    assert linked(keys[1], seen) == [*no, *yes, *no, False]
    assert linked(keys[2], seen) == [*no, *no, *yes, False]
    assert not any(linked(bytes(32), seen))


@pytest.mark.usefixtures("allowed")
def test_derives_nothing_else(home: Leafkey, display: ClientNode, ready: ServerNode):
    """All that F makes of PsK in two steps is none of what protects anything."""
    user = User(display, ready)
    psk = printed(home)
    held = ready.clients.token
    assert held
    secrets = everything(held.st, user.token)
    assert psk not in secrets
    reach = {SUITE.f(label, psk, i) for label in LABELS for i in INDICES}
    reach |= {SUITE.f(label, key, i) for key in reach for label in (0, 1, 3, 4, 5) for i in (1, 2)}
    assert not secrets & reach


def everything(st: bytes, token: tokens.ClientToken) -> set[bytes]:
    """St, slot secrets, the Ct of every generation in reach, parents, ATs and their keys."""
    found = {st} | {tree.derive(SUITE, st, (slot,)) for slot in range(1, 17)}
    found |= {tree.derive(SUITE, st, (1, generation)) for generation in range(1, 9)}
    branch = tree.Branch(SUITE, token.params[tokens.DEGREE], token.ct)
    for number in range(ATS):
        leaf = branch.leaf(number)
        found |= {branch.parent, leaf.at(32)} | {leaf.key(label) for label in KEYS}
    return found


@pytest.mark.usefixtures("allowed")
def test_the_first_is_what_the_server_knows_it_by(
    home: Leafkey, display: ClientNode, ready: ServerNode
):
    user = User(display, ready)
    assert printed(home, "--first") == user.client
    assert printed(home, "--first") != printed(home)


@pytest.mark.usefixtures("allowed")
def test_says_what_it_gives_away(home: Leafkey, display: ClientNode, ready: ServerNode):
    User(display, ready)
    result = home.run(*COMMAND)
    assert len(result.stdout.strip()) == 64
    assert "what display asks of thermo" in result.stderr
    assert result.stdout.strip() not in result.stderr


def test_without_a_ticket_there_is_none(home: Leafkey):
    assert "holds no ticket" in home.fails(*COMMAND)


def test_nor_for_a_ticket_that_is_over(home: Leafkey, display: ClientNode, ready: ServerNode):
    home.ok("policy", "allow", "display", "thermo", "/temp", "--for", "5s")
    assert ready.clients.token
    User(display, ready)
    time.sleep(5.1)
    assert "holds no ticket" in home.fails(*COMMAND)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody", "--server", "thermo"), "no client named 'nobody'"),
        (("display", "--server", "nothing"), "no server named 'nothing'"),
        (("thermo", "--server", "thermo"), "no client named 'thermo'"),
    ],
)
def test_names_are_known_ones(home: Leafkey, arguments: tuple[str, ...], words: str):
    assert words in home.fails("pseudonym", *arguments)
