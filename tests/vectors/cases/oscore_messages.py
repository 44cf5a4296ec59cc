"""Exchanges under OSCORE: contexts, sequence numbers, classes of options, Observe, block-wise."""

from functools import partial

from tests.vectors.cases.common import secret
from tests.vectors.cases.oscore_common import (
    CHANGED,
    GET_LIGHT,
    ID_CONTEXT,
    LIGHT_IS_ON,
    PUT_LIGHT,
    TEXT,
    client,
    context_fields,
    exchange,
    plain_fields,
)
from tests.vectors.cases.oscore_parts import ALGS, LONGEST_ID
from tests.vectors.reference import coap, oscore
from tests.vectors.reference.protect import Plain

IF_MATCH, ETAG, IF_NONE_MATCH = 1, 4, 5
LOCATION_PATH, ACCEPT, LOCATION_QUERY = 8, 17, 20
BLOCK2, BLOCK1, SIZE2, SIZE1 = 23, 27, 28, 60
NO_RESPONSE, REQUEST_TAG = 258, 292
UNKNOWN_CRITICAL, UNKNOWN_ELECTIVE = 2049, 2050
CREATED, VALID, CONTINUE = 2 << 5 | 1, 2 << 5 | 3, 2 << 5 | 31
LAST = 2**40 - 1
BLOCK = 16


def exchanges(alg: int) -> list:
    longest = LONGEST_ID[alg]
    either = ((LIGHT_IS_ON, None), (LIGHT_IS_ON, 0))
    return [
        exchange("GET", client(alg), GET_LIGHT, 0, *either),
        exchange("PUT", client(alg), PUT_LIGHT, 1, (CHANGED, None)),
        exchange(
            "a protected refusal", client(alg), GET_LIGHT, 2, (Plain(coap.FORBIDDEN, []), None)
        ),
        exchange("empty Sender ID", client(alg, sender_id=b""), PUT_LIGHT, 3, (CHANGED, 255)),
        exchange(
            "longest IDs",
            client(alg, sender_id=longest, recipient_id=longest[::-1]),
            GET_LIGHT,
            4,
            *either,
        ),
        exchange(
            "ID Context", client(alg, ID_CONTEXT), GET_LIGHT, 5, *either, with_kid_context=True
        ),
        exchange("ID Context that is not sent", client(alg, ID_CONTEXT), GET_LIGHT, 6, *either),
        exchange(
            "empty ID Context", client(alg, b""), GET_LIGHT, 7, *either, with_kid_context=True
        ),
    ]


def sequence(alg: int) -> list:
    """Partial IVs at every border of their encoding, of the client and of the server."""
    context = client(alg)
    return [
        exchange(f"number {number}", context, GET_LIGHT, number, (CHANGED, number))
        for number in (0, 255, 256, 65535, 65536, 2**24, 2**32 - 1, 2**32, LAST)
    ]


def options() -> list:
    """Which options go Inner, which Outer (sections 4.1 and 4.1.3, RFC 9175)."""
    context = client()
    behind_proxy = [
        (coap.URI_HOST, b"lamp.example"),
        (coap.URI_PORT, b"\x16\x33"),
        *coap.path("/light"),
        (coap.PROXY_SCHEME, b"coap"),
    ]
    conditional = [
        (IF_MATCH, b"\xca\xfe"),
        (IF_MATCH, b""),
        (ETAG, b"\x01"),
        (IF_NONE_MATCH, b""),
        *coap.path("/light/level"),
        TEXT,
        (coap.URI_QUERY, b"unit=lm"),
        (coap.URI_QUERY, b"max=9"),
        (ACCEPT, b"\x3c"),
    ]
    inner = [
        *coap.path("/light"),
        (BLOCK1, b"\x08"),
        (SIZE1, b"\x40"),
        (coap.ECHO, secret("Echo")[:8]),
        (NO_RESPONSE, b"\x1a"),
        (REQUEST_TAG, b"\x07"),
    ]
    unknown = [
        (coap.URI_HOST, b"lamp.example"),
        *coap.path("/light"),
        (UNKNOWN_CRITICAL, b"\x01"),
        (UNKNOWN_ELECTIVE, b"\x02"),
    ]
    proxied = [*coap.path("/light"), (coap.PROXY_URI, b"coap://lamp.example")]
    created = [(ETAG, b"\x01\x02"), (LOCATION_PATH, b"light"), (LOCATION_QUERY, b"n=1")]
    cached = [(ETAG, b"\x01"), TEXT, (coap.MAX_AGE, b"\x1e"), (BLOCK2, b"\x02"), (SIZE2, b"\x20")]
    return [
        exchange("class U", context, Plain(coap.GET, behind_proxy), 0),
        exchange("Proxy-Uri without path", context, Plain(coap.GET, proxied), 1),
        exchange(
            "class E", context, Plain(coap.PUT, conditional, b"9"), 2, (Plain(CREATED, created), 0)
        ),
        exchange(
            "class E of what may be U too",
            context,
            Plain(coap.POST, inner, b"x" * BLOCK),
            3,
            (Plain(coap.CONTENT, cached, b"y" * BLOCK), None),
        ),
        exchange(
            "unknown options are of class E",
            context,
            Plain(coap.GET, unknown),
            4,
            (Plain(coap.CONTENT, unknown[-2:]), None),
        ),
    ]


def with_outer(message: oscore.Protected, *added: tuple[int, bytes]) -> bytes:
    """What came of a message on its way past a proxy."""
    kept = list(message.options)
    return message._replace(options=[*kept, *added]).message()


def arrived(name: str, plain: Plain, opened: Plain, *added: tuple[int, bytes]) -> dict:
    """A request that comes with more Outer options than it left with."""
    context = client()
    sent = oscore.request(context, plain, 0)
    return {
        "name": name,
        "context": context_fields(context.mirrored()),
        "message": with_outer(sent, *added).hex(),
        "opened": plain_fields(opened),
    }


def outer_request() -> list:
    host = Plain(coap.GET, [(coap.URI_HOST, b"lamp.example"), *coap.path("/light")])
    observing = Plain(coap.GET, [(coap.OBSERVE, b""), *coap.path("/light")])
    bare = oscore.request(client(), observing, 0)
    without = [option for option in bare.options if option[0] != coap.OBSERVE]
    return [
        arrived("Uri-Path is discarded", GET_LIGHT, GET_LIGHT, *coap.path("/door")),
        arrived("If-Match is discarded", GET_LIGHT, GET_LIGHT, (IF_MATCH, b"\x01")),
        arrived("Max-Age is discarded", GET_LIGHT, GET_LIGHT, (coap.MAX_AGE, b"\x0a")),
        arrived("No-Response is discarded", GET_LIGHT, GET_LIGHT, (NO_RESPONSE, b"\x1a")),
        arrived("Echo is discarded", GET_LIGHT, GET_LIGHT, (coap.ECHO, b"\x01")),
        arrived("unknown ones are discarded", GET_LIGHT, GET_LIGHT, (UNKNOWN_ELECTIVE, b"\x01")),
        arrived("Observe alone is discarded", GET_LIGHT, GET_LIGHT, (coap.OBSERVE, b"")),
        arrived("Uri-Host is kept", GET_LIGHT, host, (coap.URI_HOST, b"lamp.example")),
        {
            "name": "Observe holds where a proxy took the Outer one away",
            "context": context_fields(client().mirrored()),
            "message": bare._replace(code=coap.POST, options=without).message().hex(),
            "opened": plain_fields(observing),
        },
        {
            "name": "the Outer code is discarded",
            "context": context_fields(client().mirrored()),
            "message": oscore.request(client(), GET_LIGHT, 0)._replace(code=4).message().hex(),
            "opened": plain_fields(GET_LIGHT),
        },
    ]


def outer_response() -> list:
    context = client()
    sent = oscore.request(context, GET_LIGHT, 0)
    reply = oscore.response(context.mirrored(), LIGHT_IS_ON, sent.bound)
    cases = []
    for name, message in (
        ("ETag is discarded", with_outer(reply, (ETAG, b"\x01"))),
        ("Max-Age is discarded", with_outer(reply, (coap.MAX_AGE, b""))),
        ("Content-Format is discarded", with_outer(reply, (coap.CONTENT_FORMAT, b"\x3c"))),
        ("unknown ones are discarded", with_outer(reply, (UNKNOWN_ELECTIVE, b"\x01"))),
        ("the Outer code is discarded", reply._replace(code=VALID).message()),
        ("a refusal Outside is none", reply._replace(code=coap.UNAUTHORIZED).message()),
    ):
        case = {
            "name": name,
            "context": context_fields(context),
            "request": plain_fields(GET_LIGHT),
        }
        case = {**case, "sequence": 0, "message": message.hex()}
        cases.append({**case, "opened": plain_fields(LIGHT_IS_ON)})
    return cases


def notification(observe: bytes, payload: bytes) -> Plain:
    return Plain(coap.CONTENT, [(coap.OBSERVE, observe), TEXT], payload)


def observe(alg: int) -> list:
    context = client(alg)
    register = Plain(coap.GET, [(coap.OBSERVE, b""), *coap.path("/light")])
    cancel = Plain(coap.GET, [(coap.OBSERVE, b"\x01"), *coap.path("/light")])
    gone = (Plain(coap.NOT_FOUND, []), 65536)
    return [
        exchange(
            "registration",
            context,
            register,
            7,
            (notification(b"", b"on"), None),
            (notification(b"\x01", b"off"), 9),
            (notification(b"\x02", b"on"), 255),
            (notification(b"\x01\0", b"off"), 256),
            gone,
        ),
        exchange(
            "registration, a Partial IV from the first on",
            context,
            register,
            8,
            (notification(b"\x05", b"on"), 0),
        ),
        exchange("cancellation", context, cancel, 9, (LIGHT_IS_ON, None)),
    ]


def blockwise() -> list:
    """Inner block-wise: every block is a request of its own with a Partial IV of its own."""
    context = client()
    body = secret("body")[: 2 * BLOCK + 3]
    cases = []
    for number in range(3):
        more = number < 2
        option = [(BLOCK1, bytes([number << 4 | more << 3]))]
        block = body[number * BLOCK : (number + 1) * BLOCK]
        tag = (REQUEST_TAG, b"\x2a")
        put = Plain(coap.PUT, [*coap.path("/log"), *option, (SIZE1, b"\x23"), tag], block)
        answer = Plain(CONTINUE if more else coap.CHANGED, option)
        name = f"Block1, block {number}"
        cases.append(exchange(name, context, put, 10 + number, (answer, None)))
    for number in range(3):
        more = number < 2
        asked = [(BLOCK2, bytes([number << 4]))] if number else []
        given = [(ETAG, b"\x01"), (BLOCK2, bytes([number << 4 | more << 3]))]
        block = body[number * BLOCK : (number + 1) * BLOCK]
        get, answer = (
            Plain(coap.GET, [*coap.path("/log"), *asked]),
            Plain(coap.CONTENT, given, block),
        )
        cases.append(exchange(f"Block2, block {number}", context, get, 20 + number, (answer, None)))
    return cases


FILES = {
    **{
        f"exchange_{alg}.json": (f"Requests and responses, {name}.", partial(exchanges, alg))
        for alg, name in ALGS.items()
    },
    **{
        f"sequence_{alg}.json": (f"Sequence numbers, {name}.", partial(sequence, alg))
        for alg, name in ALGS.items()
    },
    **{
        f"observe_{alg}.json": (f"Observe (section 4.1.3.5), {name}.", partial(observe, alg))
        for alg, name in ALGS.items()
    },
    "options.json": ("The classes of options (section 4.1).", options),
    "outer_request.json": ("Requests to which a proxy did something.", outer_request),
    "outer_response.json": ("Responses to which a proxy did something.", outer_response),
    "blockwise.json": ("Inner block-wise transfer (section 4.1.3.4.1).", blockwise),
}
