"""Two ways of training, several models each: mean F1 and its deviation over the models, and whether one way is better.

    python scripts/compare.py --a runs/x/seed-0/model --a runs/x/seed-1/model --b runs/y/seed-0/model --gold EXPORT

For two single models: nghiquyet-train compare A B --gold EXPORT.
"""

import statistics
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from nghiquyet.console import reported
from nghiquyet.documents import Document
from nghiquyet.labels import LABELS
from nghiquyet.scoring import pair, total
from nghiquyet_training.evaluate import comparison_table, predictions, read_gold
from nghiquyet_training.significance import compare_seeds


def spread(gold: list[Document], runs: list[list[Document]]) -> str:
    """Mean and deviation of micro F1 over the runs."""
    values = [total(pair(gold, run)).f1 for run in runs]
    return (
        f"{statistics.mean(values):.3f} ± {statistics.stdev(values) if len(values) > 1 else 0:.3f} over {len(values)}"
    )


@reported()
def main(
    a: Annotated[list[str], typer.Option(help="A model, or predictions in JSON lines; repeatable")],
    b: Annotated[list[str], typer.Option(help="The other way; repeatable")],
    gold: Annotated[list[Path], typer.Option(help="Label Studio JSON exports with the gold")],
    tenth: Annotated[int | None, typer.Option(min=0, max=9, help="Only this tenth of the documents, by hash")] = None,
) -> None:
    """Prints the table and the verdict."""
    documents = read_gold(gold, tenth)
    left, right = ([predictions(source, documents) for source in sources] for sources in (a, b))
    by_label = {label: compare_seeds(documents, left, right, label) for label in (*LABELS.names, None)}
    Console().print(comparison_table(by_label, f"{a[0]} …", f"{b[0]} …"))
    print(f"A: {spread(documents, left)}; B: {spread(documents, right)}")
    print(by_label[None].in_words())


if __name__ == "__main__":
    typer.run(main)
