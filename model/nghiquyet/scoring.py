"""Exact span scores as additive counts over sets of `(start, end, label)`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nghiquyet.documents import Document
from nghiquyet.errors import InputError
from nghiquyet.labels import LABELS

Key = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Counts:
    """Spans found right (`hits`), in the gold, and predicted. Counts of parts add up to the counts of the whole."""

    hits: int = 0
    gold: int = 0
    predicted: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.hits + other.hits, self.gold + other.gold, self.predicted + other.predicted)

    @property
    def precision(self) -> float:
        """0.0 where nothing was predicted."""
        return self.hits / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """0.0 where the gold is empty."""
        return self.hits / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """2 hits / (gold + predicted); 1.0 where both are empty: nothing to find, nothing claimed."""
        total = self.gold + self.predicted
        return 2 * self.hits / total if total else 1.0


def count(gold: Iterable[Key], predicted: Iterable[Key], label: str | None = None) -> Counts:
    """Counts of one document, of all labels or of `label` alone."""
    a = {key for key in gold if label in (None, key[2])}
    b = {key for key in predicted if label in (None, key[2])}
    return Counts(len(a & b), len(a), len(b))


def pair(gold: Sequence[Document], predicted: Sequence[Document]) -> list[tuple[Document, Document]]:
    """Gold and prediction of the same document; other ids or another text are an InputError."""
    found = {document.id: document for document in predicted}
    if found.keys() != {document.id for document in gold} or len(found) != len(predicted):
        raise InputError("gold and prediction are not of the same documents: compare their ids")
    pairs = [(document, found[document.id]) for document in gold]
    for a, b in pairs:
        if a.text != b.text:
            raise InputError(f"document {a.id} has another text in the prediction than in the gold")
    return pairs


def total(pairs: Iterable[tuple[Document, Document]], label: str | None = None) -> Counts:
    """The summed counts of (gold, prediction) pairs."""
    return sum((count(a.keys, b.keys, label) for a, b in pairs), Counts())


@dataclass(frozen=True, slots=True)
class Score:
    """One row of a table: counts, and the 95% interval of F1."""

    counts: Counts
    low: float
    high: float

    def row(self) -> dict[str, float | int]:
        c = self.counts
        return {
            "precision": c.precision,
            "recall": c.recall,
            "f1": c.f1,
            "f1_low": self.low,
            "f1_high": self.high,
            "gold": c.gold,
            "predicted": c.predicted,
            "hits": c.hits,
        }


RESAMPLES = 2000


def bootstrap(counts: Sequence[Counts], resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float]:
    """95% percentile interval of the pooled F1, documents drawn with replacement (Efron 1979).

    Documents, not spans, are drawn: spans of one text are alike.
    """
    if not counts:
        return 0.0, 1.0
    table = np.array([(c.hits, c.gold + c.predicted) for c in counts], dtype=np.float64)  # (D, 2)
    draws = np.random.default_rng(seed).integers(len(counts), size=(resamples, len(counts)))
    hits, sizes = table[draws].sum(axis=1).T  # (resamples,) each
    if not sizes.any():
        return 1.0, 1.0
    kept = sizes > 0  # a resample with nothing to find and nothing claimed says nothing
    low, high = np.percentile(2 * hits[kept] / sizes[kept], [2.5, 97.5])
    return float(low), float(high)


def score(gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, Score]:
    """Exact span scores of each label and of `micro`, all labels pooled."""
    pairs = pair(gold, predicted)
    scores = {}
    for name, label in (*((name, name) for name in LABELS.names), ("micro", None)):
        counts = [count(a.keys, b.keys, label) for a, b in pairs]
        scores[name] = Score(sum(counts, Counts()), *bootstrap(counts))
    return scores
