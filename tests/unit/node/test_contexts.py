"""Channels by OSCORE from the PSK of an AT, and what leafnode.contexts lets through (SPEC 5.8)."""

import unittest

from leafkey.ace import hints
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BAD_OPTION,
    CONTENT,
    FORBIDDEN,
    GET,
    OSCORE,
    PAT,
    POST,
    UNAUTHORIZED,
)
from leafkey.errors import OutcomeUnknown, ProtocolError, Refused
from leafkey.oscore.recipients import NOT_FOUND, REPLAYED
from leafkey.pat.dialogue import Dialogue
from leafkey.pat.oscore import ChannelPresenter
from leafkey.pat.presenter import NotRecognized
from leafkey.pat.renewal import Renewal
from leafkey.pat.tokens import POP, SlotGrant
from leafnode.contexts import MAX_CHANNELS, Contexts
from tests.unit.pat.world import (
    AUDIENCE,
    PROVIDER,
    SAM,
    Server,
    change,
    over_the_air,
    presenter,
    request,
    run,
    server_token,
)

TEMP = [("/temp", 1)]


class Case(unittest.TestCase):
    """A server with one client in slot 1, by a clock that the test plays."""

    def setUp(self):
        self.start(SlotGrant(1, 900, POP))

    def start(self, grant: SlotGrant, slots: int = 4):
        self.now = 0
        self.st = server_token({1: grant}, n_clients=slots)
        self.server = Server(self.st)
        self.contexts = self.fresh_contexts()
        self.sent = []
        self.lost = None
        changes = {} if grant.renewal is None else {"renewal": grant.renewal}
        self.presenter = presenter(self.st, 1, **changes)
        self.client = ChannelPresenter(PROVIDER, self.presenter, lambda: self.now)
        self.served = []

    def fresh_contexts(self) -> Contexts:
        made = Contexts(PROVIDER)
        made.verifier = self.server.verifier
        return made

    def restart(self):
        self.server.restart()
        self.contexts = self.fresh_contexts()

    async def send(self, message: Message) -> Message:
        self.sent.append(message)
        return self.answer(message)

    def answer(self, message: Message) -> Message:
        """What S sends for a message, whatever protects it."""
        arrived = over_the_air(message)
        if arrived.option(OSCORE) is None:
            return self.server.answer(message, self.now)
        try:
            session = self.contexts.unprotect(arrived, self.now)
        except Refused as refused:
            return over_the_air(refused.response)
        self.served.append((session.request.code, session.request.path()))
        return over_the_air(session.protect(Message(CONTENT, (), b"21.5")))

    def ask(self, message: Message | None = None) -> Message:
        dialogue = Dialogue(self.client, self.send)
        return run(dialogue.request(message or request()))[1]

    def opened(self) -> int:
        """How many ATs were shown to open a channel, probes not counted."""
        return len([sent for sent in self.sent if sent.option(PAT) is not None and sent.payload])


class ChannelTest(Case):
    def test_the_first_request_is_authorized_already(self):
        self.assertEqual(self.ask().payload, b"21.5")
        self.assertEqual(len(self.sent), 1)

    def test_the_requests_that_follow_carry_no_at(self):
        for _ in range(20):
            self.assertEqual(self.ask().payload, b"21.5")
        self.assertEqual(self.opened(), 1)
        self.assertEqual(len(self.sent), 20)

    def test_the_at_goes_along_until_the_first_answer(self):
        first, second = self.client.protect(request()), self.client.protect(request())
        for exchange in (second, first):
            answer = self.answer(exchange.message)
            self.assertEqual(exchange.unprotect(answer).payload, b"21.5")
        self.assertIsNone(self.client.protect(request()).message.option(PAT))

    def test_another_channel_has_other_ids_and_keys(self):
        first = self.client.protect(request()).message
        other = presenter(self.st, 1)
        other.take()
        second = ChannelPresenter(PROVIDER, other, lambda: self.now).protect(request()).message
        self.assertNotEqual(first.option(OSCORE), second.option(OSCORE))

    def test_the_application_knows_the_client_by_its_pseudonym(self):
        message = over_the_air(self.client.protect(request()).message)
        session = self.contexts.unprotect(message, 0)
        self.assertEqual(session.pseudonym(), self.presenter.pseudonym())
        self.assertEqual(session.peer, (1, 1, 1))

    def test_what_the_grant_does_not_cover_is_refused_inside(self):
        self.start(SlotGrant(1, 900, POP, 0, TEMP))
        self.assertEqual(self.ask(request("/door")).code, FORBIDDEN)
        self.assertEqual(self.ask().code, CONTENT)
        self.assertEqual(self.served, [(GET, (b"temp",))])

    def test_a_renewal_rule_limits_the_requests(self):
        self.start(SlotGrant(1, 900, POP, renewal=Renewal(None, None, 3)))
        for _ in range(9):
            self.assertEqual(self.ask().payload, b"21.5")
        self.assertEqual(self.opened(), 3)
        self.assertEqual(len(self.sent), 9)

    def test_the_server_enforces_the_limit(self):
        self.start(SlotGrant(1, 900, POP, renewal=Renewal(None, None, 3)))
        greedy = ChannelPresenter(PROVIDER, presenter(self.st, 1), lambda: self.now)
        for _ in range(3):
            exchange = greedy.protect(request())
            exchange.unprotect(self.answer(exchange.message))
        answer = self.answer(greedy.protect(request()).message)
        self.assertEqual((answer.code, answer.payload), (UNAUTHORIZED, NOT_FOUND))
        self.assertEqual(len(self.served), 3)

    def test_a_renewal_rule_limits_the_seconds(self):
        self.start(SlotGrant(1, 900, POP, renewal=Renewal(None, 10, None)))
        exchange = self.client.protect(request())
        exchange.unprotect(self.answer(exchange.message))
        late = self.client.protect(request()).message
        self.now = 10000
        self.assertEqual(self.contexts.next_end(), 10000)
        self.assertEqual(self.answer(late).payload, NOT_FOUND)
        self.assertEqual(self.ask().payload, b"21.5")
        self.assertEqual(len(self.served), 2)

    def test_a_revoked_client_is_out_at_once(self):
        self.ask()
        under_way = self.client.protect(request()).message
        self.server.verifier.apply(change(2, {1: None}), 0)
        answer = self.answer(under_way)
        self.assertEqual((answer.code, answer.payload), (UNAUTHORIZED, NOT_FOUND))
        with self.assertRaises(NotRecognized):
            self.ask()
        self.assertEqual(len(self.served), 1)

    def test_what_ended_is_forgotten_and_never_trusted(self):
        self.ask()
        under_way = self.client.protect(request()).message
        self.server.verifier.apply(change(2, {1: None}), 0)
        self.contexts.close_ended(0)
        self.assertEqual(self.answer(under_way).payload, NOT_FOUND)
        self.assertEqual(len(self.served), 1)

    def test_a_server_that_was_restarted_takes_the_next_at(self):
        self.ask()
        self.restart()
        self.assertEqual(self.ask().payload, b"21.5")
        self.assertEqual(len(self.served), 2)

    def test_a_post_is_not_repeated_after_a_refusal(self):
        self.ask()
        self.restart()
        with self.assertRaises(OutcomeUnknown):
            self.ask(request(code=POST))
        self.assertEqual(self.ask(request(code=POST)).payload, b"21.5")

    def test_channels_are_bounded_and_the_quietest_makes_room(self):
        slots = {i: SlotGrant(1, 900, POP) for i in range(1, MAX_CHANNELS + 2)}
        self.st = server_token(slots, n_clients=MAX_CHANNELS + 1)
        self.server = Server(self.st)
        self.contexts = self.fresh_contexts()
        clients = []
        for slot in sorted(slots):
            client = ChannelPresenter(PROVIDER, presenter(self.st, slot), lambda: 0)
            exchange = client.protect(request())
            exchange.unprotect(self.answer(exchange.message))
            clients.append(client)
        self.assertEqual(self.answer(clients[0].protect(request()).message).payload, NOT_FOUND)
        self.assertEqual(self.answer(clients[-1].protect(request()).message).code, 0x44)


class AttackTest(Case):
    def refused(self, message: Message) -> Message:
        """A refusal as a request without an AT gets it."""
        answer = self.answer(message)
        self.assertEqual(answer.code, UNAUTHORIZED)
        self.assertEqual(hints.decode(answer.payload)[:2], (SAM, AUDIENCE))
        self.assertEqual(self.served, [])
        return answer

    def changed(self, name: int, value: bytes) -> Message:
        message = self.client.protect(request()).message
        message.remove(name)
        message.add(name, value)
        return message

    def test_an_at_from_the_air_without_its_keys(self):
        message = self.client.protect(request()).message
        stolen = message.option(PAT)
        other = server_token({1: SlotGrant(1, 900, POP)}, st=bytes(32))
        forger = ChannelPresenter(PROVIDER, presenter(other, 1), lambda: 0)
        forged = forger.protect(request()).message
        forged.remove(PAT)
        forged.add(PAT, stolen)
        self.refused(forged)
        # It used nothing up.
        self.assertEqual(self.answer(message).code, 0x44)

    def test_an_at_that_nobody_granted(self):
        self.refused(self.changed(PAT, b"\x05" + bytes(16)))

    def test_other_values_of_the_pat_option(self):
        for value in (b"", b"\x05", b"\x05" + bytes(15), b"\x05" + bytes(17), b"\x03" + bytes(16)):
            self.refused(self.changed(PAT, value))

    def test_a_malformed_oscore_option(self):
        for value in (b"", b"\x08abcdef", b"\xff", b"\x07" + bytes(7)):
            self.refused(self.changed(OSCORE, value))

    def test_a_payload_that_was_touched(self):
        message = self.client.protect(request()).message
        message.payload = message.payload[:-1] + bytes((message.payload[-1] ^ 1,))
        self.refused(message)

    def test_a_channel_opened_twice(self):
        message = self.client.protect(request()).message
        self.assertEqual(self.answer(message).code, 0x44)
        again = self.answer(message)
        self.assertEqual((again.code, again.payload), (UNAUTHORIZED, REPLAYED))

    def test_a_channel_opened_again_after_a_restart(self):
        message = self.client.protect(request()).message
        self.assertEqual(self.answer(message).code, 0x44)
        self.restart()
        self.served = []
        self.refused(message)

    def test_a_level_of_channels_without_one(self):
        bare = self.changed(OSCORE, b"")
        bare.remove(OSCORE)
        answer = self.server.answer(bare)
        self.assertEqual(answer.code, UNAUTHORIZED)

    def test_an_at_inside(self):
        self.ask()
        outgoing = _sealed(self.client, Message(GET, ((PAT, b"\x00" + bytes(16)),)))
        self.assertEqual(outgoing.unprotect(self.answer(outgoing.message)).code, BAD_OPTION)

    def test_answers_that_nobody_protected(self):
        exchange = self.client.protect(request())
        with self.assertRaises(NotRecognized):
            exchange.unprotect(Message(UNAUTHORIZED))

    def test_a_forged_answer(self):
        async def forge(message: Message) -> Message:
            response = self.answer(message)
            if response.option(OSCORE) is not None:
                response.payload = response.payload[:-1] + bytes((response.payload[-1] ^ 1,))
            return response

        dialogue = Dialogue(self.client, forge)
        with self.assertRaises(ProtocolError):
            run(dialogue.request(request()))


def _sealed(client: ChannelPresenter, inner: Message):
    """An Outgoing whose plaintext has what belongs outside."""
    import leafkey.oscore.layout as layout

    outer = layout.OUTER_OPTIONS
    layout.OUTER_OPTIONS = (OSCORE,)
    try:
        return client._channel.context.protect_request(inner)
    finally:
        layout.OUTER_OPTIONS = outer
