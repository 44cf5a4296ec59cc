"""What a server must accept, in the words of SPEC 6, 9.1 and 9.3: numbers and sets, no key."""

from collections import namedtuple

from leafkey.coap.numbers import GET
from leafkey.pat.tokens import BEARER, INTEGRITY, POP, PROBE_LEVEL

# What SAM wants of a server as of one version: `slots` maps slots to (generation, first, last,
# level).
Wanted = namedtuple("Wanted", ("version", "epoch", "n_clients", "slots"))

# What becomes of a message: `hint` is the number to go on from, or None.
Outcome = namedtuple("Outcome", ("what", "hint"))
REFUSED = Outcome("refused", None)
TOO_LOW = Outcome("too low", None)
SERVED = Outcome("served", None)


class PlainSlot:
    """The window of one grant."""

    def __init__(self, grant: tuple, width: int, mark: int | None = None):
        self.generation, self.first, self.last, self.level = grant
        self.width = width
        self.mark = mark
        self.restart()

    def restart(self):
        """Every number up to the mark is used."""
        self.highest = self.first - 1 if self.mark is None else self.mark
        self.clear = set()

    def is_in_table(self, number: int) -> bool:
        low, high = max(0, self.highest - self.width + 1), self.highest + self.width
        return low <= number <= min(high, self.last)

    def is_used(self, number: int) -> bool:
        return number <= self.highest and number not in self.clear

    def use(self, number: int):
        if self.mark is None or number > self.mark:
            self.mark = number + self.width - 1
        for skipped in range(self.highest + 1, number):
            self.clear.add(skipped)
        self.highest = max(self.highest, number)
        self.clear.discard(number)
        self.clear = {x for x in self.clear if x > self.highest - self.width}


class PlainServer:
    """All slots, and which changes of its ST it takes."""

    def __init__(self, width: int):
        self.width = width
        self.version = self.epoch = 0
        self.slots = {}
        self.last_command = None

    def restart(self):
        for slot in self.slots.values():
            slot.restart()

    def slot_of(self, holder: tuple) -> PlainSlot | None:
        """The slot whose grant is (epoch, slot, generation)."""
        epoch, number, generation = holder
        slot = self.slots.get(number)
        if slot is None or self.epoch != epoch or slot.generation != generation:
            return None
        return slot

    def present(self, letter) -> Outcome:
        """What a message gets; its number is used up where it is."""
        slot = self.slot_of(letter.holder)
        if slot is None or not slot.is_in_table(letter.number):
            return REFUSED
        if slot.is_used(letter.number):
            if letter.level == BEARER:
                return REFUSED
            return Outcome("refused", slot.highest + 1)
        if letter.level == PROBE_LEVEL:
            slot.use(letter.number)
            return Outcome("refused", slot.highest + 1)
        demanded = max(slot.level, BEARER if letter.code == GET else POP)
        if letter.payload:
            demanded = max(demanded, INTEGRITY)
        if letter.level == BEARER and demanded > BEARER:
            return REFUSED
        slot.use(letter.number)
        return SERVED if letter.level >= demanded else TOO_LOW

    def takes_change(self, wanted: Wanted) -> bool:
        """A change comes after the version before it, in its epoch."""
        return wanted.version == self.version + 1 and wanted.epoch == self.epoch

    def takes_whole(self, wanted: Wanted) -> bool:
        return (wanted.epoch, wanted.version) > (self.epoch, self.version)

    def take(self, wanted: Wanted):
        """Windows go on where the grant does, whatever becomes of N."""
        same_epoch = wanted.epoch == self.epoch
        before, self.slots = self.slots, {}
        for number, grant in wanted.slots.items():
            old = before.get(number)
            if old is None or not same_epoch or old.generation != grant[0]:
                self.slots[number] = PlainSlot(grant, self.width)
            else:
                old.last, old.level = grant[2:]
                self.slots[number] = old
        self.version, self.epoch = wanted[:2]
