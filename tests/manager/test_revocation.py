"""What a change of mind does to the manager's rows, and what goes out because of it."""

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from leafkey.ace import labels
from leafkey.ace.token import TokenErrorResponse
from leafkey.coap.numbers import BAD_REQUEST, CHANGED, SERVICE_UNAVAILABLE
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.pat import commands, functions, ticket, tokens
from leafkey.pat.commands import Sealed
from leafkey.pat.follower import Follower
from leafmanager import cam_clients, issue, revocation, sam, slots, versions
from leafmanager.errors import ManagerError
from leafmanager.store.tables import Server, Version
from tests.manager.answers import TEMP, error_of, granted
from tests.manager.nodes import ClientNode, ServerNode
from tests.manager.processes import Leafkey, Serving
from tests.manager.rows import NAMES, NOW, Node, allow, grant, opened, server


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A transaction on a manager with a server that has its first ST, and clients with rules."""
    with opened(tmp_path) as session:
        yield session


def revoke(session: Session, name: str) -> list[Server]:
    client = cam_clients.named(session, name, NOW)
    return revocation.revoke(session, client, [server(session)], NOW)


@pytest.fixture
def node(session: Session) -> Node:
    """The server has the ST of version 1."""
    return Node(issue.whole(session, server(session), NOW))


def test_a_revoked_client_has_no_slot_and_no_rule(session: Session):
    held = grant(session, "display")
    assert revoke(session, "display") == [server(session)]
    assert held.ended_at == NOW
    with pytest.raises(TokenErrorResponse) as refused:
        grant(session, "display", b"request2")
    assert refused.value.error == labels.INVALID_SCOPE
    allow(session, "display")
    again = grant(session, "display", b"request2")
    assert (again.slot, again.generation) == (held.slot, held.generation + 1)


def test_others_keep_what_they_have(session: Session):
    phone = grant(session, "phone")
    grant(session, "display")
    revoke(session, "display")
    assert phone.ended_at is None
    assert list(issue.whole(session, server(session), NOW)[tokens.SLOTS]) == [phone.slot]


def test_a_client_without_a_ticket_makes_no_version(session: Session):
    version = server(session).version
    assert revoke(session, "display") == []
    assert server(session).version == version


def test_a_client_of_a_cam_is_taken_out_of_a_rule_for_all_of_them(session: Session):
    allow(session, "cam/*")
    for name in ("cam/alice", "cam/bob"):
        grant(session, name)
    revoke(session, "cam/alice")
    rules = cam_clients.rules_for
    alice, bob = (cam_clients.named(session, f"cam/{x}", NOW) for x in ("alice", "bob"))
    assert any(rule.allow is False for rule in rules(session, alice, server(session)))
    assert all(rule.allow for rule in rules(session, bob, server(session)))


def test_a_revoked_cam_takes_its_clients_along(session: Session):
    allow(session, "cam/*")
    held = [grant(session, name) for name in ("cam/alice", "cam/bob", "cam")]
    revoke(session, "cam")
    assert [one.ended_at for one in held] == [NOW] * 3


def test_a_renewed_client_keeps_its_rules(session: Session):
    held = grant(session, "display")
    revocation.renew(session, held.client, server(session), NOW)
    assert held.ended_at == NOW
    with pytest.raises(ManagerError, match="no ticket"):
        revocation.renew(session, held.client, server(session), NOW)
    assert len(sam.rules_of(session, held.client, server(session))) == 1


def test_a_version_says_the_same_sealed_and_in_the_channel(session: Session, node: Node):
    grant(session, "display")
    grant(session, "phone")
    revoke(session, "display")
    two = Node(issue.whole(session, server(session), NOW))
    two.verifier = node.verifier
    found = versions.following(session, server(session))
    assert [version.number for version in found] == [2, 3, 4]
    channel = Node(tokens.ServerToken(node.token.st, dict(node.token.params)))
    for version in found:
        channel.verifier.apply(versions.change_of(version), 0)
    assert node.take(versions.sealed(session, server(session)))
    assert node.token.params_s() == channel.token.params_s()
    assert node.token[tokens.VERSION] == 4


def test_nothing_else_is_ever_sealed_under_a_number(session: Session):
    grant(session, "display")
    first = commands.decode_list(versions.sealed(session, server(session)))
    # Later decisions and a later day change nothing about it.
    revoke(session, "display")
    later = commands.decode_list(versions.sealed(session, server(session)))
    assert later[:1] == first
    assert len(later) == 2
    assert len({(one.epoch, one.version) for one in later}) == 2


def test_what_is_sealed_counts_as_sent(session: Session):
    grant(session, "display")
    assert server(session).sent == 1
    versions.sealed(session, server(session))
    assert server(session).sent == 2


def test_a_ratchet_leads_both_sides_to_the_same_st(session: Session, node: Node):
    held = grant(session, "display")
    before = server(session).st
    slots.ratchet(session, server(session), NOW)
    after = grant(session, "display", b"request2")
    receipt = node.take(versions.sealed(session, server(session)))
    suite = functions.suite(default_provider(), 1)
    assert server(session).st == node.token.st == suite.f(functions.RATCHET, before, 2)
    assert (held.ended_at, after.generation, after.epoch) == (NOW, 1, 2)
    assert (
        node.token.params_s()[tokens.SLOTS]
        == (issue.whole(session, server(session), NOW).params_s()[tokens.SLOTS])
    )
    assert receipt
    assert versions.take_receipt(session, server(session), receipt)
    assert versions.unconfirmed(session, server(session)) == []


def test_the_receipt_of_a_ratchet_is_made_under_the_st_that_ended(session: Session, node: Node):
    slots.ratchet(session, server(session), NOW)
    receipt = node.take(versions.sealed(session, server(session)))
    assert receipt
    assert receipt.epoch == 1
    assert versions.take_receipt(session, server(session), receipt)
    assert server(session).confirmed == 2


def test_a_forged_receipt_confirms_nothing(session: Session, node: Node):
    grant(session, "display")
    grant(session, "phone")
    payload = versions.sealed(session, server(session))
    good = node.take(payload)
    assert good
    flipped = bytes([good.ciphertext[0] ^ 1]) + good.ciphertext[1:]
    other = commands.decode(commands.make_receipt(default_provider(), node.token, 3, result=1))
    forged = [
        Sealed(good.epoch, good.version, flipped),
        Sealed(good.epoch, 2, good.ciphertext),
        Sealed(good.epoch + 1, good.version, good.ciphertext),
        Sealed(good.epoch, 99, good.ciphertext),
        # A command is no receipt, and a result that is not 0 says that it was not taken.
        commands.decode_list(payload)[1],
        other,
    ]
    for receipt in forged:
        assert not versions.take_receipt(session, server(session), receipt)
    assert server(session).confirmed == 1
    for _ in range(2):
        assert versions.take_receipt(session, server(session), good)
    assert server(session).confirmed == 3
    assert session.scalars(select(Version)).all() == []


def test_a_receipt_for_what_was_never_sealed_is_none(session: Session, node: Node):
    grant(session, "display")
    made_up = commands.make_receipt(default_provider(), node.token, 2)
    assert not versions.take_receipt(session, server(session), commands.decode(made_up))


def test_a_fresh_st_cannot_be_carried(session: Session):
    grant(session, "display")
    slots.begin_epoch(session, server(session), NOW)
    assert versions.sealed(session, server(session)) == b""
    (left,) = versions.unconfirmed(session, server(session))
    assert left.kind == versions.REPLACEMENT


def test_more_than_a_message_holds_is_not_carried(session: Session):
    for number in range(5):
        held = grant(session, "display", b"request%d" % number)
        revocation.renew(session, held.client, server(session), NOW)
    assert len(versions.following(session, server(session))) == 10
    assert versions.sealed(session, server(session)) == b""


def test_a_time_in_a_change_is_right_for_a_moment_only(session: Session):
    client = cam_clients.named(session, "display", NOW)
    for rule in sam.rules_of(session, client, server(session)):
        rule.ends_at = NOW + 60
    grant(session, "display")
    (found,) = versions.following(session, server(session))
    assert versions.is_timely(found, NOW)
    assert not versions.is_timely(found, NOW + 30)


def test_fewer_slots_end_the_last_tickets(session: Session, node: Node):
    held = [grant(session, name) for name in NAMES]
    ended = slots.resize(session, server(session), 2, NOW)
    assert ended == [held[2]]
    with pytest.raises(slots.Full), session.begin_nested():
        grant(session, "cam", b"request2")
    slots.resize(session, server(session), 3, NOW)
    assert grant(session, "cam", b"request2").generation == 2
    assert node.take(versions.sealed(session, server(session)))
    assert node.token[tokens.N_CLIENTS] == 3


def test_a_server_that_is_ahead_gets_an_epoch_above_its_own(session: Session):
    slots.begin_epoch(session, server(session), NOW, above=(7, 40))
    assert (server(session).epoch, server(session).version) == (8, 41)
    assert server(session).confirmed == 40


@pytest.fixture
def known(home: Leafkey, display: ClientNode, ready: ServerNode) -> ServerNode:
    """A server that has confirmed the display's ticket."""
    home.ok("policy", "allow", "display", "thermo", "/temp")
    granted(display.ask("thermo", TEMP))
    return ready


def test_a_running_server_hears_of_what_another_process_decided(
    known: ServerNode, home: Leafkey, serving: Serving
):
    said = home.ok("revoke", "display")
    assert said.startswith("  thermo    confirmed 0.")
    assert known.pushed[-1].params[tokens.SLOTS] == {1: None}
    assert home.ok("pending", "--json").strip() == "[]"


def test_json_says_how_long_it_took(known: ServerNode, home: Leafkey):
    (record,) = json.loads(home.ok("renew", "display", "--server", "thermo", "--json"))
    assert record["server"] == "thermo"
    assert record["confirmed"] is True
    assert 0 < record["seconds"] < 1


def test_without_a_manager_that_serves_it_is_stored(home: Leafkey):
    said = home.ok("replace", "thermo")
    assert said == "  thermo    never heard of; will get it when it asks\n"
    table = home.ok("pending")
    assert "a fresh St" in table
    assert "the manager" in table


def test_what_was_typed_while_nobody_served_is_told_later(
    known: ServerNode, home: Leafkey, serving: Serving
):
    serving.stop()
    assert "when 'leafkey serve' runs again" in home.ok("revoke", "display")
    (left,) = json.loads(home.ok("pending", "--json"))
    assert left["told_by"] == "the manager or any client"
    known.rest()
    with Serving(home) as again, ServerNodeAt(known, again.port):
        again.line("server token: change, version 3, slot 1 closed")
        wait_until(lambda: home.ok("pending", "--json").strip() == "[]")


class ServerNodeAt:
    """A server that goes on with a manager at another port."""

    def __init__(self, node: ServerNode, port: int):
        self._node = node
        node.manager = ("127.0.0.1", port)

    def __enter__(self) -> ServerNode:
        self._node.resume()
        return self._node

    def __exit__(self, *_: object) -> None:
        self._node.rest()


def wait_until(what, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_client_gets_what_a_silent_server_has_not_heard(
    known: ServerNode, home: Leafkey, display: ClientNode, serving: Serving
):
    home.ok("client", "add", "phone")
    home.ok("policy", "allow", "phone", "thermo", "/temp")
    known.rest()
    home.ok("revoke", "display", "--wait", "0")
    with ClientNode(home.directory / "phone.identity", serving.port) as phone:
        response = phone.ask("thermo", TEMP)
        granted(response)
        carried = commands.decode_list(ticket.decode_commands(response.payload))
        assert [one.version for one in carried] == [3, 4]
        follower = Follower(default_provider(), known.clients, Carried())
        receipt = follower.follow(ticket.decode_commands(response.payload), 0)
        assert receipt
        assert phone.post("/receipt", b"x").code == BAD_REQUEST
        assert error_of(phone.post("/receipt", forged(receipt))) == labels.INVALID_REQUEST
        assert error_of(phone.post("/receipt", report(receipt, "lock"))) == labels.INVALID_REQUEST
        assert len(json.loads(home.ok("pending", "--json"))) == 2
        for _ in range(2):
            assert phone.post("/receipt", report(receipt)).code == CHANGED
    assert home.ok("pending", "--json").strip() == "[]"
    assert serving.line("receipt of thermo: it has version 4")


class Carried:
    """Where a server would keep what was carried to it."""

    def put_command(self, token: tokens.ServerToken, marks: dict, last: bytes) -> None:
        """Nothing needs to survive a test."""


def report(receipt: bytes, audience: str = "thermo") -> bytes:
    return commands.encode_report(audience, receipt)


def forged(receipt: bytes) -> bytes:
    return report(receipt[:-1] + bytes([receipt[-1] ^ 1]))


def test_a_manager_that_has_just_started_trusts_no_memory_of_a_silent_server(
    known: ServerNode, home: Leafkey, serving: Serving
):
    known.rest()
    serving.stop()
    home.ok("client", "add", "phone")
    home.ok("policy", "allow", "phone", "thermo", "/temp")
    with (
        Serving(home) as again,
        ClientNode(home.directory / "phone.identity", again.port) as phone,
    ):
        assert phone.ask("thermo", TEMP).code == SERVICE_UNAVAILABLE
        again.line("no ticket yet: the server has not confirmed it")
        with ServerNodeAt(known, again.port):
            granted(phone.ask("thermo", TEMP))


def test_a_manager_from_a_backup_replaces_the_st_of_a_server_that_is_ahead(
    known: ServerNode, home: Leafkey, serving: Serving, display: ClientNode
):
    serving.stop()
    known.rest()
    shutil.copytree(home.state, home.directory / "backup")
    with Serving(home) as again, ServerNodeAt(known, again.port):
        display.manager = ("127.0.0.1", again.port)
        granted(display.ask("thermo", TEMP))
        assert known.generation(1) == 2
    shutil.rmtree(home.state)
    (home.directory / "backup").rename(home.state)
    before = known.clients.token
    assert before
    with Serving(home) as restored, ServerNodeAt(known, restored.port):
        restored.line("it has a later ST than this manager gave it: a fresh St")
        restored.line("server token: whole")
        wait_until(lambda: home.ok("pending", "--json").strip() == "[]")
        after = known.clients.token
        assert after
        assert after.st != before.st
        assert after.params[tokens.EPOCH] == before.params[tokens.EPOCH] + 1
        assert after.params[tokens.SLOTS] == {}
        assert after.params[tokens.VERSION] > before.params[tokens.VERSION]


def test_a_server_that_asks_with_a_later_version_is_not_answered_from_an_old_memory(
    known: ServerNode, serving: Serving
):
    response = known_post(known, 99)
    assert response.code == SERVICE_UNAVAILABLE
    serving.line("this manager's memory is out of date")


def known_post(node: ServerNode, version: int):
    node.rest()
    return node.post("/server-token", cbor.encode({tokens.VERSION: version}))


def test_a_command_line_that_is_wrong_says_so(home: Leafkey):
    assert "no client named 'nobody'" in home.fails("revoke", "nobody")
    assert "no server named 'lock'" in home.fails("ratchet", "lock")
    assert "holds no ticket" in home.fails("renew", "display", "--server", "thermo")
    assert "cannot have these parameters" in home.fails("server", "set", "thermo", "--slots", "0")
