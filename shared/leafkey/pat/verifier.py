"""S's side: which request carries a valid AT, and what it may do (SPEC section 6)."""

# Before the first ST there is neither token nor window: `_option` stops every request there.
# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false

from leafkey.ace import aif, hints
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_CBOR,
    CONTENT_FORMAT,
    ENDORSEMENT,
    FETCH,
    FORBIDDEN,
    GET,
    PAT,
    PAT_DEMAND,
    UNAUTHORIZED,
)
from leafkey.coap.options import SUPPORTED, screen
from leafkey.crypto.compare import equal
from leafkey.errors import AuthenticationError, DecodeError, Refused, UnknownToken, UsedToken
from leafkey.pat import endorsement, functions, option, refusal, tokens, tree
from leafkey.pat.changes import goes_on, kept_marks, merge
from leafkey.pat.channel import Channel, Offer
from leafkey.pat.protection import Protection
from leafkey.pat.renewal import strictest
from leafkey.pat.session import Session
from leafkey.pat.window import Window


class Verifier:
    """Holds one ST and the windows of its slots.

    `store` keeps what must survive: `put_token(token, marks)` and `put_mark(slot, mark)` are
    durable when they return. `sam` and `audience` go into refusals. Without an ST it refuses all.
    Times are milliseconds of a monotonic clock.
    """

    def __init__(self, provider, random_bytes, store, sam: str, audience: str):
        self._provider = provider
        self._random_bytes = random_bytes
        self._store = store
        self._sam = sam
        self._audience = audience
        self._window = None
        self._marks = {}
        self._deadlines = {}
        # What C has shown of slots, or SAM has said: {slot: Endorsement}.
        self._endorsed = {}
        self.token = None

    def load(self, token: tokens.ServerToken, marks: dict):
        """Take up the stored ST and marks after a start: every number up to a mark is used.

        Slots with a time limit stay shut until `apply` hears of them (SPEC 6.3).
        """
        self._install(token, marks, self._table_for(token))
        for slot, grant in token[tokens.SLOTS].items():
            if grant is not None and grant.expires_in is not None:
                self._deadlines[slot] = 0

    def apply(self, token: tokens.ServerToken, now: int):
        """Take an ST or a change to it from SAM, stored before it takes effect (SPEC 9.1).

        OutOfStep if the whole ST is needed, DecodeError if it contradicts the one in force,
        UnsupportedError if this build lacks its AEAD: no request may be the first to find out.
        """
        merged = merge(self.token, token)
        if merged is None:
            return
        self._take_up(merged, self._store.put_token)
        if token.is_whole():
            self._deadlines = {}
        for slot, grant in token.params.get(tokens.SLOTS, {}).items():
            self._hear(slot, grant, now)

    def follow(self, merged: tokens.ServerToken, slots: dict, put, now: int):
        """Take the ST that a sealed command made of the one in force; it gave these `slots`.

        `put(token, marks)` is durable when it returns, and comes before the effect.
        UnsupportedError as of `apply`.
        """
        before = self.token
        going_on = [slot for slot in slots if goes_on(before, merged, slot)]
        self._take_up(merged, put)
        if before[tokens.EPOCH] != merged[tokens.EPOCH]:
            self._deadlines = {}
        for slot, grant in slots.items():
            self._hear_late(slot, grant, now, slot in going_on)

    def next_end(self, now: int) -> int | None:
        """Return when the next grant ends, ms; None if none has a time to end at."""
        ends = [deadline for deadline in self._deadlines.values() if deadline > now]
        return min(ends) if ends else None

    def unprotect(self, message: Message, level_of, now: int) -> Session:
        """Return the session of a request with a valid AT, which is used up by this.

        `level_of(request)` is the level the resource demands. Refused carries every other answer.
        OSError comes from the store, and then the AT is not used.
        """
        slot, leaf, protection, request = self._checked(message, now)
        number = leaf.number
        if self._window.is_used(slot, number):
            raise self._refused(None if protection.level == tokens.BEARER else leaf, slot)
        if protection.level == tokens.PROBE_LEVEL:
            self._use(slot, number)
            raise self._refused(leaf, slot)
        demanded = self._demanded(slot, request, level_of)
        if protection.level == tokens.BEARER and demanded > tokens.BEARER:
            raise self._refused(None, slot)
        self._use(slot, number)
        session = Session(self, (slot, number), request, protection)
        answer = self.judge((slot, number), request, protection.level, demanded)
        if answer is not None:
            raise Refused(session.protect(answer))
        return session

    def find(self, at: bytes, now: int) -> Offer:
        """Return the Offer of an At, 8 bytes of it or more, that is to open a channel (SPEC 5.7).

        UnknownToken if no grant has it now. Nothing is used up by this.
        """
        if self._window is None:
            raise UnknownToken("no ST to find it in")
        slot, leaf = self._window.find(at)
        if not self._in_time(slot, now):
            raise UnknownToken("the grant has ended")
        generation = self.token[tokens.SLOTS][slot].generation
        peer = self.token[tokens.EPOCH], slot, generation
        return Offer(peer, leaf, self._window.is_used(slot, leaf.number))

    def accept(self, offer: Offer, now: int) -> Channel:
        """Return the Channel that an AT opens, which is used up by this.

        UsedToken if another was first, UnknownToken if its grant or window has ended meanwhile;
        OSError comes from the store, and then the AT is not used.
        """
        found = self.find(offer.leaf.at(tokens.SECRET_LEN), now)
        if found.is_used:
            raise UsedToken("another channel has this AT")
        number = found.leaf.number
        self._use(found.slot, number)
        return Channel(self, found.peer, number, now)

    def refusal(self, offer: Offer | None) -> Refused:
        """Return the refusal of an At that opens no channel: with a hint, if it is a used one."""
        if offer is None or not offer.is_used:
            return self._refused(None, 0)
        return self._refused(offer.leaf, offer.slot)

    def refuse(self) -> Message:
        """Return the answer to a request without a valid AT: message (4), without a hint."""
        return self._refused(None, 0).response

    def pseudonym(self, token, slot: int) -> bytes:
        """Return pseudonym 1 of the client in a slot of the ST `token`, 32 bytes."""
        suite = functions.suite(self._provider, token[tokens.SUITE])
        ct = tree.derive(suite, token.st, (slot, token[tokens.SLOTS][slot].generation))
        return tree.pseudonym(suite, ct)

    def is_current(self, peer: tuple, now: int) -> bool:
        """Tell whether the grant of this (epoch, slot, generation) still stands."""
        epoch, slot, generation = peer
        grant = self.token[tokens.SLOTS].get(slot)
        if grant is None or self.token[tokens.EPOCH] != epoch:
            return False
        return grant.generation == generation and self._in_time(slot, now)

    def renewal(self, slot: int):
        """Return the renewal.Renewal of a slot; None if there is no rule, or no grant."""
        grant = self.token.grant(slot)
        if grant is None:
            return None
        shown = self._endorsed.get(slot)
        return grant.renewal if shown is None else strictest(grant.renewal, shown.terms.renewal)

    def permits(self, slot: int, number: int, request: Message) -> bool:
        """Tell whether an AT of an open slot covers a request: paramS and endorsement both."""
        grant, shown = self.token.grant(slot), self._endorsed.get(slot)
        if shown is None:
            return _covers(grant.permissions, request)
        terms = shown.terms
        if not terms.first <= number <= terms.last or not _covers(terms.permissions, request):
            return False
        return grant.permissions == tokens.UNDEFINED or _covers(grant.permissions, request)

    def _checked(self, message: Message, now: int) -> tuple:
        """Steps 2 and 3 of SPEC 6.2: find At, verify its level's check."""
        try:
            level, at, mac = self._option(message)
            slot, leaf = self._window.find(at)
            if not self._in_time(slot, now):
                raise UnknownToken("the grant has ended")
            at_len = self.token[tokens.AT_LEN]
            aead = self.token[tokens.AEAD]
            protection = Protection(self._provider, aead, level, leaf, at_len)
            return slot, leaf, protection, protection.unprotect_request(message, mac)
        except (AuthenticationError, DecodeError, UnknownToken):
            raise self._refused(None, 0)

    def _option(self, message: Message) -> tuple:
        values = message.options_of(PAT)
        if len(values) != 1 or self._window is None:
            raise UnknownToken("one PAT option, and an ST to check it with")
        return option.decode_request(values[0], self.token[tokens.AT_LEN])

    def _in_time(self, slot: int, now: int) -> bool:
        deadline = self._deadlines.get(slot)
        return deadline is None or now < deadline

    def _demanded(self, slot: int, request: Message, level_of) -> int:
        demanded = max(self._least_level(slot), level_of(request))
        if request.payload:
            return max(demanded, tokens.INTEGRITY)
        return demanded if request.code in (GET, FETCH) else max(demanded, tokens.POP)

    def _least_level(self, slot: int) -> int:
        level, shown = self.token.grant(slot).level, self._endorsed.get(slot)
        if shown is not None:
            return max(level, shown.terms.level)
        # At `bearer` nothing would protect the question for the endorsement.
        return max(level, tokens.POP) if self._lacks(slot) else level

    def _lacks(self, slot: int) -> bool:
        """Tell whether only an endorsement can say what a slot permits, and none is known."""
        permissions = self.token.grant(slot).permissions
        return permissions == tokens.UNDEFINED and slot not in self._endorsed

    def judge(self, at: tuple, request: Message, level: int, demanded: int) -> Message | None:
        """Steps 9 to 11 of SPEC 6.2: return what to answer under protection, None for go on.

        `at` is (slot, number), `level` that of the request. An endorsement is taken out of it.
        """
        slot, number = at
        shown = _shown(request, level)
        # The endpoint has screened what is outside; what was sealed is seen here first.
        refusal_code = screen(request, SUPPORTED)
        if refusal_code:
            return Message(refusal_code)
        if level < demanded:
            # In an option, since `pop` does not cover the payload.
            return Message(UNAUTHORIZED, ((PAT_DEMAND, bytes((demanded,))),))
        if shown is not None and not self._is_endorsed(slot, shown):
            return Message(FORBIDDEN)
        if self._lacks(slot):
            return Message(FORBIDDEN, ((PAT_DEMAND, bytes((option.SHOW_ENDORSEMENT,))),))
        return None if self.permits(slot, number, request) else Message(FORBIDDEN)

    def _is_endorsed(self, slot: int, data: bytes) -> bool:
        """Take an endorsement that C shows; False if it is forged, for another grant, or old."""
        grant, known = self.token[tokens.SLOTS][slot], self._endorsed.get(slot)
        if known is not None and equal(known.data, data):
            return True
        try:
            shown = endorsement.decode(data)
            endorsement.verify(self._provider, self.token, slot, shown)
        except (AuthenticationError, DecodeError):
            return False
        if shown.version < grant.lowest or (known is not None and shown.version <= known.version):
            return False
        # Whoever shows it chooses the moment: it starts no time (SPEC 6.3).
        if shown.terms.expires_in is not None and grant.expires_in is None:
            return False
        self._keep(slot, grant.endorsed(grant.lowest, data))
        self._endorsed[slot] = shown
        return True

    def _keep(self, slot: int, grant: tokens.SlotGrant):
        params = dict(self.token.params)
        params[tokens.SLOTS] = dict(params[tokens.SLOTS])
        params[tokens.SLOTS][slot] = grant
        token = tokens.ServerToken(self.token.st, params)
        self._store.put_token(token, self._marks)
        self.token = token

    def _use(self, slot: int, number: int):
        """Use a number up; the mark that keeps it used after a restart is stored first."""
        if number > self._marks.get(slot, -1):
            mark = number + self.token[tokens.WINDOW] - 1
            self._store.put_mark(slot, mark)
            self._marks[slot] = mark
        self._window.use(slot, number)

    def _refused(self, leaf: tree.Leaf | None, slot: int) -> Refused:
        if leaf is None:
            field = self._random_bytes(refusal.REFUSAL_LEN)
        else:
            key, go_on = leaf.key(functions.HINT), self._window.next_number(slot)
            field = refusal.make(self._provider, self._random_bytes, key, go_on)
        answer = Message(UNAUTHORIZED, ((CONTENT_FORMAT, APPLICATION_ACE_CBOR),))
        answer.payload = hints.encode(self._sam, self._audience, field)
        return Refused(answer)

    def _take_up(self, merged: tokens.ServerToken, put):
        self._provider.aead(merged[tokens.AEAD])
        marks = kept_marks(self.token, merged, self._marks)
        # An ST that this node has no room for must fail before it is stored.
        table = self._table_for(merged)
        _endorsements(merged)
        put(merged, marks)
        self._install(merged, marks, table)

    def _table_for(self, token: tokens.ServerToken) -> Window | None:
        """Return an empty table for an ST, or None if the one in force goes on."""
        if self.token and _same_table(self.token, token):
            return None
        suite = functions.suite(self._provider, token[tokens.SUITE])
        n_slots, window = token[tokens.N_CLIENTS], token[tokens.WINDOW]
        return Window(suite, n_slots, window, token[tokens.DEGREE])

    def _install(self, token: tokens.ServerToken, marks: dict, table: Window | None):
        old = {}
        if table is None:
            old = self.token[tokens.SLOTS]
        else:
            if self.token and self._window and _same_tree(self.token, token):
                old = self._moved(self._window, table, token)
            self._window = table
        self.token, self._marks = token, dict(marks)
        self._endorsed = _endorsements(token)
        slots = token[tokens.SLOTS]
        for slot in old:
            if slots.get(slot) is None and old[slot] is not None:
                self._window.close(slot)
                self._deadlines.pop(slot, None)
        for slot, grant in slots.items():
            if grant is not None:
                self._open(slot, old.get(slot), grant)

    def _moved(self, window: Window, table: Window, token: tokens.ServerToken) -> dict:
        """Move the slots that go on to a table for another N; return their grants up to now."""
        slots = self.token[tokens.SLOTS]
        staying = [slot for slot in slots if goes_on(self.token, token, slot)]
        for slot in staying:
            table.take_over(window, slot)
        return {slot: slots[slot] for slot in staying}

    def _open(self, slot: int, before: tokens.SlotGrant | None, grant: tokens.SlotGrant):
        if before is not None and before.generation == grant.generation:
            if before.last != grant.last:
                self._window.extend(slot, grant.last)
            return
        suite = functions.suite(self._provider, self.token[tokens.SUITE])
        ct = tree.derive(suite, self.token.st, (slot, grant.generation))
        self._window.open(slot, ct, grant.last, self._marks.get(slot, grant.first - 1))

    def _hear(self, slot: int, grant: tokens.SlotGrant | None, now: int):
        if grant is None or grant.expires_in is None:
            self._deadlines.pop(slot, None)
        else:
            self._deadlines[slot] = now + 1000 * grant.expires_in

    def _hear_late(self, slot: int, grant: tokens.SlotGrant | None, now: int, on: bool):
        """Hear of a slot from a carrier, who chose the moment: it gives no time (SPEC 9.3)."""
        deadline = self._deadlines.get(slot)
        self._hear(slot, grant, now)
        if slot in self._deadlines and not on:
            self._deadlines[slot] = 0
        elif slot in self._deadlines and deadline is not None:
            self._deadlines[slot] = min(deadline, self._deadlines[slot])


def _shown(request: Message, level: int) -> bytes | None:
    """Take the endorsement out of a request in which only C and S can see it; or return None."""
    values = request.options_of(ENDORSEMENT)
    if level != tokens.CONFIDENTIAL or len(values) != 1:
        return None
    request.remove(ENDORSEMENT)
    return values[0]


def _covers(permissions, request: Message) -> bool:
    return permissions is None or aif.permits(permissions, request.path(), request.code)


def _endorsements(token: tokens.ServerToken) -> dict:
    """Return the Endorsements of an ST by slot; DecodeError if it holds others."""
    slots = token[tokens.SLOTS].items()
    held = [(slot, grant.endorsement) for slot, grant in slots if grant and grant.endorsement]
    return {slot: endorsement.decode(data) for slot, data in held}


def _same_table(before: tokens.ServerToken, token: tokens.ServerToken) -> bool:
    return before[tokens.N_CLIENTS] == token[tokens.N_CLIENTS] and _same_tree(before, token)


def _same_tree(before: tokens.ServerToken, token: tokens.ServerToken) -> bool:
    shape = (tokens.EPOCH, tokens.WINDOW)
    same = all(before[label] == token[label] for label in shape)
    return same and equal(before.st, token.st)
