"""Reliable transmission of confirmable messages (RFC 7252 sections 4.2, 4.7 and 4.8)."""

from leafkey.coap.parameters import (
    ACK_RANDOM_SPAN,
    ACK_TIMEOUT,
    MAX_IN_FLIGHT,
    MAX_RETRANSMIT,
    MAX_WAITING,
    RECENT_MIDS,
)


class MessageIds:
    """Random message IDs, none of which repeats one of the last RECENT_MIDS.

    Random, because a counter would link the messages of one sender. One memory for all remotes:
    it is bounded, and the same remote cannot see a repetition sooner than it could otherwise.
    """

    def __init__(self, random_bytes):
        self._random_bytes = random_bytes
        self._order: list = [None] * RECENT_MIDS
        self._recent = set()
        self._next = 0

    def take(self) -> int:
        """A message ID, 0..65535."""
        mid = self._draw()
        while mid in self._recent:
            mid = self._draw()
        self._recent.discard(self._order[self._next])
        self._order[self._next] = mid
        self._recent.add(mid)
        self._next = (self._next + 1) % RECENT_MIDS
        return mid

    def _draw(self) -> int:
        drawn = self._random_bytes(2)
        return drawn[0] << 8 | drawn[1]


class Transmission:
    """One confirmable message of `owner`: waiting for its turn, under way or over."""

    def __init__(self, data: bytes, remote: object, owner):
        self.data = data
        self.remote = remote
        self.peer = _peer(remote)
        # A Request or an Exchange, whose `transmission` this is.
        self.owner = owner
        # Takes this message's place when it is acknowledged or due again.
        self.successor: bytes | None = None
        self.sent = 0
        self.timeout = 0
        self.due = 0

    def key(self) -> tuple:
        """What an ACK or RST refers to: (remote, message ID bytes)."""
        return self.remote, self.data[2:4]


class Transmitter:
    """All confirmable messages of ours that are not yet acknowledged.

    To one peer one is under way at a time (NSTART 1), from whatever port of ours; further ones
    wait in a bounded queue.
    Separate responses are exempt: each was asked for, and a peer limits what it asks for.
    `due` is a time before which no message is due, None when there is none.
    """

    def __init__(self, random_bytes, send):
        """send(data, remote) takes a datagram."""
        self._random_bytes = random_bytes
        self._send = send
        self._in_flight = {}
        # Per peer, first the message under way, then those that wait.
        self._lanes = {}
        self._ready = []
        self.waiting = 0
        self.due: int | None = None

    def in_flight(self) -> int:
        """How many messages are under way."""
        return len(self._in_flight)

    def start(self, transmission: Transmission, now: int, at_once: bool = False) -> bool:
        """Send now or when it is its turn; `at_once` skips the queue. False if all is taken."""
        lane = self._lanes.get(transmission.peer)
        if lane is not None and not at_once:
            return self._wait(lane, transmission)
        if len(self._in_flight) + len(self._ready) >= MAX_IN_FLIGHT:
            return False
        if not at_once:
            self._lanes[transmission.peer] = [transmission]
        self._launch(transmission, now)
        return True

    def find(self, remote: object, mid_bytes: bytes) -> Transmission | None:
        """The transmission an ACK or RST from `remote` refers to."""
        return self._in_flight.get((remote, mid_bytes))

    def whose(self, mid_bytes: bytes) -> object:
        """The remote of the message under way that has this ID; None without one."""
        for remote, known in self._in_flight:
            if known == mid_bytes:
                return remote
        return None

    def supersede(self, transmission: Transmission, data: bytes):
        """Let `data` take the place of a message that is not over (RFC 7641 section 4.5.2)."""
        if transmission.sent:
            transmission.successor = data
        else:
            transmission.data = data

    def acknowledge(self, transmission: Transmission, now: int) -> bool:
        """The message arrived. True: it is over; False: its successor is now under way."""
        if transmission.successor is None:
            self.stop(transmission)
            return True
        self._in_flight.pop(transmission.key(), None)
        transmission.data = transmission.successor
        transmission.successor = None
        self._launch(transmission, now)
        return False

    def stop(self, transmission: Transmission):
        """Send it no more; the next one to its peer goes at the next `expire`."""
        self._in_flight.pop(transmission.key(), None)
        lane = self._lanes.get(transmission.peer)
        if lane is not None and transmission in lane:
            self._leave(lane, transmission)
        if self._ready:
            self.due = 0
        elif not self._in_flight:
            self.due = None

    def expire(self, now: int) -> list:
        """Send what is due or has its turn; returns the transmissions given up, now stopped."""
        given_up = []
        for transmission in list(self._in_flight.values()):
            if transmission.due <= now:
                if transmission.sent > MAX_RETRANSMIT:
                    given_up.append(transmission)
                else:
                    self._retransmit(transmission, now)
        for transmission in given_up:
            self.stop(transmission)
        ready = self._ready
        self._ready = []
        for transmission in ready:
            self._launch(transmission, now)
        waits = [transmission.due for transmission in self._in_flight.values()]
        self.due = min(waits) if waits else None
        return given_up

    def _wait(self, lane: list, transmission: Transmission) -> bool:
        if self.waiting >= MAX_WAITING:
            return False
        lane.append(transmission)
        self.waiting += 1
        return True

    def _leave(self, lane: list, transmission: Transmission):
        position = lane.index(transmission)
        lane.pop(position)
        if position:
            self.waiting -= 1
            return
        if transmission in self._ready:
            self._ready.remove(transmission)
        if lane:
            self.waiting -= 1
            self._ready.append(lane[0])
        else:
            del self._lanes[transmission.peer]

    def _launch(self, transmission: Transmission, now: int):
        drawn = self._random_bytes(2)
        span = (drawn[0] << 8 | drawn[1]) * (ACK_RANDOM_SPAN + 1) >> 16
        transmission.timeout = ACK_TIMEOUT + span
        transmission.sent = 0
        self._transmit(transmission, now)

    def _retransmit(self, transmission: Transmission, now: int):
        if transmission.successor is not None:
            del self._in_flight[transmission.key()]
            transmission.data = transmission.successor
            transmission.successor = None
        transmission.timeout *= 2
        self._transmit(transmission, now)

    def _transmit(self, transmission: Transmission, now: int):
        self._in_flight[transmission.key()] = transmission
        transmission.sent += 1
        transmission.due = now + transmission.timeout
        if self.due is None or transmission.due < self.due:
            self.due = transmission.due
        self._send(transmission.data, transmission.remote)


def _peer(remote: object) -> object:
    """Whom a remote names, from whatever port of ours it is reached."""
    return remote[:2] if isinstance(remote, tuple) else remote
