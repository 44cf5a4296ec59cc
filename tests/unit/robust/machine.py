"""Three clients, a server and a manager, all on real code, beside the model of what S must accept.

Each method is one step that may happen at any time; each compares what the server did with what
the model says. Methods take numbers that anybody may draw: a seeded loop on both runtimes, and
hypothesis on CPython.
"""

from leafkey.coap.message import Message
from leafkey.coap.numbers import CONTENT, GET, PAT
from leafkey.codec import cbor
from leafkey.errors import AuthenticationError, DecodeError, OutOfStep, Refused, TokensExhausted
from leafkey.pat import commands, refusal, tokens
from leafkey.pat.changes import merge
from leafkey.pat.follower import Follower
from leafkey.pat.presenter import LevelDemanded, NotRecognized, Presenter
from leafkey.pat.tokens import BEARER, POP, PROBE_LEVEL, ServerToken, SlotGrant
from leafkey.pat.verifier import Verifier
from leafnode.state import VerifierState
from leafnode.storage import Storage
from tests.unit.pat.world import (
    AUDIENCE,
    PROVIDER,
    SAM,
    Random,
    client_token,
    over_the_air,
    refusal_field,
    request,
    server_token,
)
from tests.unit.robust.flash import Flash, PowerCut
from tests.unit.robust.plain import REFUSED, SERVED, TOO_LOW, Outcome, PlainServer, Wanted

WIDTHS = (2, 3, 8, 16)
CLIENTS = 3
KEPT_LETTERS = 12
KEPT_VERSIONS = 6
PASS, LOST, ANSWER_LOST, TWICE, HELD = range(5)
FATES = 5
CHANGE, WHOLE, COMMANDS = range(3)
WAYS = 3


def check(true: bool, text: str):
    if not true:
        raise AssertionError(text)


class Letter:
    """A message under way: `holder` is (epoch, slot, generation)."""

    def __init__(self, holder: tuple, exchange, code: int, payload: bytes):
        self.holder = holder
        self.exchange = exchange
        self.number, self.level = exchange.number, exchange.level
        self.code, self.payload = code, payload


class Version:
    """One version of the ST at SAM, and what brings it to a server."""

    def __init__(self, wanted: Wanted, whole: ServerToken, change=None, command=None, before=None):
        self.wanted, self.whole, self.change, self.command = wanted, whole, change, command
        # The ST that it changes, and whose keys it is sealed under.
        self.before = before


class Client:
    """C with at most one CT, on its own flash. It may lose power whenever it stores."""

    def __init__(self, slot: int):
        self.slot = slot
        self.flash = Flash()
        self.storage = Storage("c", self.flash)
        self.holder = None
        self.presenter = None
        # The highest number shown with a request, for each grant; and each probe's digest.
        self.highest = {}
        self.probes = {}

    def take(self, holder: tuple, token: tokens.ClientToken):
        """A ticket; a power cut leaves the old one or the new one."""
        self.probes = {}
        self.highest = {self.holder: self.highest.get(self.holder, -1)}
        try:
            presenter = Presenter(PROVIDER, token, lambda state: self._save(holder, state))
            self.presenter, self.holder = presenter, holder
        except PowerCut:
            self.restart()

    def restart(self):
        self.flash.reboot(self.flash.steps % 2 == 0)
        record = self.storage.read("ct")
        if record is None:
            return
        holder, state = cbor.decode_array(record, 2)
        holder = self.holder = tuple(holder)
        self.presenter = Presenter.restore(PROVIDER, state, lambda s: self._save(holder, s))

    def letter(self, level: int, code: int, payload: bytes) -> Letter | None:
        """The next request, or a probe where one is due; None after a power cut."""
        try:
            if self.presenter.must_probe():
                exchange = self.presenter.probe()
            else:
                exchange = self.presenter.protect(request("/temp", code, payload), level)
        except PowerCut:
            self.restart()
            return None
        self.watch(exchange)
        return Letter(self.holder, exchange, code, payload)

    def watch(self, exchange):
        """Numbers never go back, and a probe's bytes are always the same."""
        number, holder = exchange.number, self.holder
        if exchange.level == PROBE_LEVEL:
            content = exchange.message.option(PAT)
            check(self.probes.setdefault((holder, number), content) == content, "another probe")
            return
        check(number > self.highest.get(holder, -1), "a number was shown twice")
        self.highest[holder] = number

    def _save(self, holder: tuple, state: bytes):
        self.storage.write("ct", cbor.encode([list(holder), state]))


class Machine:
    """The world and its steps."""

    def __init__(self, seed: int):
        self.random = Random(seed)
        self.width = WIDTHS[seed % len(WIDTHS)]
        self.flash = Flash()
        self.storage = Storage("s", self.flash)
        self.clients = [Client(slot) for slot in range(1, CLIENTS + 1)]
        self.held = []
        # The numbers accepted of each grant.
        self.accepted = {}
        self.served = 0
        self.tickets = {}
        self.generations = {}
        self.plain = PlainServer(self.width)
        shape = {"degree": 2 * self.width + 1 + seed % 5, "window": self.width, "depth": 2000}
        whole = server_token({}, suite=1 + seed // 2 % 2, aead=(10, 24)[seed % 2], **shape)
        self.versions = [Version(Wanted(1, 1, 4, {}), whole)]
        self._start()
        self.bring(WHOLE, 0)

    # Requests

    def ask(self, who: int, level: int, code: int, fate: int, payload: bool = False):
        """A client shows its next AT, or probes if it must."""
        client = self.clients[who]
        if client.presenter is None:
            return
        try:
            letter = client.letter(level, code, b"21" if payload else b"")
        except TokensExhausted:
            self.grant(who, 0, 40, POP)
            return
        if letter is not None:
            self._send(letter, fate)

    def deliver_held(self, which: int, hear: bool, keep: bool):
        """Something that was held back arrives, late and out of order."""
        if self.held:
            place = which % len(self.held)
            letter = self.held[place] if keep else self.held.pop(place)
            answer = self._deliver(letter)
            if hear and answer is not None:
                self._hear(letter, answer)

    # Restarts

    def restart_server(self):
        self._restart()
        self.plain.restart()

    def restart_client(self, who: int):
        self.clients[who].restart()

    def cut_server(self, steps: int):
        """The server's power goes after some more steps of storing."""
        self.flash.cut_after = self.flash.steps + steps

    def cut_client(self, who: int, steps: int):
        flash = self.clients[who].flash
        flash.cut_after = flash.steps + steps

    # What SAM decides; nothing reaches the server by that

    def grant(self, who: int, first: int, count: int, level: int):
        """A new generation, whose ticket the client gets once the server has it."""
        slot = who + 1
        generation = self.generations.get(slot, 0) + 1
        self.generations[slot] = generation
        n_clients = max(slot, self.versions[-1].wanted.n_clients)
        version = self._change({slot: (generation, first, first + count - 1, level)}, n_clients)
        self._promise(slot, version)

    def close(self, who: int):
        """The client is out."""
        self._change({who + 1: None})

    def extend(self, who: int, last: int):
        """The same generation, with another last number."""
        grant = self.versions[-1].wanted.slots.get(who + 1)
        if grant is not None:
            self._change({who + 1: (grant[0], grant[1], max(grant[1], last), grant[3])})

    def resize(self, n_clients: int):
        """As few slots as are open, or more."""
        smallest = max([1] + list(self.versions[-1].wanted.slots))
        self._change({}, max(smallest, n_clients))

    def replace(self):
        """A fresh St: an epoch in which nobody has a slot."""
        last = self.versions[-1]
        params = dict(last.whole.params)
        params.pop(tokens.CLOSED, None)
        params[tokens.EPOCH] += 1
        params[tokens.VERSION] += 1
        params[tokens.SLOTS] = {}
        wanted = Wanted(params[tokens.VERSION], params[tokens.EPOCH], last.wanted.n_clients, {})
        self._add(Version(wanted, ServerToken(self.random.bytes(32), params)))

    def ratchet(self, stays: int):
        """The next epoch's St follows from this one's; one client keeps a slot."""
        last = self.versions[-1]
        slots = {}
        if stays + 1 in last.wanted.slots:
            self.generations[stays + 1] += 1
            slots = {stays + 1: (self.generations[stays + 1], 0, 40, POP)}
        change = self._token(last.wanted.version + 1, slots)
        whole = commands.followed(PROVIDER, last.whole, commands.RATCHET, change)
        command = commands.seal(PROVIDER, last.whole, commands.RATCHET, change)
        wanted = Wanted(change[tokens.VERSION], whole[tokens.EPOCH], last.wanted.n_clients, slots)
        version = self._add(Version(wanted, whole, None, command, last.whole))
        if slots:
            self._promise(stays + 1, version)

    # What reaches the server of that

    def bring(self, way: int, which: int):
        """One of the last versions arrives: as a change, as a whole ST, or sealed with the next."""
        place = which % len(self.versions)
        version = self.versions[place]
        if way == WHOLE:
            self._bring_whole(version)
        elif way == CHANGE and version.change is not None:
            self._bring_change(version)
        elif way == COMMANDS:
            sealed = [x for x in self.versions[place : place + 3] if x.command is not None]
            if sealed:
                self._bring_commands(sealed)
        self._hand_out()

    def forge(self, which: int, place: int):
        """A command that somebody changed on its way."""
        command = self.versions[which % len(self.versions)].command
        if command is None:
            return
        forged = bytearray(commands.encode_list([command]))
        forged[-1 - place % (len(forged) - 5)] ^= 1 + place % 255
        check(self.follower.follow(bytes(forged), 0) is None, "a forged command got in")
        check(self.verifier.token[tokens.VERSION] == self.plain.version, "by a forged command")

    def quiet(self, who: int):
        """The network is good, and SAM reaches the server: every client gets through."""
        client = self.clients[who]
        self.flash.cut_after = client.flash.cut_after = None
        self.bring(WHOLE, len(self.versions) - 1)
        if not self._gets_through(client):
            self.grant(who, 0, 40, POP)
            self.bring(CHANGE, len(self.versions) - 1)
            check(self._gets_through(client), "a client is locked out")

    def _gets_through(self, client: Client) -> bool:
        """By a probe where it is due, then its request; False if a new ticket is needed."""
        for _ in range(4):
            if client.presenter is None:
                return False
            try:
                letter = client.letter(POP, GET, b"")
            except TokensExhausted:
                return False
            if self._hear(letter, self._deliver(letter)):
                return True
        slot = self.plain.slot_of(client.holder)
        check(slot is None or letter.number > slot.last, "a client is not recognized")
        return False

    # One message at the server

    def _send(self, letter: Letter, fate: int):
        if fate == HELD:
            self.held.append(letter)
            self.held = self.held[-KEPT_LETTERS:]
        if fate in (HELD, LOST):
            return
        answer = self._deliver(letter)
        if fate == TWICE:
            self._deliver(letter)
        if fate != ANSWER_LOST and answer is not None:
            self._hear(letter, answer)

    def _deliver(self, letter: Letter) -> Message | None:
        """What the server answers, which is what the model says; None if its power went."""
        message = over_the_air(letter.exchange.message)
        try:
            actual, answer = self._present(letter, message)
        except PowerCut:
            self._lost_power_over_a_mark(letter)
            return None
        expected = self.plain.present(letter)
        check(actual == expected, "%s, not %s" % (actual, expected))
        if actual in (SERVED, TOO_LOW):
            used = self.accepted.setdefault(letter.holder, [])
            check(letter.number not in used, "an AT was accepted twice")
            used.append(letter.number)
        self.served += actual == SERVED
        return over_the_air(answer)

    def _present(self, letter: Letter, message: Message) -> tuple:
        try:
            session = self.verifier.unprotect(message, lambda asked: BEARER, 0)
        except Refused as refused:
            return self._refusal(letter, refused.response), refused.response
        check(session.request.payload == letter.payload, "another payload")
        check(session.peer == letter.holder, "another client")
        return SERVED, session.protect(Message(CONTENT, (), b"21.5"))

    def _refusal(self, letter: Letter, answer: Message) -> Outcome:
        if answer.option(PAT) is not None:
            return TOO_LOW
        try:
            hint_key = letter.exchange._hint_key
            return Outcome("refused", refusal.read(PROVIDER, hint_key, refusal_field(answer)))
        except AuthenticationError:
            return REFUSED

    def _hear(self, letter: Letter, answer: Message) -> bool:
        """The client gets an answer; True if it is that of the resource."""
        try:
            return letter.exchange.unprotect(answer).payload == b"21.5"
        except (NotRecognized, LevelDemanded):
            return False
        except DecodeError:
            # It heard this answer before.
            return False

    # One change at the server

    def _bring_whole(self, version: Version):
        wanted = version.wanted
        self._apply(version.whole, [wanted] if self.plain.takes_whole(wanted) else [])

    def _bring_change(self, version: Version):
        wanted = version.wanted
        takes, behind = self.plain.takes_change(wanted), wanted.version <= self.plain.version
        try:
            self._apply(version.change, [wanted] if takes else [])
        except OutOfStep:
            check(not takes and not behind, "a change was not taken")
            return
        check(takes or behind, "a change out of step was taken")

    def _apply(self, token: ServerToken, taken: list):
        token = tokens.decode_server_token(tokens.encode_server_token(token))
        try:
            self.verifier.apply(token, 0)
        except PowerCut:
            self._lost_power_over_changes(taken, None)
            return
        for wanted in taken:
            self.plain.take(wanted)

    def _bring_commands(self, sealed: list):
        taken, heard = self._followed(sealed)
        payload = commands.encode_list([version.command for version in sealed])
        try:
            receipt = self.follower.follow(payload, 0)
        except PowerCut:
            self._lost_power_over_changes([version.wanted for version in taken], taken)
            return
        for version in taken:
            self.plain.take(version.wanted)
            self.plain.last_command = version
        check((receipt is not None) == heard, "a receipt")
        if heard:
            opened = commands.decode(receipt)
            result = commands.open_receipt(PROVIDER, self.plain.last_command.before, opened)
            check(result == commands.TAKEN, "another result")

    def _followed(self, sealed: list) -> tuple:
        """Which of these commands a server takes, and whether it gives a receipt (SPEC 9.3)."""
        taken, heard = [], False
        last, at = self.plain.last_command, (self.plain.epoch, self.plain.version)
        for version in sealed:
            epoch = version.before[tokens.EPOCH]
            number = version.wanted.version
            if (epoch, number) <= at or epoch < at[0]:
                heard = heard or version is last
            elif (epoch, number) == (at[0], at[1] + 1):
                taken.append(version)
                last, at, heard = version, (version.wanted.epoch, number), True
            else:
                break
        return taken, heard

    # Power

    def _start(self):
        state = VerifierState(Storage("s", self.flash), "st")
        self.verifier = Verifier(PROVIDER, self.random.bytes, state, SAM, AUDIENCE)
        stored = state.load()
        if stored is not None:
            self.verifier.load(*stored)
        self.follower = Follower(PROVIDER, self.verifier, state, state.last)

    def _restart(self):
        self.flash.reboot(self.flash.steps % 2 == 0)
        self._start()

    def _lost_power_over_a_mark(self, letter: Letter):
        """The mark is the old one or the new one."""
        self._restart()
        slot = self.plain.slot_of(letter.holder)
        check(slot is not None and slot.is_in_table(letter.number), "stored for what?")
        mark = self.verifier._marks.get(letter.holder[1])
        check(mark in (slot.mark, letter.number + self.width - 1), "a mark is lost")
        slot.mark = mark
        self.plain.restart()

    def _lost_power_over_changes(self, wanted: list, taken: list | None):
        """Some of them, in their order, or none, are there."""
        self._restart()
        version = self.verifier.token[tokens.VERSION] if self.verifier.token else 0
        for place, each in enumerate(wanted):
            if each.version <= version:
                self.plain.take(each)
                if taken is not None:
                    self.plain.last_command = taken[place]
        check(self.plain.version == version, "a version is lost")
        self.plain.restart()

    # Versions

    def _change(self, slots: dict, n_clients: int | None = None) -> Version:
        last = self.versions[-1]
        change = self._token(last.wanted.version + 1, slots, n_clients)
        left = dict(last.wanted.slots)
        left.update(slots)
        left = {slot: grant for slot, grant in left.items() if grant is not None}
        n_clients = n_clients or last.wanted.n_clients
        wanted = Wanted(change[tokens.VERSION], last.wanted.epoch, n_clients, left)
        command = commands.seal(PROVIDER, last.whole, commands.CHANGE, change)
        return self._add(Version(wanted, merge(last.whole, change), change, command, last.whole))

    def _token(self, version: int, slots: dict, n_clients: int | None = None) -> ServerToken:
        grants = {}
        for slot, grant in slots.items():
            if grant is not None:
                generation, first, last, level = grant
                grants[slot] = SlotGrant(generation, last, level, first)
            else:
                grants[slot] = None
        params = {tokens.VERSION: version, tokens.SLOTS: grants}
        if n_clients is not None:
            params[tokens.N_CLIENTS] = n_clients
        return ServerToken(None, params)

    def _add(self, version: Version) -> Version:
        self.versions.append(version)
        self.versions = self.versions[-KEPT_VERSIONS:]
        return version

    def _promise(self, slot: int, version: Version):
        """The ticket for a slot's new generation goes out once the server has this version."""
        holder = (version.wanted.epoch, slot, version.wanted.slots[slot][0])
        ticket = client_token(version.whole, slot)
        self.tickets[slot] = (version.wanted.version, holder, ticket)

    def _hand_out(self):
        for slot in list(self.tickets):
            version, holder, ticket = self.tickets[slot]
            if self.plain.version >= version:
                self.tickets.pop(slot)
                self.clients[slot - 1].take(holder, ticket)
