"""Access tokens asked for, shown and introspected at a manager that serves (SPEC section 16)."""

import os
import threading
from collections.abc import Iterator

import cbor2
import pytest

from leafkey.ace import introspection, labels
from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    BAD_REQUEST,
    CONTENT_FORMAT,
    CREATED,
    DELETE,
    FORBIDDEN,
    GET,
    METHOD_NOT_ALLOWED,
    OSCORE,
    POST,
    PUT,
    UNAUTHORIZED,
    UNSUPPORTED_CONTENT_FORMAT,
)
from leafkey.crypto.provider import default_provider
from leafkey.oscore.context import Context
from leafkey.oscore.keys import derive
from leafkey.oscore.replay import ReplayWindow
from leafkey.oscore.sequence import Sequence
from leafmanager.scopes import PUBSUB_ROLES
from leafmanager.trl import token_hash
from tests.manager.answers import error_of, sent
from tests.manager.nodes import ClientNode, Node
from tests.manager.processes import Leafkey, Serving
from tests.vectors.reference.ace import Exchange, client_context

FLOOR = cbor2.dumps([["floor2", PUBSUB_ROLES["publish"]]])
BOTH = cbor2.dumps([["floor2", PUBSUB_ROLES["publish"] | PUBSUB_ROLES["read"]]])
ASKED = {labels.AUDIENCE: "kdc", labels.SCOPE: FLOOR}


@pytest.fixture
def home(leafkey: Leafkey) -> Leafkey:
    """A manager with an ACE server, a plain one, and a client that may publish on floor2."""
    leafkey.ok("init", "--name", "home", "--uri", "coap://127.0.0.1:5683")
    leafkey.ok("server", "add", "thermo", "--ace")
    leafkey.ok("server", "add", "vent")
    for name in ("display", "phone"):
        leafkey.ok("client", "add", name)
    leafkey.ok("policy", "allow", "display", "kdc", "floor2", "--roles", "publish,read")
    leafkey.ok("policy", "allow", "display", "thermo", "/temp")
    return leafkey


@pytest.fixture
def thermo(home: Leafkey, serving: Serving) -> Iterator[Node]:
    """A resource server, with its channel alone."""
    node = Node(home.directory / "thermo.identity", serving.port)
    yield node
    node.close()


class Holder:
    """A client with an access token for the KDC, by the vectors' own derivation of its context."""

    def __init__(self, node: ClientNode, asked: dict | None = None):
        self.node = node
        answer = node.post("/token", cbor2.dumps(asked or ASKED))
        assert answer.code == CREATED
        self.response = cbor2.loads(answer.payload)
        self.token = self.response[labels.ACCESS_TOKEN]
        self.context: Context

    def post(self) -> dict:
        """Post the token in the open, and derive the context."""
        nonce1, id1 = os.urandom(8), os.urandom(3)
        answer = posted(self.node, {1: self.token, 40: nonce1, 43: id1})
        assert answer.code == CREATED, answer.code
        said = cbor2.loads(answer.payload)
        assert said[44] != id1
        material = self.response[labels.CNF][labels.OSC]
        made = client_context(material, Exchange(nonce1, id1, said[42], said[44]))
        keys = derive(
            default_provider(),
            made.master_secret,
            made.sender_id,
            made.recipient_id,
            made.master_salt,
            alg=made.alg,
        )
        self.context = Context(default_provider(), keys, Sequence(), ReplayWindow())
        return said

    def ask(self, code: int, path: str, payload: bytes = b"") -> Message:
        """Return the answer to a request in the context, as it came if nothing protects it."""
        request = Message(code, (), payload)
        request.set_path(path)
        outgoing = self.context.protect_request(request)
        answer = sent(self.node, outgoing.message)
        assert answer
        return outgoing.unprotect(answer) if answer.option(OSCORE) is not None else answer


@pytest.fixture
def holder(display: ClientNode) -> Holder:
    """The client, with a context that it has used."""
    made = Holder(display)
    made.post()
    assert made.ask(GET, "/nothing").code == FORBIDDEN
    return made


def posted(node: Node, fields: object, code: int = POST) -> Message:
    """Return the answer to what is posted to /authz-info in the open."""
    payload = fields if isinstance(fields, bytes) else cbor2.dumps(fields)
    message = Message(code, ((CONTENT_FORMAT, APPLICATION_ACE_CBOR),), payload)
    message.set_path("/authz-info")
    answer = sent(node, message)
    assert answer
    return answer


def hints_of(answer: Message) -> dict:
    assert answer.code == UNAUTHORIZED
    assert answer.option(OSCORE) is None
    return cbor2.loads(answer.payload)


# /token


def test_no_profile_null_and_coap_oscore_are_one(display: ClientNode):
    for more in ({}, {38: None}, {38: 2}):
        response = Holder(display, ASKED | more).response
        assert response[labels.ACE_PROFILE] == labels.COAP_OSCORE


def test_an_error_has_its_code(display: ClientNode):
    assert error_of(display.post("/token", b"\xff")) == labels.INVALID_REQUEST
    asked = cbor2.dumps(ASKED | {33: 0})
    assert error_of(display.post("/token", asked)) == labels.UNSUPPORTED_GRANT_TYPE
    twice = b"\xa3\x05\x63kdc\x05\x63kdc\x09\x40"
    assert error_of(display.post("/token", twice)) == labels.INVALID_REQUEST


def test_a_request_without_protection_gets_nothing(display: ClientNode):
    message = Message(POST, (), cbor2.dumps(ASKED))
    message.set_path("/token")
    answer = sent(display, message)
    assert answer
    assert (answer.code, answer.payload) == (UNAUTHORIZED, b"")


def test_the_owner_is_asked_and_the_request_waits(home: Leafkey, serving: Serving):
    home.ok("policy", "ask", "phone", "kdc", "floor2", "--roles", "publish")
    node = ClientNode(home.directory / "phone.identity", serving.port)
    answers: list[Holder] = []
    waiting = threading.Thread(target=lambda: answers.append(Holder(node)))
    waiting.start()
    assert "publish | responder floor2 on kdc" in serving.line("question 1")
    assert "access token" in home.fails("consent", "approve", "1", code=2)
    home.ok("consent", "approve", "1", "--for", "1h")
    waiting.join()
    assert answers[0].response[labels.EXPIRES_IN] <= 3600
    answers[0].post()
    assert answers[0].ask(GET, "/nothing").code == FORBIDDEN
    home.ok("consent", "withdraw", "1")
    hints_of(answers[0].ask(GET, "/nothing"))
    assert error_of(node.post("/token", cbor2.dumps(ASKED))) == labels.ACCESS_DENIED
    node.close()


# /introspect


def test_a_server_asks_about_its_tokens_alone(display: ClientNode, thermo: Node):
    ours = Holder(display, {labels.AUDIENCE: "thermo", labels.SCOPE: "/temp"})
    other = Holder(display)
    said = introspected(thermo, ours.token)
    assert said[introspection.ACTIVE] is True
    assert said[3] == "thermo"
    assert introspected(thermo, other.token) == {introspection.ACTIVE: False}


def introspected(node: Node, token: bytes) -> dict:
    answer = node.post("/introspect", cbor2.dumps({introspection.TOKEN: token}))
    assert answer.code == CREATED
    return cbor2.loads(answer.payload)


def test_who_is_no_server_for_tokens_may_not_ask(
    home: Leafkey, serving: Serving, display: ClientNode
):
    asked = cbor2.dumps({introspection.TOKEN: b"x"})
    answer = display.post("/introspect", asked)
    assert (answer.code, answer.payload) == (FORBIDDEN, b"")
    vent = Node(home.directory / "vent.identity", serving.port)
    assert vent.post("/introspect", asked).code == FORBIDDEN
    vent.close()


@pytest.mark.parametrize("payload", [b"", b"\x80", b"\xa0", b"\xa1\x0b\x01", b"\xa1\x0b\x61x"])
def test_an_introspection_of_nothing(thermo: Node, payload: bytes):
    assert error_of(thermo.post("/introspect", payload)) == labels.INVALID_REQUEST


# /authz-info


def test_a_token_opens_a_context(display: ClientNode):
    made = Holder(display)
    made.post()
    # There is no such resource, and the answer to that is protected.
    assert made.ask(GET, "/nothing").code == FORBIDDEN


def test_a_token_leads_to_its_audience_alone(holder: Holder):
    for path in ("/token", "/introspect", "/receipt", "/server-token"):
        assert holder.ask(POST, path, b"\xa0").code == FORBIDDEN
    assert holder.ask(GET, "/trl").code == FORBIDDEN


@pytest.mark.parametrize("code", [GET, PUT, DELETE])
def test_tokens_are_posted(display: ClientNode, code: int):
    assert posted(display, b"", code).code == METHOD_NOT_ALLOWED


@pytest.mark.parametrize(
    "change",
    [
        {1: None},
        {1: 7},
        {40: None},
        {40: b""},
        {40: bytes(65)},
        {40: "text"},
        {43: None},
        {43: bytes(9)},
        {43: 7},
    ],
)
def test_a_map_that_lacks_something_is_a_bad_request(display: ClientNode, change: dict):
    fields = {1: Holder(display).token, 40: bytes(8), 43: b"id"} | change
    left = {label: value for label, value in fields.items() if value is not None}
    assert posted(display, left).code == BAD_REQUEST


@pytest.mark.parametrize("payload", [b"", b"\xff", b"\x80", b"\xd8\x3d\x00", bytes(900)])
def test_what_is_no_map_is_a_bad_request(display: ClientNode, payload: bytes):
    assert posted(display, payload).code == BAD_REQUEST


def test_a_token_that_is_not_for_this_manager(display: ClientNode):
    made = Holder(display, {labels.AUDIENCE: "thermo", labels.SCOPE: "/temp"})
    forged = bytearray(Holder(display).token)
    forged[-1] ^= 1
    for token in (made.token, bytes(forged)):
        hints = hints_of(posted(display, {1: token, 40: bytes(8), 43: b"id"}))
        assert hints[labels.AS] == "coap://127.0.0.1:5683/token"


def test_a_token_of_another_form(display: ClientNode):
    for format in (42, 60, 61):
        message = Message(POST, ((CONTENT_FORMAT, format),), Holder(display).token)
        message.set_path("/authz-info")
        answer = sent(display, message)
        assert answer
        assert answer.code == UNSUPPORTED_CONTENT_FORMAT


def test_unknown_fields_are_passed_over(display: ClientNode):
    fields = {1: Holder(display).token, 40: bytes(8), 43: b"id", 45: None, 99: [1], -70000: {}}
    assert posted(display, fields).code == CREATED


def test_a_revoked_token_ends_its_context_at_once(home: Leafkey, holder: Holder):
    home.ok("revoke", "display", "--server", "kdc")
    assert labels.AS in hints_of(holder.ask(GET, "/nothing"))
    assert labels.AS in hints_of(posted(holder.node, {1: holder.token, 40: bytes(8), 43: b"id"}))


def test_a_denial_and_a_removed_rule_end_tokens(home: Leafkey, holder: Holder):
    home.ok("policy", "deny", "display", "kdc", "floor2", "--roles", "publish")
    hints_of(holder.ask(GET, "/nothing"))
    home.ok("policy", "remove", "3")
    again = Holder(holder.node)
    again.post()
    home.ok("policy", "remove", "1")
    hints_of(again.ask(GET, "/nothing"))


def test_other_rights_in_the_same_context(home: Leafkey, holder: Holder):
    kid = holder.response[labels.CNF][labels.OSC][0]
    wider = Holder(holder.node, ASKED | {labels.SCOPE: BOTH, labels.REQ_CNF: {labels.KID: kid}})
    payload = cbor2.dumps({1: wider.token})
    updated = holder.ask(POST, "/authz-info", payload)
    assert (updated.code, updated.payload) == (CREATED, b"")
    # The first one counts no more.
    home.ok("token", "revoke", "1")
    assert holder.ask(GET, "/nothing").code == FORBIDDEN
    home.ok("token", "revoke", "2")
    hints_of(holder.ask(GET, "/nothing"))


def test_a_token_for_another_key_changes_nothing(holder: Holder):
    other = Holder(holder.node)
    answer = holder.ask(POST, "/authz-info", cbor2.dumps({1: other.token}))
    assert answer.code == UNAUTHORIZED
    assert holder.ask(POST, "/authz-info", b"\x80").code == BAD_REQUEST
    assert holder.ask(PUT, "/authz-info", b"").code == METHOD_NOT_ALLOWED
    assert holder.ask(GET, "/nothing").code == FORBIDDEN


def test_a_manager_that_restarts_takes_the_token_again(
    home: Leafkey, display: ClientNode, serving: Serving
):
    made = Holder(display)
    made.post()
    assert made.ask(GET, "/nothing").code == FORBIDDEN
    serving.kill()
    with Serving(home) as again:
        display.manager = ("127.0.0.1", again.port)
        unknown = made.ask(GET, "/nothing")
        assert (unknown.code, unknown.payload) == (UNAUTHORIZED, b"Security context not found")
        made.post()
        assert made.ask(GET, "/nothing").code == FORBIDDEN


def test_posting_over_and_over_ends_nobody_elses_context(holder: Holder):
    other = Holder(holder.node)
    for _ in range(70):
        posted(holder.node, {1: other.token, 40: os.urandom(8), 43: b"id"})
    assert holder.ask(GET, "/nothing").code == FORBIDDEN


# The revocation list, and what the owner sees


def test_a_revoked_token_is_listed_for_both(home: Leafkey, display: ClientNode, thermo: Node):
    made = Holder(display, {labels.AUDIENCE: "thermo", labels.SCOPE: "/temp"})
    home.ok("revoke", "display")
    expected = token_hash(made.token)
    for node in (display, thermo):
        request = Message(GET)
        request.set_path("/trl")
        assert cbor2.loads(node.ask_for(request).payload)[0] == [expected]
    assert introspected(thermo, made.token) == {introspection.ACTIVE: False}


def test_no_secret_is_shown_or_stored(home: Leafkey, display: ClientNode, serving: Serving):
    made = Holder(display)
    material = made.response[labels.CNF][labels.OSC]
    told = "\n".join(serving.lines)
    rows = home.state.joinpath("leafkey.db").read_bytes()
    rows += home.state.joinpath("leafkey.db-wal").read_bytes()
    for secret in (material[2], made.token):
        assert secret not in rows
        assert secret.hex() not in told
    assert "access token 1: kdc" in serving.line("access token 1")


def test_datagrams_without_sense_get_a_reset_or_nothing(display: ClientNode):
    made = Holder(display)
    made.post()
    message = Message(GET)
    message.set_path("/nothing")
    protected = made.context.protect_request(message).message
    protected.payload = protected.payload[:-1] + bytes([protected.payload[-1] ^ 1])
    protected.mid, protected.token = 7, b"t"
    answer = display.raw(encode(protected))
    assert answer
    assert decode(answer).code == BAD_REQUEST
    assert made.ask(GET, "/nothing").code == FORBIDDEN
