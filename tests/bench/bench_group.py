"""Times a member's part: a JSON object a line.

`micropython tests/bench/bench_group.py`, with the sources on the path. A member follows the leave
that costs it most in a tree of height 14, which holds up to 16384 members, and makes and takes a
publication of 48 bytes.
"""

import json

from leafkey.crypto.provider import default_provider
from leafkey.group import nodes, publication, treemessage
from leafkey.group.material import GroupKey
from leafkey.group.path import Path
from leafkey.group.treemessage import LEAVE, Cipher, TreeMessage
from tests.bench.timing import least_us

PROVIDER = default_provider()
HEIGHT = 14
GROUP = "greenhouse"
KEY = GroupKey(b"gid1", 10, bytes(13), bytes(16))


def path(cipher):
    return Path(cipher, 1, [(1, bytes([level]) * 32) for level in range(HEIGHT + 1)])


def leave(cipher):
    """Leaf 0 leaves: its neighbour at leaf 1 gets every key above itself."""
    message = TreeMessage(2, LEAVE, 0, [])
    wrapping = (1, bytes([0]) * 32)
    for level in range(1, HEIGHT + 1):
        node = nodes.ancestor(1, level - 1)
        key = bytes([level + 100]) * 32
        aad = treemessage.wrap_aad(GROUP, 2, node, wrapping[0])
        message.wraps.append((node, cipher.seal(wrapping[1], 2, aad, key)))
        if level > 1:
            message.wraps.append((nodes.children(1, level)[1], bytes(40)))
        wrapping = (2, key)
    message.sealed = cipher.seal(wrapping[1], 2, message.external_aad(GROUP), bytes(60))
    return message.encode()


def main():
    """Print the records."""
    cipher = Cipher(PROVIDER, 1, 10)
    held, message = path(cipher), leave(cipher)
    payload = bytes(48)

    def follow():
        held.follow(GROUP, treemessage.decode(message))

    def publish():
        sent = publication.seal(PROVIDER, KEY, b"\x01", 5, payload)
        publication.decode(sent).open(PROVIDER, KEY)

    for name, step in (("follow", follow), ("publication", publish)):
        print(json.dumps({"name": name, "us": least_us(step)}))


main()
