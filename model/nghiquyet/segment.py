"""From a line of text to word spans: the unit that the encoder reads and the tagger labels.

Whatever the segmenter, a span ends wherever a name can end: at punctuation, at a change between letters and
digits, and at a lower-case letter before a capital (`Nga|TAG`). What lies between two such edges is an *atom*.
"""

import re
from itertools import pairwise
from typing import Protocol

from nghiquyet.errors import ArtefactError

Word = tuple[int, int]  # half-open offsets into the line

MAX_WORD = 100  # code points; a longer unbroken run is cut, so that the cost stays linear in its length

_ATOM = re.compile(
    rf"""
    (?P<letters>(?:[^\W\d_][\u0300-\u036f]*)+)  # a syllable, with marks that do not compose
  | \d{{1,20}}(?:[.,]\d{{1,20}}){{0,3}}          # 5.470 and 3,5 stay whole
  | (?P<mark>[^\s\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff])(?P=mark){{0,{MAX_WORD - 1}}}  # "..." is one
    """,
    re.VERBOSE,
)


def atoms(line: str) -> list[Word]:
    """The smallest spans that can be told apart, at most MAX_WORD long; they cover all that is visible."""
    spans: list[Word] = []
    for match in _ATOM.finditer(line):
        start, end = match.span()
        run = match["letters"]
        if run is None or (len(run) <= MAX_WORD and (run[1:].islower() or run.isupper() or len(run) == 1)):
            spans.append((start, end))
        else:
            spans += _cut(run, start)
    return spans


def _cut(run: str, offset: int) -> list[Word]:
    """Cuts a run of letters before a capital that follows a small letter, and wherever it grows too long."""
    edges = [0]
    for i in range(1, len(run)):
        if (run[i].isupper() and run[i - 1].islower()) or i - edges[-1] == MAX_WORD:
            edges.append(i)
    return [(offset + a, offset + b) for a, b in pairwise([*edges, len(run)])]


class Segmenter(Protocol):
    """Finds the words of one NFC line. A model works only with the segmenter that it was trained with."""

    name: str
    version: str

    def segment(self, line: str) -> list[Word]:
        """Sorted spans without overlap that begin and end at edges of `atoms(line)`."""
        ...


class SyllableSegmenter:
    """Each atom is a word: no dictionary, no model, every edge can be written."""

    name = "syllable"
    version = "1"

    def segment(self, line: str) -> list[Word]:
        return atoms(line)


SEGMENTERS = ("syllable", "underthesea")


def load_segmenter(name: str) -> Segmenter:
    """The segmenter called `name`; ArtefactError where there is none, MissingExtraError where it is not installed."""
    if name == "syllable":
        return SyllableSegmenter()
    if name == "underthesea":
        from nghiquyet.words import UndertheseaSegmenter

        return UndertheseaSegmenter()
    raise ArtefactError(f"no segmenter is called {name!r}; there are: {', '.join(SEGMENTERS)}")
