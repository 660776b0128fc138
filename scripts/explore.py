"""What pays in pretraining: short runs that differ in one thing each, and what a tagger from each encoder reaches.

    NGHIQUYET_CORPUS=FOLDER NGHIQUYET_EXTRA=FOLDER python scripts/explore.py configs/explore.yaml -o runs/explore
    ... --only scratch --only vocab-8k    # these alone; what is done is not done again, what was stopped goes on

Each encoder is fine-tuned with several seeds by the `tagger` settings and scored on the development tenth. The table
has the loss of the last steps (comparable only between runs of one vocabulary and objective), pieces a second, F1.
"""

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from nghiquyet.console import reported
from nghiquyet_training.explore import Exploration, explored


def rows_of(results: dict[str, dict[str, Any]]) -> Iterator[list[str]]:
    for name, found in results.items():
        losses = ", ".join(f"{part} {loss:.3f}" for part, loss in found["losses"].items())
        f1 = found["f1"]["micro"]
        spread = statistics.stdev(f1) if len(f1) > 1 else 0.0
        speed = f"{found['pieces a second'] or 0:,.0f}"  # 0: it was stopped and went on
        yield [name, f"{found['pieces'] / 1e6:.1f}", losses, speed, f"{statistics.mean(f1):.3f} ± {spread:.3f}"]


@reported()
def main(
    config: Annotated[Path, typer.Argument(help="The runs, as configs/explore.yaml")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder; each run gets one in it")],
    only: Annotated[list[str] | None, typer.Option(help="These runs alone")] = None,
) -> None:
    """Pretrains, fine-tunes, and prints the table."""
    plan = Exploration.load(config)
    output.mkdir(parents=True, exist_ok=True)
    results = {name: explored(plan, name, output) for name in only or plan.variants}
    table = Table("run", "million pieces", "loss", "pieces/s", f"F1 over {plan.seeds} seeds", title="development tenth")
    for row in rows_of(results):
        table.add_row(*row)
    Console(width=110).print(table)


if __name__ == "__main__":
    typer.run(main)
