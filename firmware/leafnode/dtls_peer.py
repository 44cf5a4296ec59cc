"""The clients of a server's DTLS sessions (SPEC 5.9)."""

from leafkey.coap.numbers import ENDORSEMENT
from leafkey.coap.options import SUPPORTED
from leafkey.compat import const
from leafkey.pat.channel import Channel, Offer
from leafkey.pat.tokens import MAX_ENDORSEMENT
from leafnode.dtls_session import Session

# A session that is done is freed after this silence; ms.
SILENT_MS = const(60000)


class Peer:
    """A client's end of a session, half open at first: the third member of its remotes.

    `channel` is the leafkey.pat.channel.Channel that its AT has opened, None before.
    """

    serves = True
    # In a session as inside of `confidential` (SPEC 4.4).
    supported = dict(SUPPORTED)
    supported[ENDORSEMENT] = (1, MAX_ENDORSEMENT, False)

    def __init__(self, send, address: tuple, session: Session, now: int):
        """`send(peer, data)` sends a message in the session."""
        self._send = send
        self.address = address
        self.remote = address + (self,)
        self.session = session
        self.offer: Offer | None = None
        self.channel: Channel | None = None
        # When something came from there last; ms.
        self.heard = now
        # Its client has a newer session, and needs this one only for what is under way.
        self.is_superseded = False

    @property
    def holder(self) -> tuple | None:
        """Whose session it is: (epoch, slot, generation)."""
        return None if self.channel is None else self.channel.peer

    def is_done(self, now: int) -> bool:
        """True if the session does nothing for its client any more but say so; now: ms."""
        channel = self.channel
        if channel is None or self.is_superseded:
            return self.is_superseded
        return channel.is_spent() or not channel.is_current(now)

    def is_silent(self, now: int) -> bool:
        """True if nothing has come for a while; now: ms."""
        return now - self.heard >= SILENT_MS

    def end(self, now: int) -> int | None:
        """When the session may be done with, ms; None if it has no such time."""
        if self.is_done(now):
            return self.heard + SILENT_MS
        return None if self.channel is None else self.channel.end()

    def send(self, data: bytes, remote: tuple):
        """Send one message in the session, or lose it."""
        self._send(self, data)
