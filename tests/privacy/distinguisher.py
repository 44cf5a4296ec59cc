"""Tells the clients of a server apart, if anything does: the figure that privacy is measured by."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from tests.privacy.capture import Shown
from tests.privacy.classifiers import Logistic, Stumps
from tests.privacy.features import Pairs

# Who guesses stays below this many standard deviations in 99 of 100 cases (two-sided).
Z_99 = 2.576
# Of the pairs to learn from, these choose between what was learned from the others.
CHOOSING = 3
FAMILIES = ("lengths", "options", "mids", "tokens", "ports", "ATs", "payloads", "answers")
BITS = "bits"
ALL = "all"


@dataclass(frozen=True)
class Verdict:
    """What the best distinguisher, `by` its name, achieves on requests it has not seen before."""

    by: str
    advantage: float
    pairs: int

    @property
    def over_noise(self) -> float:
        """The advantage over guessing, in 99 % bounds of guessing on as many pairs."""
        return self.advantage / (Z_99 * sqrt(0.25 / self.pairs))

    def __str__(self) -> str:
        return f"{self.advantage:+.4f} on {self.pairs} pairs by {self.by}: {self.over_noise:+.2f}"


def distinguish(known: list[Shown], unseen: list[Shown]) -> Verdict:
    """Learn from requests whose clients are `known`; then tell those of `unseen` apart.

    Of all distinguishers the one is used, once, that is best on a part of what is known.
    """
    learning, test = Pairs(known), Pairs(unseen)
    cut = len(learning.same) * (CHOOSING - 1) // CHOOSING
    first, rest = slice(0, cut), slice(cut, None)
    names = [*FAMILIES, BITS, ALL]
    chosen = max(names, key=lambda name: _advantage(name, learning, first, learning, rest))
    whole = slice(None)
    advantage = _advantage(chosen, learning, whole, test, whole)
    return Verdict(chosen, advantage, len(test.same))


def tell(known: tuple[np.ndarray, np.ndarray], unseen: tuple[np.ndarray, np.ndarray]) -> Verdict:
    """Learn to tell two kinds of examples apart, each (columns, truth), and tell others.

    The truth must be a fair coin's; each classifier is tried on a part of what is known.
    """
    cut = len(known[1]) * (CHOOSING - 1) // CHOOSING

    def right(made: type, columns: np.ndarray, truth: np.ndarray, learned: slice) -> float:
        score = made(known[0][learned], known[1][learned]).score(columns)
        return float(np.mean((score > 0) == truth)) - 0.5

    tried = (Stumps, Logistic)
    rest = known[0][cut:], known[1][cut:]
    chosen = max(tried, key=lambda made: right(made, *rest, slice(0, cut)))
    return Verdict(chosen.__name__, right(chosen, *unseen, slice(None)), len(unseen[1]))


def _advantage(name: str, known: Pairs, part: slice, test: Pairs, tested: slice) -> float:
    made = Logistic if name == BITS else Stumps
    learned = made(_columns(name, known)[part], known.same[part])
    guess = learned.score(_columns(name, test)[tested]) > 0
    return float(np.mean(guess == test.same[tested])) - 0.5


def _columns(name: str, pairs: Pairs) -> np.ndarray:
    if name == BITS:
        return pairs.bits
    return pairs.columns if name == ALL else pairs.columns[:, pairs.of(name)]
