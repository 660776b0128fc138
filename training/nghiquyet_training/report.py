"""All that is known of how a model does on gold documents, gathered for a page and for machines."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nghiquyet.documents import Document
from nghiquyet.duplicates import Overlap, overlaps
from nghiquyet.labels import LABELS
from nghiquyet.predictor import Predictor
from nghiquyet.scoring import (
    MICRO,
    Counts,
    ErrorKind,
    Key,
    Score,
    SpanError,
    count,
    errors,
    macro_f1,
    matches,
    pair,
    partial,
    score,
    type_only,
)
from nghiquyet_training.breakdown import Breakdown, breakdowns
from nghiquyet_training.calibration import Claims, calibration_error, claims
from nghiquyet_training.evaluate import rows
from nghiquyet_training.learning_curve import Point
from nghiquyet_training.robustness import robustness
from nghiquyet_training.significance import Comparison
from nghiquyet_training.trainer import predict_documents

NOTHING = "nothing"  # the row and the column of the confusion for what has no partner


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """One document: gold, prediction, and the errors between them."""

    gold: Document
    predicted: Document
    errors: tuple[SpanError, ...]
    counts: Counts


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one model on one set of gold documents."""

    model: str
    data: str
    documents: list[DocumentResult]
    scores: dict[str, Score]
    partial: dict[str, Counts]
    type_only: dict[str, Counts]
    errors: dict[str, Counter[ErrorKind]]
    confusion: Counter[tuple[str, str]]
    breakdowns: list[Breakdown]
    claims: Claims
    temperature: float
    robustness: list[tuple[str, Comparison]]
    curve: list[Point]
    leakage: list[Overlap] | None

    @property
    def macro(self) -> float:
        return macro_f1(self.scores)


def make_report(
    predictor: Predictor,
    gold: Sequence[Document],
    *,
    model: str,
    data: str,
    train: Sequence[Document] | None = None,
    perturb: bool = False,
    curve: Sequence[Point] = (),
) -> Report:
    """Predicts and measures. `train`: what the model was trained on, for the breakdown by memory and for leakage."""
    predicted = predict_documents(predictor, gold)
    pairs = pair(gold, predicted)
    results = [DocumentResult(g, p, tuple(errors(g.keys, p.keys)), count(g.keys, p.keys)) for g, p in pairs]
    by_label: dict[str, Counter[ErrorKind]] = {name: Counter() for name in LABELS.names}
    for result in results:
        for error in result.errors:
            by_label[error.label][error.kind] += 1
    return Report(
        model=model,
        data=data,
        documents=results,
        scores=score(gold, predicted),
        partial=_relaxed(pairs, partial),
        type_only=_relaxed(pairs, type_only),
        errors=by_label,
        confusion=confusion(pairs),
        breakdowns=breakdowns(gold, predicted, train),
        claims=claims(gold, predicted),
        temperature=predictor.temperature,
        robustness=list(robustness(predictor, gold)) if perturb else [],
        curve=list(curve),
        leakage=overlaps(train, gold) if train is not None else None,
    )


def _relaxed(pairs: Sequence[tuple[Document, Document]], measure: Any) -> dict[str, Counts]:
    """The counts of a laxer measure by label and in all."""

    def keys(document: Document, label: str) -> list[Key]:
        return [key for key in document.keys if label in (MICRO, key[2])]

    return {
        label: sum((measure(keys(g, label), keys(p, label)) for g, p in pairs), Counts())
        for label in (*LABELS.names, MICRO)
    }


def confusion(pairs: Sequence[tuple[Document, Document]]) -> Counter[tuple[str, str]]:
    """How often a gold label was given a predicted one: spans are paired by overlap, others with NOTHING."""
    table: Counter[tuple[str, str]] = Counter()
    for gold, predicted in pairs:
        found = matches(set(gold.keys), set(predicted.keys), same_label=False)
        table.update((g[2], p[2]) for g, p in found)
        table.update((key[2], NOTHING) for key in gold.keys - {g for g, _ in found})
        table.update((NOTHING, key[2]) for key in predicted.keys - {p for _, p in found})
    return table


def to_json(report: Report) -> dict[str, Any]:
    """The report for machines: figures and the keys of every error, no text."""
    return {
        "model": report.model,
        "data": report.data,
        "documents": len(report.documents),
        "scores": rows(report.scores),
        "macro_f1": round(report.macro, 4),
        "partial_f1": {name: round(counts.f1, 4) for name, counts in report.partial.items()},
        "type_f1": {name: round(counts.f1, 4) for name, counts in report.type_only.items()},
        "errors": {label: {kind.value: n for kind, n in kinds.items()} for label, kinds in report.errors.items()},
        "confusion": [{"gold": g, "predicted": p, "spans": n} for (g, p), n in sorted(report.confusion.items())],
        "breakdowns": {each.name: rows(each.scores) for each in report.breakdowns},
        "calibration": {
            "temperature": report.temperature,
            "expected_error": round(calibration_error(report.claims), 4),
            "by_label": {name: round(calibration_error(report.claims.of(name)), 4) for name in LABELS.names},
        },
        "robustness": {
            name: {
                "f1": round(c.f1_a, 4),
                "change": round(c.difference, 4),
                "low": round(c.low, 4),
                "high": round(c.high, 4),
            }
            for name, c in report.robustness
        },
        "learning_curve": [point.row() for point in report.curve],
        "leakage": None
        if report.leakage is None
        else [{"train": o.left, "test": o.right, "share": round(o.share, 4)} for o in report.leakage],
        "by_document": [
            {
                "id": each.gold.id,
                "f1": round(each.counts.f1, 4),
                "errors": [{"kind": e.kind.value, "gold": e.gold, "predicted": e.predicted} for e in each.errors],
            }
            for each in report.documents
        ],
    }
