"""Changed and invented bytes wherever a group takes some: nothing but the defined errors."""

# timeout: 180

import unittest

from leafkey.codec import cbor
from leafkey.errors import (
    AuthenticationError,
    DecodeError,
    NoGroupKey,
    OutOfStep,
    ReplayError,
    UnknownSender,
    UnsupportedError,
)
from leafkey.group import confirmation, credential, messages, path, problem, scope, treemessage
from leafkey.group.member import IGNORED, MISSED
from tests.support.vectors import load, unhex
from tests.unit.group.test_vectors_messages import DECODE
from tests.unit.group.world import PROVIDER, Kdc, Random, group_of

ROUNDS = 300
RECEIVING = (AuthenticationError, DecodeError, NoGroupKey, ReplayError, UnknownSender)


def mutated(data: bytes, random: Random) -> bytes:
    """Bytes near others: flipped, cut, put in or doubled."""
    changed = bytearray(data)
    for _ in range(1 + random.below(3)):
        place = random.below(len(changed)) if changed else 0
        what = random.below(5)
        if what == 0 or not changed:
            changed = changed[:place] + random(1 + random.below(4)) + changed[place:]
        elif what == 1:
            changed[place] ^= 1 << random.below(8)
        elif what == 2:
            changed[place] = random.below(256)
        elif what == 3:
            changed = changed[:place] + changed[place + 1 + random.below(4) :]
        else:
            changed = changed[:place] + changed[place : place + 9] + changed[place:]
    return bytes(changed)


class MutationTest(unittest.TestCase):
    def test_publications(self):
        for is_signed in (False, True):
            kdc = Kdc(is_signed)
            a, b = group_of(2, kdc)
            random = Random(5)
            good = a.member.publish(b"21.5", 0)
            taken = 0
            for _ in range(ROUNDS // (5 if is_signed else 1)):
                try:
                    found = b.member.receive(mutated(good, random), 0)
                except RECEIVING:
                    continue
                # What is taken says what was said; a change of form alone may get through.
                self.assertEqual(found, (b"\x01", 0, b"21.5", True))
                taken += 1
            self.assertTrue(taken <= 1)

    def test_messages_for_the_whole_group(self):
        for is_signed in (False, True):
            kdc = Kdc(is_signed)
            a, _, gone = group_of(3, kdc)
            num = a.member.num()
            message = kdc.leave(gone.leaf)
            random = Random(6)
            for _ in range(ROUNDS // (5 if is_signed else 1)):
                data = mutated(message, random)
                if data == message:
                    continue
                try:
                    outcome = a.member.hear(data, 0)
                except (DecodeError, AuthenticationError):
                    continue
                self.assertTrue(outcome in (IGNORED, MISSED))
            self.assertEqual(a.member.num(), num)
            a.member.publish(b"still", 0)

    def test_messages_of_the_kdc(self):
        """Whatever comes of it, a message is decoded, or it is a DecodeError."""
        random = Random(7)
        for _, case in load("group/message"):
            data = unhex(case["encoded"])
            for _ in range(ROUNDS // 20):
                try:
                    DECODE[case["kind"]](mutated(data, random))
                except (DecodeError, UnsupportedError):
                    continue

    def test_the_rest(self):
        kdc = Kdc()
        (a,) = group_of(1, kdc)
        random = Random(8)
        for good, decode in (
            (kdc.confirmation(), confirmation.decode),
            (kdc.tree.path(0).encode(), lambda data: path.decode(PROVIDER, data)),
            (credential.encode(bytes(32)), credential.decode),
            (problem.encode(4, "title", "detail"), problem.decode),
            (scope.encode(scope.Scope("group", ["a", "b"])), scope.decode),
            (a.store.state, messages.decode_state),
        ):
            for _ in range(ROUNDS // 3):
                try:
                    decode(mutated(good, random))
                except (DecodeError, UnsupportedError):
                    continue

    def test_a_path_that_was_changed_follows_nothing(self):
        kdc = Kdc()
        a, _, gone = group_of(3, kdc)
        good = kdc.tree.path(a.leaf).encode()
        message = treemessage.decode(kdc.leave(gone.leaf))
        random = Random(9)
        for _ in range(ROUNDS // 3):
            try:
                path.decode(PROVIDER, mutated(good, random)).follow("greenhouse", message)
            except (DecodeError, UnsupportedError, AuthenticationError, OutOfStep):
                continue


class InventedTest(unittest.TestCase):
    def test_any_cbor(self):
        (a,) = group_of(1, Kdc())
        random = Random(10)
        for _ in range(ROUNDS):
            data = cbor.encode(self.invented(random, 4))
            for take, errors in (
                (a.member.receive, RECEIVING),
                (a.member.hear, (DecodeError, AuthenticationError)),
                (a.member.confirm, DecodeError),
            ):
                try:
                    take(data, 0)
                except errors:
                    continue
        self.assertTrue(a.member.publish(b"x", 0))

    def test_noise(self):
        (a,) = group_of(1, Kdc())
        random = Random(11)
        for _ in range(ROUNDS):
            data = random(random.below(32))
            with self.assertRaises(RECEIVING):
                a.member.receive(data, 0)
            with self.assertRaises(DecodeError):
                a.member.hear(data, 0)

    def test_the_state_does_not_grow(self):
        kdc = Kdc()
        a, b = group_of(2, kdc)
        good = b.member.publish(b"x", 0)
        random = Random(12)
        writes = a.store.writes
        for _ in range(ROUNDS):
            try:
                a.member.receive(mutated(good, random), 0)
            except RECEIVING:
                continue
        self.assertTrue(len(a.member._current.traffic._senders._windows) <= 1)
        self.assertEqual(a.store.writes, writes)

    def invented(self, random: Random, depth: int):
        kind = random.below(8 if depth else 6)
        if kind < 6:
            number = random.below(300) - 100
            small = (None, True, number, random(random.below(20)), "x", random.below(1 << 31) << 30)
            return small[kind]
        inner = [self.invented(random, depth - 1) for _ in range(random.below(6))]
        return inner if kind == 6 else {random.below(14): value for value in inner}


if __name__ == "__main__":
    unittest.main()
