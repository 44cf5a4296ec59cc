"""Sequences of requests to one server, and what it says to each (sections 7.4 and 8.2, B.1.2)."""

from typing import NamedTuple

from tests.vectors.cases.common import flip, secret
from tests.vectors.cases.oscore_common import (
    GET_LIGHT,
    PUT_LIGHT,
    client,
    context_fields,
    plain_fields,
)
from tests.vectors.cases.oscore_failures import INSIDE_OSCORE
from tests.vectors.cases.oscore_parts import ALGS
from tests.vectors.reference import coap, oscore
from tests.vectors.reference.oscore import CHACHA20_POLY1305, REQUEST
from tests.vectors.reference.protect import Plain

WINDOW = 32
ACCEPTED, REPLAYED = "accepted", "replayed"
# What may answer, without protection (section 8.2); its diagnostic payload is left open.
ANSWERS = {
    "DecodeError": coap.BAD_OPTION,
    "unknown context": coap.UNAUTHORIZED,
    REPLAYED: coap.UNAUTHORIZED,
    "AuthenticationError": coap.BAD_REQUEST,
}


class Window:
    """The anti-replay window of RFC 6347 section 4.1.2.6, which section 7.4 names."""

    def __init__(self, lowest: int = 0):
        self._lowest = lowest
        self._highest = -1
        self._seen: set[int] = set()

    def take(self, number: int) -> str:
        floor = max(self._lowest, self._highest - WINDOW + 1)
        if number < floor or number in self._seen:
            return REPLAYED
        self._seen.add(number)
        self._highest = max(self._highest, number)
        return ACCEPTED


def window() -> list:
    last = 2**40 - 1
    return [
        {
            "name": name,
            "window": WINDOW,
            "steps": [
                {"number": number, "expect": expect}
                for number, expect in zip(numbers, map(Window().take, numbers), strict=True)
            ],
        }
        for name, numbers in (
            ("in order", [0, 1, 2, 3]),
            ("repeated", [0, 0, 1, 1, 0]),
            ("out of order", [5, 3, 4, 0, 1, 2, 2, 5]),
            ("starts late", [1000, 999, 969, 968, 1000]),
            ("the edge", [31, 0, 32, 1, 0, 33, 2, 1]),
            ("a leap clears the window", [10, 11, 43, 12, 11, 10, 12]),
            ("a leap past all", [7, 100000, 99969, 99968, 7]),
            ("the last number", [last, last, last - 31, last - 32, last - 1]),
            ("a word's borders", [63, 64, 65, 2**32 - 1, 2**32, 2**32 - 1, 2**32 - 31]),
            ("every second, then the rest", [*range(0, 32, 2), *range(1, 32, 2), *range(32)]),
        )
    ]


class Peer(NamedTuple):
    """A client as the server sees it."""

    context: oscore.Context
    window: Window


class Server:
    """Collects the steps of one case."""

    def __init__(self, **contexts: oscore.Context):
        self._peers = {name: Peer(context, Window()) for name, context in contexts.items()}
        self.steps: list[dict] = []

    def ask(self, name: str, peer: str, sequence: int, plain: Plain, sent: bytes | None = None):
        """A request as RFC 8613 wants it; `sent` to send a kid context."""
        context, seen = self._peers[peer]
        message = oscore.request(context, plain, sequence, sent)
        expect = seen.take(sequence)
        if expect == REPLAYED:
            self.refused(name, message.message(), REPLAYED)
        else:
            self._step(name, message.message(), expect, peer=peer, request=plain_fields(plain))
        return message

    def nested(self, name: str, peer: str, sequence: int) -> None:
        """What verifies, and may not be acted on: its number is used up."""
        context, seen = self._peers[peer]
        bound = oscore.request(context, GET_LIGHT, sequence).bound
        option = oscore.encode_option(bound.piv, None, bound.kid)
        message = oscore.sealed(context, REQUEST, INSIDE_OSCORE, [], option, bound)
        seen.take(sequence)
        self._step(name, message.message(), "nested")

    def refused(self, name: str, message: bytes, expect: str) -> None:
        self._step(name, message, expect, code=ANSWERS[expect])

    def _step(self, name: str, message: bytes, expect: str, **more) -> None:
        self.steps.append({"name": name, "message": message.hex(), "expect": expect, **more})

    def case(self, name: str) -> dict:
        contexts = {
            name: context_fields(peer.context.mirrored()) for name, peer in self._peers.items()
        }
        return {"name": name, "window": WINDOW, "contexts": contexts, "steps": self.steps}


def order_of_checks() -> dict:
    """A window is only moved by what verifies, and only then is anything read."""
    a = client()
    server = Server(a=a)
    first = server.ask("the first", "a", 5, GET_LIGHT)
    server.ask("again", "a", 5, GET_LIGHT)
    forged = oscore.request(a, GET_LIGHT, 2**40 - 1)
    forged = forged._replace(payload=flip(forged.payload))
    server.refused("a forged one far ahead", forged.message(), "AuthenticationError")
    server.ask("leaves the window where it was", "a", 6, GET_LIGHT)
    forged = oscore.request(a, GET_LIGHT, 7)._replace(payload=first.payload)
    server.refused("the first under another number", forged.message(), "AuthenticationError")
    server.ask("and does not use it up", "a", 7, PUT_LIGHT)
    server.ask("older, and not heard before", "a", 4, GET_LIGHT)
    server.ask("heard before", "a", 4, GET_LIGHT)
    server.nested("OSCORE inside OSCORE", "a", 8)
    server.ask("its number is used up", "a", 8, GET_LIGHT)
    bad = first._replace(options=[(oscore.OSCORE, b"\x0a\0\x05\x01")])
    server.refused("no OSCORE option", bad.message(), "DecodeError")
    unknown = first._replace(options=[(oscore.OSCORE, b"\x09\x05\x07")])
    server.refused("nobody's kid", unknown.message(), "unknown context")
    server.refused("no payload", first._replace(payload=b"").message(), "DecodeError")
    server.ask("goes on", "a", 40, GET_LIGHT)
    server.ask("out of the window", "a", 8, GET_LIGHT)
    return server.case("what is checked first")


def several_clients() -> dict:
    """Clients apart by kid, by ID Context, and by key alone (section 3.3)."""
    house, farm = b"house", b"farm"
    contexts = {
        "a": client(),
        "b": client(CHACHA20_POLY1305, sender_id=b"\x03"),
        "house": client(id_context=house, sender_id=b"\x04"),
        "farm": client(id_context=farm, sender_id=b"\x04"),
        "empty": client(sender_id=b""),
    }
    server = Server(**contexts)
    for name in contexts:
        sent = contexts[name].id_context
        server.ask(f"{name} asks", name, 0, GET_LIGHT, sent)
    server.ask("house again", "house", 0, GET_LIGHT, house)
    wrong = oscore.request(contexts["house"], GET_LIGHT, 1, farm)
    server.refused("house as farm", wrong.message(), "AuthenticationError")
    nowhere = oscore.request(contexts["house"], GET_LIGHT, 1, b"barn")
    server.refused("house as barn", nowhere.message(), "unknown context")
    kid = oscore.encode_option(b"\x01", None, b"\x03")
    posing = oscore.request(contexts["a"], GET_LIGHT, 1)._replace(options=[(oscore.OSCORE, kid)])
    server.refused("a under the kid of b", posing.message(), "AuthenticationError")
    for name in ("a", "b"):
        server.ask(f"{name} goes on", name, 1, GET_LIGHT)
    return server.case("several clients")


class Restarted:
    """A server that does not know which requests it has seen before it was started."""

    def __init__(self, name: str, context: oscore.Context, sequence: int):
        self._context = context
        self._sequence = sequence
        self._window: Window | None = None
        self.echo = secret(f"Echo, {name}")[:8]
        self.case = {
            "name": name,
            "context": context_fields(context.mirrored()),
            "window": WINDOW,
            "sequence": sequence,
            "echo": self.echo.hex(),
            "steps": [],
        }

    def ask(self, name: str, sequence: int, plain: Plain, echo: bytes | None = None) -> None:
        """A request, with an Echo if one is given."""
        options = plain.options if echo is None else [*plain.options, (coap.ECHO, echo)]
        sent = oscore.request(self._context, plain._replace(options=options), sequence)
        step = {"name": name, "message": sent.message().hex()}
        if self._window is None and echo != self.echo:
            step |= {"expect": "challenged", "response": self._challenge(sent.bound).hex()}
        else:
            self._window = self._window or Window(sequence)
            step["expect"] = self._window.take(sequence)
        self.case["steps"].append(step)

    def _challenge(self, bound: oscore.Bound) -> bytes:
        """4.01 and Echo alone, under a Partial IV of the server's own."""
        refusal = Plain(coap.UNAUTHORIZED, [(coap.ECHO, self.echo)])
        sent = oscore.response(self._context.mirrored(), refusal, bound, self._sequence)
        self._sequence += 1
        return sent.message()


def restart() -> list:
    cases = []
    for alg, name in ALGS.items():
        server = Restarted(name, client(alg), 64)
        server.ask("who knows whether it is new", 40, GET_LIGHT)
        server.ask("another one", 39, GET_LIGHT)
        server.ask("with an Echo that was never given", 41, GET_LIGHT, flip(server.echo))
        server.ask("with the Echo", 42, GET_LIGHT, server.echo)
        server.ask("the same twice", 42, GET_LIGHT, server.echo)
        server.ask("what lies before it", 41, GET_LIGHT)
        server.ask("even if it was the first", 40, GET_LIGHT)
        server.ask("the next", 43, PUT_LIGHT)
        server.ask("and again", 43, PUT_LIGHT)
        cases.append(server.case)
    return cases


def server() -> list:
    return [order_of_checks(), several_clients()]


FILES = {
    "window.json": ("Replay windows (section 7.4).", window),
    "server.json": ("Section 8.2, step by step.", server),
    "restart.json": ("Appendix B.1.2: the window was lost, and Echo brings it back.", restart),
}
