"""What the KDC does by itself: it tells members of new keys, and puts out whose time is over.

What is told is what is stored, whoever has stored it: another process, or this one before it was
killed. Each subscription remembers what it has said; each member with a `control_uri` the num that
it has confirmed.
"""

import asyncio
from typing import NamedTuple

import aiocoap
from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.coap import uri as coap_uri
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    APPLICATION_ACE_GROUPCOMM_CBOR,
    CHANGED,
    DELETED,
    OBSERVE,
    URI_PATH,
)
from leafkey.errors import LeafkeyError
from leafkey.group import labels
from leafkey.group.keytree import KeyTree
from leafmanager import issue
from leafmanager.errors import ManagerError
from leafmanager.events import NOTE, Event, Sink
from leafmanager.kdc import answers, groups, keytrees, membership, rekeying, resources
from leafmanager.kdc.tables import Farewell, Group, Member
from leafmanager.net import outgoing
from leafmanager.net.subscriptions import Subscription, Subscriptions
from leafmanager.store.database import Store
from leafmanager.units import bracketed

# How often the database is looked at, and how often the clock.
LOOK_SECONDS = 0.1
CLOCK_SECONDS = 1
# How long a member that does not answer is left in peace.
SILENT_SECONDS = 30
# So many members are sent keys at once.
MAX_SENDING = 64


class Parcel(NamedTuple):
    """A message for a member at its `control_uri`: a rekeying message of this num, or a DELETE."""

    member_id: int
    subject: str
    uri: str
    num: int
    payload: bytes


class Telling:
    """The rekeying messages of one moment: what is alike for many members is made once."""

    def __init__(self, session: Session, now: int):
        self._session = session
        self._now = now
        self._alike: dict[tuple[int, int], dict] = {}
        self._trees: dict[int, KeyTree] = {}

    def to(self, member: Member, since: int) -> Message:
        """Return the message for a member that has the key of num `since`."""
        group, key = member.group, (member.group_id, since)
        if key not in self._alike:
            self._alike[key] = rekeying.message(self._session, group, self._now, since)
        return answers.groupcomm(self._alike[key] | self._path(member))

    def _path(self, member: Member) -> dict:
        if member.leaf is None:
            return {}
        if member.group_id not in self._trees:
            self._trees[member.group_id] = keytrees.of(self._session, member.group)
        return keytrees.parameters(self._trees[member.group_id], member)


class Announcer:
    """Looks after all groups as long as `run` runs."""

    def __init__(
        self,
        store: Store,
        subscriptions: Subscriptions,
        context: aiocoap.Context,
        reach,
        tell: Sink,
    ):
        """`reach(subject)` returns what makes a request to somebody, or None."""
        self._store = store
        self._subscriptions = subscriptions
        self._context = context
        self._reach = reach
        self._tell = tell
        self._sending: dict[int, asyncio.Task] = {}
        # Members that did not answer, and until when they are left in peace.
        self._silent: dict[int, float] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        clock = asyncio.get_running_loop().time
        changes, is_due, next_second = self._store.changes(), False, 0.0
        try:
            while True:
                is_time = clock() >= next_second
                if changes.any() or is_due or is_time:
                    next_second = clock() + CLOCK_SECONDS if is_time else next_second
                    is_due = not self._look(is_time)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            changes.close()
            for task in self._sending.values():
                task.cancel()

    def _look(self, is_time: bool) -> bool:
        """Do what is due; False if somebody holds the database for long."""
        now = issue.now()
        try:
            if is_time:
                with self._store.transaction() as session:
                    self._keep_time(session, now)
            with self._store.transaction() as session:
                self._notify(session, now)
                parcels, farewells = self._parcels(session, now), _farewells(session)
        except ManagerError:
            return False
        for parcel in parcels:
            self._start(parcel.member_id, self._send(parcel))
        for farewell in farewells:
            self._start(-farewell.member_id, self._say_farewell(farewell))
        return True

    def _keep_time(self, session: Session, now: int) -> None:
        for group, member in membership.enforce(session, now, only_expired=True):
            self._note(group, f"{member} is out: its time is over")
        for group in session.scalars(select(Group)):
            if groups.is_due(group, now):
                rekeying.rekey(session, group, now)
                self._note(group.name, f"key {group.num}, on schedule")

    # Subscriptions

    def _notify(self, session: Session, now: int) -> None:
        observed = self._subscriptions.below(f"/{resources.ROOT}/")
        if not observed:
            return
        present = {group.name: group for group in session.scalars(select(Group))}
        telling = Telling(session, now)
        for subscription in observed:
            parts = subscription.path.split("/")
            group = present.get(parts[2])
            if group is None or subscription.seen[0] != group.id:
                subscription.notify(answers.failed(labels.GROUP_DELETED), is_last=True)
                continue
            member = membership.find(session, group, subscription.peer)
            if member is None:
                subscription.notify(answers.failed(labels.MEMBERSHIP_TERMINATED), is_last=True)
                continue
            self._notify_member(session, subscription, member, telling)

    def _notify_member(
        self, session: Session, subscription: Subscription, member: Member, telling: Telling
    ) -> None:
        state = resources.state_of(subscription.path, member.group)
        if subscription.seen == state:
            return
        what = subscription.path.split("/")[3:]
        if what == []:
            message = telling.to(member, subscription.seen[1])
        elif what == ["active"]:
            message = answers.plain(member.group.is_active)
        elif what == ["tree"]:
            found = keytrees.messages_after(session, member.group, member.group.num - 1)
            message = answers.plain(found[0] if found else None)
        else:
            message = resources.keys(session, member, issue.now(), True)
        subscription.seen = state
        message.add(OBSERVE, b"")
        subscription.notify(message)

    # Requests to members

    def _parcels(self, session: Session, now: int) -> list[Parcel]:
        behind = (
            select(Member)
            .join(Group)
            .where(Member.control_uri.is_not(None), Member.told < Group.num)
        )
        clock = asyncio.get_running_loop().time()
        self._silent = {key: until for key, until in self._silent.items() if until > clock}
        found, telling = [], Telling(session, now)
        for member in session.scalars(behind):
            if self._may_send(member.id) and len(found) + len(self._sending) < MAX_SENDING:
                payload = telling.to(member, member.told).payload
                uri = member.control_uri or ""
                found.append(Parcel(member.id, member.subject, uri, member.group.num, payload))
        return found

    def _may_send(self, key: int) -> bool:
        return key not in self._sending and key not in self._silent

    def _start(self, key: int, sending) -> None:
        if not self._may_send(key):
            sending.close()
            return
        self._sending[key] = asyncio.create_task(sending)

    async def _send(self, parcel: Parcel) -> None:
        try:
            if await self._sent(parcel, CHANGED):
                self._silent.pop(parcel.member_id, None)
                self._confirm(parcel)
            else:
                clock = asyncio.get_running_loop().time
                self._silent[parcel.member_id] = clock() + SILENT_SECONDS
        finally:
            del self._sending[parcel.member_id]

    async def _say_farewell(self, parcel: Parcel) -> None:
        """Tell somebody that it is out, once: it asks by itself when it misses its group."""
        try:
            await self._sent(parcel, DELETED)
            with self._store.transaction() as session:
                said = session.get(Farewell, parcel.member_id)
                if said is not None:
                    session.delete(said)
        finally:
            del self._sending[-parcel.member_id]

    async def _sent(self, parcel: Parcel, wanted: int) -> bool:
        request = self._reach(parcel.subject)
        if request is None:
            return False
        host, port, options = coap_uri.parse(parcel.uri)
        parts = [value.decode() for number, value in options if number == URI_PATH]
        to = self._context, f"{bracketed(host)}:{port}", request, "/" + "/".join(parts)
        try:
            if wanted == DELETED:
                answer = await outgoing.delete(*to)
            else:
                answer = await outgoing.post(*to, parcel.payload, APPLICATION_ACE_GROUPCOMM_CBOR)
        except LeafkeyError:
            return False
        return answer.code == wanted

    def _confirm(self, parcel: Parcel) -> None:
        with self._store.transaction() as session:
            member = session.get(Member, parcel.member_id)
            if member is not None and member.subject == parcel.subject:
                member.told = max(member.told, parcel.num)

    def _note(self, group: str, text: str) -> None:
        self._tell(Event(NOTE, "kdc", group, text))


def _farewells(session: Session) -> list[Parcel]:
    found = session.scalars(select(Farewell).limit(MAX_SENDING))
    return [Parcel(one.id, one.subject, one.control_uri, 0, b"") for one in found]
