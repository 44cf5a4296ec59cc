"""leafkey.pat.verifier across stops: marks, time, stores that fail (SPEC 6.1 and 6.3)."""

import unittest

from leafkey.errors import Refused
from leafkey.pat import tokens
from leafkey.pat.tokens import BEARER, CONFIDENTIAL, POP
from tests.unit.pat.world import WIDTH, Random, Server, change, presenter, request, server_token

GRANTS = {1: tokens.SlotGrant(1, 900, BEARER), 3: tokens.SlotGrant(2, 900, POP)}


class Stop(Exception):
    """The power goes."""


class StoppingStore:
    """Stops before or after a write becomes durable."""

    def __init__(self, store, writes_left: int, durable: bool):
        self.store, self.left, self.durable = store, writes_left, durable

    def put_token(self, token, marks):
        self._write(lambda: self.store.put_token(token, marks))

    def put_mark(self, slot, mark):
        self._write(lambda: self.store.put_mark(slot, mark))

    def _write(self, write):
        self.left -= 1
        if self.left:
            write()
            return
        if self.durable:
            write()
        raise Stop()


class Case(unittest.TestCase):
    def setUp(self):
        self.st = server_token(GRANTS)
        self.server = Server(self.st)
        self.client = presenter(self.st)

    def accepted(self, message, now: int = 0) -> bool:
        try:
            self.server.accept(message, now)
        except Refused:
            return False
        return True

    def recover(self):
        """What C does when its numbers are gone: probe and take the hint."""
        probe = self.client.probe()
        try:
            probe.unprotect(self.server.answer(probe.message))
        except Exception as error:
            if not getattr(error, "hinted", False):
                raise
            return
        raise AssertionError("no hint")


class MarkTest(Case):
    def test_stored_before_acceptance(self):
        exchange = self.client.protect(request(), POP)
        self.server.store.failing = True
        with self.assertRaises(OSError):
            self.server.accept(exchange.message)
        self.server.store.failing = False
        self.assertTrue(self.accepted(exchange.message))
        self.assertFalse(self.accepted(exchange.message))

    def test_a_full_store_accepts_what_is_below_the_mark(self):
        first, second = [self.client.protect(request(), POP) for _ in range(2)]
        self.assertTrue(self.accepted(first.message))
        self.server.store.failing = True
        self.assertTrue(self.accepted(second.message))

    def test_one_write_in_w(self):
        writes = self.server.store.writes
        for _ in range(10 * WIDTH):
            exchange = self.client.protect(request(), POP)
            exchange.unprotect(self.server.answer(exchange.message))
        self.assertEqual(self.server.store.writes - writes, 10)

    def test_value(self):
        for _ in range(3):
            self.client.protect(request(), POP)
        self.server.accept(self.client.protect(request(), POP).message)
        self.assertEqual(self.server.store.marks, {1: 3 + WIDTH - 1})

    def test_slots_are_apart(self):
        other = presenter(self.st, 3)
        self.server.accept(self.client.protect(request(), POP).message)
        self.server.restart()
        self.assertTrue(self.accepted(other.protect(request(), POP).message))


class RestartTest(Case):
    def test_no_used_at_is_accepted_again(self):
        shown = []
        for _ in range(30):
            exchange = self.client.protect(request(), POP)
            exchange.unprotect(self.server.answer(exchange.message))
            shown.append(exchange.message)
            before = dict(self.server.store.marks)
            self.server.restart()
            for message in shown:
                self.assertFalse(self.accepted(message))
            self.assertEqual(self.server.store.marks, before)
            self.recover()

    def test_a_stop_at_every_write(self):
        for durable in (False, True):
            for writes in range(1, 6):
                self.setUp()
                self.server.verifier._store = StoppingStore(self.server.store, writes, durable)
                self.check_stopped()

    def check_stopped(self):
        """Serve until the stop; afterwards nothing that was accepted is accepted again."""
        accepted = []
        stopped = None
        while stopped is None:
            exchange = self.client.protect(request(), POP)
            try:
                exchange.unprotect(self.server.answer(exchange.message))
                accepted.append(exchange.message)
            except Stop:
                stopped = exchange.message
        self.server.restart()
        for message in accepted:
            self.assertFalse(self.accepted(message))
        if self.accepted(stopped):
            self.assertFalse(self.accepted(stopped))
        self.recover()
        exchange = self.client.protect(request(), POP)
        self.assertEqual(self.server.answer(exchange.message).payload, b"21.5")

    def test_out_of_order_then_restart(self):
        exchanges = [self.client.protect(request(), POP) for _ in range(7)]
        order = [6, 2, 4]
        for place in order:
            self.assertTrue(self.accepted(exchanges[place].message))
        self.server.restart()
        for exchange in exchanges:
            self.assertFalse(self.accepted(exchange.message))

    def test_restart_within_a_restart(self):
        self.server.accept(self.client.protect(request(), POP).message)
        for _ in range(5):
            self.server.restart()
        self.assertEqual(self.server.verifier._window.next_number(1), WIDTH)
        self.recover()

    def test_to_the_last_number(self):
        st = server_token({1: tokens.SlotGrant(1, 20, POP)})
        self.server, self.client = Server(st), presenter(st)
        numbers = []
        random = Random(5)
        while self.client.left:
            if random.below(3) == 0:
                self.server.restart()
            try:
                exchange = self.client.protect(request(), POP)
            except Exception as error:
                self.assertIn("probe", str(error))
                break
            if self.accepted(exchange.message):
                numbers.append(exchange.number)
            try:
                self.recover()
            except Exception as error:
                self.assertIn("no AT left", str(error))
                break
        self.assertEqual(len(set(numbers)), len(numbers))
        self.assertTrue(max(numbers) <= 20)


class TimeTest(Case):
    def setUp(self):
        self.st = server_token({1: tokens.SlotGrant(1, 900, POP, expires_in=60)})
        self.server = Server(self.st, now=1000)
        self.client = presenter(self.st)

    def show(self, now: int) -> bool:
        exchange = self.client.protect(request(), POP)
        self.client.answered(exchange.number)
        return self.accepted(exchange.message, now)

    def test_ends_by_itself(self):
        self.assertTrue(self.show(1000))
        self.assertTrue(self.show(60999))
        self.assertFalse(self.show(61000))
        self.assertFalse(self.show(10**9))

    def test_a_session_ends_with_it(self):
        session = self.server.accept(self.client.protect(request(), POP).message, 1000)
        self.assertTrue(session.is_current(60999))
        self.assertFalse(session.is_current(61000))

    def test_an_expired_at_is_not_used_and_not_hinted(self):
        probe = self.client.probe()
        response = self.server.answer(probe.message, 61000)
        with self.assertRaises(Exception) as caught:
            probe.unprotect(response)
        self.assertFalse(caught.exception.hinted)

    def test_shut_after_a_restart(self):
        self.server.restart()
        for now in (0, 1, 1001):
            self.assertFalse(self.show(now))

    def test_open_again_once_sam_was_heard(self):
        self.assertTrue(self.show(1000))
        self.server.restart()
        self.server.verifier.apply(self.st, 5000)
        self.client.answered(WIDTH - 1)
        self.client._next = WIDTH
        self.assertTrue(self.show(5001))
        self.assertFalse(self.show(65000))

    def test_a_change_elsewhere_opens_nothing(self):
        self.server.restart()
        self.server.verifier.apply(change(2, {2: tokens.SlotGrant(1, 9, POP)}), 0)
        self.assertFalse(self.show(1))

    def test_a_longer_grant_by_a_change(self):
        longer = tokens.SlotGrant(1, 900, POP, expires_in=600)
        self.server.verifier.apply(change(2, {1: longer}), 2000)
        self.assertTrue(self.show(600000))
        unlimited = tokens.SlotGrant(1, 900, POP)
        self.server.verifier.apply(change(3, {1: unlimited}), 600000)
        self.assertTrue(self.show(10**9))

    def test_a_timed_successor_of_an_untimed_grant(self):
        untimed = server_token({1: tokens.SlotGrant(1, 900, CONFIDENTIAL)})
        self.server = Server(untimed)
        timed = tokens.SlotGrant(1, 900, POP, expires_in=1)
        self.server.verifier.apply(change(2, {1: timed}), 5000)
        self.assertTrue(self.show(5999))
        self.assertFalse(self.show(6000))

    def test_never_in_time(self):
        self.server.verifier.apply(change(2, {1: tokens.SlotGrant(1, 9, POP, expires_in=0)}), 7)
        self.assertFalse(self.show(7))

    def test_far_ends(self):
        longest = tokens.SlotGrant(1, 900, POP, expires_in=(1 << 30) - 1)
        self.server.verifier.apply(change(2, {1: longest}), 1 << 40)
        self.assertTrue(self.show((1 << 40) + 1000 * ((1 << 30) - 2)))


if __name__ == "__main__":
    unittest.main()
