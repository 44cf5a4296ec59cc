"""S's side of a channel: what an AT opens, and how long it lasts (SPEC 5.7)."""

from leafkey.coap.message import Message
from leafkey.pat import functions, tokens
from leafkey.pat.tree import Leaf


class Offer:
    """An AT that somebody names to open a channel; whether he has its PSK is still to be seen."""

    def __init__(self, peer: tuple, leaf: Leaf, is_used: bool):
        """`peer` is (epoch, slot, generation)."""
        self.peer = peer
        self.leaf = leaf
        self.is_used = is_used

    @property
    def slot(self) -> int:
        """The slot the AT belongs to."""
        return self.peer[1]

    def psk(self) -> bytes:
        """Return the key of the channel, 32 bytes."""
        return self.leaf.key(functions.PSK)


class Channel:
    """The requests of one client under one AT, until that has done its share.

    `peer` is (epoch, slot, generation), hashable. Times are milliseconds.
    """

    def __init__(self, verifier, peer: tuple, number: int, now: int):
        self.verifier = verifier
        self.peer = peer
        self._number = number
        self._since = now
        self._requests = 0
        self._pseudonym = verifier.pseudonym(verifier.token, peer[1])

    @property
    def renewal(self):
        """What one AT of this grant may carry, by the ST in force: a Renewal or None."""
        return self.verifier.renewal(self.peer[1])

    def pseudonym(self) -> bytes:
        """Return pseudonym 1 of the client, 32 bytes (SPEC 3.4)."""
        return self._pseudonym

    def end(self) -> int | None:
        """Return when the seconds of the AT are over; None if there is no such time."""
        rule = self.renewal
        return None if rule is None or rule.seconds is None else self._since + 1000 * rule.seconds

    def is_spent(self) -> bool:
        """Tell whether the AT has carried all the requests that it may."""
        rule = self.renewal
        return rule is not None and rule.requests is not None and self._requests >= rule.requests

    def is_current(self, now: int) -> bool:
        """Tell whether the grant still stands, and the seconds of the AT are not over."""
        if not self.verifier.is_current(self.peer, now):
            return False
        end = self.end()
        return end is None or now < end

    def covers(self, request: Message) -> bool:
        """Tell whether the grant permits a request now."""
        return self.verifier.permits(self.peer[1], self._number, request)

    def admit(self, request: Message) -> Message | None:
        """Count a request that arrived in the channel: return what to answer, None for go on.

        Nothing is demanded of its level: a channel protects everything.
        """
        self._requests += 1
        at = self.peer[1], self._number
        return self.verifier.judge(at, request, tokens.CONFIDENTIAL, tokens.CONFIDENTIAL)
