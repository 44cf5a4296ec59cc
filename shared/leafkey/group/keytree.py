"""The KDC's side of a key tree: who joins and who leaves, in one message (SPEC-GROUP section 6).

A tree changes in two steps, because nothing may be sent that is not stored. `join`, `leave` and
`refresh` return a Step and change nothing. Its `rows` and `num` go down in one transaction, then
`take` applies it and gives the message out. A Step whose transaction failed is dropped.
"""

from leafkey.group import nodes, treemessage
from leafkey.group.fields import MAX_NUM
from leafkey.group.nodes import MAX_HEIGHT
from leafkey.group.path import Path
from leafkey.group.treemessage import JOIN, KEY_SIZE, LEAVE, REFRESH, Cipher, TreeMessage


class Step:
    """A change of a tree that is not made yet.

    `rows` are what to store, by node: (node, num of its key, key), with None for a key that is to
    be deleted. `leaf` is whose change it is.
    """

    def __init__(self, tree: "KeyTree", num: int, leaf: int):
        self.tree = tree
        self.num = num
        self.leaf = leaf
        self.message = b""
        self._changed = {}

    def rows(self) -> list:
        """Return the rows, sorted by node."""
        return [(node, self.num, self._changed[node]) for node in sorted(self._changed)]

    def put(self, node: int, key: bytes | None):
        """Set the key of a node, None to delete it."""
        self._changed[node] = key

    def has(self, node: int) -> bool:
        """Tell whether a node has a key once this step is taken."""
        if node in self._changed:
            return self._changed[node] is not None
        return self.tree.has(node)

    def key(self, node: int) -> tuple:
        """Return (num, key) of a node as it is once this step is taken."""
        if node in self._changed:
            return self.num, self._changed[node]
        return self.tree.key(node)


class KeyTree:
    """The keys of a group's nodes. In memory 2N of them; a change touches one path."""

    def __init__(self, cipher: Cipher, random_bytes, group: str, signer=None):
        """`signer` is the KDC's, for groups whose members can verify."""
        self._cipher = cipher
        self._random_bytes = random_bytes
        self._group = group
        self._signer = signer
        self.num = -1
        # By node: (num, key).
        self._nodes = {}
        self._height = 0
        # Leaves below the first one that was never used.
        self._free = []
        self._next_leaf = 0

    def load(self, num: int, rows):
        """Begin with what was stored: the last num, and every row that has a key."""
        self.num = num
        self._nodes = {node: (version, key) for node, version, key in rows}
        self._height = self._found_height()
        leaves = {node // 2 for node in self._nodes if node % 2 == 0}
        self._next_leaf = max(leaves) + 1 if leaves else 0
        self._free = [leaf for leaf in range(self._next_leaf) if leaf not in leaves]

    def __len__(self) -> int:
        """How many members there are."""
        return self._next_leaf - len(self._free)

    def has(self, node: int) -> bool:
        """Tell whether a node has a key."""
        return node in self._nodes

    def key(self, node: int) -> tuple:
        """Return (num, key) of a node that has one."""
        return self._nodes[node]

    def root(self) -> int:
        """Return the root's node."""
        return nodes.ancestor(0, self._height)

    def join(self, num: int, payload: bytes) -> Step:
        """Return the Step by which a member takes the lowest free leaf, `leaf` of the result.

        `payload` is the rekeying message for those who are members already. ValueError unless
        `num` is above the last one, or if the tree is full.
        """
        leaf = min(self._free) if self._free else self._next_leaf
        if leaf > nodes.MAX_LEAF:
            raise ValueError("a tree has at most 2^20 members")
        step = self._step(num, leaf)
        step.put(2 * leaf, self._random_bytes(KEY_SIZE))
        for level in range(1, max(self._height, nodes.height(leaf)) + 1):
            node = nodes.ancestor(leaf, level)
            step.put(node, self._followed(node, num))
        return self._sealed(step, JOIN, [], payload)

    def leave(self, leaf: int, num: int, payload: bytes) -> Step:
        """Return the Step by which a leaf becomes free, and its keys worth nothing.

        The `message` is empty if nobody is left. ValueError as of `join`, and for a free leaf.
        """
        if not self.has(2 * leaf):
            raise ValueError("nobody is at this leaf")
        step = self._step(num, leaf)
        step.put(2 * leaf, None)
        wraps = []
        for level in range(1, self._height + 1):
            below = [node for node in nodes.children(leaf, level) if step.has(node)]
            key = self._random_bytes(KEY_SIZE) if below else b""
            for node in below:
                wraps.append((node, self._wrapped(step, node, key)))
            step.put(nodes.ancestor(leaf, level), key or None)
        return self._sealed(step, LEAVE, wraps, payload)

    def refresh(self, num: int, payload: bytes) -> Step:
        """Return the Step by which all members take a new group key, and nobody joins or leaves.

        ValueError as of `join`, and for a tree without members.
        """
        if not self._nodes:
            raise ValueError("nobody is in this tree")
        step = self._step(num, 0)
        root = self.root()
        step.put(root, self._cipher.step(self.key(root)[1], num))
        return self._sealed(step, REFRESH, [], payload)

    def take(self, step: Step) -> bytes:
        """Make a change whose rows and num are stored, and return the message to send.

        ValueError if the tree has gone on since the step was made.
        """
        self._check_num(step.num)
        for node, num, key in step.rows():
            if key is not None:
                self._nodes[node] = (num, key)
            elif node in self._nodes:
                del self._nodes[node]
        self.num = step.num
        self._height = self._found_height()
        self._mark(step.leaf)
        return step.message

    def path(self, leaf: int) -> Path:
        """Return what the member at a leaf holds, for its own context; KeyError for a free one."""
        levels = range(self._height + 1)
        keys = [self.key(nodes.ancestor(leaf, level)) for level in levels]
        return Path(self._cipher, leaf, keys)

    def _found_height(self) -> int:
        """Return the level of the root: the highest node above leaf 0 that has a key.

        It has one as long as there is a member, so a tree does not shrink before it is empty.
        """
        levels = [level for level in range(MAX_HEIGHT + 1) if self.has(nodes.ancestor(0, level))]
        return max(levels) if levels else 0

    def _step(self, num: int, leaf: int) -> Step:
        self._check_num(num)
        return Step(self, num, leaf)

    def _check_num(self, num: int):
        if not self.num < num <= MAX_NUM:
            raise ValueError("a num is above the last one")

    def _mark(self, leaf: int):
        """Note whether a leaf is free now."""
        is_taken = self.has(2 * leaf)
        if not self._nodes:
            self._free, self._next_leaf = [], 0
        elif is_taken and leaf == self._next_leaf:
            self._next_leaf += 1
        elif is_taken and leaf in self._free:
            self._free.remove(leaf)
        elif not is_taken and leaf not in self._free:
            self._free.append(leaf)

    def _followed(self, node: int, num: int) -> bytes:
        """Return the next key of a node on a newcomer's path.

        The members below a node compute it from the last one, or from the root that a new root
        stands above; where there are none, the newcomer alone is told.
        """
        if self.has(node):
            return self._cipher.step(self.key(node)[1], num)
        root = self.root()
        if self.has(root) and node == 2 * root + 1:
            return self._cipher.step(self.key(root)[1], num)
        return self._random_bytes(KEY_SIZE)

    def _wrapped(self, step: Step, node: int, key: bytes) -> bytes:
        version, own = step.key(node)
        aad = treemessage.wrap_aad(self._group, step.num, node, version)
        return self._cipher.seal(own, step.num, aad, key)

    def _sealed(self, step: Step, kind: int, wraps: list, payload: bytes) -> Step:
        root = nodes.ancestor(0, max(self._height, nodes.height(step.leaf)))
        if step.has(root):
            message = TreeMessage(step.num, kind, step.leaf, wraps)
            aad = message.external_aad(self._group)
            message.sealed = self._cipher.seal(step.key(root)[1], step.num, aad, payload)
            if self._signer is not None:
                message.sign(self._group, self._signer)
            step.message = message.encode()
        return step
