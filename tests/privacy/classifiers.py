"""Two classifiers that are trained: boosted stumps, and logistic regression."""

import numpy as np

BINS = 32
ROUNDS = 40
RATE = 0.3
NEWTON_STEPS = 3
RIDGE = 30.0


class Stumps:
    """Gradient boosting of decision stumps on the logistic loss (Friedman 2001)."""

    def __init__(self, columns: np.ndarray, truth: np.ndarray, rounds: int = ROUNDS):
        """`columns`: a row for each example, `truth`: a bool for each."""
        quantiles = np.linspace(0, 1, BINS + 1)[1:-1]
        self._edges = np.quantile(columns, quantiles, axis=0, method="lower")
        bins = self._bins(columns)
        rows, width = bins.shape
        places = (bins + BINS * np.arange(width)).ravel()
        counts = np.bincount(places, minlength=BINS * width).reshape(width, BINS)
        below = counts.cumsum(axis=1)
        self._base = _log_odds(truth.mean())
        self._stumps: list[tuple[int, int, float, float]] = []
        score = np.full(rows, self._base)
        for _ in range(rounds):
            missing = truth - _chance(score)
            sums = np.bincount(places, np.repeat(missing, width), BINS * width)
            stump = _best(sums.reshape(width, BINS).cumsum(axis=1), below, rows)
            self._stumps.append(stump)
            score += _vote(stump, bins)

    def score(self, columns: np.ndarray) -> np.ndarray:
        """Return for each row how much speaks for it."""
        bins = self._bins(columns)
        return self._base + sum(_vote(stump, bins) for stump in self._stumps)

    def _bins(self, columns: np.ndarray) -> np.ndarray:
        parts = [
            np.searchsorted(self._edges[:, i], columns[:, i], side="left")
            for i in range(columns.shape[1])
        ]
        return np.stack(parts, axis=1)


def _best(sums: np.ndarray, below: np.ndarray, rows: int) -> tuple[int, int, float, float]:
    """Return (column, last bin on the left, its vote, the vote on the right)."""
    total = sums[:, -1:]
    left, right = below, rows - below
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = sums**2 / left + (total - sums) ** 2 / right
    gain[(left == 0) | (right == 0)] = -1
    column, at = np.unravel_index(int(gain.argmax()), gain.shape)
    if gain[column, at] < 0:
        return 0, BINS, 0.0, 0.0
    # A logistic loss bends by at most a quarter.
    votes = sums[column, at] / left[column, at], (total[column, 0] - sums[column, at])
    return int(column), int(at), 4 * RATE * votes[0], 4 * RATE * votes[1] / right[column, at]


def _vote(stump: tuple[int, int, float, float], bins: np.ndarray) -> np.ndarray:
    column, at, left, right = stump
    return np.where(bins[:, column] <= at, left, right)


class Logistic:
    """Logistic regression with a ridge, by Newton's method."""

    def __init__(self, columns: np.ndarray, truth: np.ndarray):
        """As of Stumps."""
        self._mean = columns.mean(axis=0)
        # What is the same in all examples tells nothing.
        self._varies = columns.min(axis=0) != columns.max(axis=0)
        inputs = self._inputs(columns)
        self._weights = np.zeros(inputs.shape[1])
        for _ in range(NEWTON_STEPS):
            chance = _chance(inputs @ self._weights)
            slope = inputs.T @ (truth - chance) - RIDGE * self._weights
            bend = (inputs.T * (chance * (1 - chance))) @ inputs
            bend[np.diag_indices_from(bend)] += RIDGE
            self._weights += np.linalg.solve(bend, slope)

    def score(self, columns: np.ndarray) -> np.ndarray:
        """As of Stumps."""
        return self._inputs(columns) @ self._weights

    def _inputs(self, columns: np.ndarray) -> np.ndarray:
        ones = np.ones((len(columns), 1))
        return np.hstack([(columns - self._mean)[:, self._varies], ones])


def _chance(score: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(score, -30, 30)))


def _log_odds(share: float) -> float:
    share = min(max(share, 0.01), 0.99)
    return float(np.log(share / (1 - share)))
