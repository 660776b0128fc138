"""A linear chain over the tags of words: the likeliest sequences, and how probable what stands in them is.

The encoder's word probabilities weigh the tags, `weights` each step from tag to tag (0 where it is illegal). It is the
chain of a conditional random field (Lafferty et al. 2001) over many short sequences at once; each begins and ends as
beside a word that is outside. All sums are kept near 1, step by step (Rabiner 1989, V.A), so that length costs nothing.
What a sequence gives is the same to the bit in any company: sums run over tags in one order, and nothing is padded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
OUTSIDE_ID = 0
TINY = 1e-12  # the least probability of a tag: no sequence becomes impossible by rounding


@dataclass(frozen=True, slots=True)
class Path:
    """The likeliest tags (W,) of the words of all sequences, and three factors (W,) of what they contain.

    The probability that the tags from t to u stand as they are, and that the word behind them does not go on with them,
    is `enter[t] * stay[t + 1] * ... * stay[u] * leave[u + 1]`.
    """

    tags: NDArray[np.intp]
    enter: Floats
    stay: Floats
    leave: Floats


class Chain:
    """`weights` (L, L): of the step from the row's tag to the column's. `continuation` (L,): what would go on with
    each tag, -1 where nothing does.
    """

    def __init__(self, weights: Floats, continuation: NDArray[np.intp]) -> None:
        # A factor on all steps changes nothing; this one makes the step from outside to outside weigh 1.
        self.weights = (weights / weights[OUTSIDE_ID, OUTSIDE_ID]).astype(np.float32)
        self._goes_on = np.zeros_like(self.weights)
        tags = np.flatnonzero(continuation >= 0)
        self._goes_on[tags, continuation[tags]] = self.weights[tags, continuation[tags]]

    def path(self, emissions: Floats, lengths: NDArray[np.intp]) -> Path:
        """`emissions` (W, L) of sequences that stand one behind the other, of `lengths` words (N,) each.

        The last word of each sequence must be outside for sure.
        """
        order, steps = _by_step(lengths)
        likely = np.maximum(emissions, TINY)
        packed = likely[order]
        back = np.empty_like(order)  # the way back from that order
        back[order] = np.arange(len(order))
        expected, scale = self._forward(packed, steps)
        after = self._backward(packed, scale, steps)[back]
        tags = self._best(packed, steps)[back]
        before = np.concatenate([[OUTSIDE_ID], tags[:-1]])  # the word before a sequence is the end of another
        words, scale = np.arange(len(tags)), scale[back]
        own = likely[words, tags] / scale
        others = (self.weights - self._goes_on)[before]  # (W, L)
        return Path(
            tags,
            enter=expected[back][words, tags] * own,
            stay=self.weights[before, tags] * own,
            leave=(others * likely * after / scale[:, None]).sum(axis=1),
        )

    def _best(self, emissions: Floats, steps: Sequence[slice]) -> NDArray[np.intp]:
        """(W,): Viterbi."""
        back = np.empty(emissions.shape, dtype=np.intp)
        best = self.weights[OUTSIDE_ID] * emissions[steps[0]]
        for now in steps[1:]:
            ways = best[: _size(now), :, None] * self.weights  # (n, L, L): row before, column now
            back[now] = ways.argmax(axis=1)
            best = ways.max(axis=1) * emissions[now]
            best /= best.max(axis=1, keepdims=True)
        tags = np.full(len(emissions), OUTSIDE_ID)  # each sequence ends so
        for before, now in reversed(list(pairwise(steps))):
            tags[before][: _size(now)] = back[now][np.arange(_size(now)), tags[now]]
        return tags

    def _forward(self, emissions: Floats, steps: Sequence[slice]) -> tuple[Floats, Floats]:
        """What each tag weighs by all words before it (W, L), and the sum (W,) by which each step was divided."""
        expected, scale = np.empty_like(emissions), np.empty(len(emissions), dtype=np.float32)
        weight = np.broadcast_to(self.weights[OUTSIDE_ID], emissions[steps[0]].shape)
        for now in steps:
            expected[now] = weight[: _size(now)]
            joint = expected[now] * emissions[now]
            scale[now] = joint.sum(axis=1)
            weight = _sum_of_steps(joint / scale[now, None], self.weights)
        return expected, scale

    def _backward(self, emissions: Floats, scale: Floats, steps: Sequence[slice]) -> Floats:
        """What each tag weighs by all words after it (W, L)."""
        after = np.ones_like(emissions)
        for before, now in reversed(list(pairwise(steps))):
            weighed = after[now] * emissions[now] / scale[now, None]
            after[before][: _size(now)] = _sum_of_steps(weighed, self.weights.T)
        return after


def _by_step(lengths: NDArray[np.intp]) -> tuple[NDArray[np.intp], list[slice]]:
    """An order of the words of sequences, all first words before all second ones, the longest sequence always first.

    The slices are where each step stands in that order; the sequences that go on are the first of a slice.
    """
    starts = np.cumsum(lengths) - lengths
    step = np.arange(lengths.sum()) - np.repeat(starts, lengths)
    order = np.lexsort((-np.repeat(lengths, lengths), step))
    edges = np.cumsum([0, *np.bincount(step)]).tolist()
    return order, [slice(first, last) for first, last in pairwise(edges)]


def _size(part: slice) -> int:
    size: int = part.stop - part.start
    return size


def _sum_of_steps(tags: Floats, weights: Floats) -> Floats:
    """`tags @ weights`, (N, L) and (L, L) -> (N, L); a library's product rounds by the number of rows."""
    total: Floats = (tags[:, :, None] * weights).sum(axis=1)
    return total
