"""How much better than by guessing the clients of a server can be told apart."""

from functools import cache

from leafkey.pat.tokens import LEVELS, POP
from tests.privacy.capture import Air, Shown
from tests.privacy.distinguisher import Verdict, distinguish
from tests.privacy.leaks import LEAKS

# Requests to learn from, and requests to tell apart; each but the first makes a pair.
KNOWN = 5000
UNSEEN = 10001
SEEDS = (1, 2)


@cache
def heard(level: int, seed: int = SEEDS[0]) -> tuple[list[Shown], list[Shown]]:
    """Return requests whose clients a distinguisher is told, and requests that follow."""
    air = Air(level, seed)
    return air.listen(KNOWN), air.listen(UNSEEN)


def unlinkability(level: int) -> Verdict:
    """Return what can be told at a level.

    Once in two hundred times, luck passes the bound that it is compared with. So whatever passes
    it has to do so again, with clients, requests and secrets of its own, as a leak would.
    """
    verdict = distinguish(*heard(level))
    if verdict.over_noise > 1:
        verdict = distinguish(*heard(level, SEEDS[1]))
    return verdict


def planted(leak) -> Verdict:
    """Return what can be told when clients have a leak of leaks.py, at `pop`."""
    known, unseen = heard(POP)
    return distinguish(leak(known), leak(unseen))


def all_levels() -> dict[str, Verdict]:
    """Return what can be told, by the level's name."""
    return {name: unlinkability(level) for name, level in LEVELS.items()}


def all_planted() -> dict[str, Verdict]:
    """Return what can be told, by the leak's name."""
    return {leak.__name__: planted(leak) for leak in LEAKS}
