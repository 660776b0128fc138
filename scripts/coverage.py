"""Share of gold spans whose edges are word edges, the ceiling of any tagger over those words.

    python scripts/coverage.py EXPORT... [--segmenter syllable --segmenter underthesea]

Words are cut without a look at the gold.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from nghiquyet.documents import Document, Entity
from nghiquyet.label_studio import read_documents
from nghiquyet.labels import LABELS
from nghiquyet.normalize import iter_lines
from nghiquyet.segment import SEGMENTERS, Segmenter, load_segmenter


def writable(document: Document, segmenter: Segmenter) -> list[Entity]:
    """The entities of `document` that begin and end at edges of words."""
    spans = [line.source_span(*word) for line in iter_lines(document.text) for word in segmenter.segment(line.text)]
    starts, ends = {start for start, _ in spans}, {end for _, end in spans}
    return [entity for entity in document.entities if entity.start in starts and entity.end in ends]


def main(
    exports: Annotated[list[Path], typer.Argument(help="Label Studio JSON exports")],
    segmenter: Annotated[list[str], typer.Option(help="Segmenters to compare")] = list(SEGMENTERS),  # noqa: B006
) -> None:
    """Prints the share of each label's spans, and of all, that each segmenter's words can write."""
    documents = read_documents(exports)
    total = Counter(entity.label for document in documents for entity in document.entities)
    table = Table("segmenter", *LABELS.names, "all", title=f"{total.total()} spans of {len(documents)} documents")
    for name in segmenter:
        words = load_segmenter(name)
        found = Counter(entity.label for document in documents for entity in writable(document, words))
        shares = [found[label] / max(1, total[label]) for label in LABELS.names]
        table.add_row(name, *(f"{share:.2%}" for share in [*shares, found.total() / max(1, total.total())]))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
