"""One provisioned node: what its server and its client have in common."""

import asyncio
import os

from leafkey.crypto.provider import default_provider
from leafkey.oscore.association import Association
from leafnode.identity import IDENTITY, NODE, load
from leafnode.uplink import Uplink


class Node:
    """Its identity, and its one association with its manager, for both directions.

    `trace(number, text)` is told of each message of the protocol, by its number in the draft.
    """

    def __init__(self, directory: str, log, resolve):
        """Raise StateError if there is no identity in `directory`, or a damaged one."""
        self.provider = default_provider()
        self.identity = load(self.provider, directory)
        self.association = Association(
            self.provider, self.random_bytes, self.identity.channel, asyncio.Lock()
        )
        self.uplink = Uplink(self.association, self.identity, resolve)
        self._log = log

    @staticmethod
    def random_bytes(size: int) -> bytes:
        """Return unpredictable bytes."""
        return os.urandom(size)

    def trace(self, number: int, text: str):
        """Log one message of the protocol."""
        self._log("(%d) %s" % (number, text))


def open_node(directory: str, log, resolve) -> Node | None:
    """Return the node of a state directory; None, and a line in the log, if it holds no identity.

    `resolve(host, port)` gives the remote behind a name or an address.
    Such a node serves, and reaches, open resources alone. StateError if the identity is damaged.
    """
    if not (_exists(directory + "/" + IDENTITY) or _exists(directory + "/" + NODE)):
        log("no identity in " + directory + ": only open resources work; provision this node")
        return None
    return Node(directory, log, resolve)


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True
