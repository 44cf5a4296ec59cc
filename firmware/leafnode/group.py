"""Groups that share a key: publications that members read, and the broker in between does not."""

import asyncio

from leafkey.coap.numbers import (
    APPLICATION_COSE_ENCRYPT0,
    FORBIDDEN,
    NOT_FOUND,
    SERVICE_UNAVAILABLE,
)
from leafkey.codec import cbor
from leafkey.errors import (
    AuthenticationError,
    DecodeError,
    NoGroupKey,
    NotAllowed,
    ProtocolError,
    ReplayError,
    UnknownSender,
    Unreachable,
)
from leafnode.membership import RETRY_SECONDS, Membership
from leafnode.response import Response

TOPICS = "/ps/"
# Unreachable: the KDC has what would make a publication readable.
_UNREADABLE = (
    AuthenticationError,
    DecodeError,
    NoGroupKey,
    ReplayError,
    Unreachable,
    UnknownSender,
)


class Group:
    """One group that this node is a member of; from `Client.join`.

    What it says to an application goes by exceptions of leafkey.errors: Evicted once the node is no
    member any more, NotAllowed, Unreachable, ProtocolError.
    """

    def __init__(self, client, membership: Membership):
        """The membership has begun; it is followed as long as this is open."""
        self._client = client
        self._membership = membership
        self._follower = asyncio.create_task(membership.follow())

    async def publish(self, topic: str, value: object):
        """Publish a value, which CBOR carries, to all members that read the topic.

        SequenceExhausted once 2^40 were published under one key, OSError if the number of this one
        could not be stored.
        """
        await self._membership.settle()
        sealed = self._membership.publish(cbor.encode([topic, value]))
        response = await self._client.request(
            "PUT", self._uri(topic), sealed, content_format=APPLICATION_COSE_ENCRYPT0
        )
        await self._check(response)

    def subscribe(self, topic: str, fresh: bool = False) -> "Subscription":
        """Follow a topic: `async for sender, value in group.subscribe(topic)`.

        `sender` is the publisher's Sender ID in this group, and `value` what it published last; the
        node's own publications are left out. In a group without signatures every member can publish
        as any other. `fresh` leaves out what could have been received before this node's restart:
        whoever acts on what is published wants that.
        """
        return Subscription(self, topic, fresh)

    async def leave(self):
        """Stop being a member, and forget the keys."""
        self.close()
        await self._membership.leave()

    def close(self):
        """Stop following the group; the node stays a member of it."""
        self._follower.cancel()

    async def _check(self, response):
        if response.code == FORBIDDEN:
            await self._membership.check()
            raise NotAllowed("the broker does not let this node do that")
        if response.code == NOT_FOUND:
            raise ProtocolError("the broker has no such topic")
        if not response.ok:
            raise ProtocolError("the broker answered " + response.status)

    def _uri(self, topic: str) -> str:
        return self._membership.origin + TOPICS + topic


class Subscription:
    """Yields (sender, value) for each publication that verifies. It ends when the topic does.

    Leaving the loop early leaves the broker sending: use `async with`, or call `cancel()`.
    """

    def __init__(self, group: Group, topic: str, fresh: bool):
        self._group = group
        self._topic = topic
        self._fresh = fresh
        self._has_begun = False
        self._is_over = False
        self._observation = self._observe()

    def __aiter__(self) -> "Subscription":
        return self

    async def __aenter__(self) -> "Subscription":
        return self

    async def __aexit__(self, kind: object, error: object, trace: object):
        self.cancel()

    def cancel(self):
        """Want no more."""
        self._is_over = True
        self._observation.cancel()

    async def __anext__(self) -> tuple:
        """The next (sender, value)."""
        while True:
            response = await self._next()
            if response.code == NOT_FOUND and self._has_begun:
                raise StopAsyncIteration
            await self._group._check(response)
            self._has_begun = True
            published = await self._opened(response.payload) if response.payload else None
            if published is not None:
                return published

    async def _next(self) -> Response:
        """The next word of the broker's, which may have had to make room, or to drop a context."""
        while not self._is_over:
            try:
                response = await self._observation.__anext__()
                if response.code != SERVICE_UNAVAILABLE:
                    return response
            except StopAsyncIteration:
                # It has answered, and observes no more for this node.
                pass
            await asyncio.sleep(RETRY_SECONDS)
            self._observation = self._observe()
        raise StopAsyncIteration

    def _observe(self):
        return self._group._client.observe(self._group._uri(self._topic))

    async def _opened(self, data: bytes) -> tuple | None:
        """Return what a publication says; None if it is old, not for us, or nobody's."""
        try:
            publication = await self._group._membership.receive(data)
            topic, value = cbor.decode_array(publication.payload, 2)
        except _UNREADABLE:
            return None
        # No seal covers the topic: whoever carries publications could have moved this one.
        if topic != self._topic or (self._fresh and not publication.is_fresh):
            return None
        return publication.sender, value
