"""A linear chain over the tags of words: the likeliest sequences, and how probable what stands in them is.

The encoder's word probabilities weigh the tags, `weights` each step from tag to tag (0 where it is illegal). It is the
chain of a conditional random field (Lafferty et al. 2001) over many short sequences at once; each begins and ends as
beside a word that is outside. All sums are kept near 1, step by step (Rabiner 1989, V.A), so that length costs nothing.
What a sequence gives is the same to the bit in any company: sums run over tags in one order, and padding weighs 1.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
OUTSIDE_ID = 0
TINY = 1e-12  # the least probability of a tag: no sequence becomes impossible by rounding


@dataclass(frozen=True, slots=True)
class Path:
    """The likeliest tags (N, T) of N sequences, and three factors (N, T) of what they contain.

    The probability that the tags from t to u stand as they are, and something else than `avoided` behind them, is
    `enter[t] * stay[t + 1] * ... * stay[u] * leave[u + 1]`.
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

    def path(self, emissions: Floats) -> Path:
        """`emissions` (N, T, L), the last word of each sequence outside for sure (padding is, too)."""
        emissions = np.maximum(emissions, TINY)
        tags = self._best(emissions)
        expected, scale = self._forward(emissions)
        before = np.concatenate([np.full((len(tags), 1), OUTSIDE_ID), tags[:, :-1]], axis=1)
        own = np.take_along_axis(emissions, tags[..., None], axis=2)[..., 0] / scale
        weighed = emissions * self._backward(emissions, scale) / scale[..., None]
        others = (self.weights - self._goes_on)[before]  # (N, T, L)
        return Path(
            tags,
            enter=np.take_along_axis(expected, tags[..., None], axis=2)[..., 0] * own,
            stay=self.weights[before, tags] * own,
            leave=(others * weighed).sum(axis=2),
        )

    def _best(self, emissions: Floats) -> NDArray[np.intp]:
        """(N, T): Viterbi."""
        sequences, length, _ = emissions.shape
        back = np.empty(emissions.shape, dtype=np.intp)
        best = self.weights[OUTSIDE_ID] * emissions[:, 0]
        for t in range(1, length):
            steps = best[:, :, None] * self.weights  # (N, L, L): row before, column now
            back[:, t] = steps.argmax(axis=1)
            best = steps.max(axis=1) * emissions[:, t]
            best /= best.max(axis=1, keepdims=True)
        tags = np.empty((sequences, length), dtype=np.intp)
        tags[:, -1] = best.argmax(axis=1)
        rows = np.arange(sequences)
        for t in range(length - 1, 0, -1):
            tags[:, t - 1] = back[rows, t, tags[:, t]]
        return tags

    def _forward(self, emissions: Floats) -> tuple[Floats, Floats]:
        """What each tag weighs by all words before it (N, T, L), and the sum (N, T) by which each step was divided."""
        expected, scale = np.empty_like(emissions), np.empty(emissions.shape[:2], dtype=np.float32)
        step = np.broadcast_to(self.weights[OUTSIDE_ID], emissions[:, 0].shape)
        for t in range(emissions.shape[1]):
            expected[:, t] = step
            joint = step * emissions[:, t]
            scale[:, t] = joint.sum(axis=1)
            step = _sum_of_steps(joint / scale[:, t, None], self.weights)
        return expected, scale

    def _backward(self, emissions: Floats, scale: Floats) -> Floats:
        """What each tag weighs by all words after it (N, T, L)."""
        after = np.ones_like(emissions)
        for t in range(emissions.shape[1] - 1, 0, -1):
            after[:, t - 1] = _sum_of_steps(after[:, t] * emissions[:, t] / scale[:, t, None], self.weights.T)
        return after


def _sum_of_steps(tags: Floats, weights: Floats) -> Floats:
    """`tags @ weights`, (N, L) and (L, L) -> (N, L); a library's product rounds by the number of rows."""
    total: Floats = (tags[:, :, None] * weights).sum(axis=1)
    return total
