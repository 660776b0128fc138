"""Share of gold spans whose edges are word edges, the ceiling of any tagger over those words.

    python scripts/coverage.py EXPORT...

Words are cut without a look at the gold. `underthesea, uncut` are its own words, before this package cuts them again.
"""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from nghiquyet.console import reported
from nghiquyet.documents import Document, Entity
from nghiquyet.label_studio import read_documents
from nghiquyet.labels import LABELS
from nghiquyet.normalize import iter_lines
from nghiquyet.segment import SEGMENTERS, Segmenter, Word, load_segmenter


class UncutSegmenter:
    """underthesea's words as they come."""

    name = "underthesea, uncut"
    version = ""

    def __init__(self) -> None:
        from underthesea import word_tokenize

        self._tokenize = word_tokenize

    def segment(self, line: str) -> list[Word]:
        """Its words, found again in the line in their order."""
        spans, position = [], 0
        for word in self._tokenize(line, use_token_normalize=False):
            syllables = word.split()
            start = line.index(syllables[0], position)
            for syllable in syllables:
                position = line.index(syllable, position) + len(syllable)
            spans.append((start, position))
        return spans


def writable(document: Document, segmenter: Segmenter) -> list[Entity]:
    """The entities of `document` that are whole words of one line."""
    edges = [
        (line.source_span(*word), number)
        for number, line in enumerate(iter_lines(document.text))
        for word in segmenter.segment(line.text)
    ]
    starts = {start: number for (start, _), number in edges}
    ends = {end: number for (_, end), number in edges}
    return [e for e in document.entities if e.start in starts and starts[e.start] == ends.get(e.end)]


@reported()
def main(exports: Annotated[list[Path], typer.Argument(help="Label Studio JSON exports")]) -> None:
    """Prints the share of each label's spans, and of all, that each segmenter's words can write."""
    documents = read_documents(exports)
    total = Counter(entity.label for document in documents for entity in document.entities)
    table = Table("segmenter", *LABELS.names, "all", title=f"{total.total()} spans of {len(documents)} documents")
    for words in (*map(load_segmenter, SEGMENTERS), UncutSegmenter()):
        found = Counter(entity.label for document in documents for entity in writable(document, words))
        shares = [found[label] / max(1, total[label]) for label in LABELS.names]
        table.add_row(words.name, *(f"{share:.2%}" for share in [*shares, found.total() / max(1, total.total())]))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
