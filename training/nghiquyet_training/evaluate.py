"""Scores of a predictor on gold documents, as tables for people and rows for machines."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from nghiquyet.documents import Document
from nghiquyet.predictor import Predictor
from nghiquyet.scoring import Score, score
from nghiquyet_training.trainer import predict_documents


def evaluate(predictor: Predictor, gold: Sequence[Document]) -> dict[str, Score]:
    """Exact span scores of each label and `micro`, with 95% intervals over documents."""
    return score(gold, predict_documents(predictor, gold))


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
