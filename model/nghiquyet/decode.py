"""From one label distribution a word to entities: the best legal BIO sequence, and the probability of each span."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nghiquyet.documents import Entity
from nghiquyet.encode import Encoded
from nghiquyet.labels import LABELS, LabelSet

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class WordSpan:
    """An entity over the words `[first, last)`."""

    first: int
    last: int
    label: str
    score: float


class Decoder:
    """Constrained BIO decoding: `I-X` stands only after `B-X` or `I-X` of the same line."""

    def __init__(self, labels: LabelSet = LABELS) -> None:
        self.labels = labels
        tags = labels.tags
        self.is_inside = np.array([tag.startswith("I-") for tag in tags])
        self.inside_of = np.array([labels.inside(tag[2:]) if tag != "O" else -1 for tag in tags])
        # (L, L): may the column's tag follow the row's?
        self.legal = ~self.is_inside[None, :] | (np.arange(len(tags))[None, :] == self.inside_of[:, None])

    def decode(self, logits: Floats, lines: Sequence[tuple[int, int]]) -> list[WordSpan]:
        """`logits` (W, L), one row a word; `lines` word ranges that cover all words. Sorted spans, within lines."""
        if not len(logits):
            return []
        log_probs = log_softmax(logits)
        return self.spans(log_probs, self.best_tags(log_probs, lines), lines)

    def best_tags(self, log_probs: Floats, lines: Sequence[tuple[int, int]]) -> NDArray[np.intp]:
        """(W,): the likeliest legal sequence of each line.

        Where each word's own best tags already form a legal line, no other sequence can be likelier.
        """
        tags: NDArray[np.intp] = log_probs.argmax(axis=1)
        previous = np.concatenate([[0], tags[:-1]])
        previous[[first for first, _ in lines]] = 0  # as after O
        broken = ~self.legal[previous, tags]
        for first, last in lines:
            if broken[first:last].any():
                tags[first:last] = self.viterbi(log_probs[first:last])
        return tags

    def viterbi(self, log_probs: Floats) -> NDArray[np.intp]:
        """(T, L) -> (T,): the likeliest sequence over legal transitions, begun as after O."""
        transition = np.where(self.legal, 0.0, -np.inf)
        best = log_probs[0] + transition[0]
        back = np.empty(log_probs.shape, dtype=np.intp)
        for t in range(1, len(log_probs)):
            paths = best[:, None] + transition  # (L, L): row before, column now
            back[t] = paths.argmax(axis=0)
            best = paths.max(axis=0) + log_probs[t]
        tags = np.empty(len(log_probs), dtype=np.intp)
        tags[-1] = best.argmax()
        for t in range(len(log_probs) - 1, 0, -1):
            tags[t - 1] = back[t, tags[t]]
        return tags

    def spans(self, log_probs: Floats, tags: NDArray[np.intp], lines: Sequence[tuple[int, int]]) -> list[WordSpan]:
        """The spans of legal `tags`, each with its probability.

        A span's score is the product of its words' tag probabilities, times the probability that the next word
        of the line does not continue it: words taken as independent, as the model itself takes them.
        """
        line_end = np.empty(len(tags), dtype=np.intp)
        for first, last in lines:
            line_end[first:last] = last
        begins = np.flatnonzero((tags > 0) & ~self.is_inside[tags])
        found = []
        for first in begins.tolist():
            inside, end = int(self.inside_of[tags[first]]), int(line_end[first])
            last = first + 1
            while last < end and tags[last] == inside:
                last += 1
            log_score = float(log_probs[np.arange(first, last), tags[first:last]].sum(dtype=np.float64))
            stop = 1.0 - float(np.exp(log_probs[last, inside])) if last < end else 1.0
            found.append(WordSpan(first, last, self.labels.tags[inside][2:], min(1.0, float(np.exp(log_score)) * stop)))
        return found


def entities(source: str, encoded: Encoded, spans: Sequence[WordSpan]) -> tuple[Entity, ...]:
    """The word spans as entities of `source`, the string that `encoded` is of."""
    edges = encoded.spans
    return tuple(Entity.of(source, edges[s.first][0], edges[s.last - 1][1], s.label, s.score) for s in spans)


def log_softmax(logits: Floats) -> Floats:
    """Row by row; the same shape."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    normal: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return normal
