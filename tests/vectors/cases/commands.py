"""command, failure_command, commands (SPEC.md section 9.3)."""

from typing import Any

import cbor2

from tests.vectors.cases.common import SUITES, flip, secret
from tests.vectors.cases.tokens import WHOLE
from tests.vectors.reference import tokens
from tests.vectors.reference.commands import CHANGE, COMMAND, RATCHET, Epoch

TAKEN, REFUSED = "taken", "refused"
GRANT = {"generation": 8, "last": 1023, "level": 2}
CLOSE = {"version": 13, "slots": {"2": None}}


def epoch(st: bytes, named: dict) -> Epoch:
    return Epoch(named["suite"], named["aead"], st, named["audience"], named["epoch"])


def whole(**named) -> dict:
    return {**WHOLE, **named}


def command_case(name: str, named: dict, kind: int, change: dict) -> dict:
    """A command, its receipt and, after a ratchet, the St and epoch it leads to."""
    sealing = epoch(secret("St"), named)
    case = {
        "name": name,
        "server_token": tokens.token(secret("St"), named).hex(),
        "kind": kind,
        "parameters": change,
        "command": sealing.command(kind, change),
        "receipt": sealing.receipt(change["version"]),
    }
    if kind == RATCHET:
        case |= {"next_epoch": named["epoch"] + 1, "next_st": sealing.next_st().hex()}
    return case


def command() -> list:
    cases = []
    for suite, suite_name in SUITES.items():
        for aead in (10, 24):
            named = whole(suite=suite, aead=aead)
            about = f"{suite_name}, AEAD {aead}"
            cases.append(command_case(f"change, {about}", named, CHANGE, CLOSE))
            cases.append(command_case(f"ratchet, {about}", named, RATCHET, {"version": 13}))
    slots = {"1": {**GRANT, "generation": 1}, "3": {**GRANT, "generation": 2}}
    other = {"version": 13, "epoch": 2, "suite": 2, "aead": 10, "slots": slots}
    cases.append(command_case("ratchet to suite 2 with two slots", whole(), RATCHET, other))
    far = whole(epoch=2**30 - 2, version=2**30 - 2)
    last = {"version": 2**30 - 1}
    cases.append(command_case("the last epoch and version", far, RATCHET, last))
    return cases


def failure_command() -> list:
    """Each is the only command in a message to a server at version 12 of epoch 1."""
    named = whole(slots={"2": WHOLE["slots"]["2"]})
    sealing = epoch(secret("St"), named)
    good = bytes.fromhex(sealing.command(CHANGE, CLOSE)["encoded"])
    number, version, ciphertext = cbor2.loads(good)

    def clear(*fields: Any) -> bytes:
        return tokens.dumps(list(fields))

    def made(plaintext: Any, version: int = 13) -> bytes:
        steps = sealing.sealed(COMMAND, version, tokens.dumps(plaintext))
        return bytes.fromhex(steps["encoded"])

    def by(**other) -> bytes:
        return bytes.fromhex(sealing._replace(**other).command(CHANGE, CLOSE)["encoded"])

    closed = {19: 13, 11: {2: None}}
    fallen = {18: 6, 14: 63, 15: 1}
    rows = [
        ("as it should be", good, "accepted"),
        ("first bit of the ciphertext", clear(number, version, flip(ciphertext, 0, 128)), REFUSED),
        ("last bit of the tag", clear(number, version, flip(ciphertext)), REFUSED),
        ("tag cut", clear(number, version, ciphertext[:-1]), REFUSED),
        ("no ciphertext", clear(number, version, b""), REFUSED),
        ("another version outside", clear(number, 14, ciphertext), REFUSED),
        ("the version in force", clear(number, 12, ciphertext), REFUSED),
        ("an earlier epoch", clear(0, version, ciphertext), REFUSED),
        ("the next epoch", clear(2, version, ciphertext), REFUSED),
        ("another server's", by(audience="thermo"), REFUSED),
        ("another server's St", by(st=secret("another tree")), REFUSED),
        ("sealed in the epoch before", by(epoch=0), REFUSED),
        ("with the other suite", by(suite=2), REFUSED),
        ("with the other AEAD", by(aead=10), REFUSED),
        ("a receipt as a command", bytes.fromhex(sealing.receipt(13)["encoded"]), REFUSED),
        ("a gap", made([CHANGE, {19: 14}], 14), REFUSED),
        ("another version inside", made([CHANGE, {**closed, 19: 14}]), REFUSED),
        ("kind 0", made([0, closed]), REFUSED),
        ("kind 3", made([3, closed]), REFUSED),
        ("kind true", made([True, closed]), REFUSED),
        ("no version inside", made([CHANGE, {11: {2: None}}]), REFUSED),
        ("an unknown label", made([CHANGE, {**closed, 99: 0}]), REFUSED),
        ("a third element", made([CHANGE, closed, 0]), REFUSED),
        ("no array", made(closed), REFUSED),
        ("a generation falls", made([CHANGE, {19: 13, 11: {2: fallen}}]), REFUSED),
        ("a slot past N", made([CHANGE, {19: 13, 11: {4: {**fallen, 18: 1}}}]), REFUSED),
        ("a suite changes within an epoch", made([CHANGE, {19: 13, 2: 2}]), REFUSED),
        ("a change of another epoch inside", made([CHANGE, {19: 13, 1: 2}]), REFUSED),
        ("a ratchet to the same epoch", made([RATCHET, {19: 13, 1: 1}]), REFUSED),
        ("a ratchet past an epoch", made([RATCHET, {19: 13, 1: 3}]), REFUSED),
        ("two fields", clear(number, version), REFUSED),
        ("four fields", clear(number, version, ciphertext, 0), REFUSED),
        ("text for the ciphertext", clear(number, version, "x"), REFUSED),
        ("true for the epoch", clear(True, version, ciphertext), REFUSED),
        ("a negative version", clear(number, -13, ciphertext), REFUSED),
    ]
    start = tokens.token(secret("St"), named).hex()
    return [
        {"name": name, "server_token": start, "payload": listed(data), "expect": expect}
        for name, data, expect in rows
    ]


def listed(*commands: bytes) -> str:
    return cbor2.dumps([cbor2.loads(command) for command in commands]).hex()


def commands() -> list:
    named = whole()
    first = epoch(secret("St"), named)
    second = first._replace(st=first.next_st(), epoch=2)

    def change(version: int, sealing: Epoch = first, kind: int = CHANGE, **more) -> bytes:
        return bytes.fromhex(sealing.command(kind, {"version": version, **more})["encoded"])

    c13, c14, c15 = change(13), change(14, slots={"2": GRANT}), change(15, slots={"2": None})
    c16 = change(16, n_clients=5)
    forging = first._replace(st=bytes(32))
    ratchet = change(17, kind=RATCHET, slots={"1": {**GRANT, "generation": 1}})
    c18 = change(18, second, slots={"2": {**GRANT, "generation": 1}})
    forged16, forged17 = change(16, forging), change(17, forging)
    too_many = cbor2.dumps([cbor2.loads(c13)] * 7 + [cbor2.loads(c16)] * 2).hex()
    rows = [
        ("not yet", listed(c14), None, (1, 12)),
        ("in the wrong order", listed(c14, c15), None, (1, 12)),
        ("the next", listed(c13), first.receipt(13), (1, 13)),
        ("the same again", listed(c13), first.receipt(13), (1, 13)),
        ("the same, another bit", listed(flip(c13)), None, (1, 13)),
        ("one known, two new", listed(c13, c14, c15), first.receipt(15), (1, 15)),
        ("swapped, both known", listed(c15, c14), first.receipt(15), (1, 15)),
        ("an old one", listed(c14), None, (1, 15)),
        ("bad after a known one", listed(c15, forged16), first.receipt(15), (1, 15)),
        ("bad after a new one", listed(c16, forged17, ratchet), first.receipt(16), (1, 16)),
        ("nine", too_many, None, (1, 16)),
        ("none", listed(), None, (1, 16)),
        ("no list", c16.hex(), None, (1, 16)),
        ("a byte too many", listed(ratchet) + "00", None, (1, 16)),
        ("of the next epoch before its ratchet", listed(c18), None, (1, 16)),
        ("a ratchet", listed(ratchet), first.receipt(17), (2, 17)),
        ("the same ratchet", listed(ratchet), first.receipt(17), (2, 17)),
        ("sealed in the epoch before", listed(change(18)), None, (2, 17)),
        ("all that there were", listed(c15, c16, ratchet, c18), second.receipt(18), (2, 18)),
        ("the ratchet again", listed(ratchet), None, (2, 18)),
    ]
    start = tokens.token(secret("St"), named).hex()
    return [{"name": "one server", "server_token": start, "steps": [step(*row) for row in rows]}]


def step(name: str, payload: str, receipt: dict | None, in_force: tuple) -> dict:
    return {
        "name": name,
        "payload": payload,
        "expect": REFUSED if receipt is None else TAKEN,
        "receipt": "" if receipt is None else receipt["encoded"],
        "epoch": in_force[0],
        "version": in_force[1],
    }


FILES = {
    "command.json": ("Sealed commands and their receipts (SPEC.md section 9.3).", command),
    "failure_command.json": (
        "What a server must not take as a command (SPEC.md section 9.3).",
        failure_command,
    ),
    "commands.json": (
        "Messages of commands to one server, in order (SPEC.md section 9.3).",
        commands,
    ),
}
