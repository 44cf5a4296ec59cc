"""A KDC, members on a network that loses, doubles and delays, restarts, and an insider who forges.

Whatever happens: no nonce is used twice, nothing goes out under a key that the KDC did not give
out, a publication counts once; and when it is quiet again, all members read each other.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from leafkey.errors import AuthenticationError, DecodeError, NoGroupKey, ReplayError
from leafkey.group import labels, messages, path, publication
from leafkey.group.material import PubSubMaterial
from leafkey.group.member import NOTHING, WANTS_CONFIRMATION, WANTS_KEY, WANTS_SENDER_ID
from leafkey.group.treemessage import JOIN, REFRESH, Cipher, TreeMessage
from tests.unit.group.world import GROUP, PROVIDER, Kdc, Node

MOST = 6
WHO = st.integers(0, MOST - 1)
WHICH = st.integers(0, 30)


class GroupMachine(RuleBasedStateMachine):
    @initialize(
        alg=st.sampled_from((10, 24)), is_signed=st.booleans(), delta=st.sampled_from((0, 9))
    )
    def start(self, alg, is_signed, delta):
        self.kdc = Kdc(is_signed, alg, delta)
        self.nodes: list[Node] = []
        # What is on the network, for ever: messages of the KDC or forged ones, and publications.
        self.said: list[bytes] = []
        self.published: list[bytes] = []
        self.gids: set[bytes] = set()
        self.nonces: set[tuple] = set()
        # By member: what it has taken as fresh.
        self.taken: dict[Node, set] = {}
        self.evicted: list[tuple[int, path.Path]] = []
        for _ in range(3):
            self.join()

    def announce(self, message: bytes):
        self.gids.add(self.kdc.key.gid)
        self.said.append(message)

    def node(self, who: int) -> Node:
        return self.nodes[who % len(self.nodes)]

    @rule()
    def join(self):
        if len(self.nodes) >= MOST:
            return
        node = Node(self.kdc)
        self.announce(node.welcome)
        self.nodes.append(node)
        self.taken[node] = set()

    @rule(who=WHO)
    def evict(self, who):
        if len(self.nodes) < 2:
            return
        node = self.node(who)
        held = path.decode(PROVIDER, self.kdc.tree.path(node.leaf).encode())
        self.evicted.append((self.kdc.num, held))
        self.nodes.remove(node)
        self.announce(self.kdc.leave(node.leaf))

    @rule()
    def refresh(self):
        self.announce(self.kdc.refresh())

    @rule(who=WHO, which=WHICH)
    def hear(self, who, which):
        self.deliver(self.node(who), self.said[-1 - which % len(self.said)])

    def deliver(self, node: Node, message: bytes):
        try:
            node.member.hear(message, 0)
        except AuthenticationError:
            assert self.kdc.is_signed

    @rule(who=WHO)
    def ask(self, who):
        self.serve(self.node(who))

    def serve(self, node: Node):
        """What the application does about what a member wants, once."""
        wanted = node.member.wants(0)
        if wanted == WANTS_KEY:
            node.ask()
        elif wanted == WANTS_CONFIRMATION:
            node.member.confirm(self.kdc.confirmation(), 0)
        elif wanted == WANTS_SENDER_ID:
            node.member.change_sender_id(self.kdc.new_sender(node.signer and node.signer.public))

    @rule(who=WHO)
    def be_told(self, who):
        self.node(who).ask()

    @rule(who=WHO)
    def catch_up(self, who):
        """A good network: everything in its order, and answers at once."""
        self.settle(self.node(who))

    def settle(self, node: Node):
        for message in self.said[-3:]:
            self.deliver(node, message)
        for _ in range(3):
            self.serve(node)

    @rule(who=WHO, count=st.integers(1, 70), is_settled=st.booleans())
    def publish(self, who, count, is_settled):
        node = self.node(who)
        if is_settled:
            self.settle(node)
        for _ in range(count):
            try:
                sent = node.member.publish(b"x", 0)
            except NoGroupKey:
                assert node.member.wants(0) != NOTHING
                return
            sealed = publication.decode(sent)
            nonce = (sealed.gid, sealed.sender, sealed.number)
            assert sealed.gid in self.gids, "sent under a key that the KDC did not give out"
            assert nonce not in self.nonces, "a nonce was used twice"
            self.nonces.add(nonce)
        self.published.append(sent)

    @rule(who=WHO, which=WHICH)
    def receive(self, who, which):
        if self.published:
            self.read(self.node(who), self.published[-1 - which % len(self.published)])

    def read(self, node: Node, data: bytes):
        try:
            found = node.member.receive(data, 0)
        except (NoGroupKey, ReplayError):
            return
        sealed = publication.decode(data)
        whose = (sealed.gid, sealed.sender, sealed.number)
        assert not found.is_fresh or whose not in self.taken[node], "taken as fresh twice"
        self.taken[node].add(whose)

    @rule(who=WHO)
    def restart(self, who):
        """Between two publications, as often as it can hurt."""
        self.publish(who, 1, True)
        self.node(who).restart()
        self.publish(who, 1, True)

    @rule(who=WHO, writes=st.integers(0, 3))
    def cut_power(self, who, writes):
        node = self.node(who)
        node.store.fails_in = writes
        try:
            node.member.change_sender_id(self.kdc.new_sender(node.signer and node.signer.public))
            node.ask()
        except OSError:
            pass
        node.restart()

    @rule(who=WHO)
    def lose_numbers(self, who):
        node = self.node(who)
        node.store.bound = None
        node.restart()

    @rule(
        who=WHO,
        victim=WHO,
        kind=st.sampled_from((JOIN, REFRESH)),
        gone=WHICH,
        ahead=st.integers(1, 2),
        is_settled=st.booleans(),
    )
    def forge(self, who, victim, kind, gone, ahead, is_settled):
        """A member, or one that was evicted, plays the KDC with the path it has."""
        if is_settled:
            self.settle(self.node(victim))
        held = path.decode(PROVIDER, self.kdc.tree.path(self.node(who).leaf).encode())
        num = self.kdc.num + ahead
        if self.evicted and gone % 2:
            last, held = self.evicted[gone % len(self.evicted)]
            num = last + ahead
        leaf = self.kdc.tree.join(self.kdc.num + 1, b"").leaf if kind == JOIN else 0
        message = TreeMessage(num, kind, leaf, [])
        cipher = Cipher(PROVIDER, 1, self.kdc.alg)
        payload = self.kdc.rekeying()
        payload[labels.KEY] = PubSubMaterial(self.kdc.new_key()).to_cbor()
        payload[labels.NUM] = num
        root = cipher.step(held._keys[-1][1], num)
        aad = message.external_aad(GROUP)
        message.sealed = cipher.seal(root, num, aad, messages.encode(payload))
        self.said.append(message.encode())
        self.deliver(self.node(victim), self.said[-1])

    @rule(who=WHO, noise=st.binary(max_size=40))
    def noise(self, who, noise):
        node = self.node(who)
        for take in (node.member.hear, node.member.receive):
            try:
                take(noise, 0)
            except (DecodeError, NoGroupKey, AuthenticationError):
                continue

    def teardown(self):
        if not hasattr(self, "kdc"):
            return
        for node in self.nodes:
            for _ in range(4):
                self.serve(node)
            node.ask()
            assert node.member.wants(0) == NOTHING
            assert node.member.num() == self.kdc.num
        self.check_talk()

    def check_talk(self):
        for sender in self.nodes:
            sent = sender.member.publish(b"quiet", 0)
            for reader in self.nodes:
                if reader is not sender:
                    assert reader.member.receive(sent, 0).payload == b"quiet"


GroupMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestGroup = GroupMachine.TestCase
