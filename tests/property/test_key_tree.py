"""Key trees under random joins, leaves and refreshes, against a naive model of who may know what.

The model of the group is a dict of members. The model of an attacker keeps every key that it ever
held, and tries each of them on everything that was ever sent, in every way that the scheme has.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from leafkey.crypto.provider import default_provider
from leafkey.errors import AuthenticationError
from leafkey.group import path, treemessage
from leafkey.group.keytree import KeyTree
from leafkey.group.treemessage import Cipher, TreeMessage

PROVIDER = default_provider()
GROUP = "g"
JOIN, REFRESH = -1, -2
MOST_KEYS = 400
# A leave names its member by a number that is taken modulo how many there are.
EVENTS = st.lists(st.one_of(st.just(JOIN), st.just(REFRESH), st.integers(0, 40)), max_size=60)
SHAPES = st.sampled_from(((1, 10), (2, 24), (1, 24)))


class World:
    """A KDC that stores rows, members who follow, and all that was said."""

    def __init__(self, suite: int, alg: int):
        self.cipher = Cipher(PROVIDER, suite, alg)
        self.drawn = 0
        self.tree = KeyTree(self.cipher, self.draw, GROUP)
        self.rows: dict[int, tuple[int, bytes]] = {}
        self.members: dict[int, path.Path] = {}
        self.said: list[tuple[TreeMessage, bytes]] = []

    def draw(self, size: int) -> bytes:
        self.drawn += 1
        return PROVIDER.sha256(b"%d" % self.drawn)[:size]

    def happen(self, event: int) -> None:
        num = self.tree.num + 1
        payload = b"payload %d" % num
        is_join = event == JOIN or not self.members
        if is_join:
            step = self.tree.join(num, payload)
        elif event == REFRESH:
            step = self.tree.refresh(num, payload)
        else:
            leaf = sorted(self.members)[event % len(self.members)]
            step = self.tree.leave(leaf, num, payload)
            self.left(leaf, self.members.pop(leaf))
        self.check_nothing_has_changed(num)
        self.store(step.rows())
        message = self.tree.take(step)
        if message:
            self.hear(treemessage.decode(message), payload)
        if is_join:
            self.came(step.leaf)

    def came(self, leaf: int) -> None:
        self.members[leaf] = path.decode(PROVIDER, self.tree.path(leaf).encode())

    def left(self, leaf: int, held: path.Path) -> None:
        """For attackers."""

    def check_nothing_has_changed(self, num: int) -> None:
        assert self.tree.num == num - 1
        assert self.rows == {node: self.tree.key(node) for node in self.rows}

    def store(self, rows: list) -> None:
        for node, num, key in rows:
            if key is None:
                self.rows.pop(node, None)
            else:
                self.rows[node] = (num, key)

    def hear(self, message: TreeMessage, payload: bytes) -> None:
        self.said.append((message, payload))
        for leaf, member in self.members.items():
            self.members[leaf], found = member.follow(GROUP, message)
            assert found == payload

    def restored(self) -> KeyTree:
        tree = KeyTree(self.cipher, self.draw, GROUP)
        tree.load(self.tree.num, [(node, num, key) for node, (num, key) in self.rows.items()])
        return tree


def held_keys(held: path.Path) -> set[tuple[int, bytes]]:
    return {(num, key) for num, key in held._keys}


@settings(max_examples=150, deadline=None)
@given(shape=SHAPES, events=EVENTS)
def test_all_members_have_the_keys_of_the_kdc(shape, events):
    world = World(*shape)
    for event in events:
        world.happen(event)
        assert len(world.tree) == len(world.members)
        for leaf, member in world.members.items():
            assert member.encode() == world.tree.path(leaf).encode()


@settings(max_examples=100, deadline=None)
@given(shape=SHAPES, events=EVENTS, cut=st.integers(0, 60))
def test_a_tree_goes_on_from_its_rows(shape, events, cut):
    world = World(*shape)
    for event in events[:cut]:
        world.happen(event)
    world.tree = world.restored()
    for event in events[cut:]:
        world.happen(event)
        again, tree = world.restored(), world.tree
        assert (again.root(), len(again)) == (tree.root(), len(tree))
        assert again.join(tree.num + 1, b"").leaf == tree.join(tree.num + 1, b"").leaf


@settings(max_examples=100, deadline=None)
@given(events=EVENTS)
def test_sizes_are_logarithmic(events):
    world = World(1, 10)
    for event in events:
        world.happen(event)
    for message, _ in world.said:
        height = len(world.members) and world.tree.root().bit_length()
        assert len(message.wraps) <= max(0, 2 * max(height, 6) - 1)
        if message.kind != treemessage.LEAVE:
            assert message.wraps == []


class Attacked(World):
    """A world in which whoever has left keeps everything, and puts it together."""

    def __init__(self, suite: int, alg: int):
        super().__init__(suite, alg)
        self.known: set[tuple[int, bytes]] = set()
        # What each member has ever held, by leaf.
        self.kept: dict[int, set] = {}

    def came(self, leaf: int) -> None:
        super().came(leaf)
        self.kept[leaf] = held_keys(self.members[leaf])

    def hear(self, message: TreeMessage, payload: bytes) -> None:
        super().hear(message, payload)
        for leaf, member in self.members.items():
            self.kept[leaf] |= held_keys(member)
        self.learn(message)
        assert not self.opens(message), "who has left reads what follows"

    def left(self, leaf: int, held: path.Path) -> None:
        self.known |= self.kept.pop(leaf)

    def learn(self, message: TreeMessage) -> None:
        """Try every key on every wrap, and step every key."""
        self.known |= opened(self.cipher, self.known, message)
        stepped = {(message.num, self.cipher.step(key, message.num)) for _, key in self.known}
        # They double each time: enough are tried when there are some hundreds.
        self.known |= stepped if len(self.known) < MOST_KEYS else set()

    def opens(self, message: TreeMessage) -> bool:
        return opens(self.cipher, self.known, message)


def opened(cipher: Cipher, known: set, message: TreeMessage) -> set:
    """Keys that a message gives to who knows some; until it gives no more."""
    found: set = set()
    pending = set(known)
    while pending:
        fresh = set()
        for version, key in pending:
            for node, ciphertext in message.wraps:
                aad = treemessage.wrap_aad(GROUP, message.num, node, version)
                try:
                    fresh.add((message.num, cipher.open(key, message.num, aad, ciphertext)))
                except AuthenticationError:
                    continue
        pending = fresh - found
        found |= fresh
    return found


def opens(cipher: Cipher, known: set, message: TreeMessage) -> bool:
    aad = message.external_aad(GROUP)
    for _, key in known:
        try:
            cipher.open(key, message.num, aad, message.sealed)
        except AuthenticationError:
            continue
        return True
    return False


SHORT = st.lists(st.one_of(st.just(JOIN), st.just(REFRESH), st.integers(0, 9)), max_size=14)


@settings(max_examples=150, deadline=None)
@given(shape=SHAPES, size=st.integers(1, 9), events=SHORT)
def test_who_has_left_reads_nothing_that_follows_even_together(shape, size, events):
    world = Attacked(*shape)
    for event in [JOIN] * size + events:
        world.happen(event)
    live = {key for _, key in world.rows.values()}
    assert not live & {key for _, key in world.known}


@settings(max_examples=150, deadline=None)
@given(shape=SHAPES, size=st.integers(1, 9), events=SHORT)
def test_a_newcomer_reads_nothing_that_was_before(shape, size, events):
    world = World(*shape)
    for event in [JOIN] * size + events:
        world.happen(event)
    before = list(world.said)
    world.happen(JOIN)
    newcomer = max(world.members, key=lambda leaf: world.rows[2 * leaf][0])
    known = held_keys(world.members[newcomer])
    for message, _ in before:
        known |= opened(world.cipher, known, message)
    for message, _ in before:
        assert not opens(world.cipher, known, message)


def test_the_model_of_an_attacker_finds_what_is_there():
    """It reads what members read: else the tests above would prove nothing."""
    world = Attacked(1, 10)
    for event in [JOIN] * 5:
        world.happen(event)
    insider = set(world.kept[1])
    for event in (JOIN, REFRESH, 0):
        World.happen(world, event)
        message = world.said[-1][0]
        if message.kind == treemessage.LEAVE:
            insider |= opened(world.cipher, insider, message)
        else:
            insider |= {(message.num, world.cipher.step(key, message.num)) for _, key in insider}
        assert opens(world.cipher, insider, message)
