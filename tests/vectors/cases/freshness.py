"""freshness (SPEC.md section 6.4): requests to fresh resources, in order, with their times."""

from tests.vectors.cases.common import secret
from tests.vectors.cases.messages import ANSWER_DONE
from tests.vectors.cases.server import World, plain_json
from tests.vectors.cases.tokens import WHOLE
from tests.vectors.reference import coap
from tests.vectors.reference.freshness import Values
from tests.vectors.reference.protect import CONFIDENTIAL, INTEGRITY, POP, Plain

SERVER = {
    **WHOLE,
    "slots": {
        "1": {"generation": 1, "last": 1023, "level": 1},
        "2": {"generation": 3, "last": 1023, "level": 1},
    },
}
# Every method of these is fresh; at most the demands of section 5.1 are above `pop`.
RESOURCES = {"/lock": POP, "/valve": POP}


class FreshWorld(World):
    """Steps under the next AT of a slot; S draws the Echo of a step from the step's name."""

    def __init__(self):
        super().__init__(RESOURCES, SERVER)
        self._values = Values()
        self._numbers = {1: 0, 2: 0}

    def ask(
        self, name: str, slot: int, now: int, level: int, plain: Plain, echo: bytes | None = None
    ) -> bytes:
        """Send `plain` with an Echo; return the one that S draws, which it may not need."""
        token = self.token(slot, self._numbers[slot])
        self._numbers[slot] += 1
        options = plain.options if echo is None else [*plain.options, (coap.ECHO, echo)]
        sent = token.request(level, Plain(plain.code, options, plain.payload))
        generation = SERVER["slots"][str(slot)]["generation"]
        holder = (slot, generation, plain.code, tuple(plain.options))
        drawn = secret(f"Echo, {name}")[:8]
        if self._values.take(echo, holder, now):
            answer, expect, more = ANSWER_DONE, "answered", {}
        else:
            self._values.give(drawn, holder, now)
            answer = Plain(coap.UNAUTHORIZED, [(coap.ECHO, drawn)])
            expect, more = "refused under protection", {"echo": drawn.hex()}
        response = token.response(level, answer, sent.tag)
        self.steps.append(
            {
                "name": name,
                "time": now,
                "message": sent.message().hex(),
                "expect": expect,
                **more,
                "answer": plain_json(answer),
                "response": response.message().hex(),
            }
        )
        return drawn

    def finished(self, name: str) -> dict:
        case = self.case(name)
        for field in ("sam", "audience"):
            del case[field]
        return case


OPEN_LOCK = Plain(coap.POST, coap.path("/lock"))
CLOSE_LOCK = Plain(coap.DELETE, coap.path("/lock"))
OPEN_VALVE = Plain(coap.POST, coap.path("/valve"))
PUT_LOCK = Plain(coap.PUT, coap.path("/lock"), b"\x01")


def levels() -> dict:
    world = FreshWorld()
    for level, name, plain in (
        (POP, "pop", OPEN_LOCK),
        (INTEGRITY, "integrity", PUT_LOCK),
        (CONFIDENTIAL, "confidential", PUT_LOCK),
    ):
        echo = world.ask(f"{name}: without Echo", 1, 0, level, plain)
        world.ask(f"{name}: with it", 1, 20, level, plain, echo)
        world.ask(f"{name}: with it once more", 1, 40, level, plain, echo)
    return world.finished("every level")


def bindings() -> dict:
    world = FreshWorld()
    echo = world.ask("POST /lock", 1, 0, POP, OPEN_LOCK)
    world.ask("another method", 1, 10, POP, CLOSE_LOCK, echo)
    world.ask("another path", 1, 20, POP, OPEN_VALVE, echo)
    world.ask("another slot", 2, 30, POP, OPEN_LOCK, echo)
    world.ask("a byte less", 1, 40, POP, OPEN_LOCK, echo[:7])
    world.ask("a byte more", 1, 50, POP, OPEN_LOCK, echo + b"\x00")
    world.ask("a value S did not give out", 1, 60, POP, OPEN_LOCK, bytes(8))
    world.ask("none of this took it", 1, 70, POP, OPEN_LOCK, echo)
    return world.finished("bound to slot, method and path")


def times() -> dict:
    world = FreshWorld()
    first = world.ask("the first", 1, 0, POP, OPEN_LOCK)
    second = world.ask("the second, beside it", 1, 1, POP, OPEN_LOCK)
    world.ask("the second after 9999 ms", 1, 10_000, POP, OPEN_LOCK, second)
    third = world.ask("the first after 10 s", 1, 10_000, POP, OPEN_LOCK, first)
    fourth = world.ask("the next after an hour", 1, 3_610_000, POP, OPEN_LOCK, third)
    world.ask("the last at once", 1, 3_610_000, POP, OPEN_LOCK, fourth)
    return world.finished("good for 10 s")


FILES = {
    "freshness.json": (
        "Requests for fresh resources of one server, in order (SPEC.md section 6.4).",
        lambda: [levels(), bindings(), times()],
    ),
}
