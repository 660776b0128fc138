"""Scores of a predictor on gold documents, as tables for people and rows for machines."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from nghiquyet.documents import Document, Entity
from nghiquyet.errors import InputError
from nghiquyet.label_studio import read_documents
from nghiquyet.predictor import Predictor
from nghiquyet.scoring import MICRO, Score, score
from nghiquyet.splits import tenth as tenth_of
from nghiquyet_training.significance import Comparison
from nghiquyet_training.trainer import predict_documents


def evaluate(predictor: Predictor, gold: Sequence[Document]) -> dict[str, Score]:
    """Exact span scores of each label and `micro`, with 95% intervals over documents."""
    return score(gold, predict_documents(predictor, gold))


def read_gold(exports: Sequence[Path], tenth: int | None = None) -> list[Document]:
    """The gold documents of exports, or only those of one tenth; none at all is an InputError."""
    gold = [d for d in read_documents(exports) if tenth in (None, tenth_of(d.id))]
    if not gold:
        raise InputError("no documents to score on: the exports hold none, or none in that tenth")
    return gold


def predictions(source: str, gold: Sequence[Document]) -> list[Document]:
    """What `source` finds in the `gold` documents: a model, or a file that `nghiquyet predict --format jsonl` wrote.

    A file must hold each of the documents, known by its text.
    """
    if not source.endswith(".jsonl"):
        return predict_documents(Predictor.load(source), gold)
    found = {document.text: document for document in read_predictions(Path(source))}
    if missing := [document.id for document in gold if document.text not in found]:
        raise InputError(f"{source} lacks {len(missing)} of {len(gold)} documents, first {missing[0]}")
    return [Document(d.id, d.text, found[d.text].entities) for d in gold]


def read_predictions(path: Path) -> Iterator[Document]:
    """The documents of a JSON lines file with `id`, `text` and `entities`."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # a text may hold U+2028, which splitlines would cut at
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
            entities = (Entity.of(raw["text"], e["start"], e["end"], e["label"]) for e in raw["entities"])
            yield Document(str(raw["id"]), raw["text"], tuple(entities))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}:{number}: needed a line as nghiquyet predict --format jsonl writes it: {error}"
            ) from error


def rows(scores: Mapping[str, Score]) -> dict[str, dict[str, Any]]:
    """The scores as JSON holds them, shares to four places."""
    return {
        name: {key: round(value, 4) if isinstance(value, float) else value for key, value in each.row().items()}
        for name, each in scores.items()
    }


def score_table(scores: Mapping[str, Score], title: str) -> Table:
    """Label, precision, recall, F1 and its 95% interval, spans in the gold, found, and found right."""
    table = Table("label", title=Text(title), box=SIMPLE_HEAD)
    for column in ("precision", "recall", "F1", "interval", "gold", "found", "right"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, each in scores.items():
        c = each.counts
        interval = f"{each.low:.3f}-{each.high:.3f}"
        shares = (f"{value:.3f}" for value in (c.precision, c.recall, c.f1))
        table.add_row(name, *shares, interval, str(c.gold), str(c.predicted), str(c.hits))
    return table


def comparison_table(by_label: Mapping[str | None, Comparison], a: str, b: str) -> Table:
    """F1 of A and B by label and in all, the 95% interval of the difference, and the chance of one so large."""
    table = Table("label", title=Text(f"A = {a}, B = {b}"), box=SIMPLE_HEAD)
    for column in ("F1 of A", "F1 of B", "A less B", "95% interval", "p"):
        table.add_column(column, justify="right", no_wrap=True)
    for label, each in by_label.items():
        interval = f"{each.low:+.3f} to {each.high:+.3f}"
        shares = (f"{each.f1_a:.3f}", f"{each.f1_b:.3f}", f"{each.difference:+.3f}")
        table.add_row(label or MICRO, *shares, interval, f"{each.p_value:.4f}")
    return table
