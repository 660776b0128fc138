"""The report as one HTML page that needs nothing else: no network, no other file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from nghiquyet.documents import Document
from nghiquyet.labels import LABELS
from nghiquyet.scoring import MICRO, ErrorKind, Key
from nghiquyet_training.calibration import calibration_error
from nghiquyet_training.learning_curve import forecast
from nghiquyet_training.plots import curve_plot, interval_plot, label_reliability_plot, reliability_plot
from nghiquyet_training.report import NOTHING, DocumentResult, Report

HIT = "right"
MORE_DOCUMENTS = 50  # that the learning curve looks ahead
TEMPLATE = Path(__file__).parent / "templates" / "report.html.j2"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of a document's text; a span where it has a label."""

    text: str
    label: str = ""
    kind: str = ""
    number: int = -1
    """Of the error in its document, the same on both sides; -1 for what is right."""
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class DocumentView:
    """One document as the error browser shows it."""

    id: str
    f1: float
    kinds: list[str]
    labels: list[str]
    gold: list[Piece]
    predicted: list[Piece]
    errors: int


def view(result: DocumentResult) -> DocumentView:
    """Both sides of a document in pieces, each span with its error."""
    status: dict[tuple[int, Key], tuple[str, int]] = {}
    for number, error in enumerate(result.errors):
        for side, keys in enumerate((error.gold, error.predicted)):
            status |= {(side, key): (error.kind.value, number) for key in keys}
    wrong = [key for error in result.errors for key in (*error.gold, *error.predicted)]
    return DocumentView(
        id=result.gold.id,
        f1=result.counts.f1,
        kinds=sorted({error.kind.value for error in result.errors}),
        labels=sorted({key[2] for key in wrong}),
        gold=list(_pieces(result.gold, status, 0)),
        predicted=list(_pieces(result.predicted, status, 1)),
        errors=len(result.errors),
    )


def _pieces(document: Document, status: dict[tuple[int, Key], tuple[str, int]], side: int) -> Iterator[Piece]:
    position = 0
    for entity in document.entities:
        if position < entity.start:
            yield Piece(document.text[position : entity.start])
        kind, number = status.get((side, entity.key), (HIT, -1))
        yield Piece(entity.text, entity.label, kind, number, entity.score)
        position = entity.end
    if position < len(document.text):
        yield Piece(document.text[position:])


def to_html(report: Report) -> str:
    """The page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"f1": "{:.3f}".format, "signed": "{:+.3f}".format, "percent": "{:.0%}".format}
    template = TEMPLATE.read_text(encoding="utf-8")
    return environment.from_string(template).render(**_context(report))


def _context(report: Report) -> dict[str, Any]:
    views = [view(result) for result in report.documents]
    columns = [*LABELS.names, NOTHING]
    return {
        "report": report,
        "micro": report.scores[MICRO],
        "labels": list(LABELS),
        "kinds": [kind.value for kind in ErrorKind],
        "error_table": {name: [kinds[kind] for kind in ErrorKind] for name, kinds in report.errors.items()},
        "columns": columns,
        "confusion": {row: [report.confusion[row, column] for column in columns] for row in columns},
        "calibration": {
            name: calibration_error(report.claims if name == MICRO else report.claims.of(name))
            for name in (*LABELS.names, MICRO)
        },
        "documents": sorted(views, key=lambda each: (each.f1, each.id)),
        "plots": {name: Markup(svg) for name, svg in _plots(report).items()},
        "forecast": forecast(report.curve, MORE_DOCUMENTS).in_words() if report.curve else "",
    }


def _plots(report: Report) -> dict[str, str]:
    intervals = {name: (s.counts.f1, s.low, s.high) for name, s in report.scores.items()}
    plots = {"intervals": interval_plot(intervals)}
    if len(report.claims.scores):
        plots |= {"reliability": reliability_plot(report.claims), "by_label": label_reliability_plot(report.claims)}
    if report.curve:
        plots["curve"] = curve_plot(report.curve, max(p.documents for p in report.curve) + MORE_DOCUMENTS)
    return plots
