"""channel, failure_channel (SPEC.md section 5.8)."""

from tests.vectors.cases.common import SUITES, flip, options_json, token, token_fields
from tests.vectors.cases.oscore_common import context_fields, message_fields
from tests.vectors.reference import channel, coap, oscore, tree
from tests.vectors.reference.protect import Plain, Token

TEXT = (coap.CONTENT_FORMAT, b"")
GET_TEMP = Plain(coap.GET, coap.path("/temp"))
PUT_VENT = Plain(coap.PUT, [(coap.URI_HOST, b"thermo"), *coap.path("/vent"), TEXT], b"open")
OBSERVE_TEMP = Plain(coap.GET, [(coap.OBSERVE, b""), *coap.path("/temp")])
ANSWER = Plain(coap.CONTENT, [TEXT], b"21.5")
NOTIFICATION = Plain(coap.CONTENT, [(coap.OBSERVE, b"\x07"), TEXT], b"21.5")


def sent(given: Token, plain: Plain, sequence: int, answer: Plain, known: bool) -> dict:
    """One request and its response; `known`: after the first answer."""
    context = channel.context(given)
    protected = oscore.request(context, plain, sequence)
    number = 0 if answer is NOTIFICATION else None
    response = oscore.response(context.mirrored(), answer, protected.bound, number)
    if not known:
        protected = channel.introduced(given, protected)
    return {
        "request": message_fields(plain, protected, sequence=sequence),
        "response": message_fields(answer, response, sequence=number),
    }


def case(name: str, given: Token, first: Plain, answer: Plain = ANSWER) -> dict:
    return {
        "name": name,
        **token_fields(given),
        "psk": given.at.key(tree.PSK).hex(),
        "context": context_fields(channel.context(given)),
        "pat": channel.pat_option(given).hex(),
        "exchanges": [
            sent(given, first, 0, answer, False),
            sent(given, PUT_VENT, 1, Plain(coap.CHANGED, []), True),
        ],
    }


def by_aead(aead: int) -> list:
    """Every suite with one AEAD."""
    return [case(SUITES[suite], token(3, suite=suite, aead=aead), GET_TEMP) for suite in SUITES]


def channels() -> list:
    long = token(40, at_len=32)
    return [
        *by_aead(oscore.CHACHA20_POLY1305),
        case("At in full", long, PUT_VENT, Plain(coap.FORBIDDEN, [])),
    ]


def channels_aes() -> list:
    first, short = token(1, aead=oscore.AES_CCM), token(40, at_len=8, aead=oscore.AES_CCM)
    return [
        *by_aead(oscore.AES_CCM),
        case("an observation opens it", first, OBSERVE_TEMP, NOTIFICATION),
        case("at_len 8", short, GET_TEMP),
    ]


def failures() -> list:
    """What a server that knows this one AT makes of the first request in a channel."""
    given = token(3)
    context = channel.context(given)
    good = channel.introduced(given, oscore.request(context, GET_TEMP, 0))

    def with_pat(*values: bytes) -> list:
        plain = oscore.request(context, GET_TEMP, 0).options
        return [*plain, *((coap.PAT, value) for value in values)]

    def with_oscore(value: bytes) -> list:
        return [(n, value if n == oscore.OSCORE else v) for n, v in good.options]

    at, other = channel.pat_option(given), channel.pat_option(token(4))
    pivless = oscore.encode_option(b"", None, context.sender_id)
    mirrored = channel.introduced(given, oscore.request(context.mirrored(), GET_TEMP, 0))
    rows = [
        ("as it should be", good.options, good.payload, "accepted"),
        ("another kid", with_oscore(b"\x09\x00other"), good.payload, "AuthenticationError"),
        ("an AT that nobody granted", with_pat(bytes([5]) + bytes(16)), good.payload,
         "UnknownToken"),
        ("the AT of another channel", with_pat(other), good.payload, "UnknownToken"),
        ("level 3", with_pat(b"\x03" + at[1:]), good.payload, "DecodeError"),
        ("level 4", with_pat(b"\x04" + at[1:]), good.payload, "DecodeError"),
        ("At is cut", with_pat(at[:-1]), good.payload, "DecodeError"),
        ("At is too long", with_pat(at + b"\0"), good.payload, "DecodeError"),
        ("two PAT options", with_pat(at, at), good.payload, "DecodeError"),
        ("no Partial IV", with_oscore(pivless), good.payload, "DecodeError"),
        ("another Partial IV", with_oscore(flip(good.options[0][1], 1)), good.payload,
         "AuthenticationError"),
        ("the ciphertext was changed", good.options, flip(good.payload, 0), "AuthenticationError"),
        ("the tag was changed", good.options, flip(good.payload), "AuthenticationError"),
        ("a request of S's", mirrored.options, mirrored.payload, "AuthenticationError"),
    ]  # fmt: skip
    return [failure(given, *row) for row in rows]


def failure(given: Token, name: str, options, payload: bytes, expect: str) -> dict:
    message = coap.message(coap.POST, options, payload)
    fields = token_fields(given)
    return {"name": name, **fields, "options": options_json(options), "message": message.hex(),
            "expect": expect}  # fmt: skip


FILES = {
    "channel_24.json": ("Channels by OSCORE: SPEC.md section 5.8.", channels),
    "channel_10.json": ("The same with AES-CCM.", channels_aes),
    "failure_channel.json": ("First requests of a channel that S refuses.", failures),
}
