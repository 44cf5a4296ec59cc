"""What the owner's rules make of a request.

A rule names a client, a server, a path ("/temp", or "/room/*" for all below), methods, and allows,
denies, or says that the owner is to be asked about what no other rule allows or denies. Nothing is
allowed that no rule allows, and a denial outweighs every permission. An allowing rule may end at a
time, hold for a number of ATs altogether, demand a level, and limit what one AT carries; what
several rules allow together is held to the strictest of them.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import NamedTuple

from leafkey.pat.renewal import Renewal, strictest
from leafkey.pat.tokens import MAX_NUMBERS
from leafmanager import per_at
from leafmanager.store.tables import Rule, Sentence

# In a rule, all groups or topics that there are: "/*" is for resources.
EVERY_NAME = "*"
# The owner who is asked for what no rule decides is asked for whatever it is.
_EVERYTHING = (1 << 32) - 1
# No ticket holds more ATs.
UNLIMITED = MAX_NUMBERS

# How a server learns what a client may do: from the manager; from the client, whose ticket the
# manager endorses; or not at all, since the client may do everything (SPEC sections 4.1 and 4.4).
EXPLICIT, ENDORSED, IMPLICIT = "explicit", "endorsed", "implicit"


class Permission(NamedTuple):
    """The part of a request that policy allows, and the rules it rests on."""

    scope: list[tuple[str, int]]
    level: int
    ends_at: int | None
    ats: int
    renewal: Renewal | None
    authorization: str
    rules: list[Rule]


def decide(
    rules: Iterable[Rule], scope: list[tuple[str, int]], level: int, now: int
) -> Permission | None:
    """Return what the rules of one client at one server allow of `scope`, or None.

    `scope` is a list of (path, methods) as in `leafkey.ace.aif`; `level` is the least that the
    server demands of everybody.
    """
    live = [rule for rule in rules if in_force(rule, now)]
    granted = narrowed(live, scope)
    if not granted:
        return None
    used = [rule for rule in live if rule.allow and any(_touches(rule, *one) for one in granted)]
    return Permission(
        granted,
        max([level, *(rule.level for rule in used if rule.level is not None)]),
        min((rule.ends_at for rule in used if rule.ends_at is not None), default=None),
        min((rule.ats_left for rule in used if rule.ats_left is not None), default=UNLIMITED),
        reduce(strictest, map(per_at.of, used), None),
        _authorization(live, used),
        used,
    )


def narrowed(rules: Sequence[Sentence], scope: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the part of `scope` that rules in force allow."""
    allowed = [(path, methods & _allowed(rules, path)) for path, methods in merged(scope)]
    return [(path, methods) for path, methods in allowed if methods]


def undecided(
    rules: Iterable[Rule], scope: list[tuple[str, int]], asks: bool, now: int
) -> list[tuple[str, int]]:
    """Return the part of `scope` that no rule allows or denies, and the owner is to be asked for.

    `asks`: for all of it, and not only for what an asking rule covers.
    """
    live = [rule for rule in rules if in_force(rule, now)]
    asked = [(path, methods & _to_ask(live, path, asks)) for path, methods in merged(scope)]
    return [(path, methods) for path, methods in asked if methods]


def in_force(rule: Rule, now: int) -> bool:
    """Tell whether a rule still says something: it has not ended and has ATs left."""
    return (rule.ends_at is None or now < rule.ends_at) and rule.ats_left != 0


def merged(scope: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return a scope in which each name is there once, with all its bits."""
    merged: dict[str, int] = {}
    for path, methods in scope:
        merged[path] = merged.get(path, 0) | methods
    return list(merged.items())


def covers(pattern: str, path: str) -> bool:
    """Tell whether a rule's path names a resource's path, or a group's name."""
    if pattern == EVERY_NAME:
        return True
    if pattern.endswith("/*"):
        return path.startswith(pattern[:-1])
    return path == pattern


def _authorization(live: list[Rule], used: list[Rule]) -> str:
    """Return how the server is to learn of what the rules in `used` allow.

    Implicit authorization knows no exceptions, so that every other rule in force forbids it.
    """
    if all(rule.authorization == IMPLICIT for rule in live):
        return IMPLICIT
    brought = all(rule.authorization in (ENDORSED, IMPLICIT) for rule in used)
    return ENDORSED if brought else EXPLICIT


def _allowed(rules: Sequence[Sentence], path: str) -> int:
    said = _said(rules, path)
    return said[True] & ~said[False]


def _to_ask(rules: list[Rule], path: str, asks: bool) -> int:
    # A rule about "/room/*" would say more than a consent to it: no resource has that path. What a
    # person cannot read, a person cannot consent to.
    if path.endswith("/*") or path == EVERY_NAME or "?" in path or not path.isprintable():
        return 0
    said = _said(rules, path)
    return (_EVERYTHING if asks else said[None]) & ~said[True] & ~said[False]


def _said(rules: Sequence[Sentence], path: str) -> dict[bool | None, int]:
    """Return the methods on a path that rules allow (True), deny (False), have asked for (None)."""
    said: dict[bool | None, int] = {True: 0, False: 0, None: 0}
    for rule in rules:
        if covers(rule.path, path):
            said[rule.allow] |= rule.methods
    return said


def _touches(rule: Rule, path: str, methods: int) -> bool:
    return covers(rule.path, path) and bool(rule.methods & methods)
