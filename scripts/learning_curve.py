"""F1 by the number of annotated documents, and what the next ones may bring.

    NGHIQUYET_EXTRA=FOLDER python scripts/learning_curve.py configs/teacher.yaml -o runs/curve --sizes 24,48,96,192,379

Each size is trained as many steps as the largest would be, and scored on the development documents. The output folder
gets points.jsonl, a line a training; what is there is not trained again.
"""

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from nghiquyet.console import reported
from nghiquyet_training.config import TrainConfig
from nghiquyet_training.learning_curve import forecast, measure, read_points


@reported()
def main(
    config: Annotated[Path, typer.Argument(help="A training configuration")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for points.jsonl")],
    sizes: Annotated[str, typer.Option(help="Numbers of documents")] = "24,48,96,192,379",
    seeds: Annotated[int, typer.Option(min=1, help="Seeds for each size")] = 3,
    more: Annotated[int, typer.Option(min=1, help="Documents to look ahead")] = 50,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="key=value")] = None,
) -> None:
    """Trains, and prints the curve with its forecast."""
    settings = TrainConfig.load(config, [*(overrides or []), f"output={output}"])
    path = output / "points.jsonl"
    points = read_points(path)
    done = {(p.documents, p.seed) for p in points}
    output.mkdir(parents=True, exist_ok=True)
    for size in map(int, sizes.split(",")):
        for seed in range(seeds):
            if (size, seed) in done:
                continue
            for point in measure(settings, [size], [seed]):
                points.append(point)
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(point.row()) + "\n")
                shutil.rmtree(output / f"{size}-{seed}", ignore_errors=True)
                typer.echo(f"{size} documents, seed {seed}: F1 {point.f1:.3f}")
    typer.echo(forecast(points, more).in_words())


if __name__ == "__main__":
    typer.run(main)
