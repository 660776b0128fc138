"""How F1 moves when the same documents come otherwise spelt, typed or scanned.

python scripts/robustness.py compact annotations/gold/gold.json
python scripts/robustness.py runs/compact/model "$NGHIQUYET_EXTRA"/label-studio-export.json --tenth 9
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from nghiquyet.console import reported
from nghiquyet.predictor import Predictor
from nghiquyet_training.evaluate import read_gold
from nghiquyet_training.perturb import PERTURBATIONS
from nghiquyet_training.robustness import robustness, robustness_table


@reported()
def main(
    model: Annotated[str, typer.Argument(help="Bundled model, model folder or Hub id")],
    exports: Annotated[list[Path], typer.Argument(help="Label Studio JSON exports with the gold")],
    tenth: Annotated[int | None, typer.Option(min=0, max=9, help="Only this tenth of the documents, by hash")] = None,
) -> None:
    """Prints the table."""
    gold = read_gold(exports, tenth)
    rows = list(track(robustness(Predictor.load(model), gold), "perturbations", total=len(PERTURBATIONS)))
    Console().print(robustness_table(rows, f"{model}: {len(gold)} documents, perturbed"))


if __name__ == "__main__":
    typer.run(main)
