"""Members that come with access tokens: authz-info, N_S and sign_info, join, expiry, revocation."""

import os
from collections.abc import Iterator

import pytest

from leafkey.ace import labels as ace
from leafkey.ace import osc
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    CREATED,
    FORBIDDEN,
    NOT_FOUND,
    OSCORE,
    POST,
    UNAUTHORIZED,
)
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.group import labels, messages, scope
from leafkey.group.member import TAKEN
from leafkey.oscore.context import Context
from tests.manager.answers import sent
from tests.manager.members import FORMAT, PUBLISH_READ, GroupNode, error_of
from tests.manager.nodes import decoded
from tests.manager.processes import Leafkey, Serving


class Presented:
    """The context under a token, in the place of a node's channel."""

    def __init__(self, context: Context):
        self.context = context

    async def request(self, message: Message, send) -> tuple:
        """Return (Outgoing, response), which is as it came where nothing protects it."""
        outgoing = self.context.protect_request(message)
        response = await send(outgoing.message)
        protected = response.option(OSCORE) is not None
        return outgoing, outgoing.unprotect(response) if protected else response


class TokenNode(GroupNode):
    """A node that shows a token to the KDC, and speaks in the context of that."""

    def ask_for_token(self, *entries: tuple[str, int]) -> dict:
        """Return the answer of /token, from this node's channel."""
        wanted = scope.encode_list([scope.Scope(*entry) for entry in entries])
        fields = {ace.AUDIENCE: "kdc", ace.SCOPE: wanted, ace.ACE_PROFILE: ace.COAP_OSCORE}
        answer = self.post("/token", cbor.encode(fields))
        assert answer.code == CREATED, answer.payload
        return decoded(answer.payload)

    def show(self, granted: dict) -> dict:
        """Post a token to /authz-info in the open; return what the KDC says beside."""
        nonce1, id1 = os.urandom(8), os.urandom(3)
        fields = {ace.ACCESS_TOKEN: granted[ace.ACCESS_TOKEN], ace.NONCE1: nonce1}
        fields |= {ace.ACE_CLIENT_RECIPIENTID: id1, ace.SIGN_INFO: None}
        message = Message(POST, ((12, 19),), cbor.encode(fields))
        message.set_path("/authz-info")
        answer = sent(self, message)
        assert answer and answer.code == CREATED
        said = decoded(answer.payload)
        material = osc.material(granted[ace.CNF][ace.OSC])
        nonces = nonce1, said[ace.NONCE2]
        ids = said[ace.ACE_SERVER_RECIPIENTID], id1
        self.association = Presented(osc.context(default_provider(), material, nonces, *ids))
        self.nonce = said.get(ace.KDCCHALLENGE)
        return said


@pytest.fixture
def house(leafkey: Leafkey) -> Leafkey:
    """A manager with a signed group and two clients that may be in it."""
    leafkey.ok("init", "--name", "home", "--uri", "coap://127.0.0.1:5683")
    leafkey.ok("group", "create", "floor2")
    for name in ("ann", "bob"):
        leafkey.ok("client", "add", name)
        leafkey.ok("policy", "allow", name, "kdc", "floor2", "--roles", "publish,read")
    return leafkey


@pytest.fixture
def nodes(house: Leafkey) -> Iterator[list[TokenNode]]:
    """The two clients of a manager that serves."""
    with Serving(house) as kdc:
        made = [TokenNode(house.directory / f"{n}.identity", kdc.port) for n in ("ann", "bob")]
        yield made
        for node in made:
            node.close()


def test_a_token_leads_into_the_group_with_no_other_exchange(nodes: list[TokenNode]):
    ann, bob = nodes
    for node in nodes:
        said = node.show(node.ask_for_token(("floor2", PUBLISH_READ)))
        assert said[ace.SIGN_INFO] == [["floor2", -8, [1], [1, 6], 14]]
        assert len(said[ace.KDCCHALLENGE]) == 8
        node.join()
    ann.learn(messages.decode_creds(ann.get("/creds").payload))
    assert ann.member.receive(bob.member.publish(b"21.5", 0), 0).payload == b"21.5"


def test_a_token_for_less_than_is_asked_for(nodes: list[TokenNode]):
    ann = nodes[0]
    ann.show(ann.ask_for_token(("floor2", labels.READ)))
    assert ann.nonce is not None
    assert ann.post_join(ann.join_request()).code == FORBIDDEN
    ann.join(labels.READ)


def test_a_token_that_is_revoked_ends_the_membership(house: Leafkey, nodes: list[TokenNode]):
    ann, bob = nodes
    for node in nodes:
        node.show(node.ask_for_token(("floor2", PUBLISH_READ)))
        node.join()
    own, group = ann.observe(ann.path), bob.observe("/ace-group/floor2")
    house.ok("revoke", "ann")
    last = ann.notified(own)
    assert (last.code, error_of(last)) == (NOT_FOUND, labels.MEMBERSHIP_TERMINATED)
    assert bob.member.take(messages.decode_keys(bob.notified(group).payload), 0) == TAKEN
    assert ann.get("/num").code == UNAUTHORIZED
    assert "ann" not in house.ok("group", "members", "floor2")


def test_a_token_for_another_audience_and_no_token(house: Leafkey, nodes: list[TokenNode]):
    ann = nodes[0]
    request = Message(POST, FORMAT, b"")
    request.set_path("/ace-group/floor2")
    hints = sent(ann, request)
    assert hints and hints.code == UNAUTHORIZED
    assert decoded(hints.payload)[ace.AUDIENCE] == "kdc"
    house.ok("policy", "allow", "ann", "broker", "floor2", "--roles", "publish")
    fields = {ace.AUDIENCE: "broker", ace.SCOPE: cbor.encode([["floor2", 6]])}
    answer = ann.post("/token", cbor.encode(fields | {ace.ACE_PROFILE: ace.COAP_OSCORE}))
    assert answer.code == CREATED
    ann.show(decoded(answer.payload))
    assert ann.get("").code == FORBIDDEN
    assert ann.post_join(ann.join_request()).code == FORBIDDEN


def test_a_node_may_be_a_member_in_both_ways(house: Leafkey, nodes: list[TokenNode]):
    ann = nodes[0]
    first = ann.join(is_signed=True)[labels.KEY].sender_id
    ann.show(ann.ask_for_token(("floor2", PUBLISH_READ)))
    second = ann.join()[labels.KEY].sender_id
    assert first != second
    assert house.ok("group", "members", "floor2").count("ann") == 2
    house.ok("group", "evict", "floor2", "ann")
    assert "ann" not in house.ok("group", "members", "floor2")
