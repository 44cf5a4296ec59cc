"""Joins a second beside a bare handler, and what it costs to rekey groups of any size.

The handler is aiocoap's behind OSCORE, and commits one row to the same kind of store for each
request. Members of large groups are rows alone. The time of a rekeying is that until its last
message is made, and a member has taken it.
"""

import asyncio
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import NamedTuple

from sqlalchemy import insert
from sqlalchemy.orm import Session

from leafkey.coap.message import Message, encode
from leafkey.coap.numbers import (
    APPLICATION_ACE_GROUPCOMM_CBOR,
    CONTENT_FORMAT,
    GET,
    POST,
)
from leafkey.crypto.provider import default_provider
from leafkey.group import evidence, labels, messages, nodes, scope
from leafkey.group.member import TAKEN, Member
from leafkey.oscore.context import Context
from leafkey.oscore.keys import derive
from leafkey.oscore.replay import ReplayWindow
from leafkey.oscore.sequence import Sequence
from leafmanager import audiences, cam_clients, provision, scopes
from leafmanager.kdc import groups, joining, keytrees, membership
from leafmanager.kdc import tables as rows
from leafmanager.kdc.announcing import Telling
from leafmanager.store import database
from leafmanager.store.tables import Rule
from tests.bench.report import Record
from tests.interop.oscore_peers import AES_CCM, Shared
from tests.manager.nodes import Node, Wire
from tests.manager.processes import Leafkey, Serving
from tests.support.channel import newest
from tests.support.processes import ROOT, Process, free_port

JOINS = 120
ROUNDS = 3
SIZES = (10, 100, 1000, 10000)
NOW = int(time.time())
GROUP = "floor2"
PUBLISH_READ = labels.PUBLISH | labels.READ
FORMAT = ((CONTENT_FORMAT, APPLICATION_ACE_GROUPCOMM_CBOR),)
CPYTHON = "cpython"
HANDLER = ROOT / "tests" / "bench" / "nodes" / "committing_handler.py"


def join_request() -> Message:
    """Return a Join Request to the group, as its nodes and the handler get it."""
    entry = scope.encode(scope.Scope(GROUP, PUBLISH_READ))
    asked = {labels.SCOPE: entry, labels.CNONCE: os.urandom(8)}
    message = Message(POST, FORMAT, messages.encode(asked))
    message.set_path(f"/ace-group/{GROUP}")
    return message


class Shot(NamedTuple):
    """A request ready to be sent, on the wire that it goes through."""

    wire: Wire
    data: bytes
    outgoing: object


def shot(wire: Wire, context: Context) -> Shot:
    """Return a Join Request, protected before the clock starts."""
    outgoing = context.protect_request(join_request())
    outgoing.message.mid = int.from_bytes(os.urandom(2), "big")
    outgoing.message.token = os.urandom(4)
    return Shot(wire, encode(outgoing.message), outgoing)


def fire(shots: list[Shot]) -> float:
    """Return how many were answered a second, one after the other; RuntimeError if one was not."""
    start = time.perf_counter()
    answers = [one.wire.raw(one.data, 10) for one in shots]
    seconds = time.perf_counter() - start
    if not all(answers):
        raise RuntimeError("a join was not answered")
    return len(shots) / seconds


class Kdc:
    """`leafkey serve` with a group that many nodes may join, each from an address of its own."""

    def __init__(self, directory: Path, ends: ExitStack):
        leafkey = Leafkey(directory)
        leafkey.ok("init", "--name", "home", "--uri", "coap://127.0.0.1:5683")
        leafkey.ok("group", "create", GROUP, "--kind", groups.SYMMETRIC)
        self._identities = directory / "identities"
        self._identities.mkdir()
        store = database.open_existing(leafkey.state)
        with store.transaction() as session:
            audience = audiences.named(session, scopes.KDC, NOW)
            for number in range(JOINS * ROUNDS):
                name = f"node{number}"
                (self._identities / name).write_bytes(provision.add_client(session, name, NOW))
                rule = Rule(allow=True, path=GROUP, methods=PUBLISH_READ, created_at=NOW)
                rule.client, rule.audience = cam_clients.named(session, name, NOW), audience
                session.add(rule)
        store.close()
        self._serving = ends.enter_context(Serving(leafkey))
        self._ends = ends
        self._next = 0

    def shots(self) -> list[Shot]:
        """Return the next nodes' Join Requests; their contexts are made."""
        return [self._shot() for _ in range(JOINS)]

    def _shot(self) -> Shot:
        number, self._next = self._next, self._next + 1
        node = Node(self._identities / f"node{number}", self._serving.port)
        self._ends.callback(node.close)
        # The gate counts datagrams by address.
        node.rebind(f"127.0.{1 + number // 250}.{1 + number % 250}")
        request = Message(GET)
        request.set_path("/ace-group")
        asyncio.run(node.association.request(request, node.exchange))
        return shot(node, newest(node.association))


class Handler:
    """The bare handler, with one client."""

    def __init__(self, directory: Path, ends: ExitStack):
        shared = Shared(salt=b"", alg=AES_CCM)
        base = shared.for_aiocoap(directory, is_server=True)
        port = free_port()
        command = [sys.executable, str(HANDLER), base, str(directory / "rows.db"), str(port)]
        ends.enter_context(Process(command)).wait_for("ready")
        provider = default_provider()
        ids = shared.client_id, shared.server_id
        keys = derive(provider, shared.secret, *ids, shared.salt, alg=shared.alg)
        self._context = Context(provider, keys, Sequence(), ReplayWindow())
        self._wire = ends.enter_context(Wire(port))

    def shots(self) -> list[Shot]:
        """Return as many requests."""
        return [shot(self._wire, self._context) for _ in range(JOINS)]


def join_rates(directory: Path) -> tuple[float, float]:
    """Return joins a second, and requests a second of the bare handler: medians, in turns."""
    ours, theirs = directory / "kdc", directory / "handler"
    rates: tuple[list[float], list[float]] = ([], [])
    with ExitStack() as ends:
        for each in (ours, theirs):
            each.mkdir()
        peers = Kdc(ours, ends), Handler(theirs, ends)
        for _ in range(ROUNDS):
            for peer, found in zip(peers, rates, strict=True):
                found.append(fire(peer.shots()))
    return median(rates[0]), median(rates[1])


class Cost(NamedTuple):
    """Of one rekeying, after one member was put out."""

    messages: int
    size: int
    seconds: float


class Nothing:
    """What a member stores, of which nothing is kept."""

    def put_state(self, data: bytes) -> None:
        """Nothing needs to survive."""

    def put_bound(self, data: bytes) -> None:
        """Nothing needs to survive."""


def filled(session: Session, size: int, scheme: int) -> rows.Group:
    """Make a group of `size` members, all of them rows and one that is real: the last."""
    kind, name = groups.PUBSUB, f"group{size}_{-scheme}"
    group = groups.create(session, name, kind, AES_CCM, scheme, groups.Policy(), NOW)
    is_tree = scheme == labels.KEY_TREE
    columns = {"group_id": group.id, "scope": b"", "roles": labels.READ, "cnonce": bytes(8)}
    columns |= {"address": "192.0.2.1", "since": 0, "told": 0, "joined_at": NOW}
    members = [
        columns
        | {"subject": f"node:{leaf}", "name": f"{leaf:08x}", "label": f"node{leaf}"}
        | {"leaf": leaf if is_tree else None}
        for leaf in range(size)
    ]
    session.execute(insert(rows.Member), members)
    if is_tree:
        height = nodes.height(size - 1)
        numbers = {
            nodes.ancestor(leaf, level) for leaf in range(size) for level in range(height + 1)
        }
        keys = [
            {"group_id": group.id, "node": node, "num": 0, "secret": os.urandom(32)}
            for node in sorted(numbers)
        ]
        session.execute(insert(rows.TreeKey), keys)
    return group


def rekeyed(session: Session, size: int, scheme: int) -> Cost:
    """Put one member out of a group, and return what it takes until the last one knows."""
    group = filled(session, size, scheme)
    members = groups.members(session, group)
    real = _real(session, members[-1])
    start = time.perf_counter()
    membership.evict(session, members[0], NOW)
    session.flush()
    if scheme == labels.KEY_TREE:
        sent = keytrees.messages_after(session, group, group.num - 1)
        outcome = real.hear(sent[-1], 0)
    else:
        telling = Telling(session, NOW)
        sent = [telling.to(member, 0).payload for member in members[1:]]
        outcome = real.take(messages.decode_keys(sent[-1]), 0)
    seconds = time.perf_counter() - start
    if outcome != TAKEN:
        raise RuntimeError("a member did not take the new key")
    return Cost(len(sent), sum(map(len, sent)), seconds)


def _real(session: Session, row: rows.Member) -> Member:
    """Return the member's own side."""
    nonce = os.urandom(8)
    given = {labels.GKTY: labels.GROUP_PUBSUB_KEYING_MATERIAL, labels.NUM: row.group.num}
    given |= {labels.ACE_GROUPCOMM_PROFILE: labels.COAP_GROUP_PUBSUB_APP}
    given |= {labels.KEY: groups.key_of(row.group, None, True)}
    given |= joining.kdc_evidence(session, nonce) | keytrees.of_member(session, row)
    parameters = messages.decode_join_response(messages.encode(given))
    member = Member(default_provider(), Nothing(), row.group.name, None, lambda id: None)
    member.join(parameters, 0, None, evidence.kdc_public(default_provider(), parameters, nonce))
    return member


def rekeyings(directory: Path) -> dict[tuple[int, int], Cost]:
    """Return the cost by scheme and size, each in a transaction of its own."""
    row = provision.manager_row("home", "coap://127.0.0.1", AES_CCM)
    store = database.create(directory / "rekeying", [row])
    found = {}
    for scheme in (labels.POINT_TO_POINT, labels.KEY_TREE):
        for size in SIZES:
            with store.transaction() as session:
                found[scheme, size] = rekeyed(session, size, scheme)
    store.close()
    return found


def records() -> list[Record]:
    """Return joins beside the handler, and rekeyings by a tree beside those point to point."""
    with tempfile.TemporaryDirectory(prefix="leafkey-") as name:
        ours, theirs = join_rates(Path(name))
        costs = rekeyings(Path(name))
    peer = "aiocoap's OSCORE handler that commits a row"
    made = [Record("join_vs_bare_handler", ours, "joins/s", peer, theirs, CPYTHON)]
    for size in SIZES:
        tree, each = costs[labels.KEY_TREE, size], costs[labels.POINT_TO_POINT, size]
        for what, unit, scale in (("messages", "", 1), ("size", "B", 1), ("seconds", "ms", 1000)):
            title = {"messages": "messages", "size": "bytes", "seconds": "time"}[what]
            values = scale * getattr(tree, what), scale * getattr(each, what)
            title = f"kdc_tree_rekey_{title}_{size}"
            made.append(Record(title, values[0], unit, "point to point", values[1], CPYTHON))
    return made
