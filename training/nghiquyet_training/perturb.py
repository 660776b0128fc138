"""The same documents as they come from elsewhere: other spelling, typing and scanning; with the gold moved along.

A perturbation is a list of edits of the text. An entity keeps what its characters became.
"""

import random
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence

from nghiquyet.documents import Document, Entity
from nghiquyet.normalize import NEW_STYLE, TONE_SWAPS

Edit = tuple[int, int, str]  # replace text[start:end]; sorted, without overlap
Perturbation = Callable[[str], Iterator[Edit]]

OCR_RATE = 0.02  # share of letters that a scanner takes for another
OCR_CONFUSED = {"l": "1", "I": "l", "o": "0", "O": "0", "e": "c", "c": "e", "h": "b", "n": "u", "u": "n", "t": "f"}
NEW_OF = {old: new for new, old in TONE_SWAPS.items()}
ASCII_OF = {"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "..."}


def perturb(document: Document, perturbation: Perturbation) -> Document:
    """The document after the edits, its entities moved along."""
    edits = list(perturbation(document.text))
    parts, position = [], 0
    for start, end, text in edits:
        parts += [document.text[position:start], text]
        position = end
    changed = "".join([*parts, document.text[position:]])
    move = _Moves(edits)
    spans = ((move.start(e.start), move.end(e.end), e.label) for e in document.entities)
    return Document(document.id, changed, tuple(Entity.of(changed, *span) for span in spans))


class _Moves:
    """Where offsets go. One inside an edit goes to that edge of the new text that makes the span larger."""

    def __init__(self, edits: list[Edit]) -> None:
        self._starts = [start for start, _, _ in edits]
        self._ends = [end for _, end, _ in edits]
        self._grown = [0]
        for start, end, text in edits:
            self._grown.append(self._grown[-1] + len(text) - (end - start))

    def start(self, offset: int) -> int:
        done = bisect_right(self._ends, offset)
        inside = done < len(self._starts) and self._starts[done] < offset
        return (self._starts[done] if inside else offset) + self._grown[done]

    def end(self, offset: int) -> int:
        begun = bisect_left(self._starts, offset)
        inside = begun > 0 and offset < self._ends[begun - 1]
        return (self._ends[begun - 1] if inside else offset) + self._grown[begun]


def each_letter(change: Callable[[str], str]) -> Perturbation:
    """Changes letter by letter; a letter with its combining marks is one."""

    def edits(text: str) -> Iterator[Edit]:
        for match in re.finditer(r"\w[\u0300-\u036f]*", text):
            if (changed := change(match[0])) != match[0]:
                yield *match.span(), changed

    return edits


def replaced(pattern: str, change: Callable[[re.Match[str]], str]) -> Perturbation:
    """Replaces each match of `pattern`."""

    def edits(text: str) -> Iterator[Edit]:
        for match in re.finditer(pattern, text):
            if (changed := change(match)) != match[0]:
                yield *match.span(), changed

    return edits


def without_marks(letter: str) -> str:
    """`Đảng` -> `Dang`, letter by letter."""
    bare = "".join(c for c in unicodedata.normalize("NFD", letter) if not unicodedata.combining(c))
    return bare.replace("đ", "d").replace("Đ", "D")


def scanned(text: str) -> Iterator[Edit]:
    """Letters taken for others, or read without their marks, at OCR_RATE; the same text always the same way."""
    draw = random.Random(len(text))
    for i, letter in enumerate(text):
        if letter.isalpha() and draw.random() < OCR_RATE:
            read = OCR_CONFUSED.get(letter) or without_marks(letter)
            if read != letter:
                yield i, i + 1, read


def augmented(documents: Sequence[Document], copies: int, seed: int) -> list[Document]:
    """`copies` perturbed forms of each document, drawn from AUGMENTATIONS; no form twice for one document."""
    draw = random.Random(seed)
    made = []
    for document in documents:
        for name in draw.sample(AUGMENTATIONS, min(copies, len(AUGMENTATIONS))):
            changed = perturb(document, PERTURBATIONS[name])
            made.append(Document(f"{document.id}: {name}", changed.text, changed.entities))
    return made


PERTURBATIONS: dict[str, Perturbation] = {
    "decomposed accents (NFD)": each_letter(lambda letter: unicodedata.normalize("NFD", letter)),
    "tone marks in the old place": replaced(NEW_STYLE.pattern, lambda m: TONE_SWAPS[m[0]]),
    "tone marks in the new place": replaced(rf"(?<![qQ])(?:{'|'.join(NEW_OF)})(?!\w)", lambda m: NEW_OF[m[0]]),
    "ASCII quotes and dashes": replaced("|".join(ASCII_OF), lambda m: ASCII_OF[m[0]]),
    "no space after punctuation": replaced(r"(?<=\w[,.;:]) (?=\w)", lambda m: ""),
    "doubled spaces": replaced(r"(?<=\w) (?=\w)", lambda m: "  "),
    "lower case": each_letter(str.lower),
    "UPPER CASE": each_letter(str.upper),
    "no diacritics": each_letter(without_marks),
    "scanned (2% of letters wrong)": scanned,
}
# What normalisation cannot undo, so that a model must have seen it. Capitals also stand in headlines of plain articles.
AUGMENTATIONS = ("UPPER CASE", "lower case", "no diacritics", "scanned (2% of letters wrong)")
