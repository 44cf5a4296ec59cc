"""What one accepted AT stands for (SPEC section 6)."""

from leafkey.coap.message import Message
from leafkey.pat import tokens
from leafkey.pat.protection import Protection


class Session:
    """One accepted AT: its request, who made it, and the protection of the answers.

    `request` is the inner Message; `peer` is (epoch, slot, generation), hashable.
    """

    def __init__(self, verifier, at: tuple, request: Message, protection: Protection):
        """`verifier` has accepted the AT; `at` is (slot, number)."""
        self._verifier = verifier
        self._protection = protection
        self._token = verifier.token
        self.slot, self.number = at
        self.generation = self._token[tokens.SLOTS][self.slot].generation
        self.request = request

    @property
    def peer(self) -> tuple:
        """Who asks, as block-wise transfers and observations tell peers apart (SPEC 5.6).

        A slot and its generation mean another client in another epoch.
        """
        return self._token[tokens.EPOCH], self.slot, self.generation

    @property
    def level(self) -> int:
        """The level the AT was presented at."""
        return self._protection.level

    def pseudonym(self) -> bytes:
        """Return pseudonym 1 of the client, 32 bytes (SPEC 3.4), whoever has the slot by now."""
        return self._verifier.pseudonym(self._token, self.slot)

    @property
    def renewal(self):
        """What one AT of this grant may carry, by the ST in force: a Renewal or None."""
        return self._verifier.renewal(self.slot)

    def is_current(self, now: int) -> bool:
        """Tell whether the grant behind this AT still stands, and covers its request."""
        return self._verifier.is_current(self.peer, now) and self._verifier.permits(
            self.slot, self.number, self.request
        )

    def protect(self, response: Message, counter: int = 0) -> Message:
        """Return the response protected as its request was; `counter` as in SPEC 5.2."""
        return self._protection.protect_response(response, counter)
