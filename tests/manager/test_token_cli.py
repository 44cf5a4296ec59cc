"""`leafkey token`, and rules about groups and topics."""

import base64
import json
import time

import cbor2
import pytest

from leafkey.ace import labels
from leafmanager.ace import authorization
from leafmanager.cam_clients import holder
from leafmanager.scopes import PUBSUB_ROLES
from leafmanager.store import database
from tests.manager.processes import Leafkey

READ = PUBSUB_ROLES["read"]


def listed(home: Leafkey, *words: str) -> list[dict]:
    return json.loads(home.ok(*words, "--json"))


def token(home: Leafkey, client: str = "display") -> bytes:
    """Make an access token as a manager that serves does."""
    store = database.open_existing(home.state)
    fields = {labels.AUDIENCE: "kdc", labels.SCOPE: cbor2.dumps([["floor2", READ]])}
    with store.transaction() as session:
        now = int(time.time())
        asking = holder(session, client, now)
        made = authorization.grant_token(session, asking, fields, now, 300)
        assert isinstance(made, authorization.Grant)
        response = made.response
    store.close()
    return response[labels.ACCESS_TOKEN]


@pytest.fixture
def member(home: Leafkey) -> Leafkey:
    home.ok("policy", "allow", "display", "kdc", "floor2", "--roles", "read")
    return home


def test_a_token_is_shown_and_revoked(member: Leafkey):
    token(member)
    (one,) = listed(member, "token", "list")
    assert (one["client"], one["audience"], one["state"]) == ("display", "kdc", "active")
    assert one["scope"] == "read | monitor floor2"
    member.ok("token", "revoke", "1")
    assert listed(member, "token", "list") == []
    assert [row["state"] for row in listed(member, "token", "list", "--all")] == ["revoked"]
    assert "no access token 1" in member.fails("token", "revoke", "1")


@pytest.mark.parametrize("form", ["bytes", "hex", "base64", "url", "stdin"])
def test_introspection_in_every_form(member: Leafkey, form: str):
    made = token(member)
    texts = {
        "hex": made.hex(),
        "base64": base64.b64encode(made).decode(),
        "url": base64.urlsafe_b64encode(made).decode().rstrip("="),
        "stdin": made.hex() + "\n",
    }
    if form == "stdin":
        text = member.ok("token", "introspect", "--json", stdin=texts[form])
    else:
        data = made if form == "bytes" else texts[form].encode()
        (member.directory / "token").write_bytes(data)
        text = member.ok("token", "introspect", "token", "--json")
    (said,) = json.loads(text)
    assert (said["client"], said["state"]) == ("display", "active")


def test_introspection_of_anything_else(member: Leafkey):
    token(member)
    assert "no access token of this" in member.fails("token", "introspect", stdin="c0ffee")
    assert "cannot be read" in member.fails("token", "introspect", "nowhere")


def test_rules_about_groups_are_rules_like_others(home: Leafkey):
    home.ok("policy", "allow", "display", "kdc", "floor2", "--roles", "publish,read", "--for", "1h")
    home.ok("policy", "deny", "display", "kdc", "*")
    home.ok("policy", "ask", "display", "broker", "floor2/*", "--roles", "read")
    home.ok("policy", "allow", "thermo", "kdc", "floor2", "--roles", "responder")
    found = [
        (one["rule"], one["client"], one["server"], one["path"], one["methods"])
        for one in listed(home, "policy", "list")
    ]
    assert found == [
        ("allow", "display", "kdc", "floor2", "publish,read | responder,monitor"),
        ("deny", "display", "kdc", "*", "all"),
        ("ask", "display", "broker", "floor2/*", "read"),
        ("allow", "thermo", "kdc", "floor2", "publish | responder"),
    ]
    home.ok("policy", "remove", "2")
    assert len(listed(home, "policy", "list")) == 3


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("kdc", "floor2"), "kdc has roles"),
        (("kdc", "floor2", "--methods", "GET"), "kdc has roles"),
        (("kdc", "floor2", "--roles", "reign"), "are no roles"),
        (("kdc", "floor2", "--roles", ""), "are no roles"),
        (("broker", "floor2", "--roles", "requester"), "are no roles"),
        (("kdc", "/floor2", "--roles", "read"), "no name of a group"),
        (("kdc", "floor 2", "--roles", "read"), "no name of a group"),
        (("kdc", "x" * 129, "--roles", "read"), "no name of a group"),
        (("kdc", "floor2", "--roles", "read", "--ats", "3"), "gives no tickets"),
        (("kdc", "floor2", "--roles", "read", "--level", "pop"), "gives no tickets"),
        (("thermo", "/temp", "--roles", "read"), "are for kdc and broker"),
    ],
)
def test_rules_about_groups_are_well_formed(home: Leafkey, words: tuple[str, ...], text: str):
    assert text in home.fails("policy", "allow", "display", *words, code=2)
    assert listed(home, "policy", "list") == []


@pytest.mark.parametrize("name", ["kdc", "broker"])
def test_names_of_the_managers_own_parts(home: Leafkey, name: str):
    for role in ("server", "client"):
        assert "part of the manager" in home.fails(role, "add", name)
    home.ok("policy", "deny", "display", name, "floor2")
    for role in ("server", "client"):
        assert "there is" in home.fails(role, "add", name)
        assert name not in [one["name"] for one in listed(home, role, "list")]


def test_a_server_takes_tokens_or_not(home: Leafkey):
    assert [one["ace"] for one in listed(home, "server", "list")] == [False]
    home.ok("server", "set", "thermo", "--ace")
    assert [one["ace"] for one in listed(home, "server", "list")] == [True]
    home.ok("server", "set", "thermo", "--no-ace")
    assert [one["ace"] for one in listed(home, "server", "list")] == [False]
