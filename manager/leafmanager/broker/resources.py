"""The broker's resources: `/ps`, the topics, and below it what was published on each.

Of draft-ietf-core-coap-pubsub what publishers and subscribers need; topics are the owner's to make.
What is published goes from here to subscribers as it came. Nothing here could read it.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy.orm import Session

from leafkey.coap import uri
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    ACCEPT,
    APPLICATION_LINK_FORMAT,
    CHANGED,
    CONTENT,
    CONTENT_FORMAT,
    CREATED,
    DELETE,
    DELETED,
    FORBIDDEN,
    GET,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    OBSERVE,
    PUT,
    REQUEST_ENTITY_TOO_LARGE,
    SIZE1,
)
from leafkey.group.labels import DELETE_TOPIC, PUBLISH, READ
from leafmanager import issue
from leafmanager.broker import rights, topics
from leafmanager.broker.tables import Topic
from leafmanager.errors import ManagerError
from leafmanager.events import NOTE, Event, Sink
from leafmanager.kdc.service import asker_of
from leafmanager.net.peer import Peer
from leafmanager.net.subscriptions import Observed, Subscription, Subscriptions
from leafmanager.store.database import Store

ROOT = "ps"
# Bytes of a publication: with all that protects it, it fits a datagram.
MAX_PUBLICATION = 1024

# How often topics and rights are looked at, which the owner changes in other processes.
LOOK_SECONDS = 0.2


class _News(NamedTuple):
    """What a subscriber is to hear; `is_last`: it is none any more."""

    subscription: Subscription
    message: Message
    is_last: bool


class Broker:
    """Answers requests whose sender is known. Each is one transaction, or changes nothing."""

    def __init__(self, store: Store, subscriptions: Subscriptions, tell: Sink):
        self._store = store
        self._subscriptions = subscriptions
        self._tell = tell

    async def run(self) -> None:
        """End subscriptions that the owner has ended, until cancelled."""
        changes, is_due = self._store.changes(), False
        try:
            while True:
                is_due = changes.any() or is_due
                if is_due:
                    is_due = not self._look(issue.now())
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            changes.close()

    async def answer(self, peer: Peer, request: Message) -> Message | Observed:
        """Return the answer to a request below `/ps`, and the subscription if it registers one."""
        name, now = name_in(request), issue.now()
        if name == "":
            return self._listed(peer, request, now)
        news: list[_News] = []
        with self._store.transaction() as session:
            topic = None if name is None else topics.find(session, name)
            response = _refusal(session, peer, topic, request, now)
            if response is None and topic is not None:
                response = _METHODS[request.code].act(topic, request)
                if request.code != GET:
                    news = self._news(session, topic, now)
        for one in news:
            one.subscription.notify(one.message, one.is_last)
        assert response is not None
        if response.code == FORBIDDEN:
            self._tell(Event(NOTE, peer.name, "broker", f"refused: no such right on {name}"))
        return self._observed(peer, name, response)

    def _observed(self, peer: Peer, name: str | None, response: Message) -> Message | Observed:
        if response.option(OBSERVE) is None:
            return response
        subject = asker_of(peer).subject
        subscription = self._subscriptions.add(subject, f"/{ROOT}/{name}", peer)
        if subscription is not None:
            return Observed(response, subscription)
        response.remove(OBSERVE)
        return response

    def _look(self, now: int) -> bool:
        """End what is over; False if somebody holds the database for long."""
        names = {_name_of(one) for one in self._subscriptions.below(f"/{ROOT}/")}
        news: list[_News] = []
        try:
            with self._store.transaction() as session:
                for name in names:
                    topic = topics.find(session, name)
                    if topic is None:
                        news += [_News(one, Message(NOT_FOUND), True) for one in self._of(name)]
                    else:
                        news += self._news(session, topic, now)
        except ManagerError:
            return False
        for one in news:
            if one.is_last:
                one.subscription.notify(one.message, True)
        return True

    def _news(self, session: Session, topic: Topic, now: int) -> list[_News]:
        """Return what each subscriber of a topic is to hear."""
        news = []
        for one in self._of(topic.name):
            if topic.content is None:
                news.append(_News(one, Message(NOT_FOUND), True))
            elif not isinstance(one.seen, Peer) or not _may(session, one.seen, topic, READ, now):
                news.append(_News(one, Message(FORBIDDEN), True))
            else:
                news.append(_News(one, _published(topic, True), False))
        return news

    def _of(self, topic_name: str) -> list[Subscription]:
        path = f"/{ROOT}/{topic_name}"
        return [one for one in self._subscriptions.below(path) if one.path == path]

    def _listed(self, peer: Peer, request: Message, now: int) -> Message:
        """Answer with links to the topics that somebody may use (RFC 6690)."""
        if request.code != GET:
            return Message(METHOD_NOT_ALLOWED)
        with self._store.transaction() as session:
            links = [
                f'<{_path(topic.name)}>;rt="core.ps.data";obs'
                for topic in topics.every(session)
                if rights.of(session, peer, topic, now)
            ]
        options = ((CONTENT_FORMAT, APPLICATION_LINK_FORMAT),)
        return Message(CONTENT, options, ",".join(links).encode())


def name_in(request: Message) -> str | None:
    """Return the topic's name in a request's path, "" for none; None if it cannot be one."""
    segments = request.path()[1:]
    if not all(segments) or any(b"/" in segment for segment in segments):
        return None
    try:
        return b"/".join(segments).decode()
    except UnicodeDecodeError:
        return None


def _refusal(
    session: Session, peer: Peer, topic: Topic | None, request: Message, now: int
) -> Message | None:
    """Return the answer to a request that is not for this peer to make; None if it is."""
    if topic is None:
        return Message(NOT_FOUND)
    if request.code not in _METHODS:
        return Message(METHOD_NOT_ALLOWED)
    if not _may(session, peer, topic, _METHODS[request.code].right, now):
        return Message(FORBIDDEN)
    return None


def _may(session: Session, peer: Peer, topic: Topic, right: int, now: int) -> bool:
    return rights.of(session, peer, topic, now) & right != 0


def _read(topic: Topic, request: Message) -> Message:
    if topic.content is None:
        return Message(NOT_FOUND)
    wanted = request.uint(ACCEPT)
    if wanted is not None and topic.content_format not in (None, wanted):
        return Message(NOT_ACCEPTABLE)
    return _published(topic, request.uint(OBSERVE) == 0)


def _publish(topic: Topic, request: Message) -> Message:
    if len(request.payload) > MAX_PUBLICATION:
        return Message(REQUEST_ENTITY_TOO_LARGE, ((SIZE1, MAX_PUBLICATION),))
    code = CREATED if topic.content is None else CHANGED
    topic.content, topic.content_format = request.payload, request.uint(CONTENT_FORMAT)
    return Message(code)


def _delete(topic: Topic, _request: Message) -> Message:
    """What was published goes; the topic stays, and comes to life again with the next one."""
    topic.content = topic.content_format = None
    return Message(DELETED)


def _published(topic: Topic, is_observed: bool) -> Message:
    message = Message(CONTENT, (), topic.content or b"")
    if is_observed:
        message.add(OBSERVE, b"")
    if topic.content_format is not None:
        message.add(CONTENT_FORMAT, topic.content_format)
    return message


def _name_of(subscription: Subscription) -> str:
    return subscription.path.removeprefix(f"/{ROOT}/")


def _path(name: str) -> str:
    return f"/{ROOT}" + uri.path_text([part.encode() for part in name.split("/")])


class _Method(NamedTuple):
    """The right that a method takes, and what it does."""

    right: int
    act: Callable[[Topic, Message], Message]


_METHODS = {
    GET: _Method(READ, _read),
    PUT: _Method(PUBLISH, _publish),
    DELETE: _Method(DELETE_TOPIC, _delete),
}
