"""How far two annotations of the same documents agree: span F1, chance-corrected, and every span where they do not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from nghiquyet.documents import Document, Entity
from nghiquyet.errors import AnnotationError
from nghiquyet.label_studio import entities, read_tasks
from nghiquyet.labels import LABELS, OUTSIDE
from nghiquyet.normalize import iter_lines
from nghiquyet.scoring import MICRO, Counts, count, pair, total, type_only
from nghiquyet.segment import atoms


@dataclass(frozen=True, slots=True)
class Difference:
    """A span of one side that the other lacks, or has with another label or other edges."""

    document: Document
    first: Entity | None
    second: Entity | None

    @property
    def kind(self) -> str:
        if self.first is None or self.second is None:
            return "only second" if self.first is None else "only first"
        same_edges = (self.first.start, self.first.end) == (self.second.start, self.second.end)
        return "label" if same_edges else "edges"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Counts for each label and `micro`, all labels pooled; the first side stands as gold, which F1 does not see.

    `left_out` are the documents that only one side has.
    """

    first: str
    second: str
    documents: int
    counts: Mapping[str, Counts]
    overlap: Mapping[str, Counts]
    """As `counts`, where an overlap with the same label is agreement enough."""
    tokens: Counter[tuple[str, str]]
    """How often a token (a syllable, number or sign) has one label on the first side and one on the second."""
    by_document: Mapping[str, Counts]
    differences: tuple[Difference, ...]
    left_out: tuple[str, ...]

    @property
    def kappa(self) -> float:
        """Cohen's kappa over the tokens' labels (Cohen 1960); 1.0 where neither side marked anything.

        Most tokens are outside and both sides agree on them, so it reads higher than F1 for the same annotations.
        """
        total = self.tokens.total()
        sides: tuple[Counter[str], Counter[str]] = Counter(), Counter()
        for labels, times in self.tokens.items():
            for side, label in zip(sides, labels, strict=True):
                side[label] += times
        observed = sum(times for (a, b), times in self.tokens.items() if a == b) / max(1, total)
        by_chance = sum(sides[0][label] * sides[1][label] for label in sides[0]) / max(1, total) ** 2
        return (observed - by_chance) / (1 - by_chance) if by_chance < 1 and total else 1.0

    def worst(self, limit: int) -> list[tuple[str, Counts]]:
        """The documents of least F1 that have a difference, the least first."""
        unequal = [(name, c) for name, c in self.by_document.items() if c.f1 < 1]
        return sorted(unequal, key=lambda item: (item[1].f1, item[0]))[:limit]


def agreement(first: Sequence[Document], second: Sequence[Document], names: tuple[str, str]) -> Agreement:
    """Compares the documents that both sides have; InputError where none is, or a text is not the same."""
    common = {document.id for document in first} & {document.id for document in second}
    if not common:
        raise AnnotationError(f"{names[0]} and {names[1]} have no document in common; compare their data.doc_id")
    pairs = pair([d for d in first if d.id in common], [d for d in second if d.id in common])
    counts = {label: total(pairs, label) for label in LABELS.names} | {MICRO: total(pairs)}
    labels: dict[str, str | None] = {**{name: name for name in LABELS.names}, MICRO: None}
    return Agreement(
        *names,
        documents=len(pairs),
        counts=counts,
        overlap={name: _overlap(pairs, label) for name, label in labels.items()},
        tokens=Counter(labels for a, b in pairs for labels in zip(token_labels(a), token_labels(b), strict=True)),
        by_document={a.id: count(a.keys, b.keys) for a, b in pairs},
        differences=tuple(found for a, b in pairs for found in _differences(a, b)),
        left_out=tuple(d.id for d in (*first, *second) if d.id not in common),
    )


def _overlap(pairs: Sequence[tuple[Document, Document]], label: str | None) -> Counts:
    kept = ([[key for key in d.keys if label in (None, key[2])] for d in both] for both in pairs)
    return sum((type_only(a, b) for a, b in kept), Counts())


def token_labels(document: Document) -> list[str]:
    """The label of each token, or OUTSIDE; one that a span covers in part counts as covered."""
    tokens = [line.source_span(*atom) for line in iter_lines(document.text) for atom in atoms(line.text)]
    labels, rest = [], list(document.entities)
    for start, end in tokens:
        while rest and rest[0].end <= start:
            rest.pop(0)
        labels.append(rest[0].label if rest and rest[0].start < end else OUTSIDE)
    return labels


def _differences(a: Document, b: Document) -> list[Difference]:
    """Spans of one document that are not the same, each paired with the first span that it overlaps, if any."""
    left = [entity for entity in a.entities if entity.key not in b.keys]
    right = [entity for entity in b.entities if entity.key not in a.keys]
    found = []
    for entity in left:
        partner = next((other for other in right if other.start < entity.end and entity.start < other.end), None)
        if partner:
            right.remove(partner)
        found.append(Difference(a, entity, partner))
    found += [Difference(a, None, entity) for entity in right]
    return sorted(found, key=lambda difference: (difference.first or difference.second or Entity(0, 0, "", "")).start)


def by_annotator(path: Path) -> dict[str, list[Document]]:
    """Each annotator's documents in one export, skipped ones left out."""
    documents: dict[str, dict[str, Document]] = {}
    for task in read_tasks(path):
        for annotation in task.kept:
            mine = documents.setdefault(annotation.annotator, {})
            if task.doc_id in mine:
                raise AnnotationError(f"{path}: annotator {annotation.annotator} answered {task.name} twice; keep one")
            mine[task.doc_id] = Document(task.doc_id, task.text, entities(task, annotation))
    return {name: list(found.values()) for name, found in documents.items()}


def pairwise(path: Path) -> tuple[list[Agreement], list[tuple[str, str]]]:
    """The agreement of every two annotators of one export, and the pairs that have no document in common.

    AnnotationError where there is but one annotator, or no pair has a document in common.
    """
    annotators = by_annotator(path)
    if len(annotators) < 2:
        raise AnnotationError(f"{path} has {len(annotators)} annotator(s); needed two, or give a second export")
    found: list[Agreement] = []
    apart: list[tuple[str, str]] = []
    for pair_of in combinations(sorted(annotators), 2):
        first, second = (annotators[name] for name in pair_of)
        names = (f"annotator {pair_of[0]}", f"annotator {pair_of[1]}")
        if {d.id for d in first} & {d.id for d in second}:
            found.append(agreement(first, second, names))
        else:
            apart.append(names)
    if not found:
        raise AnnotationError(f"{path}: no two of its {len(annotators)} annotators have a document in common")
    return found, apart
