"""A KDC, its members, their stores: what the tests of members share."""

from leafkey.crypto.provider import default_provider
from leafkey.group import confirmation, credential, labels, messages, treemessage
from leafkey.group.keytree import KeyTree
from leafkey.group.material import SIZES, GroupKey, PubSubMaterial, Signing
from leafkey.group.member import Member

PROVIDER = default_provider()
GROUP = "greenhouse"
LIFETIME = 3600


class Random:
    """The same bytes on every runtime, by SHA-256 of a counter."""

    def __init__(self, seed: int):
        self._state = seed

    def __call__(self, size: int) -> bytes:
        self._state += 1
        return PROVIDER.sha256(b"random %d" % self._state)[:size]

    def below(self, limit: int) -> int:
        return int.from_bytes(self(4), "big") % limit


class Store:
    """What is durable; `fails_in` writes from now the power goes, before the write is done."""

    def __init__(self):
        self.state: bytes | None = None
        self.bound: bytes | None = None
        self.writes = 0
        self.fails_in = -1

    def put_state(self, data: bytes):
        self._write()
        self.state = data

    def put_bound(self, data: bytes):
        self._write()
        self.bound = data

    def _write(self):
        self.writes += 1
        self.fails_in -= 1
        if self.fails_in == -1:
            raise OSError("power is gone")


class Kdc:
    """Keys, a key tree and credentials of one group."""

    def __init__(self, is_signed: bool = False, alg: int = 10, delta: int = 0, seed: int = 1):
        self.random = Random(seed)
        self.is_signed = is_signed
        self.alg = alg
        self.delta = delta
        self.signer = PROVIDER.ed25519_key(self.random(32)) if is_signed else None
        self.tree = KeyTree(treemessage.Cipher(PROVIDER, 1, alg), self.random, GROUP, self.signer)
        self.num = -1
        self.key = self.new_key()
        self.public_keys = {}
        self.last_sender = 0

    def new_key(self) -> GroupKey:
        size, nonce_size = SIZES[self.alg]
        random = self.random
        return GroupKey(random(4), self.alg, random(nonce_size), random(size))

    def rekeying(self) -> dict:
        """What all members are told of the key in force."""
        return {
            labels.GKTY: labels.GROUP_PUBSUB_KEYING_MATERIAL,
            labels.KEY: PubSubMaterial(self.key).to_cbor(),
            labels.NUM: self.num,
            labels.EXI: LIFETIME,
        }

    def join(self, public: bytes = b"") -> tuple:
        """Return (leaf, message for the others, Join Response) for a newcomer."""
        message, leaf = self._changed(self.tree.join)
        return leaf, message, self.response(leaf, self.new_sender(public))

    def leave(self, leaf: int) -> bytes:
        """Return the message for those who stay."""
        return self._changed(lambda num, payload: self.tree.leave(leaf, num, payload))[0]

    def refresh(self) -> bytes:
        """Return the message for all."""
        return self._changed(self.tree.refresh)[0]

    def new_sender(self, public: bytes) -> bytes:
        self.last_sender += 1
        sender = bytes((self.last_sender,))
        self.public_keys[sender] = public
        return sender

    def response(self, leaf: int, sender: bytes | None) -> dict:
        """A Join Response, as it is after decoding."""
        signing = Signing() if self.is_signed else None
        response = self.rekeying()
        response[labels.KEY] = PubSubMaterial(self.key, sender, signing).to_cbor()
        signed, symmetric = labels.COAP_GROUP_PUBSUB_APP, labels.COAP_GROUP_PUBSUB_SYMMETRIC
        response[labels.ACE_GROUPCOMM_PROFILE] = signed if self.is_signed else symmetric
        response[labels.GROUP_POLICIES] = {labels.EXPIRATION_DELTA: self.delta}
        response[labels.REKEYING_SCHEME] = labels.KEY_TREE
        response[labels.MGT_KEY_MATERIAL] = self.tree.path(leaf).encode()
        return messages.decode_join_response(messages.encode(response))

    def keys(self, leaf: int, sender: bytes | None = None) -> dict:
        """The answer to a GET of nodes/N, as it is after decoding."""
        answer = self.rekeying()
        answer[labels.MGT_KEY_MATERIAL] = self.tree.path(leaf).encode()
        if sender is not None:
            answer[labels.GROUP_SENDER_ID] = sender
        return messages.decode_keys(messages.encode(answer))

    def confirmation(self) -> bytes:
        """The answer to who has a key pending."""
        key = PubSubMaterial(self.key).to_cbor()
        gkty = labels.GROUP_PUBSUB_KEYING_MATERIAL
        digest = confirmation.digest(PROVIDER, GROUP, self.num, gkty, key)
        return confirmation.encode(self.num, digest)

    def public(self) -> bytes | None:
        """Its public key, as a member has it after the evidence verified."""
        if self.signer is None:
            return None
        return credential.decode(credential.encode(self.signer.public))

    def _changed(self, plan) -> tuple:
        self.num += 1
        self.key = self.new_key()
        step = plan(self.num, messages.encode(self.rekeying()))
        return self.tree.take(step), step.leaf


class Node:
    """A member, its store and its place in the tree."""

    def __init__(self, kdc: Kdc, now: int = 0):
        self.kdc = kdc
        self.store = Store()
        self.signer = PROVIDER.ed25519_key(kdc.random(32)) if kdc.is_signed else None
        public = b"" if self.signer is None else self.signer.public
        self.leaf, self.welcome, response = kdc.join(public)
        self.member = self._blank()
        self.member.join(response, now, None, kdc.public())

    def _blank(self) -> Member:
        find = self.kdc.public_keys.get
        return Member(PROVIDER, self.store, GROUP, self.signer, find)

    def restart(self, now: int = 0):
        """Begin with what is stored."""
        self.store.fails_in = -1
        self.member = self._blank()
        self.member.restore(self.store.state or b"", self.store.bound, now)

    def ask(self, now: int = 0) -> int:
        """GET of nodes/N."""
        return self.member.take(self.kdc.keys(self.leaf), now)


def group_of(count: int, kdc: Kdc) -> list:
    """Members who have all heard of each other's joins, and had them confirmed."""
    nodes = []
    for _ in range(count):
        node = Node(kdc)
        hear(nodes, node.welcome)
        nodes.append(node)
    return nodes


def hear(nodes: list, message: bytes, now: int = 0) -> list:
    """Let members hear a message, and ask for a confirmation where they want one."""
    outcomes = []
    for node in nodes:
        outcomes.append(node.member.hear(message, now))
        if not node.kdc.is_signed:
            node.member.confirm(node.kdc.confirmation(), now)
    return outcomes
