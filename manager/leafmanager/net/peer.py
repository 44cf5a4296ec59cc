"""Who sent a request, as `leafmanager.net.front` has settled it."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from leafkey.coap.message import Message
from leafmanager.net.subscriptions import Observed
from leafmanager.scopes import Scope


class Access(NamedTuple):
    """What an access token says: `scope` at `audience`, until `ends_at` (seconds since 1970).

    `token_id` is its row (`leafmanager.ace.tables`), `recipient` the context that it opened.
    """

    audience: str
    scope: Scope
    ends_at: int
    token_id: int
    recipient: object


class Peer(NamedTuple):
    """The node that sent a request, and from where.

    `access`: by the access token that it showed; None if it came in its channel.
    """

    id: int
    name: str
    role: str
    address: str
    access: Access | None = None

    @property
    def key(self) -> tuple[int, str]:
        """What tells bodies apart that come in blocks: a node may be here in both ways."""
        return self.id, "" if self.access is None else self.access.audience


# What answers a request; both without their protection. What may be observed says so.
Answer = Callable[[Peer, Message], Awaitable[Message]]
Observable = Callable[[Peer, Message], Awaitable[Message | Observed]]
