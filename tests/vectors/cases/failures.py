"""failure_* (SPEC.md sections 4, 5, 8 and 13): what must be refused, and its nearest neighbours.

"accepted" marks a change that nothing covers: a receiver that refuses it works with no proxy.
"""

import cbor2

from tests.vectors.cases.common import flip, secret, token, token_fields
from tests.vectors.cases.messages import (
    ANSWER_CACHED,
    ANSWER_TEXT,
    FETCH_PART,
    PLAIN_GET,
    PUT_STATE,
)
from tests.vectors.cases.tokens import CLIENT, WHOLE
from tests.vectors.reference import coap, tokens, tree
from tests.vectors.reference.protect import (
    CONFIDENTIAL,
    INTEGRITY,
    POP,
    PROBE,
    REQUEST,
    RESPONSE,
    Plain,
    Protected,
    Token,
    hmac64,
)

ACCEPTED = "accepted"
MALFORMED = "DecodeError"
FORGED = "AuthenticationError"
UNKNOWN = "UnknownToken"


def message(code: int, options, payload: bytes) -> str:
    return coap.message(code, list(options), payload).hex()


def changed(sent: Protected, code=None, options=None, payload=None, pat=None) -> str:
    """The message with another code, other options or payload, or another PAT option value."""
    kept = sent.options if options is None else options
    if pat is not None:
        kept = [(number, pat if number == coap.PAT else value) for number, value in kept]
    return message(
        sent.code if code is None else code, kept, sent.payload if payload is None else payload
    )


def without(options, number: int) -> list:
    return [option for option in options if option[0] != number]


def request_failures(level: int, plain: Plain, name: str) -> list:
    """Changes to one authenticated request; the receiver knows the AT of `token_fields`."""
    at, other = token(), token(1)
    sent = at.request(level, plain)
    pat, mac = sent.pat(), sent.tag
    assert pat is not None
    mac_input = bytes.fromhex(sent.steps["mac_input"])
    host = (coap.URI_HOST, b"elsewhere")
    foreign_at = secret("another tree")[:16]
    response = at.response(level, Plain(plain.code, plain.options, plain.payload), b"")
    rows = [
        ("MAC flipped", FORGED, changed(sent, pat=flip(pat))),
        ("MAC under the key of the next AT", FORGED,
         changed(sent, pat=pat[:-8] + other.request(level, plain).tag)),
        ("MAC under the other level's key", FORGED,
         changed(sent, pat=pat[:-8] + hmac64(at.mac_key(3 - level), mac_input))),
        ("MAC of a response", FORGED, changed(sent, pat=pat[:-8] + response.tag)),
        ("MAC over the whole At", FORGED, changed(sent, pat=pat[:-8] + at._replace(
            at_len=32).request(level, plain).tag)),
        ("presented at the other level", FORGED, changed(sent, pat=bytes([3 - level]) + pat[1:])),
        ("presented as a probe", FORGED, changed(sent, pat=bytes([PROBE]) + pat[1:])),
        ("another method", FORGED, changed(sent, code=coap.DELETE)),
        ("another path", FORGED, changed(
            sent, options=[*without(sent.options, coap.URI_PATH), *coap.path("/lock")])),
        ("path cut", FORGED, changed(sent, options=without(sent.options, coap.URI_PATH))),
        ("query added", FORGED, changed(sent, options=[(coap.URI_QUERY, b"x"), *sent.options])),
        ("Max-Age added", FORGED, changed(sent, options=[(coap.MAX_AGE, b"\x01"), *sent.options])),
        ("Uri-Host added", ACCEPTED, changed(sent, options=[host, *sent.options])),
        ("Hop-Limit added", ACCEPTED,
         changed(sent, options=[(coap.HOP_LIMIT, b"\x0f"), *sent.options])),
        ("At flipped", UNKNOWN, changed(sent, pat=flip(pat, 1))),
        ("At of another tree", UNKNOWN, changed(sent, pat=pat[:1] + foreign_at + mac)),
        ("At cut by one byte", MALFORMED, changed(sent, pat=pat[:16] + mac)),
        ("At longer by one byte", MALFORMED, changed(sent, pat=pat[:17] + b"\x00" + mac)),
        ("MAC cut by one byte", MALFORMED, changed(sent, pat=pat[:-1])),
        ("no MAC", MALFORMED, changed(sent, pat=pat[:-8])),
        ("level stripped, MAC left", MALFORMED, changed(sent, pat=b"\x00" + pat[1:])),
        ("level 3 with a MAC", MALFORMED, changed(sent, pat=b"\x03" + pat[1:])),
        ("level 4", MALFORMED, changed(sent, pat=b"\x04" + pat[1:])),
        ("level 255", MALFORMED, changed(sent, pat=b"\xff" + pat[1:])),
        ("level alone", MALFORMED, changed(sent, pat=pat[:1])),
        ("empty option", MALFORMED, changed(sent, pat=b"")),
        ("option twice", MALFORMED, changed(sent, options=[*sent.options, (coap.PAT, pat)])),
    ]  # fmt: skip
    if level == INTEGRITY:
        rows += [
            ("payload flipped", FORGED, changed(sent, payload=flip(plain.payload))),
            ("payload removed", FORGED, changed(sent, payload=b"")),
            ("payload longer", FORGED, changed(sent, payload=plain.payload + b"\x00")),
        ]
    else:
        rows.append(("payload added: not covered at pop", ACCEPTED, changed(sent, payload=b"\x01")))
    unchanged = (f"{name}: unchanged", ACCEPTED, sent.message().hex())
    return [
        {"name": title, **token_fields(at), "expect": expect, "message": text}
        for title, expect, text in [unchanged, *((f"{name}: {t}", e, m) for t, e, m in rows)]
    ]


def sealed_case(name: str, expect: str, at: Token, text: str) -> dict:
    return {"name": name, **token_fields(at), "expect": expect, "message": text}


def confidential_request_failures() -> list:
    cases = []
    for aead in (10, 24):
        at, other = token(aead=aead), token(1, aead=aead)
        sent = at.request(CONFIDENTIAL, PUT_STATE)
        pat, sealed = sent.pat(), sent.payload
        assert pat is not None
        foreign = [*coap.path("/lock"), *sent.options]
        rows = [
            ("unchanged", ACCEPTED, sent.message().hex()),
            ("outer code", ACCEPTED, changed(sent, code=coap.GET)),
            ("Uri-Path added outside", ACCEPTED, changed(sent, options=foreign)),
            ("Uri-Host added outside", ACCEPTED,
             changed(sent, options=[(coap.URI_HOST, b"elsewhere"), *sent.options])),
            ("first byte flipped", FORGED, changed(sent, payload=flip(sealed, 0))),
            ("tag flipped", FORGED, changed(sent, payload=flip(sealed))),
            ("tag cut", FORGED, changed(sent, payload=sealed[:-1])),
            ("shorter than a tag", FORGED, changed(sent, payload=sealed[-7:])),
            ("no payload", FORGED, changed(sent, payload=b"")),
            ("sealed under the next AT", FORGED,
             changed(sent, payload=other.request(CONFIDENTIAL, PUT_STATE).payload)),
            ("sealed as a response", FORGED,
             changed(sent, payload=at.sealed(b"\x45", RESPONSE, b"").payload)),
            ("level lowered to pop", MALFORMED, changed(sent, pat=b"\x01" + pat[1:])),
            ("At cut by one byte", MALFORMED, changed(sent, pat=pat[:-1])),
            ("At of another tree", UNKNOWN,
             changed(sent, pat=pat[:1] + secret("another tree")[:16])),
        ]  # fmt: skip
        for title, plaintext in MALFORMED_PLAINTEXTS:
            rows.append((title, MALFORMED, at.sealed(plaintext, REQUEST, pat).message().hex()))
        cases += [sealed_case(f"AEAD {aead}, {t}", e, at, m) for t, e, m in rows]
    return cases


MALFORMED_PLAINTEXTS = [
    ("nothing inside", b""),
    ("inside: a response code", b"\x45"),
    ("inside: the empty code", b"\x00"),
    ("inside: a marker without payload", b"\x01\xff"),
    ("inside: an option cut", b"\x01\xb5lig"),
    ("inside: reserved delta 15", b"\x01\xf0"),
    ("inside: a PAT option", coap.message(coap.GET, [(coap.PAT, b"\x00")])),
    ("inside: Uri-Host", coap.message(coap.GET, [(coap.URI_HOST, b"a"), *coap.path("/light")])),
    ("inside: Proxy-Uri", coap.message(coap.GET, [(coap.PROXY_URI, b"coap://a/b")])),
]


def response_case(name: str, expect: str, at: Token, level: int, tag: bytes, text: str) -> dict:
    fields = {"name": name, **token_fields(at), "level": level, "request_tag": tag.hex()}
    return {**fields, "expect": expect, "message": text}


def response_failures(level: int, name: str) -> list:
    """Changes to one answer of a request at `pop` or `integrity`."""
    at = token()
    request = at.request(level, PLAIN_GET)
    other_request = token(1).request(level, PLAIN_GET)
    later = at.request(level, Plain(coap.GET, coap.path("/heater")))
    sent = at.response(level, ANSWER_TEXT, request.tag)
    pat = sent.pat()
    assert pat is not None
    fresh = [*without(sent.options, coap.MAX_AGE), (coap.MAX_AGE, b"\x01")]
    rows = [
        ("unchanged", ACCEPTED, sent.message().hex()),
        ("Max-Age changed", ACCEPTED, changed(sent, options=fresh)),
        ("Max-Age removed", ACCEPTED, changed(sent, options=without(sent.options, coap.MAX_AGE))),
        ("MAC flipped", FORGED, changed(sent, pat=flip(pat))),
        ("MAC of the request", FORGED, changed(sent, pat=request.tag)),
        ("of the next AT", FORGED,
         token(1).response(level, ANSWER_TEXT, other_request.tag).message().hex()),
        ("of another request", FORGED, at.response(level, ANSWER_TEXT, later.tag).message().hex()),
        ("without a request", FORGED, at.response(level, ANSWER_TEXT, b"").message().hex()),
        ("another code", FORGED, changed(sent, code=coap.CHANGED)),
        ("Content-Format changed", FORGED, changed(sent, options=[
            (coap.CONTENT_FORMAT, b"\x3c"), *without(sent.options, coap.CONTENT_FORMAT)])),
        ("ETag added", FORGED, changed(sent, options=[(4, b"\x01"), *sent.options])),
        ("counter added", FORGED, changed(sent, pat=b"\x01" + pat)),
        ("counter of one zero byte", MALFORMED, changed(sent, pat=b"\x00" + pat)),
        ("counter with a leading zero", MALFORMED, changed(sent, pat=b"\x00\x01" + pat)),
        ("counter of four bytes", MALFORMED, changed(sent, pat=b"\x01\x00\x00\x00" + pat)),
        ("MAC cut", MALFORMED, changed(sent, pat=pat[:-1])),
        ("empty option", MALFORMED, changed(sent, pat=b"")),
        ("no PAT option", FORGED, changed(sent, options=without(sent.options, coap.PAT))),
        ("payload flipped", FORGED if level == INTEGRITY else ACCEPTED,
         changed(sent, payload=flip(ANSWER_TEXT.payload))),
    ]  # fmt: skip
    return [response_case(f"{name}: {t}", e, at, level, request.tag, m) for t, e, m in rows]


def confidential_response_failures() -> list:
    cases = []
    for aead in (10, 24):
        at = token(aead=aead)
        request = at.request(CONFIDENTIAL, FETCH_PART)
        other = at.request(CONFIDENTIAL, PLAIN_GET)
        sent = at.response(CONFIDENTIAL, ANSWER_CACHED, request.tag)
        rows = [
            ("unchanged", ACCEPTED, sent.message().hex()),
            ("outer code", ACCEPTED, changed(sent, code=coap.NOT_FOUND)),
            ("Max-Age added outside", ACCEPTED,
             changed(sent, options=[(coap.MAX_AGE, b"\x01"), *sent.options])),
            ("tag flipped", FORGED, changed(sent, payload=flip(sent.payload))),
            ("no payload", FORGED, changed(sent, payload=b"")),
            ("counter added", FORGED, changed(sent, pat=b"\x01")),
            ("counter of one zero byte", MALFORMED, changed(sent, pat=b"\x00")),
            ("counter of four bytes", MALFORMED, changed(sent, pat=b"\x01\x00\x00\x00")),
            ("of another request", FORGED,
             at.response(CONFIDENTIAL, ANSWER_CACHED, other.tag).message().hex()),
            ("of the next AT", FORGED, token(1, aead=aead).response(
                CONFIDENTIAL, ANSWER_CACHED, request.tag).message().hex()),
            ("the request sent back", FORGED, changed(sent, payload=request.payload)),
            ("no PAT option", FORGED, changed(sent, options=[])),
            ("inside: a request code", MALFORMED,
             at.sealed(b"\x01", RESPONSE, b"", request.tag).message().hex()),
            ("nothing inside", MALFORMED,
             at.sealed(b"", RESPONSE, b"", request.tag).message().hex()),
            ("inside: a PAT option", MALFORMED, at.sealed(
                coap.message(coap.CONTENT, [(coap.PAT, b"")]), RESPONSE, b"", request.tag
            ).message().hex()),
        ]  # fmt: skip
        cases += [
            response_case(f"AEAD {aead}, {t}", e, at, CONFIDENTIAL, request.tag, m)
            for t, e, m in rows
        ]
    return cases


def refusal_failures() -> list:
    """What C must not take for a hint. `next` is the next number it would use."""
    key, random8 = token(7).at.key(tree.HINT_KEY), secret("refusal")[:8]

    def field(number: int) -> bytes:
        return tokens.refusal_field(key, random8, number)

    def row(name: str, expect: str, next_number: int, refusal: bytes) -> dict:
        hint = {"hint_key": key.hex(), "next": next_number, "refusal": refusal.hex()}
        return {"name": name, **hint, "expect": expect}

    good = field(100)
    other = tokens.refusal_field(token(8).at.key(tree.HINT_KEY), random8, 100)
    return [
        row("good", ACCEPTED, 8, good),
        row("equal to the next number", ACCEPTED, 100, good),
        row("4096 ahead", ACCEPTED, 8, field(8 + 4096)),
        row("4097 ahead", "ignored", 8, field(8 + 4097)),
        row("2^64 - 1", "ignored", 8, field(2**64 - 1)),
        row("behind the next number", "ignored", 101, good),
        row("number 0", "ignored", 8, field(0)),
        row("R flipped", "ignored", 8, flip(good, 0)),
        row("E flipped", "ignored", 8, flip(good, 8)),
        row("T flipped", "ignored", 8, flip(good, 23)),
        row("under the HintK of the next AT", "ignored", 8, other),
        row("zeros", "ignored", 8, bytes(24)),
        row("23 bytes", "ignored", 8, good[:-1]),
        row("25 bytes", "ignored", 8, good + b"\x00"),
        row("empty", "ignored", 8, b""),
    ]


def token_rows(kind: str, secret_bytes: bytes, named: dict) -> list:
    """Ways to spoil a token that both kinds share, as (name, encoded)."""
    good = tokens.parameters(named)

    def spoiled(**changes) -> bytes:
        return tokens.dumps([secret_bytes, {**good, **tokens.parameters(changes)}])

    def lacking(name: str) -> bytes:
        label = tokens.LABELS[name]
        return tokens.dumps([secret_bytes, {k: v for k, v in good.items() if k != label}])

    encoded = tokens.dumps([secret_bytes, good])
    unsorted = cbor2.dumps([secret_bytes, dict(reversed(list(tokens.in_order(good).items())))])
    rows = [
        ("keys out of order", unsorted),
        ("byte behind", encoded + b"\x00"),
        ("cut", encoded[:-1]),
        ("array head in a longer form", b"\x98\x02" + encoded[1:]),
        ("a map", tokens.dumps({1: secret_bytes, 2: good})),
        ("three elements", tokens.dumps([secret_bytes, good, 0])),
        ("secret of 31 bytes", tokens.dumps([secret_bytes[:31], good])),
        ("secret of 33 bytes", tokens.dumps([secret_bytes + b"\x00", good])),
        ("unknown label 20", tokens.dumps([secret_bytes, {**good, 20: 1}])),
        ("unknown label of text", tokens.dumps([secret_bytes, {**good, "level": 1}])),
        ("suite 3", spoiled(suite=3)),
        ("suite is true", spoiled(suite=True)),
        ("suite is 1.0", spoiled(suite=1.0)),
        ("AEAD 1", spoiled(aead=1)),
        ("at_len 7", spoiled(at_len=7)),
        ("at_len 33", spoiled(at_len=33)),
        ("window 0", spoiled(window=0)),
        ("window 17", spoiled(window=17, degree=1025)),
        ("degree below 2w + 1", spoiled(degree=16)),
        ("degree 1026", spoiled(degree=1026)),
        ("depth 0", spoiled(depth=0)),
        ("2^30 numbers", spoiled(degree=1025, depth=2**20)),
        ("audience is bytes", spoiled(audience=b"lamp")),
        ("degree is negative", spoiled(degree=-17)),
    ]
    rows += [(f"no {name}", lacking(name)) for name in ("suite", "degree", "audience", "aead")]
    return [(f"{kind}: {name}", data) for name, data in rows]


RENEWALS = {
    "empty": {},
    "null": None,
    "an array": [5],
    "no notification": {1: 0},
    "too many": {1: 2**30},
    "text": {2: "60"},
    "true": {2: True},
    "an unknown limit": {1: 5, 4: 5},
    "a limit named true": {True: 5},
}


def client_token_failures() -> list:
    ct = secret("Ct")

    def with_(**changes) -> bytes:
        return tokens.token(ct, {**CLIENT, **changes})

    rows = [
        *token_rows("CT", ct, CLIENT),
        ("CT: last = capacity", with_(last=64 * 16)),
        ("CT: first above last", with_(first=64)),
        ("CT: level 4", with_(level=4)),
        ("CT: level 7", with_(level=7)),
        ("CT: at_len 8 at level bearer", with_(level=0, at_len=8)),
        ("CT: slot 0", with_(slot=0)),
        ("CT: a server's parameter", with_(generation=1)),
        ("CT: no Ct", tokens.token(None, CLIENT)),
        ("CT: permissions are a map", with_(permissions={"/light": 1})),
        ("CT: methods are text", with_(permissions=[["/light", "GET"]])),
        ("CT: path is bytes", with_(permissions=[[b"/light", 1]])),
        ("CT: negative methods", with_(permissions=[["/light", -1]])),
        ("CT: path of 129 bytes", with_(permissions=[["/" + 128 * "a", 1]])),
        ("CT: 33 permissions", with_(permissions=[["/a", 1]] * 33)),
        *[
            (f"CT: renewal: {name}", tokens.dumps([ct, {**tokens.parameters(CLIENT), 22: value}]))
            for name, value in RENEWALS.items()
        ],
    ]
    return [{"name": name, "expect": MALFORMED, "encoded": data.hex()} for name, data in rows]


def server_token_failures() -> list:
    st = secret("St")
    small = {**WHOLE, "slots": {"1": {"generation": 1, "last": 63, "level": 1}}}

    def with_(**changes) -> bytes:
        return tokens.token(st, {**small, **changes})

    def with_grant(**changes) -> bytes:
        return with_(slots={"1": {**small["slots"]["1"], **changes}})

    rows = [
        *token_rows("ST", st, small),
        ("ST: N * 2w = 65536", with_(n_clients=4096)),
        ("ST: N = 0", with_(n_clients=0, slots={})),
        ("ST: slot 0", with_(slots={"0": small["slots"]["1"]})),
        ("ST: slot N + 1", with_(slots={"4": small["slots"]["1"]})),
        ("ST: slot named by text", tokens.dumps(
            [st, {**tokens.parameters(small), 11: {"1": {18: 1, 14: 63, 15: 1}}}])),
        ("ST: slots are an array", tokens.dumps([st, {**tokens.parameters(small), 11: []}])),
        ("ST: last = capacity", with_grant(last=64 * 16)),
        ("ST: first above last", with_grant(first=64)),
        ("ST: level 4", with_grant(level=4)),
        ("ST: generation 0", with_grant(generation=0)),
        ("ST: a grant without generation", with_(slots={"1": {"last": 63, "level": 1}})),
        ("ST: a grant with an unknown label", tokens.dumps(
            [st, {**tokens.parameters(small), 11: {1: {18: 1, 14: 63, 15: 1, 20: 0}}}])),
        ("ST: slot's at_len 8 at level bearer", with_(
            at_len=8, slots={"1": {**small["slots"]["1"], "level": 0}})),
        ("ST: no version", tokens.token(st, {k: v for k, v in small.items() if k != "version"})),
        ("ST: no slots", tokens.token(st, {k: v for k, v in small.items() if k != "slots"})),
        ("ST: a client's parameter", with_(slot=1)),
        ("ST: a change without version", tokens.token(None, {"n_clients": 4})),
        ("ST: a change with an unknown label", tokens.dumps([None, {19: 2, 20: 0}])),
    ]  # fmt: skip
    return [{"name": name, "expect": MALFORMED, "encoded": data.hex()} for name, data in rows]


def slot_grant_failures() -> list:
    """Changes to the server token of `server_token_failures`, each with one wrong grant."""

    def with_(label: int, value: object) -> bytes:
        return tokens.dumps([None, {19: 13, 11: {1: {18: 1, 14: 63, 15: 1, label: value}}}])

    rows = [(f"renewal: {name}", with_(22, value)) for name, value in RENEWALS.items()]
    rows += [
        ("endorsement version: text", with_(23, "1")),
        ("endorsement version: 2^30", with_(23, 2**30)),
        ("endorsement: text", with_(21, "x")),
        ("endorsement: empty", with_(21, b"")),
        ("endorsement: 257 bytes", with_(21, bytes(257))),
        ("permissions: false", with_(16, False)),
        ("ranges, in a grant", with_(24, [[1, 1, {15: 1}]])),
        ("a parameter that nobody knows", with_(25, 1)),
    ]
    rows.append(("a renewal of all slots", tokens.dumps([None, {19: 13, 22: {1: 5}}])))
    return [{"name": name, "expect": MALFORMED, "encoded": data.hex()} for name, data in rows]


def range_failures() -> list:
    """A server token of N = 3, each time with one wrong thing in its ranges."""
    small = {**WHOLE, "slots": {}}

    def with_(value: object) -> bytes:
        return tokens.dumps([secret("St"), {**tokens.parameters(small), 24: value}])

    one = [1, 1, {15: 1}]
    rows = [
        ("null", with_(None)),
        ("a map", with_({1: one})),
        ("17 of them", tokens.dumps([None, {19: 13, 24: [[n, n, {15: 1}] for n in range(1, 18)]}])),
        ("not an array", with_([{15: 1}])),
        ("without its last slot", with_([[1, {15: 1}]])),
        ("four elements", with_([[*one, 0]])),
        ("slot 0", with_([[0, 1, {15: 1}]])),
        ("slot N + 1", with_([[1, 4, {15: 1}]])),
        ("first above last", with_([[2, 1, {15: 1}]])),
        ("overlap", with_([[1, 2, {15: 1}], [2, 3, {15: 1}]])),
        ("out of order", with_([[2, 2, {15: 1}], one])),
        ("first is true", with_([[True, 1, {15: 1}]])),
        ("last is 1.0", with_([[1, 1.0, {15: 1}]])),
        ("says nothing", with_([[1, 1, {}]])),
        ("parameters are null", with_([[1, 1, None]])),
        ("level 4", with_([[1, 1, {15: 4}]])),
        ("permissions undefined", with_([[1, 1, {16: None}]])),
        ("permissions are text", with_([[1, 1, {16: "/light"}]])),
        ("33 permissions", with_([[1, 1, {16: [["/light", 1]] * 33}]])),
        ("an empty renewal", with_([[1, 1, {22: {}}]])),
        ("time", with_([[1, 1, {15: 1, 17: 60}]])),
        ("a generation", with_([[1, 1, {15: 1, 18: 1}]])),
        ("an endorsement", with_([[1, 1, {15: 1, 21: b"x"}]])),
        ("a parameter that nobody knows", with_([[1, 1, {15: 1, 25: 1}]])),
    ]
    return [{"name": name, "expect": MALFORMED, "encoded": data.hex()} for name, data in rows]


def ticket_failures() -> list:
    """Requests to SAM, with the error it answers."""
    scope, request_id = tokens.dumps([["/light", 1]]), secret("request id")[:8]
    good = {5: "lamp", 9: scope, 38: tokens.PROFILE, tokens.REQUEST_ID: request_id}

    def row(name: str, error: int, data: bytes) -> dict:
        return {"name": name, "expect": "token-error", "error": error, "encoded": data.hex()}

    def with_(**changes) -> bytes:
        labels = {"audience": 5, "scope": 9, "profile": 38, "id": tokens.REQUEST_ID, "client": 24}
        labels |= {"kept": tokens.KEPT, "sam": tokens.SAM_URI}
        spoiled = {**good, **{labels[name]: value for name, value in changes.items()}}
        return tokens.dumps({key: value for key, value in spoiled.items() if value is not None})

    return [
        row("empty", 1, b""),
        row("no map", 1, tokens.dumps([good])),
        row("keys out of order", 1, cbor2.dumps(dict(reversed(list(good.items()))))),
        row("byte behind", 1, tokens.dumps(good) + b"\x00"),
        row("no audience", 1, with_(audience=None)),
        row("audience is bytes", 1, with_(audience=b"lamp")),
        row("no request id", 1, with_(id=None)),
        row("request id of 7 bytes", 1, with_(id=request_id[:7])),
        row("request id is text", 1, with_(id="request!")),
        row("client_id is bytes", 1, with_(client=b"me")),
        row("client_id is empty", 1, with_(client="")),
        row("client_id of 65 bytes", 1, with_(client="é" * 32 + "e")),
        row("sam is bytes", 1, with_(sam=b"coap://[2001:db8::1]/token")),
        row("sam is empty", 1, with_(sam="")),
        row("sam of 256 bytes", 1, with_(sam="x" * 256)),
        row("no scope", 6, with_(scope=None)),
        row("scope is text", 6, with_(scope="read")),
        row("scope is no CBOR", 6, with_(scope=b"\xff")),
        row("scope is no AIF", 6, with_(scope=tokens.dumps({"/light": 1}))),
        row("kept is no AIF", 6, with_(kept=tokens.dumps([["light", 1]]))),
        row("kept is an array", 6, with_(kept=[])),
        row("no profile", 8, with_(profile=None)),
        row("profile coap_oscore", 8, with_(profile=2)),
    ]


def probe_failures() -> list:
    at = token(8)
    sent = at.probe()
    pat = sent.pat()
    assert pat is not None
    pop = at.request(POP, Plain(coap.POST, []))
    rows = [
        ("unchanged", ACCEPTED, sent.message().hex()),
        ("MAC flipped", FORGED, changed(sent, pat=flip(pat))),
        ("MAC under VerifK", FORGED, changed(sent, pat=pat[:-8] + pop.tag)),
        ("no MAC", MALFORMED, changed(sent, pat=pat[:-8])),
        ("presented at pop", FORGED, changed(sent, pat=bytes([POP]) + pat[1:])),
    ]
    return [sealed_case(f"probe: {title}", expect, at, text) for title, expect, text in rows]


FILES = {
    "failure_pop.json": (
        "Requests at level 1 and probes, changed (SPEC.md sections 5.2 to 5.4, 7.3).",
        lambda: [*request_failures(POP, PLAIN_GET, "pop"), *probe_failures()],
    ),
    "failure_integrity.json": (
        "Requests at level 2, changed (SPEC.md sections 5.2 to 5.4).",
        lambda: request_failures(INTEGRITY, PUT_STATE, "integrity"),
    ),
    "failure_confidential.json": (
        "Requests at level 3, changed (SPEC.md sections 5.2, 5.5).",
        confidential_request_failures,
    ),
    "failure_response.json": (
        "Responses at levels 1 and 2, changed (SPEC.md sections 5.2 to 5.4).",
        lambda: [*response_failures(POP, "pop"), *response_failures(INTEGRITY, "integrity")],
    ),
    "failure_response_confidential.json": (
        "Responses at level 3, changed (SPEC.md sections 5.2, 5.5).",
        confidential_response_failures,
    ),
    "failure_refusal.json": (
        "Refusal fields and what a client makes of them (SPEC.md sections 7.2, 8).",
        refusal_failures,
    ),
    "failure_client_token.json": (
        "Client tokens to refuse (SPEC.md 4.1, 11).",
        client_token_failures,
    ),
    "failure_server_token.json": (
        "Server tokens to refuse (SPEC.md 4.1, 11).",
        server_token_failures,
    ),
    "failure_slot_grant.json": (
        "Changes with a slot grant to refuse (SPEC.md 4.1, 4.3).",
        slot_grant_failures,
    ),
    "failure_range.json": ("Ranges of slots to refuse (SPEC.md section 4.5).", range_failures),
    "failure_ticket.json": ("Ticket requests and their errors (SPEC.md 9.2).", ticket_failures),
}
