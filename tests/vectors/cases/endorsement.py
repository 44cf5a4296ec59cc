"""endorsement, endorsed (SPEC.md section 4.4): what SAM endorses, and what S makes of it."""

from tests.vectors.cases.common import SUITES, flip, secret
from tests.vectors.cases.messages import ANSWER_TEXT
from tests.vectors.cases.server import FORBIDDEN, World, demand, get
from tests.vectors.cases.tokens import LIGHT, WHOLE
from tests.vectors.reference import coap
from tests.vectors.reference.endorsement import Grant
from tests.vectors.reference.protect import CONFIDENTIAL, INTEGRITY, POP, Plain

TERMS = {"first": 0, "last": 1023, "level": 1, "permissions": LIGHT}
RENEWAL = {"notifications": 5, "seconds": 600}
UNDEFINED = {"generation": 4, "last": 1023, "level": 1, "permissions": None}
SERVER = {
    **WHOLE,
    "slots": {
        "1": UNDEFINED,
        "2": {**UNDEFINED, "generation": 2, "endorsement_version": 6},
        "3": {**UNDEFINED, "permissions": [["/light", 1]]},
    },
}
RESOURCES = {"/light": POP, "/light/brightness": POP, "/lock": POP}
WANTED = Plain(coap.FORBIDDEN, [(coap.PAT_DEMAND, b"\x04")])
BAD_OPTION = Plain(coap.BAD_OPTION, [])
BRIGHTNESS = "/light/brightness"


def grant(slot: int = 1, **changes) -> Grant:
    generation = SERVER["slots"][str(slot)]["generation"]
    whole = Grant(1, secret("St"), "lamp", SERVER["epoch"], slot, generation)
    return whole._replace(**changes)


def endorse(version: int = 5, slot: int = 1, terms: dict | None = None, **changes) -> bytes:
    return bytes.fromhex(grant(slot, **changes).endorse(version, terms or TERMS)["encoded"])


def endorsement() -> list:
    cases = []
    for suite, suite_name in SUITES.items():
        for name, terms in (
            ("permissions", TERMS),
            ("no permission at all", {**TERMS, "permissions": []}),
            ("implicit authorization", {"first": 0, "last": 1023, "level": 1}),
            ("all", {**TERMS, "first": 32, "expires_in": 3600, "renewal": RENEWAL}),
        ):
            made = grant(suite=suite)
            version = len(cases)
            fields = made._asdict()
            fields["st"] = fields["st"].hex()
            steps = made.endorse(version, terms)
            case = {"name": f"{suite_name}, {name}", **fields, "version": version}
            cases.append({**case, "parameters": terms, **steps})
    return cases


class EndorsedWorld(World):
    """Steps under the next AT of a slot."""

    def __init__(self):
        super().__init__(RESOURCES, SERVER)
        self._numbers = {1: 0, 2: 0, 3: 0}

    def show(self, name: str, shown: bytes | None, answer: Plain, **more) -> None:
        """GET a resource and show an endorsement with it; `answer` comes back."""
        slot, level = more.get("slot", 1), more.get("level", CONFIDENTIAL)
        plain = get(more.get("path", "/light"))
        if shown is not None:
            plain = Plain(plain.code, [*plain.options, (coap.ENDORSEMENT, shown)])
        token = self.token(slot, self._numbers[slot])
        self._numbers[slot] += 1
        row = 9 if answer is BAD_OPTION else 11
        row = 12 if answer is ANSWER_TEXT else row
        self.answered(name, row, token, level, plain, answer)


def asked() -> dict:
    world = EndorsedWorld()
    world.show("S asks", None, WANTED, level=POP)
    world.show("S asks again", None, WANTED, level=INTEGRITY)
    world.show("shown at pop", endorse(), BAD_OPTION, level=POP)
    world.show("shown at integrity", endorse(), BAD_OPTION, level=INTEGRITY)
    world.show("shown", endorse(), ANSWER_TEXT)
    world.show("S knows it", None, ANSWER_TEXT, level=POP)
    world.show("shown again", endorse(), ANSWER_TEXT)
    world.show("what it covers", None, ANSWER_TEXT, path=BRIGHTNESS)
    world.show("what it does not cover", None, FORBIDDEN, path="/lock")
    return world.case("shown when S asks")


def forged() -> dict:
    world = EndorsedWorld()
    good = endorse()
    world.show("a bit of the MAC", flip(good), FORBIDDEN)
    world.show("a bit of the permissions", flip(good, 20), FORBIDDEN)
    world.show("cut", good[:-1], FORBIDDEN)
    world.show("a byte more", good + b"\x00", FORBIDDEN)
    world.show("empty", b"", FORBIDDEN)
    world.show("of another slot", endorse(slot=2), FORBIDDEN)
    world.show("of another generation", endorse(generation=3), FORBIDDEN)
    world.show("of another epoch", endorse(epoch=SERVER["epoch"] + 1), FORBIDDEN)
    world.show("of another server", endorse(audience="lock"), FORBIDDEN)
    world.show("of another St", endorse(st=secret("another St")), FORBIDDEN)
    world.show("of another suite", endorse(suite=2), FORBIDDEN)
    world.show("none of this was taken", None, WANTED)
    world.show("the good one", good, ANSWER_TEXT)
    return world.case("forged and swapped")


def versions() -> dict:
    world = EndorsedWorld()
    less = {**TERMS, "permissions": [["/light", 1]]}
    world.show("version 5", endorse(5), ANSWER_TEXT)
    world.show("an older one", endorse(4), FORBIDDEN)
    world.show("the same version with other permissions", endorse(5, terms=less), FORBIDDEN)
    world.show("a later one", endorse(7, terms=less), ANSWER_TEXT)
    world.show("it holds", None, FORBIDDEN, path=BRIGHTNESS)
    world.show("the first one again", endorse(5), FORBIDDEN)
    world.show("below the lowest version", endorse(5, 2), FORBIDDEN, slot=2)
    world.show("still asked for", None, WANTED, slot=2)
    world.show("the lowest version", endorse(6, 2), ANSWER_TEXT, slot=2)
    return world.case("versions")


def intersection() -> dict:
    world = EndorsedWorld()
    world.show("paramS alone", None, ANSWER_TEXT, slot=3)
    world.show("more than paramS", endorse(slot=3), ANSWER_TEXT, slot=3)
    world.show("paramS holds", None, FORBIDDEN, slot=3, path=BRIGHTNESS)
    other = {**TERMS, "permissions": [["/lock", 1]]}
    world.show("another resource", endorse(6, 3, other), FORBIDDEN, slot=3)
    world.show("both count", None, FORBIDDEN, slot=3)
    world.show("a time that paramS has not", endorse(terms={**TERMS, "expires_in": 60}), FORBIDDEN)
    world.show("a higher level", endorse(terms={**TERMS, "level": 2}), ANSWER_TEXT)
    world.show("below it", None, demand(INTEGRITY), level=POP)
    world.show("fewer ATs", endorse(6, terms={**TERMS, "last": 4}), ANSWER_TEXT)
    world.show("the last one", None, ANSWER_TEXT)
    world.show("one too many", None, FORBIDDEN)
    return world.case("with paramS")


FILES = {
    "endorsement.json": ("What SAM endorses (SPEC.md section 4.4).", endorsement),
    "endorsed.json": (
        "Requests that show endorsements to one server, in order (SPEC.md sections 4.4 and 6.2).",
        lambda: [asked(), versions()],
    ),
    "endorsed_failure.json": (
        "The same: what S does not take, and what holds beside it (SPEC.md sections 4.4 and 6.2).",
        lambda: [forged(), intersection()],
    ),
}
