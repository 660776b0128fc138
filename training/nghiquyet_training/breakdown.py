"""Scores by what a span or its document is like: seen in training or not, long or short, early or late, crowded or not.

Each breakdown parts the spans of gold and prediction into buckets, and scores each bucket by itself; a span is in
exactly one, by what it is, not by what it is paired with, so the counts of the buckets add up to those of the whole.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nghiquyet.documents import Document
from nghiquyet.scoring import Counts, Key, Score, bootstrap, count, pair

Bucket = Callable[[Document, Key], str]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One way to part the spans, and the scores of its buckets in their order."""

    name: str
    meaning: str
    scores: dict[str, Score]


def surface(text: str) -> str:
    """A span's text without regard to case and spacing."""
    return " ".join(text.split()).casefold()


def seen_forms(train: Iterable[Document]) -> frozenset[tuple[str, str]]:
    """Label and surface of every training span."""
    return frozenset((e.label, surface(e.text)) for document in train for e in document.entities)


def by_memory(seen: frozenset[tuple[str, str]]) -> Bucket:
    """Whether a span with this label and text was in the training data: memorising against generalising."""
    return lambda document, key: "seen" if (key[2], surface(document.text[key[0] : key[1]])) in seen else "unseen"


def by_length(document: Document, key: Key) -> str:
    """Syllables and numbers between spaces."""
    words = len(document.text[key[0] : key[1]].split())
    return "1" if words == 1 else "2-3" if words <= 3 else "4-6" if words <= 6 else "7 and more"


def by_position(document: Document, key: Key) -> str:
    """Which third of the document the span begins in."""
    return ("first third", "second third", "last third")[min(2, 3 * key[0] // max(1, len(document.text)))]


def by_density(gold: Sequence[Document]) -> Bucket:
    """Whether the document has more gold spans for its length than most: thirds of the documents."""
    rank = {d.id: i for i, d in enumerate(sorted(gold, key=lambda d: (len(d.entities) / max(1, len(d.text)), d.id)))}
    names = ("sparse", "middling", "dense")
    return lambda document, key: names[min(2, 3 * rank[document.id] // len(rank))]


def breakdowns(
    gold: Sequence[Document], predicted: Sequence[Document], train: Iterable[Document] | None = None
) -> list[Breakdown]:
    """All breakdowns of `predicted`; that by memory only where the training documents are known."""
    pairs = pair(gold, predicted)
    ways: list[tuple[str, str, Bucket, Sequence[str]]] = [
        ("length", "syllables of the span", by_length, ("1", "2-3", "4-6", "7 and more")),
        ("position", "where in the document", by_position, ("first third", "second third", "last third")),
        ("density", "gold spans for its length", by_density(gold), ("sparse", "middling", "dense")),
    ]
    if train is not None:
        memory = by_memory(seen_forms(train))
        ways.insert(0, ("memory", "text and label seen in training", memory, ("seen", "unseen")))
    return [Breakdown(name, meaning, _scores(pairs, bucket, order)) for name, meaning, bucket, order in ways]


def _scores(pairs: Sequence[tuple[Document, Document]], bucket: Bucket, order: Sequence[str]) -> dict[str, Score]:
    scores = {}
    for name in order:
        counts = [count(_kept(gold, bucket, name), _kept(found, bucket, name)) for gold, found in pairs]
        scores[name] = Score(sum(counts, Counts()), *bootstrap(counts))
    return scores


def _kept(document: Document, bucket: Bucket, name: str) -> list[Key]:
    return [key for key in document.keys if bucket(document, key) == name]
