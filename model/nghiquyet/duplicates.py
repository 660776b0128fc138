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


class Passages:
    """The shingles of some documents, to tell which other texts share a passage with one of them."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._holders: dict[str, list[int]] = defaultdict(list)
        self._enough: list[int] = []  # of each document's shingles
        for number, own in enumerate(shingles(document.text) for document in documents):
            self._enough.append(min(PASSAGE, len(own)))
            for shingle in own:
                self._holders[shingle].append(number)

    def in_text(self, text: str) -> bool:
        """Whether the text has PASSAGE shingles of one of the documents, or all that it has."""
        shared = Counter(holder for shingle in shingles(text) for holder in self._holders.get(shingle, ()))
        return any(times >= self._enough[holder] for holder, times in shared.items())


def overlaps(left: Iterable[Document], right: Sequence[Document] | None = None) -> list[Overlap]:
    """Pairs of documents that share a shingle, the most alike first; between `left` and `right`, or within `left`.

    The cost is linear in the text, but for passages that very many documents share.
    """
    lefts = [(d.id, shingles(d.text)) for d in left]
    rights = lefts if right is None else [(d.id, shingles(d.text)) for d in right]
    holders: dict[str, list[int]] = defaultdict(list)
    for i, (_, own) in enumerate(rights):
        for shingle in own:
            holders[shingle].append(i)
    found = []
    for i, (name, own) in enumerate(lefts):
        shared: dict[int, int] = defaultdict(int)
        for shingle in own:
            for j in holders.get(shingle, ()):
                if right is not None or j > i:
                    shared[j] += 1
        found += [Overlap(name, rights[j][0], n / min(len(own), len(rights[j][1]))) for j, n in shared.items()]
    return sorted(found, key=lambda each: (-each.share, each.left, each.right))
