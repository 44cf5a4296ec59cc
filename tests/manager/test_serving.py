"""A manager that serves: its end, its secrets, its lines."""

import re
import sqlite3

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    EMPTY,
    GET,
    UNAUTHORIZED,
)
from leafkey.oscore.recipients import NOT_FOUND
from leafmanager.store import database
from tests.manager.answers import TEMP, granted, refused, sent, token_request
from tests.manager.nodes import ClientNode, ServerNode
from tests.manager.processes import Leafkey, Serving
from tests.support.channel import newest


def test_a_killed_manager_goes_on_where_it_was(
    home: Leafkey, serving: Serving, display: ClientNode, ready: ServerNode
):
    home.ok("policy", "allow", "display", "thermo", "/temp")
    first = granted(display.ask("thermo", TEMP))
    used = newest(display.association).protect_request(token_request())
    assert used.unprotect(sent(display, used.message) or Message(EMPTY))
    serving.kill()
    with Serving(home) as again:
        display.manager = ready.manager = ("127.0.0.1", again.port)
        refused(sent(display, used.message), UNAUTHORIZED, NOT_FOUND)
        second = granted(display.ask("thermo", TEMP))
        assert again.stop() == 0
    assert first.ct != second.ct
    assert ready.generation(1) == 2


def test_only_one_serves_a_manager(home: Leafkey, serving: Serving):
    assert "already" in home.fails("serve", "--host", "127.0.0.1", "--port", "0")


def test_no_secret_is_in_the_output(
    home: Leafkey, display: ClientNode, ready: ServerNode, serving: Serving
):
    home.ok("policy", "allow", "display", "thermo", "/temp")
    token = granted(display.ask("thermo", TEMP))
    display.ask("nobody", TEMP)
    display.ask("thermo\x1b[2J\n", TEMP)
    display.post("/token", b"nonsense")
    refused(sent(display, Message(GET)))
    serving.stop()
    said = "\n".join(serving.lines)
    for arguments in (("server", "list"), ("client", "list"), ("grant", "list", "--all")):
        result = home.run(*arguments)
        said += result.stdout + result.stderr
    assert "\x1b" not in said
    found = [token.ct, *_secrets(home)]
    assert len(found) >= 5
    for secret in found:
        assert not re.search(_spellings(secret), said, re.IGNORECASE)


def _secrets(home: Leafkey) -> list[bytes]:
    """Every value of 16 bytes and more in a column of bytes, whatever it is for."""
    with sqlite3.connect(home.state / database.FILE_NAME) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        rows = [row for (table,) in tables for row in connection.execute(f"SELECT * FROM {table}")]
    return [value for row in rows for value in row if isinstance(value, bytes) and len(value) >= 16]


def _spellings(secret: bytes) -> str:
    """The secret, its first 8 bytes in hexadecimal, and as Python shows bytes."""
    shown = repr(secret[:8])[2:-1]
    return "|".join(re.escape(text) for text in (secret[:8].hex(), shown))


def test_json_events_are_objects(home: Leafkey):
    file = home.directory / "display.identity"
    with Serving(home, "--json") as serving, ClientNode(file, serving.port) as display:
        display.ask("nobody", TEMP)
        assert serving.line('{"message": 6, "from": "display", "to": "home", "text": "ticket')
