"""A KDC and a broker for one group, and nodes that reach them at once: no network, no clock.

The broker keeps what was published, and the nonces it was sealed under: none may come twice.
"""

from leafkey.coap.numbers import (
    APPLICATION_ACE_GROUPCOMM_CBOR,
    APPLICATION_PROBLEM_DETAILS_CBOR,
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    CREATED,
    DELETED,
    FORBIDDEN,
    NOT_FOUND,
)
from leafkey.crypto.provider import default_provider
from leafkey.errors import Unreachable
from leafkey.group import (
    confirmation,
    credential,
    evidence,
    labels,
    messages,
    problem,
    publication,
    scope,
)
from leafkey.group.keytree import KeyTree
from leafkey.group.material import SIZES, GroupKey, PubSubMaterial, Signing
from leafkey.group.treemessage import Cipher
from leafkey.pat.functions import SHA256
from leafnode.membership import Membership
from leafnode.response import Response
from leafnode.storage import Storage
from tests.unit.robust.flash import Flash

PROVIDER = default_provider()
NAME = "floor2"
ORIGIN = "coap://manager"
URI = ORIGIN + "/ace-group/" + NAME
TOPIC = "floor2/temp"
ALG = 10
ALL = labels.PUBLISH | labels.READ


def run(coroutine):
    """Run a coroutine that waits for nothing; return its result."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


class Kdc:
    """The key, and who is a member: (Sender ID, credential or None) by node."""

    def __init__(self, is_signed: bool = False, is_tree: bool = False):
        self.is_signed = is_signed
        self.num = -1
        self.members = {}
        self.allowed = {}
        self.challenge = b"N_S"
        self.drawn = 0
        self.asked = []
        self.broken = b""
        self.tree = None
        self.leaves = {}
        self.messages = []
        if is_tree:
            self.tree = KeyTree(Cipher(PROVIDER, SHA256, ALG), self.random, NAME)
        self.renew()

    def random(self, size: int) -> bytes:
        self.drawn += 1
        seed = PROVIDER.sha256(b"%d" % self.drawn)
        return (seed + seed)[:size]

    def renew(self):
        """Another key."""
        self.num += 1
        key_size, nonce_size = SIZES[ALG]
        key, base_iv = self.random(key_size), self.random(nonce_size)
        self.key = GroupKey(b"gid%d" % self.num, ALG, base_iv, key)

    def evict(self, node: str):
        """Put a node out, and give the others another key."""
        self.members.pop(node)
        self.renew()
        if self.tree is not None:
            payload = messages.encode(self.stated())
            step = self.tree.leave(self.leaves.pop(node), self.num, payload)
            self.messages.append(self.tree.take(step))

    def request(self, node: str, method: str, path: str, payload: bytes) -> Response:
        """Return the answer to a node's request."""
        self.asked.append((node, method, path))
        if path == URI and method == "POST":
            return self._join(node, payload)
        if node not in self.members:
            return refused(labels.NOT_A_MEMBER)
        own = URI + "/nodes/" + node
        answers = {
            ("GET", URI): self._keys,
            ("GET", own): self._own_keys,
            ("GET", own + "/confirmation"): self._confirmed,
            ("GET", URI + "/creds"): self._known,
            ("POST", own): self._another_id,
            ("DELETE", own): self._left,
        }
        act = answers.get((method, path))
        return Response(code=NOT_FOUND) if act is None else act(node)

    def stated(self) -> dict:
        """The parameters of a rekeying message."""
        return {
            labels.GKTY: labels.GROUP_PUBSUB_KEYING_MATERIAL,
            labels.KEY: PubSubMaterial(self.key).to_cbor(),
            labels.NUM: self.num,
        }

    def _join(self, node: str, payload: bytes) -> Response:
        request = messages.decode_join_request(payload)
        wanted = scope.decode(request[labels.SCOPE])
        if wanted.name != NAME or wanted.roles & ~self.allowed.get(node, ALL):
            return Response(code=FORBIDDEN)
        shown = request.get(labels.CLIENT_CRED)
        if self.is_signed and shown is None:
            return answer(BAD_REQUEST, messages.encode({labels.KDCCHALLENGE: self.challenge}))
        if self.is_signed:
            signed = evidence.client_input(
                request[labels.SCOPE], self.challenge, request[labels.CNONCE]
            )
            public = credential.decode(shown)
            PROVIDER.ed25519_verify(public, request[labels.CLIENT_CRED_VERIFY], signed)
        self.members[node] = (self._fresh_id(), shown)
        code = CHANGED if node in self.leaves else CREATED
        if self.tree is not None and node not in self.leaves:
            self.renew()
            step = self.tree.join(self.num, messages.encode(self.stated()))
            self.leaves[node] = step.leaf
            self.messages.append(self.tree.take(step))
        made = answer(code, messages.encode(self._joined(node)))
        made.location = "/ace-group/" + NAME + "/nodes/" + node
        return made

    def _joined(self, node: str) -> dict:
        signing = Signing() if self.is_signed else None
        material = PubSubMaterial(self.key, self.members[node][0], signing)
        profile = labels.COAP_GROUP_PUBSUB_SYMMETRIC
        if self.is_signed:
            profile = labels.COAP_GROUP_PUBSUB_APP
        told = self.stated()
        told[labels.KEY] = material.to_cbor()
        told[labels.ACE_GROUPCOMM_PROFILE] = profile
        self._add_path(told, node)
        if self.is_signed:
            told.update(self._creds())
        return told

    def _keys(self, node: str) -> Response:
        return self._told(node, {})

    def _own_keys(self, node: str) -> Response:
        return self._told(node, {labels.GROUP_SENDER_ID: self.members[node][0]})

    def _told(self, node: str, more: dict) -> Response:
        told = self.stated()
        told.update(more)
        self._add_path(told, node)
        return answer(CONTENT, self.broken or messages.encode(told))

    def _confirmed(self, _node: str) -> Response:
        key = self.stated()[labels.KEY]
        gkty = labels.GROUP_PUBSUB_KEYING_MATERIAL
        digest = confirmation.digest(PROVIDER, NAME, self.num, gkty, key)
        return answer(CONTENT, confirmation.encode(self.num, digest))

    def _known(self, _node: str) -> Response:
        return answer(CONTENT, messages.encode(self._creds()))

    def _another_id(self, node: str) -> Response:
        self.members[node] = (self._fresh_id(), self.members[node][1])
        return answer(CONTENT, messages.encode({labels.GROUP_SENDER_ID: self.members[node][0]}))

    def _left(self, node: str) -> Response:
        self.evict(node)
        return Response(code=DELETED)

    def _add_path(self, told: dict, node: str):
        if self.tree is not None:
            told[labels.REKEYING_SCHEME] = labels.KEY_TREE
            told[labels.MGT_KEY_MATERIAL] = self.tree.path(self.leaves[node]).encode()

    def _creds(self) -> dict:
        known = [member for member in self.members.values() if member[1] is not None]
        return {
            labels.NUM: self.num,
            labels.CREDS: [member[1] for member in known],
            labels.PEER_IDENTIFIERS: [member[0] for member in known],
        }

    def _fresh_id(self) -> bytes:
        self.drawn += 1
        return b"%02d" % (self.drawn % 100)


class Broker:
    """Keeps the last publication of each topic, and all nonces."""

    def __init__(self, kdc: Kdc):
        self._kdc = kdc
        self.topics = {TOPIC: b""}
        self.all = []
        self.nonces = set()

    def request(self, node: str, method: str, topic: str, payload: bytes) -> Response:
        """Return the answer to a node's request."""
        if topic not in self.topics:
            return Response(code=NOT_FOUND)
        if node not in self._kdc.members:
            return Response(code=FORBIDDEN)
        if method == "GET":
            return Response(self.topics[topic], CONTENT)
        self.put(topic, payload)
        return Response(code=CHANGED)

    def put(self, topic: str, payload: bytes):
        """Take a publication; a nonce that came with another one makes this fail."""
        sealed = publication.decode(payload)
        nonce = sealed.gid, sealed.sender, sealed.number
        if nonce in self.nonces and payload not in self.all:
            raise AssertionError("a nonce was used twice")
        self.nonces.add(nonce)
        self.all.append(payload)
        self.topics[topic] = payload


class Updates:
    """In place of an Observation: each step of the loop is one look at the resource."""

    def __init__(self, wire: "Wire", uri: str):
        self._wire = wire
        self._uri = uri
        self.is_cancelled = False

    def __aiter__(self) -> "Updates":
        return self

    async def __anext__(self) -> Response:
        return await self._wire.get(self._uri)

    async def __aenter__(self) -> "Updates":
        return self

    async def __aexit__(self, kind, error, trace):
        self.cancel()

    def cancel(self):
        self.is_cancelled = True


class Wire:
    """In place of a Client: what it asks is answered at once, or nobody is there."""

    def __init__(self, node: str, kdc: Kdc, broker: Broker):
        self._node = node
        self._kdc = kdc
        self._broker = broker
        self.is_off = False
        self.lines = []

    async def get(self, uri: str) -> Response:
        return await self.request("GET", uri)

    async def post(self, uri: str) -> Response:
        return await self.request("POST", uri)

    async def delete(self, uri: str) -> Response:
        return await self.request("DELETE", uri)

    async def request(self, method: str, uri: str, value=b"", content_format=None) -> Response:
        if self.is_off:
            raise Unreachable("nobody is there")
        if uri.startswith(ORIGIN + "/ps/"):
            topic = uri[len(ORIGIN + "/ps/") :]
            return self._broker.request(self._node, method, topic, value)
        return self._kdc.request(self._node, method, uri, value)

    def observe(self, uri: str) -> Updates:
        return Updates(self, uri)

    def log(self, text: str):
        self.lines.append(text)


class Identity:
    def __init__(self, flash: Flash):
        self.storage = Storage("n", flash)


class Node:
    """What a membership asks of a leafnode.node.Node."""

    def __init__(self, flash: Flash):
        self.provider = PROVIDER
        self.identity = Identity(flash)
        self._drawn = 0

    def random_bytes(self, size: int) -> bytes:
        self._drawn += 1
        return PROVIDER.sha256(b"node%d" % self._drawn)[:size]


class Party:
    """One node with its flash, and what of its program a power cut ends."""

    def __init__(self, name: str, kdc: Kdc, broker: Broker, roles: tuple = ("publish", "read")):
        self.flash = Flash()
        self.wire = Wire(name, kdc, broker)
        self.roles = roles
        self.membership: Membership

    def boot(self) -> Membership:
        """Start the program: a membership, which has not begun."""
        node = Node(self.flash)
        self.membership = Membership(self.wire, node, URI, self.roles)
        return self.membership

    def begin(self) -> Membership:
        """Start, and be a member."""
        run(self.boot().begin())
        return self.membership

    def publish(self, value: bytes) -> bytes:
        """Publish; return what travelled."""
        run(self.membership.settle())
        sealed = self.membership.publish(value)
        run(self.wire.request("PUT", ORIGIN + "/ps/" + TOPIC, sealed))
        return sealed

    def receive(self, sealed: bytes):
        """Return the Publication in what a broker sent."""
        return run(self.membership.receive(sealed))


def answer(code: int, payload: bytes) -> Response:
    return Response(payload, code, APPLICATION_ACE_GROUPCOMM_CBOR)


def refused(error_id: int) -> Response:
    code = problem.CODES[error_id]
    return Response(problem.encode(error_id), code, APPLICATION_PROBLEM_DETAILS_CBOR)
