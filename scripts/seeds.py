"""One configuration with several seeds: mean and standard deviation of F1 on the held-out parts.

    NGHIQUYET_EXTRA=FOLDER python scripts/seeds.py configs/compact.yaml -o runs/seeds/plain --set optimizer.epochs=8

Seeds that are finished are not run again. Only the development part is shown unless --all is given: the test parts are
for the final table alone.
"""

import statistics
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from nghiquyet.console import reported
from nghiquyet.labels import LABELS
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.run import finished_metrics


def summary(values: list[float]) -> str:
    """Mean and sample standard deviation."""
    return f"{statistics.mean(values):.3f} ± {statistics.stdev(values) if len(values) > 1 else 0:.3f}"


@reported()
def main(
    config: Annotated[Path, typer.Argument(help="A training configuration")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder; each seed gets one in it")],
    seeds: Annotated[int, typer.Option(min=1, help="How many: 0, 1, 2, ...")] = 3,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="key=value")] = None,
    every_part: Annotated[bool, typer.Option("--all", help="Show the test parts as well")] = False,
) -> None:
    """Trains, and prints the table."""
    results = []
    for seed in range(seeds):
        own = [*(overrides or []), f"seed={seed}", f"output={output / f'seed-{seed}'}"]
        results.append(finished_metrics(TrainConfig.load(config, own)))
    parts = list(results[0]) if every_part else ["development"]
    names = [*LABELS.names, "micro"]
    table = Table("part", *names, title=f"{output.name}: F1 over {seeds} seeds")
    for part in parts:
        table.add_row(part, *(summary([r[part][name]["f1"] for r in results]) for name in names))
    Console(width=110).print(table)


if __name__ == "__main__":
    typer.run(main)
