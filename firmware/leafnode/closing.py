"""Ends what hangs on a grant in the step in which the grant ends (SPEC 9.4), or an AT (4.3)."""

import asyncio

from leafkey.coap.block import Assembler
from leafkey.compat import const
from leafnode.admission import Holder
from leafnode.clock import now_ms
from leafnode.contexts import Contexts
from leafnode.guard import Guard
from leafnode.observers import Observers

# Seconds; the longest wait, far below the span of a board's timer.
LONGEST_WAIT = const(3600)


class Closing:
    """Looks after the channels, observations and bodies of those who had a grant or a token."""

    def __init__(
        self, guard: Guard | None, contexts: Contexts, observers: Observers, assembler: Assembler
    ):
        self._guard = guard
        self._contexts = contexts
        self._dtls = None
        self._observers = observers
        self._assembler = assembler
        self._changed = asyncio.Event()
        if guard is not None:
            guard.on_change = self.sweep
        if contexts.tokens is not None:
            contexts.tokens.server.accesses.on_change = self.sweep
        observers.on_begin = self._changed.set
        contexts.on_open = self._changed.set

    def add(self, dtls):
        """Look after the sessions of a leafnode.dtls_listener.DtlsListener too."""
        self._dtls = dtls
        dtls.on_open = self._changed.set

    def sweep(self):
        """The ST or a token has changed, or a time is over: end what has no grant any more."""
        now = now_ms()
        self._contexts.close_ended(now)
        if self._dtls is not None:
            self._dtls.close_ended(now)
        self._observers.close_ended(now)
        for peer in self._assembler.peers():
            if isinstance(peer, Holder) and not self._stands(peer, now):
                self._assembler.forget(peer)
        self._changed.set()

    async def run(self):
        """Wait for the end of one grant or AT after the other, until cancelled."""
        while True:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), self._seconds())
            except asyncio.TimeoutError:
                self.sweep()

    def _stands(self, holder: Holder, now: int) -> bool:
        if self._guard is not None and not self._guard.is_current(holder, now):
            return False
        return self._contexts.is_current(holder.grant, now)

    def _ends(self, now: int) -> tuple:
        ends = [self._contexts.next_end(), self._observers.next_end()]
        if self._guard is not None:
            ends.append(self._guard.next_end(now))
        if self._dtls is not None:
            ends.append(self._dtls.next_end(now))
        return tuple(ends)

    def _seconds(self) -> float:
        now = now_ms()
        wait = LONGEST_WAIT
        for end in self._ends(now):
            if end is not None:
                wait = min(wait, max(0, end - now) / 1000)
        return wait
