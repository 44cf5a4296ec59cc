"""Messages that must fail, each against one endpoint that has heard nothing before."""

from functools import partial

from tests.vectors.cases.common import flip
from tests.vectors.cases.oscore_common import (
    GET_LIGHT,
    ID_CONTEXT,
    LIGHT_IS_ON,
    TEXT,
    client,
    context_fields,
    plain_fields,
)
from tests.vectors.cases.oscore_parts import ALGS
from tests.vectors.reference import coap, oscore
from tests.vectors.reference.oscore import REQUEST, RESPONSE
from tests.vectors.reference.protect import Plain

DECODE, AUTHENTICATION, ACCEPTED = "DecodeError", "AuthenticationError", "accepted"
NESTED, UNKNOWN = "nested", "unknown context"
SEQUENCE = 20
PIV = oscore.partial_iv(SEQUENCE)
INSIDE_OSCORE = coap.message(coap.GET, [(oscore.OSCORE, b"\x09\x00\x01"), *coap.path("/light")])
# What cannot be a request, though it verifies.
PLAINTEXTS = (
    ("no code inside", b""),
    ("empty message inside", b"\0"),
    ("option cut inside", b"\x01\xb5lig"),
    ("reserved length inside", b"\x01\xbf"),
    ("reserved delta inside", b"\x01\xf1a"),
    ("payload marker without payload inside", b"\x01\xb5light\xff"),
)


class Requests:
    """Cases of one context, all made from one request of its."""

    def __init__(self, context: oscore.Context, kid_context: bytes | None = None):
        self.context = context
        self.sent = oscore.request(context, GET_LIGHT, SEQUENCE, kid_context)
        self.cases: list[dict] = []

    def add(self, name: str, expect: str, message: oscore.Protected) -> None:
        case = {"name": name, "context": context_fields(self.context.mirrored())}
        self.cases.append({**case, "message": message.message().hex(), "expect": expect})

    def option(self, name: str, expect: str, *values: bytes) -> None:
        """The same under other OSCORE options."""
        options = [(oscore.OSCORE, value) for value in values]
        self.add(name, expect, self.sent._replace(options=options))

    def payload(self, name: str, expect: str, payload: bytes) -> None:
        self.add(name, expect, self.sent._replace(payload=payload))

    def sealed(self, name: str, expect: str, plaintext: bytes | None = None, **more) -> None:
        """Sealed by one who has the key, but not as RFC 8613 says."""
        text = oscore.split(GET_LIGHT, REQUEST)[0] if plaintext is None else plaintext
        context, bound = more.pop("context", self.context), self.sent.bound
        option = oscore.encode_option(PIV, None, context.sender_id)
        self.add(name, expect, oscore.sealed(context, REQUEST, text, [], option, bound, **more))


def request_options() -> list:
    """What section 8.2 step 2 cannot decompress, and fields that are not the sender's."""
    made = Requests(client())
    value, kid = made.sent.options[0][1], made.context.sender_id
    made.option("as it was", ACCEPTED, value)
    made.option("empty OSCORE option", DECODE, b"")
    made.option("no kid", DECODE, oscore.encode_option(PIV))
    made.option("no Partial IV", DECODE, oscore.encode_option(b"", None, kid))
    made.option("Partial IV with a leading zero", DECODE, b"\x0a\0" + PIV + kid)
    made.option("Partial IV of 6 bytes", DECODE, b"\x0e" + b"\x01" * 6 + kid)
    made.option("reserved flag", DECODE, flip(value, 0, 0x80))
    made.option("Group Flag", DECODE, flip(value, 0, 0x20))
    made.option("kid context cut", DECODE, b"\x19" + PIV + b"\x09" + ID_CONTEXT)
    made.option("the option twice", DECODE, value, value)
    made.option("another Partial IV", AUTHENTICATION, oscore.encode_option(b"\x15", None, kid))
    made.option("Partial IV of 0", AUTHENTICATION, oscore.encode_option(b"\0", None, kid))
    for name, other in (
        ("another kid", b"\x03"),
        ("the server's own kid", made.context.recipient_id),
        ("empty kid", b""),
        ("longer kid", kid + b"\0"),
        ("kid of 8 bytes", bytes(8)),
    ):
        made.option(name, UNKNOWN, oscore.encode_option(PIV, None, other))
    for name, context in (("a kid context", ID_CONTEXT), ("an empty kid context", b"")):
        encoded = oscore.encode_option(PIV, context, kid)
        made.option(f"{name}, of which there is none", UNKNOWN, encoded)
    named = Requests(client(id_context=ID_CONTEXT), ID_CONTEXT)
    named.option("kid context as it was", ACCEPTED, named.sent.options[0][1])
    wrong = oscore.encode_option(PIV, flip(ID_CONTEXT), kid)
    named.option("another kid context", UNKNOWN, wrong)
    shorter = oscore.encode_option(PIV, ID_CONTEXT[:-1], kid)
    named.option("kid context that is shorter", UNKNOWN, shorter)
    return made.cases + named.cases


def request_ciphertexts(alg: int) -> list:
    made = Requests(client(alg))
    whole = made.sent.payload
    made.payload("no payload", DECODE, b"")
    made.payload("one byte", AUTHENTICATION, whole[:1])
    made.payload("shorter than a tag", AUTHENTICATION, whole[:7])
    made.payload("first byte changed", AUTHENTICATION, flip(whole, 0))
    made.payload("last byte changed", AUTHENTICATION, flip(whole))
    made.payload("last byte cut", AUTHENTICATION, whole[:-1])
    made.payload("byte appended", AUTHENTICATION, whole + b"\0")
    made.payload("tag of zeros", AUTHENTICATION, whole[:-8] + bytes(8))
    made.payload("another message's", AUTHENTICATION, bytes(reversed(whole)))
    return made.cases


def request_inside(alg: int) -> list:
    """What was sealed otherwise than sections 5.3 and 5.4 say."""
    made = Requests(client(alg))
    kid, other = made.context.sender_id, 34 - alg
    for name, plaintext in PLAINTEXTS:
        made.sealed(name, DECODE, plaintext)
    made.sealed("OSCORE inside", NESTED, INSIDE_OSCORE)
    made.sealed("response inside", DECODE, coap.message(coap.CONTENT, [], b"on"))
    for name, external in (
        ("another version", oscore.aad_array(alg, kid, PIV, version=2)),
        ("another algorithm in the AAD", oscore.aad_array(other, kid, PIV)),
        ("another kid in the AAD", oscore.aad_array(alg, b"\x03", PIV)),
        ("another Partial IV in the AAD", oscore.aad_array(alg, kid, b"\x15")),
        ("Partial IV padded in the AAD", oscore.aad_array(alg, kid, b"\0" + PIV)),
        ("class I options in the AAD", oscore.aad_array(alg, kid, PIV, options=b"\x39a")),
    ):
        made.sealed(name, AUTHENTICATION, external=external)
    nonce = made.context.nonce(made.context.recipient_id, PIV)
    made.sealed("the server's nonce", AUTHENTICATION, nonce=nonce)
    for name, context in (
        ("another Master Secret", made.context._replace(master_secret=bytes(16))),
        ("another Master Salt", made.context._replace(master_salt=b"")),
        ("an ID Context that is not shared", made.context._replace(id_context=ID_CONTEXT)),
    ):
        made.sealed(name, AUTHENTICATION, context=context)
    return made.cases


class Responses:
    """Cases of one request, GET /light, and what claims to answer it."""

    def __init__(self, alg: int, asked: Plain = GET_LIGHT):
        self.context, self.asked = client(alg), asked
        self.server = self.context.mirrored()
        self.bound = oscore.request(self.context, asked, SEQUENCE).bound
        self.cases: list[dict] = []

    def add(self, name: str, expect: str, message: oscore.Protected) -> None:
        case = {"name": name, "context": context_fields(self.context)}
        asked = {"request": plain_fields(self.asked), "sequence": SEQUENCE}
        self.cases.append({**case, **asked, "message": message.message().hex(), "expect": expect})

    def option(self, name: str, expect: str, value: bytes) -> None:
        sent = oscore.response(self.server, LIGHT_IS_ON, self.bound, 0)
        self.add(name, expect, sent._replace(options=[(oscore.OSCORE, value)]))

    def sealed(self, name: str, expect: str, plaintext: bytes, **more) -> None:
        context, bound = more.pop("context", self.server), more.pop("bound", self.bound)
        self.add(name, expect, oscore.sealed(context, RESPONSE, plaintext, [], b"", bound, **more))


def response(alg: int) -> list:
    made = Responses(alg)
    context, server, bound = made.context, made.server, made.bound
    sent = oscore.response(server, LIGHT_IS_ON, bound)
    text = oscore.split(LIGHT_IS_ON, RESPONSE)[0]
    made.add("as it was", ACCEPTED, sent)
    made.add("no payload", DECODE, sent._replace(payload=b""))
    made.add("first byte changed", AUTHENTICATION, sent._replace(payload=flip(sent.payload, 0)))
    made.add("tag changed", AUTHENTICATION, sent._replace(payload=flip(sent.payload)))
    made.add("shorter than a tag", AUTHENTICATION, sent._replace(payload=sent.payload[:7]))
    twice = sent._replace(options=sent.options * 2)
    made.add("the option twice", DECODE, twice)
    made.option("its Partial IV removed", AUTHENTICATION, b"")
    made.option("another Partial IV", AUTHENTICATION, b"\x01\x01")
    made.option("leading zero", DECODE, b"\x02\0\0")
    made.option("flag byte of zero", DECODE, b"\0")
    made.option("reserved flag", DECODE, b"\x41\0")
    for name, plaintext in PLAINTEXTS:
        made.sealed(name, DECODE, plaintext.replace(b"\x01", b"\x45", 1))
    nested = coap.message(coap.CONTENT, [(oscore.OSCORE, b""), TEXT], b"on")
    made.sealed("OSCORE inside", NESTED, nested)
    made.sealed("request inside", DECODE, coap.message(coap.GET, coap.path("/light")))
    observed = coap.message(coap.CONTENT, [(coap.OBSERVE, b"")], b"on")
    made.sealed("Observe inside, which was not asked for", DECODE, observed)
    earlier = oscore.request(context, GET_LIGHT, SEQUENCE - 1).bound
    made.sealed("answers an earlier request", AUTHENTICATION, text, bound=earlier)
    older = oscore.response(server, LIGHT_IS_ON, earlier, 0)
    made.add("answers an earlier request, with a Partial IV", AUTHENTICATION, older)
    mine = oscore.sealed(context, RESPONSE, text, [], b"", bound)
    made.add("the client's own key", AUTHENTICATION, mine)
    reflected = oscore.request(context, GET_LIGHT, SEQUENCE)._replace(code=coap.CHANGED)
    made.add("the request itself", AUTHENTICATION, reflected)
    stranger = server._replace(master_secret=bytes(16))
    made.sealed("another Master Secret", AUTHENTICATION, text, context=stranger)
    return made.cases


def request(alg: int) -> list:
    return request_ciphertexts(alg) + request_inside(alg)


FILES = {
    "failure_request_option.json": ("Section 8.2 step 2.", request_options),
    **{
        f"failure_request_{alg}.json": (f"Section 8.2, {name}.", partial(request, alg))
        for alg, name in ALGS.items()
    },
    **{
        f"failure_response_{alg}.json": (f"Section 8.4, {name}.", partial(response, alg))
        for alg, name in ALGS.items()
    },
}
