"""Tickets over loopback: (6) and (7), and what a server was told before."""

import time

from leafkey.ace import aif, labels
from leafkey.coap.numbers import (
    GET,
    MAX_AGE,
    SERVICE_UNAVAILABLE,
)
from leafkey.crypto.provider import default_provider
from leafkey.pat import endorsement, functions, ticket, tokens, tree
from leafkey.pat.renewal import Renewal
from tests.manager.answers import TEMP, error_of, granted
from tests.manager.nodes import ClientNode, ServerNode
from tests.manager.processes import Leafkey, Serving


def test_a_ticket_is_what_the_server_was_told(
    allowed: None, display: ClientNode, ready: ServerNode, serving: Serving
):
    response = display.ask("thermo", TEMP, ("/vent", 4))
    token, scope = ticket.decode_response(response.payload)
    assert scope == [TEMP]
    assert (token.params[tokens.SLOT], token.params[tokens.LAST]) == (1, 49)
    held = ready.clients.token
    assert held
    suite = functions.suite(default_provider(), held.params[tokens.SUITE])
    assert token.ct == tree.derive(suite, held.st, (1, 1))
    assert aif.permits(held.params[tokens.SLOTS][1].permissions, (b"temp",), GET)
    assert serving.line("(6)  display -> home  ticket request: thermo GET /temp, PUT /vent")
    assert serving.line("(7)  home -> display  ticket: thermo GET /temp, slot 1 generation 1")


def test_client_and_server_are_told_what_one_at_carries(
    home: Leafkey, display: ClientNode, ready: ServerNode
):
    limits = "--notifications-per-at", "5", "--seconds-per-at", "60"
    home.ok("policy", "allow", "display", "thermo", "/temp", *limits)
    token = granted(display.ask("thermo", TEMP))
    held = ready.clients.token
    assert held
    rule = Renewal(5, 60, None)
    assert (token.params[tokens.RENEWAL], held.params[tokens.SLOTS][1].renewal) == (rule, rule)
    assert "5 notifications, 60 seconds" in home.ok("policy", "list")


def test_permissions_that_the_client_brings(home: Leafkey, display: ClientNode, ready: ServerNode):
    home.ok("policy", "allow", "display", "thermo", "/temp", "--endorsed")
    token = granted(display.ask("thermo", TEMP))
    held = ready.clients.token
    assert held
    assert held.params[tokens.SLOTS][1].permissions == tokens.UNDEFINED
    shown = endorsement.decode(token.params[tokens.ENDORSEMENT])
    endorsement.verify(default_provider(), held, 1, shown)
    assert (shown.terms.permissions, shown.terms.last) == ([TEMP], token.params[tokens.LAST])


def test_permissions_that_are_filled_in_later(
    home: Leafkey, display: ClientNode, ready: ServerNode
):
    home.ok("policy", "allow", "display", "thermo", "/*", "--methods", "all", "--endorsed")
    granted(display.ask("thermo", TEMP, ("/vent", 5)))
    assert "thermo    confirmed" in home.ok("grant", "permit", "display", "thermo", "GET /vent")
    held = ready.clients.token
    assert held
    grant = held.params[tokens.SLOTS][1]
    assert (grant.generation, grant.permissions) == (1, [("/vent", 1)])
    assert ready.pushed[-1].st is None
    assert "GET /vent" in home.ok("grant", "list")
    assert "nothing is left open" in home.fails("grant", "permit", "display", "thermo")


def test_all_that_the_ticket_says_is_filled_in(
    home: Leafkey, display: ClientNode, ready: ServerNode
):
    home.ok("policy", "allow", "display", "thermo", "/temp", "--endorsed")
    granted(display.ask("thermo", TEMP))
    home.ok("grant", "permit", "display", "thermo")
    held = ready.clients.token
    assert held
    assert held.params[tokens.SLOTS][1].permissions == [TEMP]


def test_nothing_beyond_the_ticket_is_filled_in(
    home: Leafkey, display: ClientNode, ready: ServerNode
):
    home.ok("policy", "allow", "display", "thermo", "/temp", "--endorsed")
    assert "holds no ticket" in home.fails("grant", "permit", "display", "thermo")
    granted(display.ask("thermo", TEMP))
    for words in (["PUT /temp"], ["GET /temp", "GET /vent"], ["GET /*"]):
        assert "does not cover" in home.fails("grant", "permit", "display", "thermo", *words)
    for words in (["GET"], ["temp"], ["READ /temp"]):
        home.fails("grant", "permit", "display", "thermo", *words, code=2)
    home.fails("grant", "permit", "nobody", "thermo")
    home.fails("grant", "permit", "display", "nowhere")
    held = ready.clients.token
    assert held
    assert held.params[tokens.SLOTS][1].permissions == tokens.UNDEFINED


def test_permissions_that_the_server_is_told_are_endorsed_too(
    allowed: None, display: ClientNode, ready: ServerNode
):
    token = granted(display.ask("thermo", TEMP))
    held = ready.clients.token
    assert held
    assert held.params[tokens.SLOTS][1].permissions == [TEMP]
    shown = endorsement.decode(token.params[tokens.ENDORSEMENT])
    endorsement.verify(default_provider(), held, 1, shown)


def test_permissions_too_long_to_be_shown(home: Leafkey, display: ClientNode, ready: ServerNode):
    home.ok("policy", "allow", "display", "thermo", "/*", "--endorsed")
    long = [("/" + "a" * 60 + str(i), 1) for i in range(5)]
    token = granted(display.ask("thermo", *long))
    held = ready.clients.token
    assert held
    assert held.params[tokens.SLOTS][1].permissions == long
    assert tokens.ENDORSEMENT not in token.params


def test_implicit_authorization(home: Leafkey, display: ClientNode, ready: ServerNode):
    home.ok("policy", "allow", "display", "thermo", "/*", "--methods", "all", "--implicit")
    token = granted(display.ask("thermo", TEMP))
    held = ready.clients.token
    assert held
    assert held.params[tokens.SLOTS][1].permissions is None
    assert tokens.ENDORSEMENT not in token.params
    wrong = "--implicit leaves nothing to check"
    for words in (["/temp", "--methods", "all"], ["/*"], ["/*", "--methods", "all", "--endorsed"]):
        assert wrong in home.fails("policy", "allow", "display", "thermo", *words, "--implicit")


def test_the_first_ticket_needs_a_change_and_no_more(
    allowed: None, display: ClientNode, ready: ServerNode
):
    granted(display.ask("thermo", TEMP))
    assert [token.is_whole() for token in ready.pushed] == [False]


def test_the_same_request_id_gets_the_same_ticket(
    allowed: None, display: ClientNode, ready: ServerNode
):
    first = display.ask("thermo", TEMP, request_id=b"12345678")
    again = display.ask("thermo", TEMP, request_id=b"12345678")
    assert granted(first).ct == granted(again).ct
    assert first.payload == again.payload
    assert len(ready.pushed) == 1


def test_a_new_request_id_gets_a_new_generation(
    home: Leafkey, display: ClientNode, ready: ServerNode
):
    home.ok("policy", "allow", "display", "thermo", "/temp")
    first = granted(display.ask("thermo", TEMP))
    second = granted(display.ask("thermo", TEMP))
    assert first.ct != second.ct
    assert first.params[tokens.SLOT] == second.params[tokens.SLOT]
    assert ready.generation(1) == 2


def test_a_rule_counts_from_the_next_ticket_on(
    home: Leafkey, display: ClientNode, ready: ServerNode
):
    assert error_of(display.ask("thermo", TEMP)) == labels.INVALID_SCOPE
    home.ok("policy", "allow", "display", "thermo", "/temp", "--for", "1h")
    assert 3590 <= (granted(display.ask("thermo", TEMP)).expires_in or 0) <= 3600
    home.ok("policy", "deny", "display", "thermo", "/temp")
    assert error_of(display.ask("thermo", TEMP)) == labels.INVALID_SCOPE


def test_what_is_denied_is_said_to_the_owner(
    display: ClientNode, ready: ServerNode, serving: Serving
):
    display.ask("thermo", TEMP)
    assert serving.line("(7)  home -> display  no ticket: policy allows none of this")


def test_a_full_server_makes_clients_wait(home: Leafkey, serving: Serving, display: ClientNode):
    home.ok("server", "add", "lock", "--slots", "1")
    home.ok("client", "add", "phone")
    for client in ("display", "phone"):
        home.ok("policy", "allow", client, "lock", "/x")
    with (
        ServerNode(home.directory / "lock.identity", serving.port) as lock,
        ClientNode(home.directory / "phone.identity", serving.port) as phone,
    ):
        lock.pull()
        lock.start()
        granted(display.ask("lock", ("/x", 1)))
        response = phone.ask("lock", ("/x", 1))
    assert response.code == SERVICE_UNAVAILABLE
    assert (response.uint(MAX_AGE) or 0) >= 10
    assert serving.line("all 1 slots of lock are taken")


def test_a_ticket_waits_for_a_server_that_was_never_heard(
    allowed: None, display: ClientNode, thermo: ServerNode, serving: Serving
):
    response = display.ask("thermo", TEMP, request_id=b"12345678")
    assert response.code == SERVICE_UNAVAILABLE
    assert (response.uint(MAX_AGE) or 0) > 0
    assert serving.line("the server does not answer")
    thermo.pull()
    thermo.start()
    token = granted(display.ask("thermo", TEMP, request_id=b"12345678"))
    assert token.params[tokens.LAST] == 49


def test_a_ticket_waits_for_a_server_that_is_off(
    allowed: None, home: Leafkey, display: ClientNode, thermo: ServerNode, serving: Serving
):
    thermo.pull()
    thermo.close()
    start = time.monotonic()
    response = display.ask("thermo", TEMP, request_id=b"12345678")
    assert response.code == SERVICE_UNAVAILABLE
    assert time.monotonic() - start < 12
    assert "pending" in home.ok("grant", "list")


def test_an_expired_grant_is_closed_and_refused(
    home: Leafkey, display: ClientNode, ready: ServerNode
):
    home.ok("policy", "allow", "display", "thermo", "/temp", "--for", "2s")
    assert granted(display.ask("thermo", TEMP)).expires_in in (1, 2)
    time.sleep(2.1)
    assert error_of(display.ask("thermo", TEMP)) == labels.INVALID_SCOPE
    assert home.run("grant", "list").stdout == ""
    ready.rest()
    assert ready.pull().params[tokens.SLOTS] == {}
