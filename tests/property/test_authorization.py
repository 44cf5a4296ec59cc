"""Client and server end to end: loss, duplicates, reordering, restarts and changes on either side.

Held throughout: no AT is accepted twice or shown for two requests, no POST is made twice behind the
application's back, and once the network is quiet again a client gets through, with a new ticket
only where its grant was at an end.
"""

from contextlib import suppress
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from leafkey.coap.numbers import GET, PAT, POST
from leafkey.errors import OutcomeUnknown, Refused, TokensExhausted, Unreachable
from leafkey.pat import tokens
from leafkey.pat.dialogue import Dialogue
from leafkey.pat.presenter import NotRecognized, Presenter
from leafkey.pat.tokens import CONFIDENTIAL, INTEGRITY, POP, SlotGrant
from tests.unit.pat.world import PROVIDER, Server, change, presenter, request, run, server_token

FATES = ("pass", "lost", "answer lost", "twice", "held back")
LEVELS = st.sampled_from((POP, INTEGRITY, CONFIDENTIAL))
NETWORK = st.lists(st.sampled_from(FATES), max_size=8)
LAST = 150


class Watched(Server):
    """A server that knows every At it accepted."""

    def __init__(self, token):
        self.accepted: set[tuple] = set()
        super().__init__(token)

    def accept(self, message, now=0):
        session = super().accept(message, now)
        at = message.option(PAT)[1:17]
        assert at not in self.accepted, "an AT was accepted twice"
        self.accepted.add(at)
        return session


class AuthorizationMachine(RuleBasedStateMachine):
    @initialize(width=st.integers(2, 16), degree=st.sampled_from((33, 34, 64)))
    def start(self, width, degree):
        self.st = server_token({1: SlotGrant(1, LAST, POP)}, window=width, degree=degree)
        self.server = Watched(self.st)
        self.version = 1
        self.generation = 1
        self.fates: list[str] = []
        self.held: list = []
        self.paths = map("/{}".format, count())
        self.shown: dict[bytes, tuple] = {}
        self.new_ticket()

    def new_ticket(self):
        """What SAM does: a new generation, and S knows before C does."""
        if self.version > 1 or self.server.accepted:
            self.generation += 1
            self.version += 1
            grant = SlotGrant(self.generation, LAST, POP)
            self.server.verifier.apply(change(self.version, {1: grant}), 0)
        self.states: list[bytes] = []
        self.client = presenter(self.server.verifier.token, 1, self.states.append)

    def look(self, message):
        """An AT at one level shows one message: another one under its keys would break them."""
        at = message.option(PAT)[:17]
        shown = (message.code, tuple(message.options), message.payload)
        assert self.shown.setdefault(at, shown) == shown, "an AT was shown twice"

    async def send(self, message):
        self.look(message)
        fate = self.fates.pop(0) if self.fates else "pass"
        if fate == "held back":
            self.held.append(message)
        if fate in ("lost", "held back"):
            raise Unreachable("lost")
        if fate == "twice":
            self.deliver(message)
        answer = self.server.answer(message)
        if fate == "answer lost":
            raise Unreachable("lost")
        return answer

    def deliver(self, message):
        """A datagram whose answer nobody hears."""
        with suppress(Refused):
            self.server.accept(message)

    def ask(self, code=GET, level=None):
        dialogue = Dialogue(self.client, self.send)
        return run(dialogue.request(request(next(self.paths), code), level))[1]

    @rule(fates=NETWORK, level=LEVELS)
    def get(self, fates, level):
        self.fates = list(fates)
        try:
            assert self.ask(GET, level).payload == b"21.5"
        except Unreachable:
            pass
        except TokensExhausted:
            self.new_ticket()

    @rule(fates=NETWORK)
    def post(self, fates):
        self.fates = list(fates)
        self.server.served.clear()
        try:
            self.ask(POST)
        except (Unreachable, OutcomeUnknown):
            pass
        except TokensExhausted:
            self.new_ticket()
        assert len([item for item in self.server.served if item[0] == POST]) <= 1

    @rule(times=st.integers(1, 40))
    def many_lost(self, times):
        for _ in range(times):
            self.get(["lost"], POP)

    @rule()
    def server_restarts(self):
        self.server.restart()

    @rule()
    def client_restarts(self):
        self.client = Presenter.restore(PROVIDER, self.states[-1], self.states.append)

    @rule(keep=st.booleans())
    def what_was_held_back_arrives(self, keep):
        for message in self.held:
            self.deliver(message)
        if not keep:
            self.held.clear()

    @rule(n_clients=st.integers(1, 40))
    def number_of_slots_changes(self, n_clients):
        self.version += 1
        self.server.verifier.apply(change(self.version, n_clients=n_clients), 0)

    @rule()
    def whole_token_again(self):
        token = tokens.decode_server_token(self.server.store.token)
        self.server.verifier.apply(token, 0)

    @rule()
    def new_generation(self):
        self.new_ticket()

    @rule()
    def the_network_is_quiet(self):
        self.fates = []
        try:
            assert self.ask().payload == b"21.5"
        except TokensExhausted:
            self.new_ticket()
            assert self.ask().payload == b"21.5"
        except NotRecognized as refused:
            raise AssertionError("a client is locked out") from refused

    def teardown(self):
        if hasattr(self, "client"):
            self.the_network_is_quiet()


AuthorizationMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None
)
TestAuthorization = AuthorizationMachine.TestCase
