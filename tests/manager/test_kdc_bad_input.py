"""What the KDC refuses, by the tables of RFC 9594 and its profiles; then nothing has changed."""

import json
import os
from collections.abc import Callable, Iterator

import pytest

from leafkey.coap.numbers import (
    APPLICATION_CBOR,
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    CONTENT_FORMAT,
    CREATED,
    DELETE,
    FETCH,
    FORBIDDEN,
    GET,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    POST,
    SERVICE_UNAVAILABLE,
    UNSUPPORTED_CONTENT_FORMAT,
)
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.group import credential, evidence, labels, messages
from tests.manager.members import FORMAT, PUBLISH_READ, GroupNode, error_of
from tests.manager.processes import Leafkey, Serving

BOTH = labels.REQUESTER | labels.RESPONDER


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Leafkey:
    """A manager with a group of each kind, one member in each, and one who may join."""
    leafkey = Leafkey(tmp_path_factory.mktemp("kdc"))
    leafkey.ok("init", "--name", "home", "--uri", "coap://127.0.0.1:5683")
    for name in ("ann", "bob", "eve"):
        leafkey.ok("client", "add", name)
    for kind in ("pubsub", "symmetric", "oscore"):
        leafkey.ok("group", "create", kind, "--kind", kind)
        words = "requester,responder" if kind == "oscore" else "publish,read"
        for name in ("ann", "bob"):
            leafkey.ok("policy", "allow", name, "kdc", kind, "--roles", words)
    return leafkey


@pytest.fixture(scope="module")
def kdc(house: Leafkey) -> Iterator[Serving]:
    """The manager, serving."""
    with Serving(house) as process:
        yield process


def opened(house: Leafkey, kdc: Serving, name: str, group: str) -> Iterator[GroupNode]:
    node = GroupNode(house.directory / f"{name}.identity", kdc.port, group)
    yield node
    node.close()


@pytest.fixture
def ann(house: Leafkey, kdc: Serving) -> Iterator[GroupNode]:
    """A member of all groups, of the signed one here."""
    yield from opened(house, kdc, "ann", "pubsub")


@pytest.fixture
def bob(house: Leafkey, kdc: Serving) -> Iterator[GroupNode]:
    """May join, and has a nonce for that."""
    for node in opened(house, kdc, "bob", "pubsub"):
        node.challenge()
        yield node


@pytest.fixture
def eve(house: Leafkey, kdc: Serving) -> Iterator[GroupNode]:
    """May join nothing."""
    yield from opened(house, kdc, "eve", "pubsub")


@pytest.fixture
def unchanged(house: Leafkey) -> Iterator[None]:
    """The groups and their members are afterwards what they were before."""
    groups = ("pubsub", "symmetric", "oscore")

    def state() -> list[str]:
        shown = [house.ok("group", "show", name, "--json") for name in groups]
        return shown + [house.ok("group", "members", name, "--json") for name in groups]

    before = state()
    yield
    assert state() == before


def without(label: int) -> Callable[[dict], dict]:
    return lambda request: {key: value for key, value in request.items() if key != label}


def put(**more) -> Callable[[dict], dict]:
    return lambda request: request | {getattr(labels, name): value for name, value in more.items()}


def entry(name: str, roles: object) -> bytes:
    return cbor.encode([name, roles])


MALFORMED = {
    "no scope": without(labels.SCOPE),
    "no cnonce": without(labels.CNONCE),
    "no credential": without(labels.CLIENT_CRED),
    "no evidence": without(labels.CLIENT_CRED_VERIFY),
    "scope is no byte string": put(SCOPE="pubsub"),
    "scope is no CBOR": put(SCOPE=b"\xff"),
    "scope is a list of entries": put(SCOPE=cbor.encode([["pubsub", PUBLISH_READ]])),
    "scope in text": put(SCOPE=entry("pubsub", "publish")),
    "the scope of another group": put(SCOPE=entry("symmetric", PUBLISH_READ)),
    "no roles": put(SCOPE=entry("pubsub", 0)),
    "the administrator's role": put(SCOPE=entry("pubsub", 1 | PUBLISH_READ)),
    "the name of an application group": put(SCOPE=entry("pubsub", 2 | PUBLISH_READ)),
    "nothing but the broker's business": put(SCOPE=entry("pubsub", 16)),
    "roles that are negative": put(SCOPE=entry("pubsub", -4)),
    "a cnonce of the wrong type": put(CNONCE=7),
    "an empty cnonce": put(CNONCE=b""),
    "a cnonce that is too long": put(CNONCE=bytes(65)),
    "a credential of the wrong type": put(CLIENT_CRED="x"),
    "a credential that is too long": put(CLIENT_CRED=bytes(1025)),
    "evidence of the wrong type": put(CLIENT_CRED_VERIFY=[1]),
    "get_creds of the wrong type": put(GET_CREDS=1),
    "get_creds that filters nothing": put(GET_CREDS=[True, [], []]),
    "get_creds by identifiers": put(GET_CREDS=[True, [4], [b"\x00"]]),
    "get_creds without inclusion": put(GET_CREDS=[False, [4], []]),
    "a control_uri of the wrong type": put(CONTROL_URI=b"x"),
    "a control_uri at somebody else's host": put(CONTROL_URI="coap://192.0.2.9/x"),
    "a control_uri of another scheme": put(CONTROL_URI="http://127.0.0.1/x"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_join_request_that_is_malformed(what: str, bob: GroupNode, unchanged: None):
    response = bob.post_join(MALFORMED[what](bob.join_request()))
    assert (response.code, response.uint(CONTENT_FORMAT)) == (BAD_REQUEST, 261)
    told = messages.decode_challenge(response.payload)
    # It says what makes the next one better.
    assert told[labels.SIGN_INFO] == [["pubsub", -8, [1], [1, 6], 14]]
    assert len(told[labels.KDCCHALLENGE]) == 8


def test_a_payload_that_is_no_map(bob: GroupNode, unchanged: None):
    twice = b"\xa2\x06\x41\x00\x06\x41\x01"
    for payload in (b"", b"\x80", b"\xa1", b"\xff", twice, os.urandom(40), bytes(900)):
        assert bob.post_join(payload).code == BAD_REQUEST


def test_a_payload_that_is_too_large_by_far(bob: GroupNode, unchanged: None):
    assert bob.post_join(bytes(20_000)).code in (0x8D, BAD_REQUEST)


def test_another_content_format(bob: GroupNode, unchanged: None):
    payload = messages.encode(bob.join_request())
    response = bob.send(POST, "/ace-group/pubsub", payload, ((CONTENT_FORMAT, 60),))
    assert response.code == UNSUPPORTED_CONTENT_FORMAT


def test_unknown_parameters_are_ignored_and_a_nonce_serves_once(house: Leafkey, bob: GroupNode):
    request = bob.join_request() | {22: 1, 99: "x", -70000: b""}
    assert bob.post_join(request).code == CREATED
    members = house.ok("group", "members", "pubsub", "--json")
    replayed = bob.post_join(request)
    assert (replayed.code, replayed.uint(CONTENT_FORMAT)) == (BAD_REQUEST, 261)
    assert house.ok("group", "members", "pubsub", "--json") == members
    bob.path = "/ace-group/pubsub/nodes/" + _name(house, "pubsub", "bob")
    bob.leave()


def test_a_stale_nonce_is_answered_with_a_new_one(bob: GroupNode, unchanged: None):
    request = bob.join_request()
    bob.challenge()
    assert error_of(bob.post_join(request)) == labels.INVALID_EVIDENCE


def test_roles_beyond_those_allowed(house: Leafkey, bob: GroupNode, unchanged: None):
    bob.group = "oscore"
    request = bob.join_request(labels.MONITOR)
    assert bob.post_join(request).code == FORBIDDEN
    for roles in (labels.MONITOR | labels.REQUESTER, labels.VERIFIER, 1):
        assert bob.post_join(bob.join_request(roles)).code == BAD_REQUEST


def test_credentials_that_do_not_fit(bob: GroupNode, unchanged: None):
    for cred in (
        b"\x00",
        cbor.encode({8: {}}),
        cbor.encode({8: {1: {1: 2, -1: 1, -2: bytes(32)}}}),
    ):
        response = bob.post_join(bob.join_request(CLIENT_CRED=cred))
        assert error_of(response) == labels.INCOMPATIBLE_CREDENTIAL


def test_evidence_that_does_not_verify(bob: GroupNode, unchanged: None):
    other = credential.encode(default_provider().ed25519_key(bytes(32)).public)
    for more in (
        {"CLIENT_CRED_VERIFY": bytes(64)},
        {"CLIENT_CRED_VERIFY": bytes(63)},
        {"CLIENT_CRED_VERIFY": b""},
        {"CLIENT_CRED": other},
        {"CNONCE": bytes(8)},
        {"CLIENT_CRED_VERIFY": bob.signer.sign(b"something else")},
        # It covers the scope, too.
        {"SCOPE": entry("pubsub", labels.READ | labels.PUBLISH).replace(b"\x0c", b"\x04")},
    ):
        response = bob.post_join(bob.join_request(**more))
        assert error_of(response) == labels.INVALID_EVIDENCE


def test_who_is_allowed_nothing_learns_nothing(eve: GroupNode, unchanged: None):
    for group in ("pubsub", "nowhere"):
        eve.group = group
        assert eve.post_join(eve.join_request()).code == FORBIDDEN
        for path in ("/num", "/creds", "/policies", "/kdc-cred", "/nodes/x", "/nodes/x/cred"):
            assert error_of(eve.get(path)) == labels.NOT_A_MEMBER
        assert eve.get("").code == FORBIDDEN
    found = eve.send(FETCH, "/ace-group", messages.encode({labels.GID: [b"x"]}), FORMAT)
    assert (found.code, found.payload) == (CONTENT, b"\x40")


def test_who_may_join_and_has_not_is_no_member(bob: GroupNode, unchanged: None):
    for path in ("", "/num", "/creds", "/policies", "/kdc-cred", "/nodes/x"):
        assert error_of(bob.get(path)) == labels.NOT_A_MEMBER
    bob.group = "oscore"
    for path in ("/active", "/stale-sids"):
        code = FETCH if path == "/stale-sids" else GET
        response = bob.send(code, f"/ace-group/oscore{path}", b"\x00")
        assert error_of(response) == labels.NOT_A_MEMBER
    assert error_of(bob.get("/verif-data")) == labels.ONLY_FOR_VERIFIERS


def test_methods_and_resources_that_there_are_not(house: Leafkey, ann: GroupNode):
    ann.join(is_signed=True)
    for code, path in (
        (DELETE, ""),
        (POST, "/num"),
        (GET, "/stale-sids"),
        (POST, "/creds"),
        (FETCH, "/kdc-cred"),
        (FETCH, "/nodes/" + ann.path.rsplit("/", 1)[1]),
        (GET, "/nodes/" + ann.path.rsplit("/", 1)[1] + "/cred"),
    ):
        wanted = NOT_FOUND if path == "/stale-sids" else METHOD_NOT_ALLOWED
        assert ann.send(code, f"/ace-group/pubsub{path}").code == wanted, path
    for path in ("/other", "/num/x", "/nodes/x/y/z"):
        assert ann.get(path).code in (NOT_FOUND, FORBIDDEN)
    assert ann.send(GET, "/ace-group").code == METHOD_NOT_ALLOWED
    assert ann.send(FETCH, "/ace-group", b"\xa0", FORMAT).code == BAD_REQUEST
    assert ann.send(GET, "/ace-groups/pubsub").code == FORBIDDEN


def test_the_node_of_another_member(house: Leafkey, ann: GroupNode, bob: GroupNode):
    ann.join(is_signed=True)
    bob.join(is_signed=True)
    before = house.ok("group", "members", "pubsub", "--json")
    for code in (GET, POST, DELETE):
        assert bob.send(code, ann.path).code == FORBIDDEN
    assert bob.send(POST, ann.path + "/cred").code == FORBIDDEN
    assert house.ok("group", "members", "pubsub", "--json") == before
    bob.leave()


def test_filters_of_credentials(house: Leafkey, ann: GroupNode, bob: GroupNode):
    own = ann.join(is_signed=True)[labels.KEY].sender_id
    other = bob.join(is_signed=True)[labels.KEY].sender_id

    def asked(value: object) -> object:
        response = ann.fetch("/creds", messages.encode({labels.GET_CREDS: value}))
        if response.code != CONTENT or response.payload == b"\x40":
            return response.code if response.code != CONTENT else None
        return set(messages.decode_creds(response.payload)[labels.PEER_IDENTIFIERS])

    assert asked([True, [labels.PUBLISH], []]) == {own, other}
    assert asked([True, [], [other, b"\x77"]]) == {other}
    assert asked([False, [], [other]]) == {own}
    assert asked([False, [PUBLISH_READ], [other]]) == {own}
    assert asked([True, [labels.DELETE_TOPIC], []]) is None
    for value in ([True, [], []], [1, [4], []], [True, [4]], [True, 4, []], 7, [True, [], ["x"]]):
        assert asked(value) == BAD_REQUEST
    bob.leave()


def test_a_new_credential(house: Leafkey, ann: GroupNode):
    ann.join(is_signed=True)
    ann.challenge()
    ann.signer = default_provider().ed25519_key(os.urandom(32))
    request = ann.join_request()
    where = ann.path + "/cred"
    wanted = (labels.CLIENT_CRED, labels.CNONCE, labels.CLIENT_CRED_VERIFY)
    for label in wanted:
        part = {key: request[key] for key in wanted if key != label}
        assert ann.send(POST, where, messages.encode(part), FORMAT).code == BAD_REQUEST
    ann.challenge()
    request = ann.join_request()
    changed = ann.send(POST, where, messages.encode(request), FORMAT)
    assert (changed.code, changed.payload) == (CHANGED, b"")
    again = ann.send(POST, where, messages.encode(request), FORMAT)
    assert messages.decode_challenge(again.payload)[labels.KDCCHALLENGE]
    told = messages.decode_creds(ann.get("/creds").payload)
    assert told[labels.CREDS] == [credential.encode(ann.signer.public)]


def test_what_an_oscore_group_has_beside(house: Leafkey, ann: GroupNode, bob: GroupNode):
    for node in (ann, bob):
        node.group = "oscore"
        node.challenge()
    response = ann.post_join(ann.join_request(BOTH))
    assert response.code == CREATED
    told = messages.decode_join_response(response.payload)
    assert (told[labels.GKTY], told[labels.ACE_GROUPCOMM_PROFILE]) == (1, 1)
    assert told[labels.GROUP_POLICIES] == {1: 3600, 2: 0}
    assert told[labels.KEY][7] == b"\x00" and len(told[labels.KEY][2]) == 32
    joined = messages.decode_join_response(bob.post_join(bob.join_request(BOTH)).payload)
    assert joined[labels.PEER_IDENTIFIERS] == [b"\x00"]
    assert cbor.decode(ann.get("/active").payload) is True
    for payload in (b"\x00", b"\x20", b"", b"\x41\x00", b"\x05"):
        wrong = ann.fetch("/stale-sids", payload, ((CONTENT_FORMAT, APPLICATION_CBOR),))
        assert wrong.code == BAD_REQUEST
    house.ok("group", "rekey", "oscore")
    stale = ann.fetch("/stale-sids", b"\x00", ((CONTENT_FORMAT, APPLICATION_CBOR),))
    assert cbor.decode(stale.payload) == []
    for _ in range(2):
        house.ok("group", "rekey", "oscore")
    stale = ann.fetch("/stale-sids", b"\x00", ((CONTENT_FORMAT, APPLICATION_CBOR),))
    assert (stale.code, stale.payload) == (CONTENT, b"")
    house.ok("group", "policy", "oscore", "--inactive")
    assert cbor.decode(ann.get("/active").payload) is False
    name = _name(house, "oscore", "ann")
    for path, code in ((f"/nodes/{name}", POST), (f"/nodes/{name}/cred", POST), ("", POST)):
        payload = messages.encode(ann.join_request(BOTH)) if path != f"/nodes/{name}" else b""
        inactive = ann.send(code, f"/ace-group/oscore{path}", payload)
        assert error_of(inactive) == labels.GROUP_NOT_ACTIVE
        assert inactive.code == SERVICE_UNAVAILABLE
    house.ok("group", "policy", "oscore", "--active")


def test_a_verifier_reads_without_being_a_member(house: Leafkey, eve: GroupNode):
    house.ok("policy", "allow", "eve", "kdc", "oscore", "--roles", "verifier")
    eve.group = "oscore"
    told = cbor.decode(eve.get("/verif-data").payload)
    assert isinstance(told, dict) and len(told[labels.SIGN_ENC_KEY]) == 16
    assert 2 not in told[labels.KEY]
    assert messages.decode_creds(eve.get("/creds").payload)[labels.CREDS]
    nonce = bytes(8)
    sent = messages.encode({labels.CNONCE: nonce})
    found = messages.decode_kdc_cred(eve.fetch("/kdc-cred", sent).payload)
    assert evidence.kdc_public(default_provider(), found, nonce)
    for payload in (b"", b"\xa0", messages.encode({labels.CNONCE: b""})):
        assert eve.fetch("/kdc-cred", payload).code == BAD_REQUEST
    assert eve.post_join(b"").code == BAD_REQUEST
    assert error_of(eve.get("/num")) == labels.NOT_A_MEMBER


def test_members_that_send_nothing(house: Leafkey, ann: GroupNode, eve: GroupNode):
    house.ok("policy", "allow", "eve", "kdc", "pubsub", "--roles", "read")
    told = eve.join(labels.READ)
    assert told[labels.KEY].sender_id is None
    assert error_of(eve.send(POST, eve.path)) == labels.INCONSISTENT_WITH_ROLES
    assert error_of(eve.send(POST, eve.path + "/cred")) == labels.INCONSISTENT_WITH_ROLES
    house.ok("group", "evict", "pubsub", "eve")


def _name(house: Leafkey, group: str, label: str) -> str:
    shown = json.loads(house.ok("group", "members", group, "--json"))
    return next(one["node_name"] for one in shown if one["member"] == label)
