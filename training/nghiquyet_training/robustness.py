"""How F1 moves when the same documents come otherwise spelt, typed or scanned."""

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from nghiquyet.documents import Document
from nghiquyet.predictor import Predictor
from nghiquyet_training.perturb import PERTURBATIONS, perturb
from nghiquyet_training.significance import Comparison, compare_answers
from nghiquyet_training.trainer import predict_documents


def robustness(predictor: Predictor, gold: Sequence[Document]) -> Iterator[tuple[str, Comparison]]:
    """Each perturbation with the comparison of the perturbed documents (A) and the plain ones (B)."""
    plain = predict_documents(predictor, gold)
    for name, perturbation in PERTURBATIONS.items():
        changed = [perturb(document, perturbation) for document in gold]
        yield name, compare_answers(changed, predict_documents(predictor, changed), gold, plain)


def robustness_table(rows: Sequence[tuple[str, Comparison]], title: str) -> Table:
    """F1 on the perturbed documents, and its difference from the plain ones with a 95% interval."""
    table = Table("documents", title=Text(title), box=SIMPLE_HEAD)
    for column in ("F1", "change", "95% interval"):
        table.add_column(column, justify="right", no_wrap=True)
    if rows:
        table.add_row("as they are", f"{rows[0][1].f1_b:.3f}", "", "")
    for name, each in rows:
        table.add_row(name, f"{each.f1_a:.3f}", f"{each.difference:+.3f}", f"{each.low:+.3f} to {each.high:+.3f}")
    return table
