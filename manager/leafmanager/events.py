"""What the manager says while it works: one short line for each message, never a secret.

The numbers are those of SPEC section 1, which are the draft's.
"""

import json
from collections.abc import Callable
from typing import NamedTuple

ACCESS_REQUEST = 5
TICKET_REQUEST = 6
TICKET_GRANT = 7
TICKET_TRANSFER = 8
CLIENT_INFORMATION = 9
SERVER_TOKEN_REQUEST = 2
SERVER_TOKEN = 3
# What is no message of the protocol: a server that is full, an error of our own.
NOTE = 0


class Event(NamedTuple):
    """One message or note; names of nodes, or addresses where a peer is not authenticated."""

    number: int
    source: str
    target: str
    text: str

    def line(self) -> str:
        """Return the event for a person: "(6) display -> manager  ticket request: …"."""
        number = f"({self.number})" if self.number else "!"
        return f"{number:4} {self.source} -> {self.target}  {printable(self.text)}"

    def json(self) -> str:
        """Return the event for a script: one JSON object."""
        fields = {"message": self.number, "from": self.source, "to": self.target}
        return json.dumps(fields | {"text": printable(self.text)})


Sink = Callable[[Event], None]


def printable(text: str) -> str:
    """Return text with what a peer could use to write on the owner's terminal escaped."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)
