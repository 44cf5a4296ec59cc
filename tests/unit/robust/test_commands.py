"""The power cut at every step by which a server takes sealed commands (SPEC 9.3).

Whatever the step: S has not taken the command, or gives the same receipt again.
"""
# heap: 1m
# timeout: 120

import unittest

from leafkey.errors import Refused
from leafkey.pat import commands, tokens
from leafkey.pat.commands import CHANGE, RATCHET
from leafkey.pat.follower import Follower
from leafkey.pat.tokens import POP, SlotGrant
from leafkey.pat.verifier import Verifier
from leafnode.state import VerifierState
from leafnode.storage import Storage
from tests.unit.pat.world import (
    AUDIENCE,
    PROVIDER,
    SAM,
    change,
    over_the_air,
    presenter,
    request,
    server_token,
)
from tests.unit.robust.flash import Flash, PowerCut

ST = server_token({1: SlotGrant(1, 900, POP), 2: SlotGrant(1, 900, POP)})
CLOSE = change(2, {2: None})
TURN = change(3, {1: SlotGrant(1, 900, POP)})
NEXT = commands.followed(PROVIDER, commands.followed(PROVIDER, ST, CHANGE, CLOSE), RATCHET, TURN)
SEALED = [
    commands.seal(PROVIDER, ST, CHANGE, CLOSE),
    commands.seal(PROVIDER, ST, RATCHET, TURN),
    commands.seal(PROVIDER, NEXT, CHANGE, change(4, {1: None})),
]
RECEIPTS = [
    commands.make_receipt(PROVIDER, ST, 2),
    commands.make_receipt(PROVIDER, ST, 3),
    commands.make_receipt(PROVIDER, NEXT, 4),
]


class Server:
    """What leafnode.guard makes of a record, and nothing else."""

    def __init__(self, keeps_unsynced: bool):
        self.flash = Flash()
        self._keeps_unsynced = keeps_unsynced
        VerifierState(Storage("leafkey", self.flash), "st").put_token(ST, {})
        self.boot()

    def boot(self):
        state = VerifierState(Storage("leafkey", self.flash), "st")
        self.verifier = Verifier(PROVIDER, bytes, state, SAM, AUDIENCE)
        self.verifier.load(*state.load())
        self.follower = Follower(PROVIDER, self.verifier, state, state.last)

    def reboot(self):
        self.flash.cut_after = None
        self.flash.reboot(self._keeps_unsynced)
        self.boot()

    @property
    def taken(self) -> int:
        """How many of the commands are in force."""
        return self.verifier.token[tokens.VERSION] - 1

    def carry(self, *sealed: bytes):
        return self.follower.follow(commands.encode_list(list(sealed)), 0)

    def accepts(self, message) -> bool:
        try:
            self.verifier.unprotect(over_the_air(message), lambda inner: POP, 0)
        except Refused:
            return False
        return True


class CutTest(unittest.TestCase):
    def test_one_by_one(self):
        self.lives(lambda server: [server.carry(sealed) for sealed in SEALED])

    def test_in_one_message(self):
        self.lives(lambda server: server.carry(*SEALED))

    def test_between_requests(self):
        def live(server: Server):
            self.assertTrue(server.accepts(presenter(ST, 1).protect(request(), POP).message))
            server.carry(*SEALED[:2])
            self.assertTrue(server.accepts(presenter(NEXT, 1).protect(request(), POP).message))
            server.carry(SEALED[2])

        self.lives(live)

    def lives(self, live):
        """One life for each step at which the power may go."""
        for keeps_unsynced in (True, False):
            cut = 0
            while self.was_cut(live, cut, keeps_unsynced):
                cut += 1
            self.assertTrue(cut >= 3 * len(SEALED))

    def was_cut(self, live, cut: int, keeps_unsynced: bool) -> bool:
        server = Server(keeps_unsynced)
        server.flash.cut_after = server.flash.steps + cut
        before, went = 0, False
        try:
            live(server)
        except PowerCut:
            before, went = server.taken, True
        if went:
            server.reboot()
            # In memory nothing is in force before it is durable.
            self.assertTrue(before <= server.taken <= before + 1)
        self.look_back(server)
        return went

    def look_back(self, server: Server):
        if server.taken:
            self.assertEqual(server.carry(SEALED[server.taken - 1]), RECEIPTS[server.taken - 1])
            self.assertFalse(server.accepts(presenter(ST, 2).protect(request(), POP).message))
        self.assertEqual(server.carry(*SEALED), RECEIPTS[2])
        server.reboot()
        self.assertEqual(server.carry(*SEALED), RECEIPTS[2])
        for st in (ST, NEXT):
            self.assertFalse(server.accepts(presenter(st, 1).protect(request(), POP).message))


if __name__ == "__main__":
    unittest.main()
