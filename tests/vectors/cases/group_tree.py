"""Key trees (SPEC-GROUP section 6): what the KDC sends, what members hold, what they refuse."""

import cbor2

from tests.vectors.cases.common import SUITES, flip, secret
from tests.vectors.cases.group_common import GROUP, KDC, group_key, key_fields
from tests.vectors.reference.group import (
    JOIN,
    LEAVE,
    PUBSUB,
    Parameters,
    Tree,
    confirmation,
    dumps,
)

# Joins, leaves (of a leaf) and refreshes, such that the tree grows, has gaps, empties from above
# and fills again.
STORY: tuple = (
    "join", "join", "join", "refresh", 0, "join", "join", "join", 3, 4, "refresh", 1, "join", 2,
    "join", "join", "join", 0, 1, "refresh",
)  # fmt: skip


def new_tree(suite: int, alg: int, drawn: list) -> Tree:
    """A tree that notes what it draws."""

    def draw() -> bytes:
        drawn.append(secret(f"node key {suite} {alg} {len(drawn)}"))
        return drawn[-1]

    return Tree(Parameters(GROUP, suite, alg), draw)


def story(suite: int, alg: int, signer=None, events: tuple = STORY) -> list:
    drawn: list[bytes] = []
    tree = new_tree(suite, alg, drawn)
    steps = []
    for num, event in enumerate(events, 1):
        before = len(drawn)
        payload = dumps({9: num})
        if event == "join":
            leaf, message = tree.join(num, payload, signer)
            step: dict = {"event": "join", "leaf": leaf, "path": tree.path(leaf).hex()}
        elif event == "refresh":
            message = tree.refresh(num, payload, signer)
            step = {"event": "refresh", "leaf": 0}
        else:
            message = tree.leave(event, num, payload, signer)
            step = {"event": "leave", "leaf": event}
        drawn_here = [key.hex() for key in drawn[before:]]
        step |= {
            "num": num,
            "drawn": drawn_here,
            "payload": payload.hex(),
            "message": message.hex(),
        }
        steps.append({**step, "root": tree.keys[tree.root()][1].hex()})
    fields = {"group": GROUP, "suite": suite, "alg": alg}
    if signer is not None:
        fields |= {"secret": signer.secret.hex(), "public": signer.public().hex()}
    return [{"name": f"{SUITES[suite]}, {alg}", **fields, "steps": steps}]


def five() -> Tree:
    """Five members: a tree of height 3, at num 5."""
    tree = new_tree(1, 10, [])
    for num in range(1, 6):
        tree.join(num, dumps({9: num}))
    return tree


def changed(message: list, place: int, value) -> list:
    return [*message[:place], value, *message[place + 1 :]]


def failures() -> list:
    """Member at leaf 1, at num 5, hears message 6."""
    payload = dumps({9: 6})
    path = five().path(1).hex()

    def made(event, tree: Tree, signer=None) -> list:
        if event == JOIN:
            return cbor2.loads(tree.join(6, payload, signer)[1])
        return cbor2.loads(tree.leave(0 if event == LEAVE else event - 10, 6, payload, signer))

    join, leave = made(JOIN, five()), made(LEAVE, five())
    own = made(11, five())
    other = Tree(Parameters("another group", 1, 10), lambda: secret("other"))
    other.keys, other.height = five().keys, 3
    wraps = leave[3]

    cut = [[wraps[0][0], [b"", {}, wraps[0][1][2][:-1]]], *wraps[1:]]
    flipped = [[wraps[0][0], [b"", {}, flip(wraps[0][1][2])]], *wraps[1:]]
    sealed = leave[4]
    refused, lost = "AuthenticationError", "OutOfStep"
    cases = (
        ("join as it is", "accepted", join),
        ("leave as it is", "accepted", leave),
        ("its own leaf leaves", lost, own),
        ("its own leaf joins", lost, changed(join, 2, 1)),
        ("a leaf joins that is not in the tree", lost, changed(join, 2, 9)),
        ("a leaf leaves that is not in the tree", lost, changed(leave, 2, 8)),
        ("another leaf joins", refused, changed(join, 2, 6)),
        ("the tree grows", refused, changed(join, 2, 8)),
        ("join as refresh", refused, changed(join, 1, 0)),
        ("leave as refresh", refused, changed(leave, 1, 0)),
        ("another num", refused, changed(leave, 0, 7)),
        ("of another group", refused, made(LEAVE, other)),
        ("no wraps", lost, changed(leave, 3, [])),
        ("wraps without the one below", lost, changed(leave, 3, wraps[1:])),
        ("wraps in another order", refused, changed(leave, 3, wraps[::-1])),
        ("wrap flipped", refused, changed(leave, 3, flipped)),
        ("wrap cut", refused, changed(leave, 3, cut)),
        (
            "wraps of another message",
            refused,
            changed(leave, 3, made(LEAVE, with_other_draws())[3]),
        ),
        ("payload flipped", refused, changed(leave, 4, [b"", {}, flip(sealed[2])])),
        ("payload of another message", refused, changed(leave, 4, join[4])),
    )
    fields = {"group": GROUP, "path": path, "payload": payload.hex()}
    return [
        {"name": name, "expect": expect, **fields, "message": dumps(message).hex()}
        for name, expect, message in cases
    ]


def malformed() -> list:
    """What is no message, whoever hears it."""
    sealed = secret("sealed")
    bare = [6, LEAVE, 0, [], [b"", {}, sealed]]
    long_wraps = [[2 * i, [b"", {}, b""]] for i in range(40)]
    cases = (
        ("40 wraps", changed(bare, 3, long_wraps)),
        ("kind 3", changed(bare, 1, 3)),
        ("negative num", changed(bare, 0, -1)),
        ("num of 33 bits", changed(bare, 0, 1 << 32)),
        ("leaf past the limit", changed(bare, 2, 1 << 20)),
        ("leaf null", changed(bare, 2, None)),
        ("wraps as a map", changed(bare, 3, {})),
        ("a wrap of one part", changed(bare, 3, [[2]])),
        ("a wrap with a header", changed(bare, 3, [[2, [b"", {1: 10}, bytes(40)]]])),
        (
            "a wrap with something protected",
            changed(bare, 3, [[2, [b"\xa0", {}, bytes(40)]]]),
        ),
        ("payload with a header", changed(bare, 4, [b"", {1: 10}, sealed])),
        ("payload detached", changed(bare, 4, [b"", {}, None])),
        ("signature of 63 bytes", changed(bare, 4, [b"", {12: bytes(63)}, sealed])),
        ("four parts", bare[:4]),
        ("a map", {1: 2}),
    )
    return [
        {"name": name, "expect": "DecodeError", "message": dumps(message).hex()}
        for name, message in cases
    ]


def with_other_draws() -> Tree:
    tree = five()
    tree.draw = lambda: secret("other draws")
    return tree


def paths() -> list:
    good = [1, 10, 1, [[n, secret(f"path {n}")] for n in range(4)]]
    key = secret("path 0")
    cases = (
        ("as it is", "accepted", good),
        ("one member", "accepted", [2, 24, 0, [[1, key]]]),
        ("height 20", "accepted", [1, 10, (1 << 20) - 1, [[1, key]] * 21]),
        ("no keys", "DecodeError", [1, 10, 0, []]),
        ("a leaf that is not in the tree", "DecodeError", [1, 10, 8, good[3]]),
        ("height 21", "DecodeError", [1, 10, 0, [[1, key]] * 22]),
        ("leaf past the limit", "DecodeError", [1, 10, 1 << 20, [[1, key]] * 21]),
        ("key of 31 bytes", "DecodeError", [1, 10, 0, [[1, key[:31]]]]),
        ("key without version", "DecodeError", [1, 10, 0, [[key]]]),
        ("negative version", "DecodeError", [1, 10, 0, [[-1, key]]]),
        ("keys as one", "DecodeError", [1, 10, 0, key]),
        ("three parts", "DecodeError", good[:3]),
        ("unknown suite", "UnsupportedError", [3, 10, 1, good[3]]),
        ("unknown AEAD", "UnsupportedError", [1, 1, 1, good[3]]),
    )
    return [{"name": name, "expect": expect, "encoded": dumps(value).hex()}
            for name, expect, value in cases]  # fmt: skip


def confirmations() -> list:
    cases = []
    for alg in (10, 24):
        key = group_key(alg)
        fields = {"name": str(alg), "group": GROUP, "num": 7, **key_fields(key)}
        cases.append({**fields, **confirmation(GROUP, 7, PUBSUB, {0: key.cose_key()})})
    return cases


FILES = {
    "tree_chacha20_10.json": ("A group's life, by the KDC (section 6.2).", lambda: story(1, 10)),
    "tree_sha256_24.json": ("The same.", lambda: story(2, 24)),
    "tree_signed.json": ("The same, signed by the KDC.", lambda: story(1, 24, KDC, STORY[:11])),
    "tree_failure.json": ("What the member at leaf 1 does (section 6.3).", failures),
    "tree_malformed.json": ("What is no message (section 6.2).", malformed),
    "path.json": ("`mgt_key_material` (section 6.1).", paths),
    "confirmation.json": ("The KDC's word for a key (section 6.4).", confirmations),
}
