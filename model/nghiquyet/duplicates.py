"""Texts that share passages: duplicates in a collection, and leakage between what is trained and what is tested on."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from nghiquyet.documents import Document

SHINGLE = 8  # words in a row; what two texts share of this length is hardly chance
PASSAGE = 3  # shingles: ten words in a row, or three times eight; set phrases of the domain are mostly shorter
NEAR = 0.5  # share of the shorter text's shingles from which two texts are near-duplicates

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two documents and the share of the shorter one's shingles that the other has, in (0, 1]."""

    left: str
    right: str
    share: float

    @property
    def near_duplicate(self) -> bool:
        return self.share >= NEAR


def shingles(text: str) -> frozenset[str]:
    """Every run of SHINGLE words, without regard to case, punctuation and how accents are written.

    A shorter text is one run.
    """
    words = _WORD.findall(normalize("NFC", text).casefold())
    runs = range(max(1, len(words) - SHINGLE + 1))
    return frozenset(" ".join(words[i : i + SHINGLE]) for i in runs) if words else frozenset()


def _holders(some: Sequence[frozenset[str]]) -> dict[str, list[int]]:
    """Of each shingle the places of those that have it."""
    holders: dict[str, list[int]] = defaultdict(list)
    for place, own in enumerate(some):
        for shingle in own:
            holders[shingle].append(place)
    return holders


def _shared(own: frozenset[str], holders: dict[str, list[int]]) -> Counter[int]:
    """How many of a text's shingles each of the others has."""
    return Counter(place for shingle in own for place in holders.get(shingle, ()))


class Passages:
    """The shingles of some documents, to tell which other texts share a passage with one of them."""

    def __init__(self, documents: Iterable[Document]) -> None:
        all_of = [shingles(document.text) for document in documents]
        self._holders = _holders(all_of)
        self._enough = [min(PASSAGE, len(own)) for own in all_of]

    def in_text(self, text: str) -> bool:
        """Whether the text has PASSAGE shingles of one of the documents, or all that it has."""
        return any(times >= self._enough[place] for place, times in _shared(shingles(text), self._holders).items())


def overlaps(left: Iterable[Document], right: Sequence[Document] | None = None) -> list[Overlap]:
    """Pairs of documents that share a shingle, the most alike first; between `left` and `right`, or within `left`.

    The cost is linear in the text, but for passages that very many documents share.
    """
    lefts = [(d.id, shingles(d.text)) for d in left]
    rights = lefts if right is None else [(d.id, shingles(d.text)) for d in right]
    holders = _holders([own for _, own in rights])
    found = []
    for i, (name, own) in enumerate(lefts):
        shared = {j: n for j, n in _shared(own, holders).items() if right is not None or j > i}
        found += [Overlap(name, rights[j][0], n / min(len(own), len(rights[j][1]))) for j, n in shared.items()]
    return sorted(found, key=lambda each: (-each.share, each.left, each.right))
