"""What it takes to rekey a group when a member leaves: the one message of a key tree."""

import time
from statistics import median

from leafkey.crypto.provider import default_provider
from leafkey.group import labels, messages, treemessage
from leafkey.group.keytree import KeyTree
from leafkey.group.material import GroupKey, PubSubMaterial
from tests.bench.report import Record
from tests.bench.scripts import lines

SIZES = (10, 100, 1000, 10000)
PROVIDER = default_provider()
ALG = 10
# How many leaves of each tree are looked at; the most bytes count.
LEAVERS = 40


def draw(size: int, state: list[int]) -> bytes:
    """Return bytes that are the same in each run."""
    state[0] += 1
    return PROVIDER.sha256(b"%d" % state[0])[:size]


def rekeying(num: int) -> bytes:
    """Return the rekeying message of a pub/sub group, with an expiry by two clocks."""
    key = PubSubMaterial(GroupKey(bytes(4), ALG, bytes(13), bytes(16))).to_cbor()
    kind = labels.GROUP_PUBSUB_KEYING_MATERIAL
    parameters = {labels.GKTY: kind, labels.KEY: key, labels.NUM: num}
    parameters |= {labels.EXP: 1800000000, labels.EXI: 3600}
    return messages.encode(parameters)


def grown(size: int) -> KeyTree:
    """Return the tree of a group."""
    state = [0]
    tree = KeyTree(treemessage.Cipher(PROVIDER, 1, ALG), lambda n: draw(n, state), "greenhouse")
    for num in range(size):
        tree.take(tree.join(num, b""))
    return tree


def leaves(tree: KeyTree, size: int) -> list[tuple[int, float]]:
    """Return (bytes, microseconds) of messages for leavers from all over a tree."""
    found = []
    for leaf in range(0, size, max(1, size // LEAVERS)):
        start = time.perf_counter_ns()
        step = tree.leave(leaf, tree.num + 1, rekeying(tree.num + 1))
        found.append((len(step.message), (time.perf_counter_ns() - start) / 1000))
    return found


def records() -> list[Record]:
    """Return bytes and times at the KDC, and the time of a member on MicroPython."""
    made, most = [], {}
    for size in SIZES:
        found = leaves(grown(size), size)
        most[size] = max(count for count, _ in found)
        one_by_one = size * len(rekeying(size))
        name = f"tree_rekey_bytes_{size}"
        made.append(Record(name, most[size], "bytes", "point to point", one_by_one, "cpython"))
        us = median(us for _, us in found)
        made.append(Record(f"tree_rekey_kdc_{size}", us, "us", runtime="cpython"))
    bytes_of_10 = most[SIZES[0]]
    name = "tree_rekey_bytes_10000_vs_10"
    made.append(Record(name, most[SIZES[-1]], "bytes", "10 members", bytes_of_10, "cpython"))
    us = {line["name"]: line["us"] for line in lines("bench_group.py", "-X", "heapsize=16m")}
    publication = us["publication"]
    name = "tree_follow_10000"
    return [*made, Record(name, us["follow"], "us", "a publication, made and taken", publication)]
