"""From one label distribution a word to entities: the best legal BIO sequence, and the probability of each span."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nghiquyet.chain import OUTSIDE_ID, Chain, Path
from nghiquyet.documents import Entity
from nghiquyet.encode import Encoded
from nghiquyet.labels import LABELS, LabelSet

Floats = NDArray[np.float32]
# A word that is outside with this probability ends what may be a span; where nothing may go on, it is enough that it
# begins nothing. Most words are sure so. Of 5,263 spans in news six became others by it, and scores moved by 0.003 on
# average. A model that learnt whole sequences leaves it to the chain that nothing goes on behind a word outside.
SURE = 0.98
BEGINS_NOTHING = 0.99


@dataclass(frozen=True, slots=True)
class WordSpan:
    """An entity over the words `[first, last)`."""

    first: int
    last: int
    label: str
    score: float


class Decoder:
    """Constrained BIO decoding: `I-X` stands only after `B-X` or `I-X` of the same line.

    `transitions` (L, L): logarithms of how much likelier the column's tag is behind the row's than by itself; None
    tells legal from illegal steps only. Words are taken as independent but for that.
    """

    def __init__(self, transitions: Sequence[Sequence[float]] | None = None, labels: LabelSet = LABELS) -> None:
        self.labels = labels
        tags = labels.tags
        is_inside = np.array([tag.startswith("I-") for tag in tags])
        self.inside_of = np.array([labels.inside(tag[2:]) if tag != "O" else -1 for tag in tags])
        # (L, L): may the column's tag follow the row's?
        self.legal = ~is_inside[None, :] | (np.arange(len(tags))[None, :] == self.inside_of[:, None])
        weights = np.ones(self.legal.shape) if transitions is None else np.exp(np.asarray(transitions))
        self._chain = Chain(np.where(self.legal, weights, 0.0), self.inside_of)
        self.begins = ~is_inside & (np.arange(len(tags)) != OUTSIDE_ID)

    def decode(self, logits: Floats, lines: Sequence[tuple[int, int]]) -> list[WordSpan]:
        """`logits` (W, L), one row a word; `lines` word ranges that cover all words. Sorted spans, within lines.

        A span's score is its probability: that its words have these tags, and that the next word does not go on.
        """
        probabilities = np.exp(log_softmax(logits)) if len(logits) else logits
        runs = unsure_runs(probabilities, lines, self.begins)
        if not runs:
            return []
        firsts, lasts = np.array(runs).T
        lengths = lasts - firsts + 1  # of each with a word behind it that is outside
        stops = np.cumsum(lengths)
        words = np.arange(stops[-1]) + np.repeat(firsts - (stops - lengths), lengths)
        emissions = probabilities[np.minimum(words, len(probabilities) - 1)]
        emissions[stops - 1] = np.arange(len(self.labels.tags)) == OUTSIDE_ID
        return list(self._spans(self._chain.path(emissions, lengths), words))

    def decode_all(self, logits: Sequence[Floats], lines: Sequence[Sequence[tuple[int, int]]]) -> list[list[WordSpan]]:
        """`decode` for each of several texts, which together cost little more than one."""
        starts = np.cumsum([0, *map(len, logits)]).tolist()
        shifted = [(start + a, start + b) for start, some in zip(starts, lines, strict=False) for a, b in some]
        found: list[list[WordSpan]] = [[] for _ in logits]
        for span in self.decode(np.concatenate(logits), shifted) if shifted else []:
            text = bisect_right(starts, span.first) - 1
            found[text].append(WordSpan(span.first - starts[text], span.last - starts[text], span.label, span.score))
        return found

    def _spans(self, path: Path, words: NDArray[np.intp]) -> Iterator[WordSpan]:
        """The entities on a path over `words`, in which the word behind each run is outside."""
        tags = path.tags.tolist()
        for start in np.flatnonzero(self.begins[path.tags]).tolist():
            inside = int(self.inside_of[tags[start]])
            stop = start + 1
            while tags[stop] == inside:  # ends: the word behind a run is outside
                stop += 1
            score = float(path.enter[start] * path.stay[start + 1 : stop].prod() * path.leave[stop])
            first = int(words[start])
            yield WordSpan(first, first + stop - start, self.labels.tags[inside][2:], min(1.0, score))


def unsure_runs(
    probabilities: Floats, lines: Sequence[tuple[int, int]], begins: NDArray[np.bool_]
) -> list[tuple[int, int]]:
    """Ranges of neighbouring words of one line that may be of spans: the first may begin one, all may be of one.

    `probabilities` (W, L); `begins` (L,): which tags begin a span.
    """
    if not lines:
        return []
    outside, begin = probabilities[:, OUTSIDE_ID], probabilities[:, begins].sum(axis=1)
    unsure = np.concatenate([outside < SURE, [False]])
    may_begin = np.concatenate([outside < BEGINS_NOTHING * (outside + begin), [False]])
    line_starts = np.zeros(len(unsure), dtype=bool)
    line_starts[[first for first, _ in lines]] = True
    places = np.arange(len(unsure))
    stretch = np.maximum.accumulate(np.where(~_before(unsure) | line_starts, places, 0))  # where it starts
    begun = np.maximum.accumulate(np.where(unsure & may_begin, places, -1))  # the last word that may begin a span
    kept = unsure & (begun >= stretch)
    before = _before(kept)
    starts = np.flatnonzero(kept & (~before | line_starts))
    stops = np.flatnonzero(before & (~kept | line_starts))
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def _before(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of each word what is said of the one before it."""
    return np.concatenate([[False], flags[:-1]])


def entities(source: str, encoded: Encoded, spans: Sequence[WordSpan]) -> tuple[Entity, ...]:
    """The word spans as entities of `source`, the string that `encoded` is of."""
    edges = encoded.spans
    return tuple(Entity.of(source, edges[s.first][0], edges[s.last - 1][1], s.label, s.score) for s in spans)


def log_softmax(logits: Floats) -> Floats:
    """Row by row; the same shape."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    normal: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normal
