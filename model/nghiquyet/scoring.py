"""Span scores as additive counts over sets of `(start, end, label)`: exact ones, laxer ones, and errors by kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from nghiquyet.documents import Document
from nghiquyet.errors import InputError
from nghiquyet.labels import LABELS

Key = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Counts:
    """Spans found right (`hits`), in the gold, and predicted. Counts of parts add up to the counts of the whole.

    Half a hit is what a span with other boundaries counts in the measure `partial`.
    """

    hits: float = 0
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


def partial(gold: Iterable[Key], predicted: Iterable[Key]) -> Counts:
    """Boundaries without regard to labels: same ones are a hit, an overlap is half a hit (MUC, Chinchor 1993)."""
    a, b = set(gold), set(predicted)
    hits = sum(1.0 if g[:2] == p[:2] else 0.5 for g, p in matches(a, b, same_label=False))
    return Counts(hits, len(a), len(b))


def type_only(gold: Iterable[Key], predicted: Iterable[Key]) -> Counts:
    """Labels without regard to boundaries: an overlap with the same label is a hit."""
    a, b = set(gold), set(predicted)
    return Counts(len(matches(a, b, same_label=True)), len(a), len(b))


def matches(gold: set[Key], predicted: set[Key], *, same_label: bool) -> list[tuple[Key, Key]]:
    """Pairs that overlap, each span in one pair at most, the longest overlap first.

    nervaluate pairs in the order of its lists instead, so that where one span lies over several it can find fewer.
    """
    pairs = [
        (min(g[1], p[1]) - max(g[0], p[0]), g, p)
        for group in _groups(gold, predicted)
        for g in group[0]
        for p in group[1]
        if not same_label or g[2] == p[2]
    ]
    taken: set[tuple[str, Key]] = set()
    found = []
    for overlap, g, p in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if overlap > 0 and ("gold", g) not in taken and ("predicted", p) not in taken:
            taken |= {("gold", g), ("predicted", p)}
            found.append((g, p))
    return found


def _groups(gold: set[Key], predicted: set[Key]) -> list[tuple[list[Key], list[Key]]]:
    """The spans of both sides, those together that hang together by overlap. Either side must be flat."""
    groups: list[tuple[list[Key], list[Key]]] = []
    end = -1
    for key, side in sorted([*((key, 0) for key in gold), *((key, 1) for key in predicted)]):
        if key[0] >= end:
            groups.append(([], []))
        groups[-1][side].append(key)
        end = max(end, key[1])
    return groups


class ErrorKind(StrEnum):
    """What is wrong with spans that hang together by overlap."""

    MISSED = "missed"
    SPURIOUS = "spurious"
    LABEL = "wrong label"
    BOUNDARY = "wrong boundary"
    BOTH = "wrong label and boundary"
    SPLIT = "split"  # one in the gold, several predicted
    MERGED = "merged"  # several in the gold, one predicted
    TANGLED = "tangled"  # several on both sides


@dataclass(frozen=True, slots=True)
class SpanError:
    """One error, with the spans of either side that are part of it, sorted."""

    kind: ErrorKind
    gold: tuple[Key, ...]
    predicted: tuple[Key, ...]

    @property
    def label(self) -> str:
        """The label it is filed under: that of its first gold span, else of its first predicted one."""
        return (self.gold or self.predicted)[0][2]


def errors(gold: Iterable[Key], predicted: Iterable[Key]) -> list[SpanError]:
    """The errors of one document in the order of the text; every span that is no exact hit is in exactly one."""
    a, b = set(gold), set(predicted)
    hits = a & b
    return [SpanError(_kind(*group), *map(tuple, group)) for group in _groups(a - hits, b - hits)]


def _kind(gold: Sequence[Key], predicted: Sequence[Key]) -> ErrorKind:
    match len(gold), len(predicted):
        case 1, 0:
            return ErrorKind.MISSED
        case 0, 1:
            return ErrorKind.SPURIOUS
        case 1, 1 if gold[0][:2] == predicted[0][:2]:
            return ErrorKind.LABEL
        case 1, 1:
            return ErrorKind.BOUNDARY if gold[0][2] == predicted[0][2] else ErrorKind.BOTH
        case 1, _:
            return ErrorKind.SPLIT
        case _, 1:
            return ErrorKind.MERGED
    return ErrorKind.TANGLED


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
MICRO = "micro"


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


def macro_f1(scores: Mapping[str, Score]) -> float:
    """Mean F1 of the labels that the gold or the prediction has."""
    values = [s.counts.f1 for name, s in scores.items() if name != MICRO and s.counts.gold + s.counts.predicted]
    return sum(values) / len(values) if values else 1.0


def score(gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, Score]:
    """Exact span scores of each label and of `micro`, all labels pooled."""
    pairs = pair(gold, predicted)
    scores = {}
    for name, label in (*((name, name) for name in LABELS.names), (MICRO, None)):
        counts = [count(a.keys, b.keys, label) for a, b in pairs]
        scores[name] = Score(sum(counts, Counts()), *bootstrap(counts))
    return scores
