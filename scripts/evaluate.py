"""One model on gold documents, in full: exact and laxer scores, errors by kind, where it does well.

    python scripts/evaluate.py compact annotations/gold/gold.json

As a page with every error in its text: nghiquyet-train report MODEL EXPORT -o FOLDER.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from nghiquyet.console import reported
from nghiquyet.labels import LABELS
from nghiquyet.predictor import Predictor
from nghiquyet.scoring import ErrorKind
from nghiquyet_training.evaluate import read_gold, score_table
from nghiquyet_training.report import Report, make_report


def error_table(report: Report) -> Table:
    """How many errors of each kind, by label."""
    table = Table("errors", *LABELS.names, box=SIMPLE_HEAD)
    for kind in ErrorKind:
        table.add_row(kind.value, *(str(report.errors[label][kind]) for label in LABELS.names))
    return table


@reported()
def main(
    model: Annotated[str, typer.Argument(help="Bundled model, model folder or Hub id")],
    exports: Annotated[list[Path], typer.Argument(help="Label Studio JSON exports with the gold")],
    tenth: Annotated[int | None, typer.Option(min=0, max=9, help="Only this tenth of the documents, by hash")] = None,
) -> None:
    """Prints the tables."""
    gold = read_gold(exports, tenth)
    report = make_report(Predictor.load(model), gold, model=model, data=", ".join(path.name for path in exports))
    console = Console()
    console.print(score_table(report.scores, f"{model}: {len(gold)} documents"))
    for name, counts in (("partial", report.partial), ("type", report.type_only)):
        print(f"{name} F1: " + ", ".join(f"{label} {each.f1:.3f}" for label, each in counts.items()))
    print(f"macro F1: {report.macro:.3f}")
    console.print(error_table(report))
    for each in report.breakdowns:
        console.print(score_table(each.scores, each.meaning))


if __name__ == "__main__":
    typer.run(main)
