"""The broker's answers, by its rows alone: who may publish and read, and what subscribers hear."""

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    ACCEPT,
    CONTENT_FORMAT,
    DELETE,
    FETCH,
    GET,
    OBSERVE,
    POST,
    PUT,
    SIZE1,
    URI_PATH,
    code_text,
)
from leafkey.group.labels import POINT_TO_POINT, PUBLISH, READ
from leafmanager import audiences, broker, provision, scopes
from leafmanager.ace.tables import AccessToken
from leafmanager.broker import topics
from leafmanager.broker.resources import MAX_PUBLICATION, Broker
from leafmanager.errors import ManagerError
from leafmanager.kdc import groups, membership, rights
from leafmanager.kdc.groups import SYMMETRIC, Policy
from leafmanager.net.peer import Access, Peer
from leafmanager.net.subscriptions import Observed, Subscription, Subscriptions
from leafmanager.scopes import BROKER, TOPIC_ROLES, Scope
from leafmanager.store import database
from leafmanager.store.tables import Node, Rule

NOW = 1_700_000_000
TOPIC = "floor2/temp"
COSE = 16
ROLES = {"both": PUBLISH | READ, "writer": PUBLISH, "reader": READ}


class House:
    """A manager with one group, a topic of it, and members of each kind.

    A rule lets `cleaner` delete, and `guest` comes with an access token to read.
    """

    def __init__(self, directory: Path):
        row = provision.manager_row("home", "coap://127.0.0.1", 10)
        self.store = database.create(directory / "state", [row])
        self.subscriptions = Subscriptions()
        self.lines: list[str] = []
        self.broker = self.started()
        self.peers: dict[str, Peer] = {}
        with self.store.transaction() as session:
            group = groups.create(session, "floor2", SYMMETRIC, 10, POINT_TO_POINT, Policy(), NOW)
            topics.create(session, TOPIC, group, NOW)
            for name in (*ROLES, "cleaner", "guest", "stranger"):
                provision.add_client(session, name, NOW)
                node = session.scalars(select(Node).where(Node.name == name)).one()
                self.peers[name] = Peer(node.id, name, "client", "127.0.0.1:1")
            for name, roles in ROLES.items():
                membership.join(session, group, None, self._newcomer(name, roles), NOW)
            self._add_rule(session, "cleaner", TOPIC_ROLES["delete"])
            self._add_token(session, "guest", [(TOPIC, TOPIC_ROLES["read"])])

    def started(self) -> Broker:
        """A broker on the house's rows, as after a restart."""
        return Broker(self.store, self.subscriptions, lambda event: self.lines.append(event.text))

    def evict(self, name: str) -> None:
        with self.store.transaction() as session:
            group = groups.named(session, "floor2")
            member = membership.find(session, group, self._subject(name))
            assert member
            membership.evict(session, member, NOW)

    def end_token(self) -> None:
        with self.store.transaction() as session:
            session.scalars(select(AccessToken)).one().ended_at = NOW

    def _subject(self, name: str) -> str:
        return rights.subject(rights.NODE, self.peers[name].id)

    def _newcomer(self, name: str, roles: int) -> membership.Newcomer:
        who = {"subject": self._subject(name), "label": name, "address": "127.0.0.1:1"}
        rest = {"scope": b"", "cred": None, "cnonce": bytes(8)}
        times = {"control_uri": None, "expires_at": None}
        return membership.Newcomer(**who, **rest, **times, roles=roles)

    def _add_rule(self, session: Session, name: str, bits: int) -> None:
        rule = Rule(path=TOPIC, methods=bits, allow=True, created_at=NOW)
        rule.client_id = self.peers[name].id
        rule.audience = audiences.named(session, BROKER, NOW)
        session.add(rule)

    def _add_token(self, session: Session, name: str, scope: Scope) -> None:
        token = AccessToken(number=1, kid=b"1", token_hash=b"h", issued_at=NOW)
        token.client_id, token.audience = self.peers[name].id, audiences.named(session, BROKER, NOW)
        token.scope, token.expires_at = scopes.encode(scope), 2 * NOW
        session.add(token)
        session.flush()
        access = Access(BROKER, scope, token.expires_at, token.id, None)
        self.peers[name] = self.peers[name]._replace(access=access)

    def ask(self, name: str, code: int, path: str = f"/ps/{TOPIC}", payload=b"", **options):
        request = Message(code, (), payload)
        request.set_path(path)
        for number, value in options.get("options", ()):
            request.add(number, value)
        return asyncio.run(_awaited(self.broker.answer(self.peers[name], request)))

    def status(
        self, name: str, code: int, path: str = f"/ps/{TOPIC}", payload=b"", **options
    ) -> str:
        answer = self.ask(name, code, path, payload, **options)
        return code_text(_message(answer).code)

    def subscribe(self, name: str) -> Subscription:
        answer = self.ask(name, GET, options=((OBSERVE, b""),))
        assert isinstance(answer, Observed)
        return answer.subscription


async def _awaited(coroutine):
    return await coroutine


def _message(answer: Message | Observed) -> Message:
    return answer.response if isinstance(answer, Observed) else answer


def heard(subscription: Subscription) -> tuple[Message, bool]:
    """Return what waits for an observer."""

    async def ready():
        """At once."""

    async def wait():
        return await asyncio.wait_for(subscription.next(ready), 1)

    return asyncio.run(wait())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.store.close()


class TestRights:
    def test_who_may_do_what(self, house: House):
        codes = {
            name: [house.status(name, code) for code in (PUT, GET, DELETE)] for name in house.peers
        }
        assert codes == {
            "both": ["2.04", "2.05", "4.03"],
            "writer": ["2.04", "4.03", "4.03"],
            "reader": ["4.03", "2.05", "4.03"],
            "cleaner": ["4.03", "4.03", "2.02"],
            "guest": ["4.03", "4.04", "4.03"],
            "stranger": ["4.03", "4.03", "4.03"],
        }

    def test_a_refusal_changes_nothing_and_is_told(self, house: House):
        house.ask("both", PUT, payload=b"sealed")
        house.ask("reader", PUT, payload=b"other")
        assert house.ask("reader", GET).payload == b"sealed"
        assert any("refused" in line for line in house.lines)

    def test_who_was_put_out_may_nothing(self, house: House):
        house.evict("both")
        assert [house.status("both", code) for code in (PUT, GET)] == ["4.03", "4.03"]

    def test_topics_are_listed_to_who_may_use_them(self, house: House):
        with house.store.transaction() as session:
            topics.create(session, "attic/größe", None, NOW)
        assert house.ask("writer", GET, "/ps").payload == (
            b'</ps/floor2/temp>;rt="core.ps.data";obs'
        )
        assert house.ask("stranger", GET, "/ps").payload == b""

    def test_a_topic_without_group_is_nobodys(self, house: House):
        with house.store.transaction() as session:
            topics.create(session, "attic", None, NOW)
        assert house.status("both", GET, "/ps/attic") == "4.03"


class TestPublications:
    def test_what_was_published_last_is_given_as_it_came(self, house: House):
        sealed = bytes(range(256)) * 4
        assert (
            house.status("writer", PUT, payload=sealed, options=((CONTENT_FORMAT, COSE),)) == "2.04"
        )
        answer = house.ask("reader", GET)
        assert (answer.payload, answer.uint(CONTENT_FORMAT)) == (sealed, COSE)

    def test_a_topic_can_be_read_before_anything_is_published(self, house: House):
        assert house.ask("reader", GET).payload == b""

    def test_after_a_delete_there_is_nothing_until_the_next_publication(self, house: House):
        house.ask("writer", PUT, payload=b"1")
        assert house.status("cleaner", DELETE) == "2.02"
        assert house.status("reader", GET) == "4.04"
        assert house.status("writer", PUT, payload=b"2") == "2.01"
        assert house.ask("reader", GET).payload == b"2"

    def test_what_is_too_large_is_not_taken(self, house: House):
        answer = house.ask("writer", PUT, payload=bytes(MAX_PUBLICATION + 1))
        assert (code_text(answer.code), answer.uint(SIZE1)) == ("4.13", MAX_PUBLICATION)
        assert house.ask("reader", GET).payload == b""

    def test_a_content_format_that_it_does_not_have(self, house: House):
        house.ask("writer", PUT, payload=b"1", options=((CONTENT_FORMAT, COSE),))
        assert house.status("reader", GET, options=((ACCEPT, 60),)) == "4.06"
        assert house.status("reader", GET, options=((ACCEPT, COSE),)) == "2.05"

    @pytest.mark.parametrize(
        "path",
        ["/ps/floor2", "/ps/floor2/", "/ps//temp", "/ps/nothing", "/ps/floor2/TEMP"],
    )
    def test_topics_that_there_are_not(self, house: House, path: str):
        assert [house.status("both", code, path) for code in (PUT, GET, DELETE)] == ["4.04"] * 3

    @pytest.mark.parametrize("segments", [[b"floor2/temp"], [b"floor2", b"temp", b""], [b"\xff"]])
    def test_one_name_has_one_path(self, house: House, segments: list[bytes]):
        options = [(URI_PATH, segment) for segment in (b"ps", *segments)]
        request = Message(GET, options)
        answer = asyncio.run(_awaited(house.broker.answer(house.peers["both"], request)))
        assert code_text(_message(answer).code) == "4.04"

    def test_other_methods(self, house: House):
        assert [house.status("both", code) for code in (POST, FETCH)] == ["4.05", "4.05"]
        assert [house.status("both", code, "/ps") for code in (POST, FETCH, PUT)] == ["4.05"] * 3

    def test_what_was_published_outlasts_a_restart(self, house: House):
        house.ask("writer", PUT, payload=b"kept")
        house.broker = house.started()
        assert house.ask("reader", GET).payload == b"kept"


class TestSubscriptions:
    def test_each_subscriber_hears_of_each_publication(self, house: House):
        subscriptions = [house.subscribe(name) for name in ("both", "reader")]
        house.ask("writer", PUT, payload=b"1")
        for subscription in subscriptions:
            message, is_last = heard(subscription)
            assert (message.payload, is_last, message.option(OBSERVE)) == (b"1", False, b"")

    def test_a_slow_one_hears_the_newest_alone(self, house: House):
        subscription = house.subscribe("reader")
        for number in range(50):
            house.ask("writer", PUT, payload=b"%d" % number)
        assert heard(subscription)[0].payload == b"49"

    def test_who_was_put_out_hears_so_and_nothing_else(self, house: House):
        subscription, other = house.subscribe("reader"), house.subscribe("both")
        house.evict("reader")
        house.ask("writer", PUT, payload=b"secret")
        message, is_last = heard(subscription)
        assert (code_text(message.code), message.payload, is_last) == ("4.03", b"", True)
        assert heard(other)[0].payload == b"secret"

    def test_a_token_that_was_revoked_ends_what_it_has_begun(self, house: House):
        subscription = house.subscribe("guest")
        house.ask("writer", PUT, payload=b"1")
        assert heard(subscription)[0].payload == b"1"
        house.end_token()
        house.ask("writer", PUT, payload=b"2")
        message, is_last = heard(subscription)
        assert (code_text(message.code), message.payload, is_last) == ("4.03", b"", True)

    def test_it_hears_so_without_a_publication_too(self, house: House):
        subscription = house.subscribe("reader")
        house.evict("reader")
        assert house.broker._look(NOW)
        assert code_text(heard(subscription)[0].code) == "4.03"

    def test_the_end_of_what_was_published_ends_subscriptions(self, house: House):
        subscription = house.subscribe("reader")
        house.ask("cleaner", DELETE)
        message, is_last = heard(subscription)
        assert (code_text(message.code), is_last) == ("4.04", True)

    def test_so_does_the_owner_who_deletes_the_topic(self, house: House):
        subscription = house.subscribe("reader")
        with house.store.transaction() as session:
            topics.delete(session, topics.named(session, TOPIC))
        house.broker._look(NOW)
        message, is_last = heard(subscription)
        assert (code_text(message.code), is_last) == ("4.04", True)

    def test_a_look_tells_nobody_who_may_go_on(self, house: House):
        subscription = house.subscribe("reader")
        house.broker._look(NOW)
        with pytest.raises(TimeoutError):
            heard(subscription)

    def test_without_room_there_is_an_answer_alone(self, house: House, monkeypatch):
        monkeypatch.setattr("leafmanager.net.subscriptions.MAX_OF_PEER", 0)
        answer = house.ask("reader", GET, options=((OBSERVE, b""),))
        assert isinstance(answer, Message)
        assert answer.option(OBSERVE) is None


class TestTopics:
    @pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "a b", "a\n", "x" * 129, "ü" * 65])
    def test_names_that_are_none(self, house: House, name: str):
        with house.store.transaction() as session, pytest.raises(ManagerError):
            topics.create(session, name, None, NOW)

    def test_one_name_is_one_topic(self, house: House):
        with house.store.transaction() as session, pytest.raises(ManagerError):
            topics.create(session, TOPIC, None, NOW)

    def test_there_are_not_too_many(self, house: House, monkeypatch):
        monkeypatch.setattr(topics, "MAX_TOPICS", 2)
        with house.store.transaction() as session:
            topics.create(session, "two", None, NOW)
            with pytest.raises(ManagerError):
                topics.create(session, "three", None, NOW)


def test_nothing_of_the_broker_can_read_what_it_carries():
    """No module of it has what opens publications, nor a group's key."""
    for module in (broker.resources, broker.topics, broker.tables, broker.rights):
        source = inspect.getsource(module)
        for word in ("publication", "aead", "crypto", "secret"):
            assert f"import {word}" not in source
            assert f".{word}" not in source
