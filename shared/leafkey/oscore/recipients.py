"""S's side: which context a request belongs to, and the answers to those that belong to none.

RFC 8613 section 8.2. Whoever is registered here has `keys.recipient_id` as its `kid`, and
`receive(message, header)`, which returns an Incoming, or raises AuthenticationError, ReplayError,
DecodeError, or Refused with an answer of its own.
"""

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BAD_OPTION,
    BAD_REQUEST,
    MAX_AGE,
    OSCORE,
    PAT,
    UNAUTHORIZED,
)
from leafkey.compat import const
from leafkey.errors import AuthenticationError, DecodeError, Refused, ReplayError
from leafkey.oscore.context import Incoming, header_of

# Contexts that may share a kid, told apart by trying: each try costs an AEAD.
MAX_ALIKE = const(4)

NOT_FOUND = b"Security context not found"
REPLAYED = b"Replay detected"
UNDECIPHERABLE = b"Decryption failed"
UNREADABLE = b"Failed to decode COSE"


class Recipients:
    """Whose requests can be unprotected, by kid."""

    def __init__(self):
        self._by_kid = {}

    def __len__(self) -> int:
        return sum([len(alike) for alike in self._by_kid.values()])

    def add(self, recipient) -> bool:
        """Register one; False if there are MAX_ALIKE with its kid already."""
        alike = self._by_kid.setdefault(recipient.kid, [])
        if len(alike) >= MAX_ALIKE:
            return False
        alike.append(recipient)
        return True

    def remove(self, recipient):
        """Forget one, if it is registered."""
        alike = self._by_kid.get(recipient.kid, [])
        if recipient in alike:
            alike.remove(recipient)
            if not alike:
                del self._by_kid[recipient.kid]

    def has(self, kid: bytes) -> bool:
        """Tell whether a kid is taken."""
        return kid in self._by_kid

    def unprotect(self, message: Message) -> tuple:
        """Return (recipient, Incoming) of a protected request; errors as of `unprotect`."""
        return unprotect(message, self.alike)

    def alike(self, kid: bytes) -> list:
        """Return those who have a kid."""
        return self._by_kid.get(kid, [])


def unprotect(message: Message, alike) -> tuple:
    """Return (recipient, Incoming) of a protected request; `alike(kid)` are those who have a kid.

    Refused carries the answer that section 8.2 demands, unprotected where nothing verified.
    """
    try:
        header = header_of(message)
        if header.kid is None or header.piv is None:
            raise DecodeError("a request names its context, and its number")
    except DecodeError:
        raise refused(BAD_OPTION, UNREADABLE)
    reason = refused(UNAUTHORIZED, NOT_FOUND)
    for recipient in alike(header.kid):
        try:
            incoming = recipient.receive(message, header)
        except ReplayError:
            reason = refused(UNAUTHORIZED, REPLAYED)
            continue
        except (AuthenticationError, DecodeError):
            reason = refused(BAD_REQUEST, UNDECIPHERABLE)
            continue
        if incoming is not None:
            return recipient, _unnested(incoming)
    raise reason


def refused(code: int, text: bytes) -> Refused:
    """Return a refusal that nothing protects, and that nobody may cache."""
    return Refused(Message(code, ((MAX_AGE, 0),), text))


def _unnested(incoming: Incoming) -> Incoming:
    """Refuse what is protected twice, or carries inside what leads to keys."""
    request = incoming.request
    if request.option(OSCORE) is not None or request.option(PAT) is not None:
        raise Refused(incoming.protect(Message(BAD_OPTION)))
    return incoming
