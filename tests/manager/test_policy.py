"""The owner's rules, on their own."""

import pytest

from leafkey.pat.renewal import Renewal
from leafmanager.policy import ENDORSED, EXPLICIT, IMPLICIT, UNLIMITED, covers, decide
from leafmanager.store.tables import Rule

GET, PUT = 1, 4
NOW = 1000


def rule(path: str, methods: int, allow: bool = True, **limits: int) -> Rule:
    return Rule(path=path, methods=methods, allow=allow, **limits)


def scope(rules: list[Rule], *asked: tuple[str, int]) -> list | None:
    permission = decide(rules, list(asked), 1, NOW)
    return permission and permission.scope


def test_nothing_is_allowed_that_no_rule_allows():
    assert scope([], ("/temp", GET)) is None
    assert scope([rule("/temp", GET)], ("/vent", GET)) is None
    assert scope([rule("/temp", GET)], ("/temp", PUT)) is None


def test_nothing_asked_for_is_nothing_granted():
    assert scope([rule("/temp", GET)]) is None
    assert scope([rule("/temp", GET)], ("/temp", 0)) is None


def test_the_allowed_part_is_granted():
    rules = [rule("/temp", GET), rule("/vent", GET | PUT)]
    asked = ("/temp", GET | PUT), ("/vent", PUT), ("/lock", PUT)
    assert scope(rules, *asked) == [("/temp", GET), ("/vent", PUT)]


def test_a_path_asked_for_twice_is_granted_once():
    assert scope([rule("/temp", GET | PUT)], ("/temp", GET), ("/temp", PUT)) == [
        ("/temp", GET | PUT)
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_denial_outweighs_permission_whatever_the_order(order: int):
    rules = [rule("/room/*", GET | PUT), rule("/room/lock", PUT, allow=False)][::order]
    assert scope(rules, ("/room/lock", GET | PUT)) == [("/room/lock", GET)]
    assert scope(rules, ("/room/lock", PUT)) is None
    assert scope(rules, ("/room/lamp", PUT)) == [("/room/lamp", PUT)]


def test_patterns_cover_what_lies_below():
    assert covers("/temp", "/temp")
    assert not covers("/temp", "/temp/1")
    assert not covers("/temp", "/Temp")
    assert covers("/room/*", "/room/lamp/left")
    assert not covers("/room/*", "/room")
    assert not covers("/room/*", "/rooms")
    assert covers("/*", "/anything")


def test_a_rule_ends_at_its_time():
    assert scope([rule("/temp", GET, ends_at=NOW + 1)], ("/temp", GET))
    assert scope([rule("/temp", GET, ends_at=NOW)], ("/temp", GET)) is None


def test_a_rule_ends_with_its_ats():
    assert scope([rule("/temp", GET, ats_left=1)], ("/temp", GET))
    assert scope([rule("/temp", GET, ats_left=0)], ("/temp", GET)) is None


def test_the_strictest_limits_hold_for_what_several_rules_allow():
    rules = [
        rule("/temp", GET, level=2, ends_at=NOW + 60, ats_left=5),
        rule("/vent", PUT, level=3, ends_at=NOW + 30, ats_left=9),
        rule("/lock", PUT, level=0, ends_at=NOW + 1, ats_left=1),
    ]
    both = decide(rules, [("/temp", GET), ("/vent", PUT)], 1, NOW)
    assert both
    assert (both.level, both.ends_at, both.ats, both.rules) == (3, NOW + 30, 5, rules[:2])
    assert both.renewal is None


def test_implicit_authorization_knows_no_exceptions():
    everything = {"path": "/*", "methods": 127, "authorization": IMPLICIT}
    asked = [("/temp", GET)]

    def authorization(*others: Rule) -> str:
        permission = decide([Rule(allow=True, **everything), *others], asked, 1, NOW)
        assert permission
        return permission.authorization

    assert authorization() == IMPLICIT
    assert authorization(rule("/lock", PUT, allow=False)) == ENDORSED
    assert authorization(rule("/temp", GET)) == EXPLICIT
    assert authorization(rule("/lock", PUT)) == ENDORSED
    assert authorization(rule("/lock", PUT, allow=False, ends_at=NOW)) == IMPLICIT


def test_a_server_is_told_what_one_rule_wants_it_to_be_told():
    rules = [rule("/temp", GET), rule("/vent", PUT)]
    rules[0].authorization = ENDORSED
    one = decide(rules, [("/temp", GET)], 1, NOW)
    both = decide(rules, [("/temp", GET), ("/vent", PUT)], 1, NOW)
    assert one
    assert both
    assert (one.authorization, both.authorization) == (ENDORSED, EXPLICIT)


def test_the_strictest_limits_of_an_at_hold():
    rules = [
        rule("/temp", GET, notifications_per_at=5, seconds_per_at=60),
        rule("/vent", PUT, notifications_per_at=9, requests_per_at=20),
        rule("/lock", PUT, notifications_per_at=1, seconds_per_at=1),
    ]
    both = decide(rules, [("/temp", GET), ("/vent", PUT)], 1, NOW)
    assert both
    assert both.renewal == Renewal(5, 60, 20)


def test_the_server_sets_the_least_level():
    permission = decide([rule("/temp", GET, level=0)], [("/temp", GET)], 2, NOW)
    assert permission
    assert permission.level == 2


def test_without_limits_there_is_none():
    permission = decide([rule("/temp", GET)], [("/temp", GET)], 1, NOW)
    assert permission
    assert (permission.ends_at, permission.ats) == (None, UNLIMITED)
