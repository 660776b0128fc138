"""How far the labelling functions for RESOLUTION agree with the gold, and what they find in unlabelled text.

    python scripts/rules.py "$NGHIQUYET_EXTRA"/label-studio-export.json

Only documents of the training tenths are looked at: the rules must not be fitted to what is reported on.
"""

from pathlib import Path
from typing import Annotated

import typer

from nghiquyet.console import reported
from nghiquyet.label_studio import read_documents
from nghiquyet.splits import tenth
from nghiquyet_training.rules import resolutions

HELD_OUT = (8, 9)


@reported()
def main(exports: Annotated[list[Path], typer.Argument(help="Label Studio JSON exports")]) -> None:
    """Prints precision and recall, and every find that is not gold."""
    gold = found = right = 0
    for document in (d for d in read_documents(exports) if tenth(d.id) not in HELD_OUT):
        wanted = {(e.start, e.end) for e in document.entities if e.label == "RESOLUTION"}
        spans = set(resolutions(document.text))
        gold, found, right = gold + len(wanted), found + len(spans), right + len(spans & wanted)
        for start, end in sorted(spans - wanted):
            print(f"not gold: …{document.text[max(0, start - 20) : start]}[{document.text[start:end]}]")
    print(
        f"{found} found, {right / max(1, found):.1%} of them gold; {gold} in the gold, {right / max(1, gold):.1%} found"
    )


if __name__ == "__main__":
    typer.run(main)
