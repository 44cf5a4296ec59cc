"""Who gets an access token, what it says, and what ends it, on a real database (SPEC 16)."""

import os
from collections.abc import Iterator
from pathlib import Path

import cbor2
import cwt as cwt_package
import pytest
from sqlalchemy.orm import Session

from leafkey.ace import aif, cwt, introspection, labels, osc
from leafkey.ace.token import TokenErrorResponse, decode_request
from leafkey.codec import cbor
from leafkey.crypto.provider import default_provider
from leafkey.errors import AuthenticationError
from leafkey.oscore.material import from_fields
from leafmanager import (
    audiences,
    cam_clients,
    consent,
    decisions,
    provision,
    revocation,
    scopes,
    trl,
)
from leafmanager.ace import authorization, endpoint, tokens
from leafmanager.ace.cwt import seal
from leafmanager.decisions import ONCE, Terms
from leafmanager.errors import ManagerError, UsageError
from leafmanager.store import database
from leafmanager.store.tables import Consent, Node, Rule
from tests.manager.rows import NOW, SHAPE
from tests.support.channel import CHANNEL

GET, PUT = 1, 4
PUBLISH, READ = scopes.PUBSUB_ROLES["publish"], scopes.PUBSUB_ROLES["read"]
TEMP = aif.encode([("/temp", GET)])
FLOOR = cbor2.dumps([["floor2", PUBLISH]])


class House:
    """A manager with the ACE server thermo, the plain server vent, and two clients."""

    def __init__(self, session: Session):
        self.session = session
        fields = cbor.decode(provision.add_server(session, "thermo", SHAPE, NOW, takes_tokens=True))
        assert isinstance(fields, dict)
        # What the server has of its channel.
        self.material = from_fields(fields[CHANNEL])
        provision.add_server(session, "vent", SHAPE, NOW)
        for name in ("display", "phone"):
            provision.add_client(session, name, NOW)

    def node(self, name: str) -> Node:
        return cam_clients.holder(self.session, name, NOW)

    def rule(self, audience: str, path: str, bits: int, allow: bool | None = True, **more) -> Rule:
        made = Rule(allow=allow, path=path, methods=bits, created_at=NOW)
        for name, value in more.items():
            setattr(made, name, value)
        made.client = self.node("display")
        made.audience = audiences.named(self.session, audience, NOW)
        self.session.add(made)
        self.session.flush()
        return made

    def ask(self, fields: dict, client: str = "display", now: int = NOW):
        """What a request encoded by cbor2 leads to."""
        decoded = decode_request(cbor2.dumps(fields))
        return authorization.grant_token(self.session, self.node(client), decoded, now, 300)

    def token(self, audience: str = "thermo", scope: object = TEMP, **more) -> authorization.Grant:
        found = self.ask({5: audience, 9: scope} | more.pop("fields", {}), **more)
        assert isinstance(found, authorization.Grant)
        return found

    def error(self, fields: dict, **more) -> int:
        with pytest.raises(TokenErrorResponse) as caught:
            self.ask(fields, **more)
        return caught.value.error

    def claims(self, grant: authorization.Grant) -> dict:
        """What the server reads, by the key that it derives itself."""
        provider, key = default_provider(), self.material
        opened = cwt.channel_key(provider, key.secret, key.alg)
        return cwt.unprotect(provider, opened, grant.response[labels.ACCESS_TOKEN])

    def listed(self, name: str, now: int = NOW) -> list[bytes]:
        return trl.full(self.session, self.node(name).id, now)[0]

    def introspect(self, token: bytes, audience: str = "thermo", now: int = NOW) -> dict:
        found = audiences.named(self.session, audience, NOW)
        return endpoint.introspected(self.session, found, token, now)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    row = provision.manager_row("home", "coap://127.0.0.1:5683", 10)
    store = database.create(tmp_path / "state", [row])
    with store.transaction() as session:
        yield House(session)
    store.close()


# What a token says


def test_a_token_for_a_server(house: House):
    house.rule("thermo", "/temp", GET)
    granted = house.token()
    response = granted.response
    assert response[labels.ACE_PROFILE] == labels.COAP_OSCORE
    assert response[labels.EXPIRES_IN] == tokens.SERVER_SECONDS
    assert labels.SCOPE not in response
    claims = house.claims(granted)
    assert claims[cwt.ISS] == "coap://127.0.0.1:5683"
    assert claims[cwt.AUD] == "thermo"
    assert claims[cwt.IAT] == NOW
    assert claims[cwt.EXI] == tokens.SERVER_SECONDS
    assert cwt.EXP not in claims
    assert claims[cwt.CTI] == b"thermo\x00\x00\x00\x01"
    assert claims[cwt.SCOPE] == TEMP
    assert claims[cwt.CNF] == response[labels.CNF]
    made = osc.material(claims[cwt.CNF][labels.OSC])
    assert (len(made.secret), len(made.salt), made.alg) == (32, 8, 10)
    # A salt is always there: peers do not agree about what none means.
    assert 5 in claims[cwt.CNF][labels.OSC]


def test_numbers_and_keys_never_repeat(house: House):
    house.rule("thermo", "/temp", GET)
    claims = [house.claims(house.token()) for _ in range(8)]
    numbers = [int.from_bytes(one[cwt.CTI][-4:], "big") for one in claims]
    assert numbers == list(range(1, 9))
    materials = [osc.material(one[cwt.CNF][labels.OSC]) for one in claims]
    for part in ("id", "secret", "salt"):
        assert len({getattr(one, part) for one in materials}) == 8


def test_a_cnonce_is_copied_and_takes_the_place_of_exi(house: House):
    house.rule("thermo", "/temp", GET)
    claims = house.claims(house.token(fields={39: b"nonce"}))
    assert claims[cwt.CNONCE] == b"nonce"
    assert claims[cwt.EXP] == NOW + tokens.SERVER_SECONDS
    assert cwt.EXI not in claims


def test_a_token_for_the_kdc(house: House):
    house.rule("kdc", "floor2", PUBLISH | READ)
    granted = house.token("kdc", FLOOR)
    key = audiences.token_key(house.session, granted.row.audience)
    claims = cwt.unprotect(default_provider(), key, granted.response[labels.ACCESS_TOKEN])
    assert claims[cwt.AUD] == "kdc"
    assert claims[cwt.EXP] == NOW + tokens.OWN_SECONDS
    assert cbor2.loads(claims[cwt.SCOPE]) == [["floor2", PUBLISH]]
    with pytest.raises(AuthenticationError):
        house.claims(granted)


def test_a_server_can_be_a_member(house: House):
    rule = house.rule("kdc", "floor2", PUBLISH)
    rule.client = house.node("thermo")
    assert house.token("kdc", FLOOR, client="thermo").scope == [("floor2", PUBLISH)]


@pytest.mark.parametrize(
    ("audience", "asked", "granted"),
    [
        ("thermo", "/temp", [("/temp", GET)]),
        ("thermo", "GET,PUT:/temp /temp", [("/temp", GET | PUT)]),
        ("kdc", "publish:floor2", [("floor2", PUBLISH)]),
        ("kdc", cbor2.dumps([["floor2", "publish"]]), [("floor2", PUBLISH)]),
        ("kdc", cbor2.dumps([["floor2", ["publish", "read"]]]), [("floor2", PUBLISH | READ)]),
        ("broker", "read:floor2/temp", [("floor2/temp", 8)]),
    ],
)
def test_scopes_in_text(house: House, audience: str, asked: object, granted: list):
    house.rule("thermo", "/*", GET | PUT)
    house.rule("kdc", "*", PUBLISH | READ)
    house.rule("broker", "floor2/*", 4 | 8)
    found = house.token(audience, asked)
    assert found.scope == granted
    if isinstance(asked, str):
        # In the token it is an AIF in any case, which is not what was asked for.
        assert found.response[labels.SCOPE] == scopes.encode(granted)


def test_what_is_granted_is_said_where_it_is_less(house: House):
    house.rule("thermo", "/temp", GET)
    asked = aif.encode([("/temp", GET | PUT), ("/vent", PUT)])
    found = house.token("thermo", asked)
    assert found.response[labels.SCOPE] == TEMP
    assert house.claims(found)[cwt.SCOPE] == TEMP


def test_the_core_reads_what_the_package_makes_and_back(house: House):
    for alg, size in ((10, 16), (24, 32)):
        key = cwt.TokenKey(alg, os.urandom(size), None)
        claims = {cwt.AUD: "thermo", cwt.EXI: 3600, cwt.CTI: b"thermo\x01"}
        assert cwt.unprotect(default_provider(), key, seal(key, claims)) == claims
        named, iv = key._replace(kid=b"as"), os.urandom(13 if alg == 10 else 12)
        made = cwt.protect(default_provider(), named, iv, claims)
        theirs = cwt_package.COSEKey.new({1: 4, 2: b"as", 3: alg, -1: key.value})
        assert cwt_package.CWT.new().decode(made, theirs) == claims


# Errors of RFC 9200 section 5.8.3


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, labels.INVALID_REQUEST),
        ({9: TEMP}, labels.INVALID_REQUEST),
        ({5: "nobody", 9: TEMP}, labels.INVALID_REQUEST),
        ({5: "display", 9: TEMP}, labels.INVALID_REQUEST),
        ({5: 7, 9: TEMP}, labels.INVALID_REQUEST),
        ({5: "thermo", 9: 7}, labels.INVALID_REQUEST),
        ({5: "thermo", 9: TEMP, 4: 7}, labels.INVALID_REQUEST),
        ({5: "thermo", 9: TEMP, 38: "coap_oscore"}, labels.INVALID_REQUEST),
        ({5: "thermo", 9: TEMP, 39: "text"}, labels.INVALID_REQUEST),
        ({5: "thermo", 9: TEMP, 39: bytes(65)}, labels.INVALID_REQUEST),
        ({5: "thermo", 9: TEMP, 24: 7}, labels.INVALID_REQUEST),
        ({5: "thermo", 9: TEMP, 24: "phone"}, labels.INVALID_CLIENT),
        ({5: "thermo", 9: TEMP, 33: 0}, labels.UNSUPPORTED_GRANT_TYPE),
        ({5: "thermo", 9: TEMP, 33: 1}, labels.UNSUPPORTED_GRANT_TYPE),
        ({5: "thermo", 9: TEMP, 33: 3}, labels.UNSUPPORTED_GRANT_TYPE),
        ({5: "thermo", 9: TEMP, 33: -70000}, labels.INVALID_REQUEST),
        ({5: "thermo", 9: TEMP, 38: 1}, labels.INCOMPATIBLE_ACE_PROFILES),
        ({5: "thermo", 9: TEMP, 38: 3}, labels.INCOMPATIBLE_ACE_PROFILES),
        ({5: "thermo", 9: TEMP, 38: -70000}, labels.INCOMPATIBLE_ACE_PROFILES),
        ({5: "vent", 9: TEMP}, labels.INCOMPATIBLE_ACE_PROFILES),
        ({5: "vent", 9: TEMP, 38: 2}, labels.INCOMPATIBLE_ACE_PROFILES),
        ({5: "thermo"}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: b""}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: b"\x80"}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: b"\xff"}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: cbor2.dumps([["/temp"]])}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: cbor2.dumps([["/temp", -1]])}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: cbor2.dumps([["/temp", 128]])}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: cbor2.dumps([["/temp", True]])}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: cbor2.dumps([["temp", 1]])}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: cbor2.dumps([["/" + "x" * 128, 1]])}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: cbor2.dumps([["/temp", 1]] * 33)}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: ""}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: "/temp  /temp"}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: "GRAB:/temp"}, labels.INVALID_SCOPE),
        ({5: "kdc", 9: TEMP}, labels.INVALID_SCOPE),
        ({5: "kdc", 9: cbor2.dumps([["floor2", 1]])}, labels.INVALID_SCOPE),
        ({5: "kdc", 9: cbor2.dumps([["floor2", 32]])}, labels.INVALID_SCOPE),
        ({5: "kdc", 9: cbor2.dumps([["*", 4]])}, labels.INVALID_SCOPE),
        ({5: "kdc", 9: cbor2.dumps([["floor2", "reign"]])}, labels.INVALID_SCOPE),
        ({5: "kdc", 9: cbor2.dumps([["floor2", [["read"]]]])}, labels.INVALID_SCOPE),
        ({5: "kdc", 9: "floor2"}, labels.INVALID_SCOPE),
        ({5: "kdc", 9: cbor2.dumps([["floor3", PUBLISH]])}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: aif.encode([("/vent", PUT)])}, labels.INVALID_SCOPE),
        ({5: "thermo", 9: TEMP, 4: {}}, labels.UNSUPPORTED_POP_KEY),
        ({5: "thermo", 9: TEMP, 4: {1: {1: 4, -1: bytes(16)}}}, labels.UNSUPPORTED_POP_KEY),
        ({5: "thermo", 9: TEMP, 4: {3: b"x", 1: {}}}, labels.UNSUPPORTED_POP_KEY),
        ({5: "thermo", 9: TEMP, 4: {3: "text"}}, labels.UNSUPPORTED_POP_KEY),
        ({5: "thermo", 9: TEMP, 4: {3: b"nothing"}}, labels.INVALID_REQUEST),
    ],
)
def test_what_is_refused_makes_nothing(house: House, fields: dict, error: int):
    house.rule("thermo", "/temp", GET)
    house.rule("kdc", "floor2", PUBLISH)
    assert house.error(fields) == error
    assert tokens.live(house.session, NOW) == []
    assert audiences.named(house.session, "thermo", NOW).issued == 0


def test_what_nobody_knows_is_passed_over(house: House):
    house.rule("thermo", "/temp", GET)
    more = {33: 2, 38: None, 24: "display", 26: "code", 27: "coap://x", 99: [1], -70000: {}}
    assert house.token(fields=more).scope == [("/temp", GET)]
    assert house.token(fields={38: 2}).scope == [("/temp", GET)]


def test_a_payload_that_is_no_map(house: House):
    for payload in (b"", b"\x80", b"\xa1\x05", b"\xa2\x05\x60\x05\x60", bytes(1500)):
        with pytest.raises(TokenErrorResponse) as caught:
            decode_request(payload)
        assert caught.value.error == labels.INVALID_REQUEST


# Other rights in a context that goes on (RFC 9203 section 3.1)


def test_rights_change_over_one_key(house: House):
    house.rule("thermo", "/temp", GET | PUT)
    first = house.token()
    kid = first.row.kid
    both = aif.encode([("/temp", GET | PUT)])
    second = house.token("thermo", both, fields={4: {3: kid}})
    assert labels.CNF not in second.response
    claims = house.claims(second)
    assert claims[cwt.CNF] == {labels.KID: kid}
    assert claims[cwt.SCOPE] == both
    assert second.row.number == first.row.number + 1


def test_the_key_of_somebody_else_is_not_to_be_had(house: House):
    house.rule("thermo", "/temp", GET)
    house.rule("kdc", "floor2", PUBLISH)
    mine = house.token()
    other = house.rule("thermo", "/temp", GET)
    other.client = house.node("phone")
    asked = {5: "thermo", 9: TEMP, 4: {3: mine.row.kid}}
    assert house.error(asked, client="phone") == labels.INVALID_REQUEST
    elsewhere = {5: "kdc", 9: FLOOR, 4: {3: mine.row.kid}}
    assert house.error(elsewhere) == labels.INVALID_REQUEST
    tokens.end(house.session, [mine.row], NOW)
    assert house.error(asked) == labels.INVALID_REQUEST


# Rules


def test_a_token_ends_with_the_first_rule_that_it_rests_on(house: House):
    house.rule("thermo", "/temp", GET, ends_at=NOW + 60)
    house.rule("thermo", "/vent", PUT, ends_at=NOW + 30)
    both = aif.encode([("/temp", GET), ("/vent", PUT)])
    assert house.token().response[labels.EXPIRES_IN] == 60
    assert house.token("thermo", both).response[labels.EXPIRES_IN] == 30


def test_rules_that_count_ats_give_none(house: House):
    house.rule("thermo", "/temp", GET, ats_left=5)
    assert house.error({5: "thermo", 9: TEMP}) == labels.INVALID_SCOPE


def test_a_client_has_so_many_and_no_more(house: House):
    house.rule("thermo", "/temp", GET)
    for _ in range(tokens.MAX_LIVE):
        house.token()
    with pytest.raises(tokens.TooMany):
        house.token()
    later = NOW + 2 * tokens.SERVER_SECONDS
    assert house.token(now=later).row.number == tokens.MAX_LIVE + 1


# Consent


@pytest.mark.parametrize(
    ("audience", "name", "scope"), [("thermo", "/temp", TEMP), ("kdc", "floor2", FLOOR)]
)
def test_the_owner_is_asked(house: House, audience: str, name: str, scope: bytes):
    bits = GET if audience == "thermo" else PUBLISH
    house.rule(audience, name, bits, allow=None)
    fields = {5: audience, 9: scope}
    asked = house.ask(fields)
    assert isinstance(asked, Consent)
    again = house.ask(fields)
    assert isinstance(again, Consent)
    assert again.id == asked.id
    with pytest.raises(UsageError):
        decisions.approve(house.session, asked.id, [], ONCE, NOW)
    assert decisions.approve(house.session, asked.id, [], Terms(ends_at=NOW + 90), NOW) is None
    found = house.token(audience, scope)
    assert found.response[labels.EXPIRES_IN] == 90
    assert decisions.withdraw(house.session, asked.id, NOW) == 1
    assert tokens.live(house.session, NOW) == []


def test_a_no_is_an_error_of_its_own(house: House):
    house.rule("thermo", "/temp", GET, allow=None)
    asked = house.ask({5: "thermo", 9: TEMP})
    assert isinstance(asked, Consent)
    decisions.deny(house.session, asked.id, 60, NOW)
    assert house.error({5: "thermo", 9: TEMP}) == labels.ACCESS_DENIED


def test_a_ticket_and_a_token_are_two_questions(house: House):
    house.rule("thermo", "/temp", GET, allow=None)
    asked = house.ask({5: "thermo", 9: TEMP})
    assert isinstance(asked, Consent)
    assert not consent.wants_ticket(asked)
    asked.request_id = b"request1"
    other = house.ask({5: "thermo", 9: TEMP})
    assert isinstance(other, Consent)
    assert other.id != asked.id


# Revocation


def test_revoking_a_client_ends_its_tokens_and_lists_them(house: House):
    house.rule("thermo", "/temp", GET)
    house.rule("kdc", "floor2", PUBLISH)
    both = [house.token(), house.token("kdc", FLOOR)]
    where = [audiences.named(house.session, name, NOW) for name in ("thermo", "kdc")]
    revocation.revoke(house.session, house.node("display"), where, NOW)
    assert tokens.live(house.session, NOW) == []
    hashes = [trl.token_hash(one.response[labels.ACCESS_TOKEN]) for one in both]
    assert sorted(house.listed("display")) == sorted(hashes)
    # The KDC is in this manager, and looks for itself.
    assert house.listed("thermo") == hashes[:1]
    assert house.listed("phone") == []


def test_a_denial_ends_what_it_denies_and_nothing_else(house: House):
    house.rule("thermo", "/*", GET)
    temp = house.token()
    vent = house.token("thermo", aif.encode([("/vent", GET)]))
    house.rule("thermo", "/temp", GET, allow=False)
    ended = tokens.enforce(house.session, temp.row.audience, NOW)
    assert ended == [temp.row]
    assert tokens.live(house.session, NOW) == [vent.row]


def test_a_renewal_ends_tokens_and_leaves_rules(house: House):
    house.rule("thermo", "/temp", GET)
    row = house.token().row
    server = provision.find_node(house.session, "thermo", provision.SERVER)
    found = audiences.named(house.session, server.name, NOW)
    revocation.renew(house.session, house.node("display"), found, NOW)
    assert row.ended_at == NOW
    assert house.token().row.ended_at is None
    with pytest.raises(ManagerError):
        revocation.renew(house.session, house.node("phone"), found, NOW)


def test_a_token_with_exp_leaves_the_list_by_itself(house: House):
    house.rule("thermo", "/temp", GET)
    dated = house.token(fields={39: b"nonce"})
    counted = house.token()
    tokens.end(house.session, [dated.row, counted.row], NOW)
    assert len(house.listed("thermo")) == 2
    # When the time of the other one began, only its server knows.
    late = house.listed("thermo", NOW + 10 * tokens.SERVER_SECONDS)
    assert late == [trl.token_hash(counted.response[labels.ACCESS_TOKEN])]


# Introspection


def test_what_a_server_hears(house: House):
    house.rule("thermo", "/temp", GET)
    granted = house.token()
    token = granted.response[labels.ACCESS_TOKEN]
    said = house.introspect(token, now=NOW + 100)
    assert said[introspection.ACTIVE] is True
    assert said[cwt.SCOPE] == TEMP
    assert said[cwt.EXI] == tokens.SERVER_SECONDS
    assert said[cwt.CNF] == granted.response[labels.CNF]
    assert said[labels.TOKEN_TYPE] == labels.POP
    # Servers know their clients by no name.
    assert labels.CLIENT_ID not in said
    nearly = NOW + 2 * tokens.SERVER_SECONDS - 5
    assert house.introspect(token, now=nearly)[cwt.EXI] == 5


def test_what_does_not_stand_says_nothing_else(house: House):
    house.rule("thermo", "/temp", GET)
    house.rule("kdc", "floor2", PUBLISH)
    inactive = {introspection.ACTIVE: False}
    ended, expired, other = house.token(), house.token(fields={39: b"x"}), house.token("kdc", FLOOR)
    tokens.end(house.session, [ended.row], NOW)
    late = NOW + tokens.SERVER_SECONDS
    assert house.introspect(ended.response[labels.ACCESS_TOKEN]) == inactive
    assert house.introspect(expired.response[labels.ACCESS_TOKEN], now=late) == inactive
    assert house.introspect(other.response[labels.ACCESS_TOKEN]) == inactive
    assert house.introspect(ended.response[labels.ACCESS_TOKEN], "kdc") == inactive
    for token in (b"", b"garbage", bytes(1025), expired.response[labels.ACCESS_TOKEN][:-1]):
        assert house.introspect(token) == inactive
    # Well made, and never issued.
    key = audiences.token_key(house.session, ended.row.audience)
    made = seal(key, {cwt.AUD: "thermo", cwt.CTI: b"thermo\x00\x00\x00\x63"})
    assert house.introspect(made) == inactive
