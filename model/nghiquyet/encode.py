"""From a source string to words with source offsets and piece ids."""

from dataclasses import dataclass
from functools import lru_cache

from nghiquyet.bpe import PhobertBpe
from nghiquyet.normalize import iter_lines, old_tone_placement
from nghiquyet.segment import Segmenter

CACHE_WORDS = 1 << 16  # 65,536 words, some 15 MB when full


@dataclass(frozen=True, slots=True)
class Encoded:
    """The words of one source string, in order.

    `spans[i]` are source offsets of word `i`, `pieces[i]` its ids (one at least). `lines` are the half-open
    word ranges of the lines that hold a word; together they cover all words.
    """

    spans: list[tuple[int, int]]
    pieces: list[tuple[int, ...]]
    lines: list[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.spans)

    def add(self, span: tuple[int, int], pieces: tuple[int, ...]) -> None:
        """Appends a word; one that shares source characters with the word before becomes part of it."""
        if self.spans and span[0] < self.spans[-1][1]:
            self.spans[-1] = self.spans[-1][0], span[1]
            self.pieces[-1] += pieces
        else:
            self.spans.append(span)
            self.pieces.append(pieces)


class Encoder:
    """Applies one segmenter and one vocabulary."""

    def __init__(self, segmenter: Segmenter, bpe: PhobertBpe) -> None:
        self.segmenter = segmenter
        self.bpe = bpe
        self.piece_ids = lru_cache(maxsize=CACHE_WORDS)(lambda word: bpe.ids(word_form(word)))
        """The ids of one word as it stands in a text."""

    def encode(self, source: str) -> Encoded:
        """Every visible character of `source` lies in exactly one word; words do not overlap; nothing is truncated."""
        encoded = Encoded([], [], [])
        for line in iter_lines(source):
            first = len(encoded)
            for start, end in self.segmenter.segment(line.text):
                encoded.add(line.source_span(start, end), self.piece_ids(line.text[start:end]))
            if len(encoded) > first:
                encoded.lines.append((first, len(encoded)))
        return encoded


def word_form(word: str) -> str:
    """A word as PhoBERT's vocabulary spells it: syllables joined by `_`, tone marks in the old place."""
    return old_tone_placement("_".join(word.split()))
