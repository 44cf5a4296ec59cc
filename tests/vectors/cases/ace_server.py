"""What comes to one resource server, in order, and what it answers (RFC 9200 5.10, RFC 9203 4).

The server knows the key of failure_token and is called "thermo".
"""

import cbor2

from tests.vectors.cases.ace_messages import AIF, MS
from tests.vectors.cases.ace_tokens import IVS, KEYS
from tests.vectors.cases.common import flip, secret
from tests.vectors.reference import coap, oscore
from tests.vectors.reference.ace import Exchange, access_token, canonical, client_context
from tests.vectors.reference.protect import Plain

KEY, IV = KEYS[10], IVS[10]
CREATED, BAD_REQUEST, UNAUTHORIZED, FORBIDDEN = 0x41, 0x80, 0x81, 0x83
METHOD_NOT_ALLOWED = 0x85
MATERIAL = {0: b"\x01", 2: MS, 5: b"salt"}
NONE = object()

GET_TEMP = Plain(coap.GET, coap.path("/temp"))
PUT_TEMP = Plain(coap.PUT, coap.path("/temp"), b"22")
PUT_VENT = Plain(coap.PUT, coap.path("/vent"), b"open")
GET_OTHER = Plain(coap.GET, coap.path("/other"))


def claims(number: int = 1, **changes) -> dict:
    """Claims with exi, as an AS makes them; a change by name, NONE to leave it out."""
    made = {
        "aud": "thermo", "cti": b"thermo" + bytes([number]), "exi": 100,
        "cnf": {4: MATERIAL}, "scope": AIF, **changes,
    }  # fmt: skip
    labels = {
        "iss": 1, "aud": 3, "exp": 4, "nbf": 5, "iat": 6, "cti": 7, "cnf": 8, "scope": 9,
        "profile": 38, "exi": 40,
    }  # fmt: skip
    return {labels[name]: value for name, value in made.items() if value is not NONE}


def token(number: int = 1, **changes) -> bytes:
    return access_token(KEY, IV, canonical(claims(number, **changes)))


class Server:
    """Collects the steps of one case; every exchange has random strings of its own."""

    def __init__(self, **settings):
        self._settings = settings
        self._count = 0
        self.steps: list[dict] = []

    def _exchange(self) -> Exchange:
        self._count += 1
        drawn = secret(f"exchange {self._count}")
        return Exchange(drawn[:8], drawn[8:10], drawn[10:18], drawn[18:20])

    def post(self, name: str, now: int, posted: bytes, code: int = CREATED, material=MATERIAL):
        """A token on its way to /authz-info; returns C's context if it is good."""
        exchange = self._exchange()
        fields = {1: posted, 40: exchange.nonce1, 43: exchange.id1}
        step = self._add("post", name, now, payload=canonical(fields).hex(), code=code)
        if code != CREATED:
            return None
        step["nonce2"], step["id2"] = exchange.nonce2.hex(), exchange.id2.hex()
        step["answer"] = canonical({42: exchange.nonce2, 44: exchange.id2}).hex()
        return client_context(material, exchange)

    def payload(self, name: str, now: int, payload: bytes, code: int):
        """Anything else on the same way."""
        self._add("post", name, now, payload=payload.hex(), code=code)

    def update(self, name: str, now: int, id: bytes, posted: bytes, code: int):
        """A token in the context of the one with this id."""
        fields = canonical({1: posted, 40: b"ignored", 43: b"ignored"}).hex()
        self._add("update", name, now, id=id.hex(), payload=fields, code=code)

    def ask(self, name: str, now: int, context: oscore.Context, sequence: int, plain, code=0):
        """A request in a context; code 0 lets it through to the resource."""
        sent = oscore.request(context, plain, sequence, context.id_context)
        self._add("request", name, now, message=sent.message().hex(), code=code)

    def restart(self, now: int):
        self._add("restart", "", now)

    def case(self, name: str) -> dict:
        kid = None if KEY.kid is None else KEY.kid.hex()
        key = {"alg": KEY.alg, "key": KEY.value.hex(), "kid": kid}
        settings = {"audience": "thermo", "issuer": None, "clock": None, **self._settings}
        return {"name": name, **key, **settings, "steps": self.steps}

    def _add(self, op: str, name: str, now: int, **more) -> dict:
        self.steps.append({"op": op, "name": name, "now": now, **more})
        return self.steps[-1]


def maps() -> dict:
    """What is no good before any token is looked at."""
    server = Server()
    good = token()
    for name, payload in (
        ("nothing", b""),
        ("no CBOR", b"\xff"),
        ("the token alone", good),
        ("an array", cbor2.dumps([good])),
        ("no token", canonical({40: b"12345678", 43: b"\x01"})),
        ("a token in words", canonical({1: "token", 40: b"12345678", 43: b"\x01"})),
        ("no nonce1", canonical({1: good, 43: b"\x01"})),
        ("an empty nonce1", canonical({1: good, 40: b"", 43: b"\x01"})),
        ("a nonce1 of 65 bytes", canonical({1: good, 40: bytes(65), 43: b"\x01"})),
        ("nonce1 of a number", canonical({1: good, 40: 1, 43: b"\x01"})),
        ("no ID", canonical({1: good, 40: b"12345678"})),
        ("an ID of 8 bytes", canonical({1: good, 40: b"12345678", 43: bytes(8)})),
        ("a reference", canonical({1: b"\x01\x02\x03", 40: b"12345678", 43: b"\x01"})),
    ):
        server.payload(name, 0, payload, BAD_REQUEST)
    server.post("and none of it did any harm", 0, good)
    return server.case("what stands around a token")


def order() -> dict:
    """Security wrapper, then time, audience, and what the claims say."""
    server = Server()
    other = KEY._replace(value=secret("another key")[:16])
    group, word = {**MATERIAL, 7: b"\x01"}, {**MATERIAL, 4: "ROT13"}
    for name, posted, code in (
        ("another key", access_token(other, IV, canonical(claims())), UNAUTHORIZED),
        ("a bit flipped", flip(token()), UNAUTHORIZED),
        ("another kid", access_token(KEY._replace(kid=b"x"), IV, b""), UNAUTHORIZED),
        ("claims that are none", access_token(KEY, IV, b"\xff"), BAD_REQUEST),
        ("a claim of another type", token(aud=b"thermo"), BAD_REQUEST),
        ("its time is over, and it is another's", token(exi=0, aud="lamp"), UNAUTHORIZED),
        ("another's, with a scope that is none", token(aud="lamp", scope="read"), FORBIDDEN),
        ("for nobody", token(aud=NONE), FORBIDDEN),
        ("no end", token(exi=NONE), BAD_REQUEST),
        ("exp alone, and no clock", token(exi=NONE, exp=2000000000), BAD_REQUEST),
        ("exi without cti", token(cti=NONE), BAD_REQUEST),
        ("exi with another's cti", token(cti=b"lamp\x01"), BAD_REQUEST),
        ("exi with a cti without number", token(cti=b"thermo"), BAD_REQUEST),
        ("exi with a number of 9 bytes", token(cti=b"thermo" + bytes(9)), BAD_REQUEST),
        ("for DTLS", token(profile=1), BAD_REQUEST),
        ("no scope", token(scope=NONE), BAD_REQUEST),
        ("a scope in words", token(scope="read"), BAD_REQUEST),
        ("a scope that is no AIF", token(scope=b"\x01"), BAD_REQUEST),
        ("a path without slash", token(scope=cbor2.dumps([["temp", 1]])), BAD_REQUEST),
        ("no cnf", token(cnf=NONE), BAD_REQUEST),
        ("a kid where the material belongs", token(cnf={3: b"\x01"}), BAD_REQUEST),
        ("a COSE_Key", token(cnf={1: {1: 4, -1: MS}}), BAD_REQUEST),
        ("material of the group profile", token(cnf={4: group}), BAD_REQUEST),
        ("an AEAD that there is none of", token(cnf={4: word}), BAD_REQUEST),
        ("an AEAD of another kind", token(cnf={4: {**MATERIAL, 4: 5}}), BAD_REQUEST),
        ("no Master Secret", token(cnf={4: {0: b"\x01"}}), BAD_REQUEST),
    ):
        server.post(name, 0, posted, code)
    context = server.post("a good one, whose number none of them has used", 0, token())
    server.ask("which opens what it says", 0, context, 0, GET_TEMP)
    return server.case("the order of checks")


def issuer() -> dict:
    server = Server(issuer="as")
    server.post("none", 0, token(1), UNAUTHORIZED)
    server.post("another", 0, token(1, iss="other"), UNAUTHORIZED)
    server.post("the one", 0, token(1, iss="as"))
    return server.case("a server that knows its issuer")


def clock() -> dict:
    """Seconds since 1970 are those of `clock` at the time 0, and count up with it."""
    server = Server(clock=1700000000)
    dated = {"exi": NONE, "cti": NONE}
    server.post("over", 10, token(exp=1700000010, **dated), UNAUTHORIZED)
    server.post("not yet", 10, token(exp=1700000100, nbf=1700000011, **dated), UNAUTHORIZED)
    context = server.post("one second", 10, token(exp=1700000011, nbf=1700000010, **dated))
    server.ask("in time", 10, context, 0, GET_TEMP)
    server.ask("late", 11, context, 1, GET_TEMP, UNAUTHORIZED)
    context = server.post("fractions", 20, token(exp=1700000020.5, **dated))
    server.ask("in time", 20, context, 0, GET_TEMP)
    server.ask("late", 21, context, 1, GET_TEMP, UNAUTHORIZED)
    context = server.post("exi ends it first", 30, token(1, exp=1700000100, exi=5))
    server.ask("in time", 34, context, 0, GET_TEMP)
    server.ask("late", 35, context, 1, GET_TEMP, UNAUTHORIZED)
    return server.case("a server with a clock")


def rights() -> dict:
    server = Server()
    context = server.post("a token", 0, token())
    for sequence, (name, plain, code) in enumerate(
        (
            ("covered", GET_TEMP, 0),
            ("another method", PUT_TEMP, METHOD_NOT_ALLOWED),
            ("another path", GET_OTHER, FORBIDDEN),
            ("below it", Plain(coap.GET, coap.path("/temp/a")), FORBIDDEN),
            ("several methods", PUT_VENT, 0),
            (
                "the token endpoint of nobody",
                Plain(coap.POST, coap.path("/vent")),
                METHOD_NOT_ALLOWED,
            ),
        )
    ):
        server.ask(name, 0, context, sequence, plain, code)
    return server.case("what a token covers")


def expiry() -> dict:
    """exi counts from the first time; numbers that are over are so after a restart too."""
    server = Server()
    context = server.post("number 5", 0, token(5))
    server.ask("in time", 99, context, 0, GET_TEMP)
    server.ask("over", 100, context, 1, GET_TEMP, UNAUTHORIZED)
    server.post("number 5 again", 100, token(5), UNAUTHORIZED)
    server.post("number 4", 101, token(4), UNAUTHORIZED)
    server.post("number 7", 101, token(7))
    server.post("number 6", 101, token(6, cnf={4: {**MATERIAL, 0: b"\x02"}}))
    server.restart(102)
    server.post("number 7 after a restart", 102, token(7), UNAUTHORIZED)
    server.post("number 6 after a restart", 102, token(6), UNAUTHORIZED)
    context = server.post("number 8", 102, token(8))
    server.ask("goes on", 103, context, 0, GET_TEMP)
    return server.case("exi and its numbers")


def reposting() -> dict:
    server = Server()
    first = server.post("a token", 0, token())
    server.ask("in the first context", 1, first, 0, GET_TEMP)
    second = server.post("the same token", 50, token())
    server.ask("the first goes on: nobody has used the second", 51, first, 1, GET_TEMP)
    server.ask("in the second", 52, second, 0, GET_TEMP)
    server.ask("which has ended the first", 53, first, 2, GET_TEMP, UNAUTHORIZED)
    server.ask("the second again", 99, second, 1, GET_TEMP)
    server.ask("its time did not begin anew", 100, second, 2, GET_TEMP, UNAUTHORIZED)
    return server.case("a token that is posted again")


def updating() -> dict:
    server = Server()
    wide = cbor2.dumps([["/temp", 5]])
    own = {"cnf": {3: b"\x01"}, "scope": wide}
    context = server.post("a token", 0, token(1))
    server.ask("proves the key", 0, context, 0, GET_TEMP)
    server.ask("before", 0, context, 1, PUT_TEMP, METHOD_NOT_ALLOWED)
    for name, posted, code in (
        ("for another key", token(2, cnf={3: b"\x02"}, scope=wide), UNAUTHORIZED),
        ("with material", token(2, scope=wide), UNAUTHORIZED),
        ("without cnf", token(2, cnf=NONE, scope=wide), UNAUTHORIZED),
        ("a kid in words", token(2, cnf={3: "1"}, scope=wide), UNAUTHORIZED),
        ("over", token(2, exi=0, **own), UNAUTHORIZED),
        ("for another server", token(2, aud="lamp", **own), FORBIDDEN),
        ("a scope in words", token(2, cnf={3: b"\x01"}, scope="all"), BAD_REQUEST),
        ("no token at all", b"", BAD_REQUEST),
        ("a bit flipped", flip(token(2, **own)), UNAUTHORIZED),
    ):
        server.update(name, 1, b"\x01", posted, code)
    server.ask("nothing has changed", 1, context, 2, PUT_TEMP, METHOD_NOT_ALLOWED)
    server.update("a good one", 50, b"\x01", token(2, **own), CREATED)
    server.ask("after it", 50, context, 3, PUT_TEMP)
    server.ask("what it does not say is gone", 50, context, 4, PUT_VENT, FORBIDDEN)
    server.ask("its own time counts", 149, context, 5, GET_TEMP)
    server.ask("and ends", 150, context, 6, GET_TEMP, UNAUTHORIZED)
    return server.case("rights that change in a context")


def steps() -> list:
    return [issuer(), clock(), rights(), expiry(), reposting()]


FILES = {
    "authz_info_maps.json": ("POST /authz-info without a good map.", lambda: [maps()]),
    "authz_info_order.json": ("POST /authz-info with bad tokens.", lambda: [order()]),
    "server.json": ("Tokens, and requests under them, step by step.", steps),
    "update.json": ("POST /authz-info inside OSCORE.", lambda: [updating()]),
}
