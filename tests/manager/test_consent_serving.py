"""Requests wait at `leafkey serve` for answers that are typed elsewhere."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from leafkey.ace import labels
from leafkey.coap.message import Message
from leafkey.coap.numbers import APPLICATION_ACE_CBOR, CONTENT_FORMAT, MAX_AGE, SERVICE_UNAVAILABLE
from leafkey.errors import Unreachable
from leafkey.pat import ticket, tokens
from leafmanager import audiences, cam_clients, consent
from leafmanager.store import database
from tests.manager import nodes
from tests.manager.answers import error_of, granted
from tests.manager.nodes import ClientNode, ServerNode
from tests.manager.processes import COMMAND, PATIENCE, Leafkey, Serving

VENT = ("/vent", 4)
# From an answer in another process to the moment at which the waiting request hears of it.
PROMPT = 0.5


@pytest.fixture
def asking(home: Leafkey, ready: ServerNode) -> ServerNode:
    """The server is up, and what the display does there is asked about."""
    home.ok("policy", "ask", "display", "thermo", "/*")
    return ready


@pytest.fixture
def later() -> Iterator[ThreadPoolExecutor]:
    """Runs what waits."""
    with ThreadPoolExecutor() as pool:
        yield pool


def asked(
    later: ThreadPoolExecutor, serving: Serving, node: ClientNode, number: int, **more
) -> "Future[Message]":
    """Ask, and return when the owner could answer."""
    future = later.submit(node.ask, "thermo", VENT, **more)
    serving.line(f"question {number}:")
    return future


def test_a_yes_wakes_the_request(
    home: Leafkey, asking: ServerNode, display: ClientNode, serving: Serving, later
):
    waiting = asked(later, serving, display, 1)
    assert home.spawn("consent", "approve", "1").returncode == 0
    start = time.monotonic()
    token = granted(waiting.result())
    assert time.monotonic() - start < PROMPT
    assert token.params[tokens.LAST] == 0
    assert asking.generation(1) == 1
    assert serving.line("question 1: PUT /vent on thermo?")


def test_a_no_wakes_the_request(
    home: Leafkey, asking: ServerNode, display: ClientNode, serving: Serving, later
):
    waiting = asked(later, serving, display, 1)
    home.ok("consent", "deny", "1")
    start = time.monotonic()
    assert error_of(waiting.result()) == labels.ACCESS_DENIED
    assert time.monotonic() - start < PROMPT
    assert asking.pushed == []


def test_a_request_that_waited_long_is_told_so(
    home: Leafkey,
    asking: ServerNode,
    display: ClientNode,
    serving: Serving,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(nodes, "PATIENCE", 30)
    start = time.monotonic()
    response = display.ask("thermo", VENT, request_id=b"request1")
    assert 19 < time.monotonic() - start < 25
    assert response.code == SERVICE_UNAVAILABLE
    assert response.uint(CONTENT_FORMAT) == APPLICATION_ACE_CBOR
    assert response.option(MAX_AGE)
    assert ticket.is_pending(response.payload)
    home.ok("consent", "approve", "1", "--ats", "3")
    token = granted(display.ask("thermo", VENT, request_id=b"request1"))
    assert token.params[tokens.LAST] == 2


def test_repeats_are_one_question_and_one_ticket(
    home: Leafkey, asking: ServerNode, display: ClientNode, serving: Serving, later
):
    with ClientNode(home.directory / "display.identity", serving.port) as twin:
        first = asked(later, serving, display, 1, request_id=b"request1")
        # Both have the same keys from provisioning, and each a context of its own.
        second = later.submit(twin.ask, "thermo", VENT, request_id=b"request1")
        time.sleep(0.5)
        home.ok("consent", "approve", "1")
        assert granted(first.result()).ct == granted(second.result()).ct
    assert [record["times"] for record in records(home, "--all")] == [1]


def test_a_killed_manager_forgets_no_question(
    home: Leafkey,
    asking: ServerNode,
    display: ClientNode,
    serving: Serving,
    monkeypatch: pytest.MonkeyPatch,
):
    with monkeypatch.context() as short:
        short.setattr(nodes, "PATIENCE", 1)
        with pytest.raises(Unreachable):
            display.ask("thermo", VENT, request_id=b"request1")
    serving.kill()
    with Serving(home) as again:
        display.manager = asking.manager = ("127.0.0.1", again.port)
        home.ok("consent", "approve", "1")
        granted(display.ask("thermo", VENT, request_id=b"request1"))
        assert len(records(home, "--all")) == 1


def test_only_so_many_questions_of_a_client_are_open(
    home: Leafkey,
    asking: ServerNode,
    display: ClientNode,
    serving: Serving,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(nodes, "PATIENCE", 0.2)
    for i in range(16):
        with pytest.raises(Unreachable):
            display.ask("thermo", (f"/{i}", 1))
    monkeypatch.setattr(nodes, "PATIENCE", 15)
    response = display.ask("thermo", ("/17", 1))
    assert response.code == SERVICE_UNAVAILABLE
    assert not ticket.is_pending(response.payload)
    assert serving.line("the owner is not asked: 16 of its questions are open")
    assert len(records(home)) == 16


def test_only_so_many_requests_wait(
    asking: ServerNode,
    display: ClientNode,
    serving: Serving,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(nodes, "PATIENCE", 0.2)
    for _ in range(16):
        with pytest.raises(Unreachable):
            display.ask("thermo", VENT)
    monkeypatch.setattr(nodes, "PATIENCE", 5)
    response = display.ask("thermo", VENT)
    assert ticket.is_pending(response.payload)


def test_taken_back_the_server_is_told_at_once(
    home: Leafkey, asking: ServerNode, display: ClientNode, serving: Serving, later
):
    waiting = asked(later, serving, display, 1)
    home.ok("consent", "approve", "1", "--always")
    granted(waiting.result())
    assert home.spawn("consent", "withdraw", "1").returncode == 0
    end = time.monotonic() + 1
    while len(asking.pushed) < 2 and time.monotonic() < end:
        time.sleep(0.02)
    assert asking.pushed[-1].params[tokens.SLOTS] == {1: None}
    assert error_of(display.ask("thermo", VENT)) == labels.ACCESS_DENIED


def test_what_clients_ask_cannot_write_on_the_owners_terminal(
    home: Leafkey, asking: ServerNode, display: ClientNode, serving: Serving, later
):
    display.ask("thermo", ("/a\x1b[2J", 1))
    display.ask("thermo", ("/*", 1))
    assert records(home, "--all") == []
    assert "\x1b" not in "\n".join(serving.lines)


def test_watch_follows(
    home: Leafkey, asking: ServerNode, display: ClientNode, serving: Serving, later
):
    watch = subprocess.Popen(
        [*COMMAND, "consent", "watch", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=home.directory,
        env=home.environment,
    )
    try:
        waiting = asked(later, serving, display, 1)
        first = watched(watch)
        home.ok("consent", "deny", "1")
        second = watched(watch)
        waiting.result()
        watch.send_signal(signal.SIGINT)
        assert watch.wait(PATIENCE) == 0
    finally:
        watch.kill()
        watch.wait()
    assert (first["id"], first["client"], first["server"]) == (1, "display", "thermo")
    assert (first["asks"], first["state"], first["asked_before"]) == ("PUT /vent", "open", False)
    assert (second["id"], second["state"]) == (1, "denied")


def watched(watch: subprocess.Popen) -> dict:
    assert watch.stdout
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(watch.stdout.readline()), daemon=True)
    reader.start()
    reader.join(PATIENCE)
    assert found
    return json.loads(found[0])


def records(home: Leafkey, *arguments: str) -> list[dict]:
    return json.loads(home.ok("consent", "list", "--json", *arguments))


# The command line


def test_without_questions_there_is_nothing_to_do(home: Leafkey):
    assert home.ok("consent", "list") == ""
    assert "no question 1" in home.fails("consent", "approve", "1")
    assert "no question 1" in home.fails("consent", "deny", "1")
    assert "no question 1" in home.fails("consent", "withdraw", "1")


@pytest.mark.parametrize(
    "words",
    [
        ("approve", "1", "--once", "--always"),
        ("approve", "1", "--once", "--for", "1h"),
        ("approve", "1", "--always", "--ats", "3"),
        ("approve", "1", "--for", "soon"),
        ("deny", "1", "--always", "--for", "1h"),
        ("deny", "1", "--for", "0"),
    ],
)
def test_answers_are_clear(home: Leafkey, words: tuple[str, ...]):
    home.fails("consent", *words, code=2)


def test_asking_is_a_rule_like_others(home: Leafkey):
    home.ok("policy", "ask", "display", "thermo", "/room/*", "--methods", "PUT")
    found = json.loads(home.ok("policy", "list", "--json"))
    assert [(one["rule"], one["path"], one["methods"]) for one in found] == [
        ("ask", "/room/*", "PUT")
    ]


@pytest.mark.parametrize("part", ["vent", "", "GET PUT /vent", "GRAB /vent"])
def test_parts_are_clear(home: Leafkey, part: str):
    store = database.open_existing(home.state)
    with store.transaction() as session:
        display = cam_clients.named(session, "display", 0)
        thermo = audiences.named(session, "thermo", 0)
        request = ticket.TokenRequest("thermo", [("/vent", 4)], b"request1")
        now = int(time.time())
        consent.ask(session, display, thermo, request, request.scope, now, 300)
    store.close()
    home.fails("consent", "approve", "1", "--only", part, code=2)
