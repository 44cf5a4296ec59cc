"""protect_*, observe, probe (SPEC.md sections 5 and 7.3)."""

from tests.vectors.cases.common import AEADS, SUITES, exchange, token, token_fields
from tests.vectors.reference import coap
from tests.vectors.reference.protect import (
    BEARER,
    CONFIDENTIAL,
    INTEGRITY,
    POP,
    PROBE,
    Plain,
    Token,
)

TEXT = (coap.CONTENT_FORMAT, b"")
CBOR = (coap.CONTENT_FORMAT, b"\x3c")

PLAIN_GET = Plain(coap.GET, coap.path("/light"))
GET_BEHIND_PROXY = Plain(
    coap.GET,
    [
        (coap.URI_HOST, b"lamp.example"),
        (coap.URI_PORT, b"\x16\x33"),
        *coap.path("/light/brightness"),
        (coap.URI_QUERY, b"unit=lm"),
        (coap.HOP_LIMIT, b"\x10"),
    ],
)
PUT_STATE = Plain(coap.PUT, [*coap.path("/light"), CBOR], b"\xa1\x01\xf5")
EMPTY_POST = Plain(coap.POST, coap.path("/scene/evening"))
DELETE_LONG = Plain(
    coap.DELETE, [*coap.path("/" + "long-path-segment-of-31-letters"), (292, b"\x01\x02\x03\x04")]
)
FETCH_PART = Plain(coap.FETCH, [*coap.path("/log"), CBOR, (coap.MAX_AGE, b"\x0a")], b"\x81\x01")

ANSWER_TEXT = Plain(coap.CONTENT, [TEXT, (coap.MAX_AGE, b"\x1e")], b"on")
ANSWER_DONE = Plain(coap.CHANGED, [])
ANSWER_CACHED = Plain(coap.CONTENT, [(4, b"\xca\xfe"), CBOR], b"\x82\x01\x02")
ANSWER_FORBIDDEN = Plain(coap.FORBIDDEN, [])


def case(name: str, level: int, token: Token, request: Plain, *answers: tuple) -> dict:
    """One request and its responses, each (Plain, counter)."""
    sent = token.request(level, request)
    responses = []
    for answer, counter in answers:
        protected = token.response(level, answer, sent.tag, counter)
        responses.append(exchange(answer, protected, counter=counter))
    return {
        "name": name,
        **token_fields(token),
        "level": level,
        "request": exchange(request, sent, request_tag=sent.tag.hex()),
        "responses": responses,
    }


def protect_bearer() -> list:
    cases = [
        case(f"GET, {SUITES[suite]}", BEARER, token(suite=suite), PLAIN_GET, (ANSWER_TEXT, 0))
        for suite in SUITES
    ]
    whole = token(5, at_len=32)
    proxied = case("At in full", BEARER, whole, GET_BEHIND_PROXY, (ANSWER_CACHED, 0))
    return [*cases, proxied]


def protect_pop() -> list:
    return [
        case("GET, chacha20", POP, token(), PLAIN_GET, (ANSWER_TEXT, 0)),
        case("GET, sha256", POP, token(suite=2), PLAIN_GET, (ANSWER_TEXT, 0)),
        case(
            "GET, options that are not covered", POP, token(1), GET_BEHIND_PROXY, (ANSWER_TEXT, 0)
        ),
        case("POST without payload", POP, token(16), EMPTY_POST, (ANSWER_DONE, 0)),
        case("DELETE, at_len 8", POP, token(17, at_len=8), DELETE_LONG, (ANSWER_FORBIDDEN, 0)),
        case("GET, At in full", POP, token(63, at_len=32), PLAIN_GET, (ANSWER_CACHED, 0)),
        case("Max-Age is covered in a request", POP, token(2), FETCH_PART, (ANSWER_CACHED, 0)),
    ]


def protect_integrity() -> list:
    return [
        case("PUT, chacha20", INTEGRITY, token(), PUT_STATE, (ANSWER_DONE, 0)),
        case("PUT, sha256", INTEGRITY, token(suite=2), PUT_STATE, (ANSWER_DONE, 0)),
        case("GET behind a proxy", INTEGRITY, token(1), GET_BEHIND_PROXY, (ANSWER_TEXT, 0)),
        case("FETCH, payload both ways", INTEGRITY, token(16), FETCH_PART, (ANSWER_CACHED, 0)),
        case("DELETE, at_len 8", INTEGRITY, token(3, at_len=8), DELETE_LONG, (ANSWER_DONE, 0)),
    ]


def protect_confidential(aead: int) -> list:
    def at(number, **more):
        return token(number, aead=aead, **more)

    return [
        case("PUT, chacha20", CONFIDENTIAL, at(0), PUT_STATE, (ANSWER_DONE, 0)),
        case("PUT, sha256", CONFIDENTIAL, at(0, suite=2), PUT_STATE, (ANSWER_DONE, 0)),
        case("GET behind a proxy", CONFIDENTIAL, at(1), GET_BEHIND_PROXY, (ANSWER_TEXT, 0)),
        case("FETCH, payload both ways", CONFIDENTIAL, at(16), FETCH_PART, (ANSWER_CACHED, 0)),
        case("DELETE, at_len 8", CONFIDENTIAL, at(3, at_len=8), DELETE_LONG, (ANSWER_FORBIDDEN, 0)),
    ]


def observation(level: int, aead: int) -> dict:
    """Counters at every border of their encoding; the last response is the final error."""
    register = Plain(coap.GET, [(coap.OBSERVE, b""), *coap.path("/light")])
    answers = []
    for counter in (0, 1, 255, 256, 65535, 65536, 2**24 - 2):
        observe = (coap.OBSERVE, counter.to_bytes(3, "big").lstrip(b"\x00"))
        answers.append((Plain(coap.CONTENT, [observe, TEXT], b"%d" % counter), counter))
    answers.append((Plain(coap.UNAUTHORIZED, []), 2**24 - 1))
    name = f"level {level}, {AEADS[aead]}" if level == CONFIDENTIAL else f"level {level}"
    return case(name, level, token(4, aead=aead), register, *answers)


def observe() -> list:
    return [observation(POP, 24), observation(INTEGRITY, 24)]


def observe_confidential() -> list:
    return [observation(CONFIDENTIAL, 10), observation(CONFIDENTIAL, 24)]


def probe() -> list:
    cases = []
    for suite, at_len, number in ((1, 16, 8), (1, 8, 15), (2, 32, 16)):
        at = token(number, suite=suite, at_len=at_len)
        plain = Plain(coap.POST, [])
        cases.append(
            {
                "name": f"{SUITES[suite]}, number {number}, at_len {at_len}",
                **token_fields(at),
                "level": PROBE,
                "request": exchange(plain, at.probe()),
            }
        )
    return cases


FILES = {
    "protect_bearer.json": ("Level 0 (SPEC.md section 5.2).", protect_bearer),
    "protect_pop.json": ("Level 1 (SPEC.md section 5.4).", protect_pop),
    "protect_integrity.json": ("Level 2 (SPEC.md section 5.4).", protect_integrity),
    "protect_confidential_10.json": (
        "Level 3 with AES-CCM-16-64-128 (SPEC.md section 5.5).",
        lambda: protect_confidential(10),
    ),
    "protect_confidential_24.json": (
        "Level 3 with ChaCha20/Poly1305 (SPEC.md section 5.5).",
        lambda: protect_confidential(24),
    ),
    "observe.json": ("Notifications at levels 1 and 2 (SPEC.md sections 5.2, 5.6).", observe),
    "observe_confidential.json": (
        "Notifications at level 3 (SPEC.md sections 5.2, 5.5, 5.6).",
        observe_confidential,
    ),
    "probe.json": ("Probes (SPEC.md section 7.3).", probe),
}
