"""Is model A better than model B, or was it luck? Both are looked at on the same documents."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nghiquyet.documents import Document
from nghiquyet.scoring import Counts, count, pair

ROUNDS = 10_000
LEVEL = 0.05

Table = NDArray[np.float64]  # (documents, 2): hits, and spans of gold and prediction together


@dataclass(frozen=True, slots=True)
class Comparison:
    """F1 of A and of B, the 95% interval of their difference, and how likely so large a difference is by luck."""

    documents: int
    f1_a: float
    f1_b: float
    low: float
    high: float
    p_value: float

    @property
    def difference(self) -> float:
        """F1 of A less that of B."""
        return self.f1_a - self.f1_b

    def in_words(self, a: str = "A", b: str = "B") -> str:
        """The verdict as a sentence or two."""
        better, worse = (a, b) if self.difference >= 0 else (b, a)
        points = 100 * abs(self.difference)
        interval = f"95% interval of {a} less {b}: {100 * self.low:+.1f} to {100 * self.high:+.1f} points"
        if points == 0:
            return f"{a} and {b} have the same F1 on these {self.documents} documents ({interval})."
        chance = f"a difference this large comes by luck in {_share(self.p_value)}"
        if self.p_value < LEVEL:
            return f"{better} is better than {worse} by {points:.1f} points of F1 ({interval}; {chance})."
        return (
            f"{better} is {points:.1f} points of F1 ahead of {worse} on these {self.documents} documents, but that "
            f"does not show that it is better ({interval}; {chance})."
        )


def _share(p_value: float) -> str:
    return f"{100 * p_value:.0f} of 100 cases" if p_value >= 0.005 else f"about 1 of {round(1 / p_value):,} cases"


def compare(
    gold: Sequence[Document],
    a: Sequence[Document],
    b: Sequence[Document],
    label: str | None = None,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Comparison:
    """Compares predictions `a` and `b` of the same `gold` documents, in all labels or one."""
    return compare_answers(gold, a, gold, b, label, rounds=rounds, seed=seed)


def compare_answers(
    gold_a: Sequence[Document],
    a: Sequence[Document],
    gold_b: Sequence[Document],
    b: Sequence[Document],
    label: str | None = None,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Comparison:
    """As `compare`, where the i-th document of one side is another form of the i-th of the other."""
    return _compared(_table(gold_a, a, label), _table(gold_b, b, label), rounds, seed)


def compare_seeds(
    gold: Sequence[Document],
    a: Sequence[Sequence[Document]],
    b: Sequence[Sequence[Document]],
    label: str | None = None,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Comparison:
    """Compares two ways of training by the answers of several models each: counts are the mean over the models."""
    means = [np.mean([_table(gold, predicted, label) for predicted in side], axis=0) for side in (a, b)]
    return _compared(means[0], means[1], rounds, seed)


def _compared(table_a: Table, table_b: Table, rounds: int, seed: int) -> Comparison:
    low, high = _interval(table_a, table_b, rounds, seed)
    p_value = _permutation(table_a, table_b, rounds, seed)
    return Comparison(len(table_a), float(_f1(table_a.sum(0))), float(_f1(table_b.sum(0))), low, high, p_value)


def _table(gold: Sequence[Document], predicted: Sequence[Document], label: str | None) -> Table:
    counts: list[Counts] = [count(g.keys, p.keys, label) for g, p in pair(gold, predicted)]
    return np.array([(c.hits, c.gold + c.predicted) for c in counts], dtype=np.float64).reshape(-1, 2)


def _f1(sums: Table) -> Table:
    """(..., 2) -> (...): F1 of pooled counts; 1 where there is nothing to find and nothing claimed."""
    return np.where(sums[..., 1] > 0, 2 * sums[..., 0] / np.maximum(sums[..., 1], 1), 1.0)


def _interval(a: Table, b: Table, rounds: int, seed: int) -> tuple[float, float]:
    """95% interval of F1(a) - F1(b): documents drawn with replacement, the same for both (paired bootstrap)."""
    draws = np.random.default_rng(seed).integers(len(a), size=(rounds, len(a)))
    differences = _f1(a[draws].sum(axis=1)) - _f1(b[draws].sum(axis=1))
    low, high = np.percentile(differences, [2.5, 97.5])
    return float(low), float(high)


def _permutation(a: Table, b: Table, rounds: int, seed: int) -> float:
    """Two-sided p: how often the difference is as large when it is drawn by lot which of two answers is whose.

    Approximate randomisation over documents (Noreen 1989; Yeh 2000). The observed case counts as one of the cases.
    """
    swapped = np.random.default_rng(seed).random((rounds, len(a))) < 0.5
    change = b - a  # what a swap adds to A and takes from B
    moved = swapped.astype(np.float64) @ change
    differences = np.abs(_f1(a.sum(0) + moved) - _f1(b.sum(0) - moved))
    observed = abs(float(_f1(a.sum(0)) - _f1(b.sum(0))))
    return float((1 + (differences >= observed - 1e-12).sum()) / (rounds + 1))
