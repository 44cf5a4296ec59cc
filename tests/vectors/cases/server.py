"""window, server, changes (SPEC.md sections 6 and 9.1): steps in an order that matters."""

from tests.vectors.cases.common import options_json, secret
from tests.vectors.cases.messages import ANSWER_DONE, ANSWER_TEXT, PUT_STATE
from tests.vectors.cases.tokens import SAM, WHOLE
from tests.vectors.reference import coap, tokens, tree
from tests.vectors.reference.protect import (
    BEARER,
    CONFIDENTIAL,
    INTEGRITY,
    POP,
    Plain,
    Protected,
    Token,
)
from tests.vectors.reference.window import ACCEPTED, Window

RESTART = "restart"


def window_case(name: str, width: int, first: int, last: int, events: list) -> dict:
    """Each event is a number that is presented with a valid check, or RESTART."""
    window = Window(width, first, last)
    steps = []
    for event in events:
        if event == RESTART:
            window.restart()
            steps.append({"event": RESTART, "highest": window.highest})
            continue
        state = window.state(event)
        before = window.mark
        if state == ACCEPTED:
            window.accept(event)
        stored = window.mark if window.mark != before else None
        steps.append(
            {"number": event, "expect": state, "stored": stored, "hint": window.highest + 1}
        )
    return {"name": name, "window": width, "first": first, "last": last, "steps": steps}


def windows() -> list:
    return [
        window_case("in order", 8, 0, 63, [0, 1, 2, 7, 8, 9, 16, 16, 8]),
        window_case("out of order", 4, 0, 63, [3, 0, 1, 1, 2, 0, 7, 4, 3, 2, 6, 6]),
        window_case("too far", 4, 0, 63, [4, 3, 8, 7, 12, 11]),
        window_case(
            "restart at once", 8, 0, 63, [RESTART, 0, RESTART, 0, 7, 8, 15, RESTART, 15, 16]
        ),
        window_case("w lost numbers a restart", 4, 0, 63, [0, RESTART, 1, 2, 3, 4, RESTART, 7, 8]),
        window_case("last number", 4, 0, 5, [3, 5, 6, 4, 5, RESTART, 4, 5, 6]),
        window_case("first number", 4, 10, 20, [9, 6, 5, 10, 13, 14, 11]),
        window_case("one number", 8, 0, 0, [1, 0, 0, RESTART, 0]),
        window_case("w = 1", 1, 0, 9, [1, 0, 0, 1, 2, RESTART, 2, 3]),
        window_case("level boundary of k = 9", 4, 0, 63, [3, 7, 8, 11, 15, 16, 12, 8]),
    ]


class World:
    """One server with resources and their levels, and what its slots' holders send."""

    def __init__(self, resources: dict, server: dict):
        self.resources = resources
        self.server = server
        self.steps = []

    def token(self, slot: int, number: int) -> Token:
        generation = self.server["slots"][str(slot)]["generation"]
        ct = tree.node(1, secret("St"), [slot, generation])
        at = tree.access_token(1, ct, self.server["degree"], number)
        return Token(at, self.server["at_len"], self.server["aead"])

    def step(self, name: str, message: bytes, row: int, expect: str, **more) -> None:
        self.steps.append(
            {"name": name, "message": message.hex(), "row": row, "expect": expect, **more}
        )

    def answered(self, name: str, row: int, token: Token, level: int, plain: Plain, answer: Plain):
        """The request is accepted; `answer` comes back, protected like it."""
        sent = token.request(level, plain)
        response = token.response(level, answer, sent.tag)
        expect = "answered" if row == 12 else "refused under protection"
        self.step(name, sent.message(), row, expect,
                  answer=plain_json(answer), response=response.message().hex())  # fmt: skip
        return sent

    def refused(self, name: str, row: int, message: bytes) -> None:
        self.step(name, message, row, "refused", hint=None)

    def hinted(self, name: str, row: int, token: Token, message: bytes, hint: int) -> None:
        key = token.at.key(tree.HINT_KEY).hex()
        self.step(name, message, row, "refused", hint=hint, hint_key=key)

    def case(self, name: str) -> dict:
        return {
            "name": name,
            "server_token": tokens.token(secret("St"), self.server).hex(),
            "sam": SAM,
            "audience": "lamp",
            "resources": self.resources,
            "steps": self.steps,
        }


def plain_json(plain: Plain) -> dict:
    return {
        "code": plain.code,
        "options": options_json(plain.options),
        "payload": plain.payload.hex(),
    }


def get(path: str) -> Plain:
    return Plain(coap.GET, coap.path(path))


def demand(level: int) -> Plain:
    return Plain(coap.UNAUTHORIZED, [(coap.PAT_DEMAND, bytes([level]))])


FORBIDDEN = Plain(coap.FORBIDDEN, [])
RESOURCES = {"/time": "open", "/light": POP, "/plain": BEARER, "/lock": CONFIDENTIAL}
SERVER = {
    **WHOLE,
    "slots": {
        "1": {"generation": 1, "last": 1023, "level": 1,
              "permissions": [["/light", 5], ["/lock", 1], ["/absent", 1]]},
        "2": {"generation": 3, "last": 63, "level": 0},
    },
}  # fmt: skip


def bare(plain: Plain, *pat: bytes) -> bytes:
    options = [*plain.options, *((coap.PAT, value) for value in pat)]
    return coap.message(plain.code, options, plain.payload)


def flipped(sent: Protected) -> bytes:
    message = bytearray(sent.message())
    message[-1] ^= 1
    return bytes(message)


def checks() -> dict:
    world = World(RESOURCES, SERVER)
    stranger = Token(tree.access_token(1, secret("another tree"), 17, 0), 16, 24)

    def at(number: int) -> Token:
        return world.token(1, number)

    light, lock = get("/light"), get("/lock")
    world.step("open resource without AT", bare(get("/time")), 1, "answered",
               answer=plain_json(ANSWER_TEXT), response=bare(ANSWER_TEXT).hex())  # fmt: skip
    world.refused("no AT", 2, bare(light))
    world.refused("no AT, no such resource", 2, bare(get("/absent")))
    world.refused("At of another tree", 2, stranger.request(POP, light).message())
    world.refused("number past the window", 2, at(8).request(POP, light).message())
    world.refused("level 4", 2, bare(light, b"\x04" + at(0).sent() + bytes(8)))
    pat = at(0).request(POP, light).pat() or b""
    world.refused("option twice", 2, bare(light, pat, pat))
    world.refused("wrong MAC", 3, flipped(at(0).request(POP, light)))
    world.refused("level stripped", 7, bare(light, b"\x00" + at(0).sent()))
    world.answered("none of this used the AT", 12, at(0), POP, light, ANSWER_TEXT)
    world.hinted("used", 5, at(0), at(0).request(INTEGRITY, light).message(), 1)
    world.refused("used, wrong MAC", 3, flipped(at(0).request(POP, light)))
    world.refused("used, bearer", 4, bare(light, b"\x00" + at(0).sent()))
    world.answered("PUT with payload at pop", 10, at(1), POP, PUT_STATE, demand(INTEGRITY))
    world.answered("PUT at integrity", 12, at(2), INTEGRITY, PUT_STATE, ANSWER_DONE)
    world.answered("resource wants more", 10, at(3), INTEGRITY, lock, demand(CONFIDENTIAL))
    world.answered("confidential is enough", 12, at(4), CONFIDENTIAL, lock, ANSWER_TEXT)
    world.answered("confidential for pop", 12, at(6), CONFIDENTIAL, PUT_STATE, ANSWER_DONE)
    world.answered("method not permitted", 11, at(5), POP,
                   Plain(coap.DELETE, coap.path("/light")), FORBIDDEN)  # fmt: skip
    world.answered("path not permitted", 11, at(7), POP, get("/nowhere"), FORBIDDEN)
    world.answered("longer path", 11, at(8), POP, get("/light/x"), FORBIDDEN)
    one_segment = Plain(coap.GET, [(coap.URI_PATH, b"light/")])
    world.answered("a segment is no path", 11, at(9), POP, one_segment, FORBIDDEN)
    with_query = Plain(coap.GET, [*light.options, (coap.URI_QUERY, b"a=b")])
    world.answered("query is free", 12, at(10), POP, with_query, ANSWER_TEXT)
    probe = at(18)
    world.hinted("probe", 6, probe, probe.probe().message(), 19)
    world.hinted("the same probe", 5, probe, probe.probe().message(), 19)
    world.refused("before the window", 2, at(10).request(POP, light).message())
    world.answered("a number the probe passed", 12, at(17), POP, light, ANSWER_TEXT)
    world.answered("after the probe", 12, at(19), POP, light, ANSWER_TEXT)
    return world.case("slot 1: permissions, level 1")


def bearer() -> dict:
    world = World(RESOURCES, SERVER)

    def at(number: int) -> Token:
        return world.token(2, number)

    plain = get("/plain")
    world.answered("GET", 12, at(0), BEARER, plain, ANSWER_TEXT)
    world.refused("used", 4, at(0).request(BEARER, plain).message())
    world.hinted("used, at pop", 5, at(0), at(0).request(POP, plain).message(), 1)
    world.refused("resource wants more", 7, at(1).request(BEARER, get("/light")).message())
    post = Plain(coap.POST, coap.path("/plain"))
    world.refused("POST", 7, at(1).request(BEARER, post).message())
    fetch = Plain(coap.FETCH, coap.path("/plain"), b"x")
    world.refused("FETCH with payload", 7, at(1).request(BEARER, fetch).message())
    world.answered("POST at pop", 12, at(1), POP, post, ANSWER_DONE)
    world.answered(
        "no permissions: all is permitted", 12, at(2), CONFIDENTIAL, get("/lock"), ANSWER_TEXT
    )
    return world.case("slot 2: implicit authorization, level 0")


def ranges() -> dict:
    slots = {
        "1": {"generation": 1, "last": 1023, "level": 1, "permissions": [["/light", 1]]},
        "2": {"generation": 3, "last": 63, "level": 0},
        "3": {"generation": 1, "last": 63, "level": 0},
    }
    shared = [{"first": 1, "last": 2, "level": 2, "permissions": [["/plain", 1], ["/light", 4]]}]
    world = World(RESOURCES, {**SERVER, "slots": slots, "ranges": shared})

    def answered(name: str, row: int, at: tuple, level: int, plain: Plain, answer: Plain) -> None:
        world.answered(name, row, world.token(*at), level, plain, answer)

    light, plain = get("/light"), get("/plain")
    answered("the grant's permissions", 12, (1, 0), INTEGRITY, light, ANSWER_TEXT)
    answered("the range's do not widen them", 11, (1, 1), INTEGRITY, plain, FORBIDDEN)
    answered("nor by a method", 11, (1, 2), INTEGRITY, PUT_STATE, FORBIDDEN)
    answered("the range's level", 10, (1, 3), POP, light, demand(INTEGRITY))
    answered("the range's permissions", 12, (2, 0), INTEGRITY, plain, ANSWER_TEXT)
    answered("in place of all", 11, (2, 1), CONFIDENTIAL, get("/lock"), FORBIDDEN)
    world.refused("bearer is too little", 7, world.token(2, 2).request(BEARER, plain).message())
    answered("outside the range: bearer", 12, (3, 0), BEARER, plain, ANSWER_TEXT)
    answered("outside the range: all", 12, (3, 1), CONFIDENTIAL, get("/lock"), ANSWER_TEXT)
    return world.case("a range of slots 1 and 2: permissions, level 2")


def change(version: int, **named) -> bytes:
    return tokens.token(None, {"version": version, **named})


def change_step(name: str, payload: bytes, code: str, in_force: tuple) -> dict:
    epoch, version = in_force
    answer = b"" if code == "4.00" else tokens.dumps({1: epoch, 19: version})
    return {
        "name": name,
        "payload": payload.hex(),
        "expect": code,
        "epoch": epoch,
        "version": version,
        "answer": answer.hex(),
    }


def changes() -> list:
    """What S answers to each server-token, and what is in force afterwards."""
    start = {**WHOLE, "version": 5}
    grant = {"generation": 8, "last": 1023, "level": 2}
    fixed = {"suite": 2, "degree": 33, "at_len": 17, "aead": 10}
    next_epoch = {**start, "epoch": 2, "version": 1, "suite": 2, "degree": 33, "aead": 10}
    rows = [
        ("whole, the first", tokens.token(secret("St"), start), "2.04", (1, 5)),
        ("next change", change(6, slots={"2": grant}), "2.04", (1, 6)),
        ("the same again", change(6, slots={"2": grant}), "2.04", (1, 6)),
        ("an older one", change(5, slots={"2": None}), "2.04", (1, 6)),
        ("one is missing", change(8, slots={"2": None}), "4.09", (1, 6)),
        ("another epoch", change(7, epoch=2), "4.09", (1, 6)),
        ("a generation falls", change(7, slots={"2": {**grant, "generation": 7}}), "4.00", (1, 6)),
        *[
            (f"{name} within an epoch", change(7, **{name: value}), "4.00", (1, 6))
            for name, value in fixed.items()
        ],
        ("last past the capacity", change(7, slots={"2": {**grant, "last": 1024}}), "4.00", (1, 6)),
        ("d and N grow", change(7, depth=128, n_clients=6), "2.04", (1, 7)),
        (
            "a range beyond N",
            change(8, ranges=[{"first": 6, "last": 7, "level": 1}]),
            "4.00",
            (1, 7),
        ),
        ("a slot is closed", change(8, slots={"2": None}), "2.04", (1, 8)),
        (
            "an older whole token",
            tokens.token(secret("St"), {**start, "version": 7}),
            "2.04",
            (1, 8),
        ),
        ("a fresh St, a new epoch", tokens.token(secret("next St"), next_epoch), "2.04", (2, 1)),
        ("a change to the old epoch", change(9, epoch=1), "4.09", (2, 1)),
        ("change in the new epoch", change(2, slots={"1": None}), "2.04", (2, 2)),
    ]
    steps = [change_step(*row) for row in rows]
    return [{"name": "one server", "steps": steps}]


FILES = {
    "window.json": ("Numbers presented, and what S stores (SPEC.md section 6.1).", windows),
    "server.json": (
        "Requests to one server and its answers, in order (SPEC.md section 6.2).",
        lambda: [checks(), bearer()],
    ),
    "ranges.json": (
        "As server.json, with a range of slots (SPEC.md section 4.5).",
        lambda: [ranges()],
    ),
    "changes.json": ("Server tokens that S is sent, in order (SPEC.md section 9.1).", changes),
}
