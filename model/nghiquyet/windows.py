"""Windows over the pieces of a text: at most 256 pieces each, overlapping, every word owned by exactly one."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nghiquyet.bpe import BOS_ID, EOS_ID, PAD_ID
from nghiquyet.encode import Encoded
from nghiquyet.errors import InputError

MAX_PIECES = 256  # of PhoBERT: its 258 position embeddings less pad_id + 1; counts <s> and </s>
FRAME = 2  # <s> and </s>
OVERLAP_SHARE = 4  # neighbours share a quarter of a window: each word sees at least an eighth of one on either side


@dataclass(frozen=True, slots=True)
class Window:
    """The words `[first, last)` of a text as the encoder reads them.

    `ids` begins with `<s>` and ends with `</s>`, with a `</s>` after each line (RoBERTa was trained on lines so
    parted). `heads[i]` is the place in `ids` of the first piece of word `first + i`. The window answers for the
    words `own`, a half-open range inside `[first, last)`; its other words are context.
    """

    ids: list[int]
    heads: list[int]
    first: int
    last: int
    own: tuple[int, int]


def make_windows(encoded: Encoded, max_pieces: int = MAX_PIECES, overlap: int | None = None) -> list[Window]:
    """Cuts a text between words; the owned ranges follow each other and cover all words. No words, no windows.

    `overlap`: pieces that neighbours share at least; None takes a quarter of `max_pieces`. In an overlap the words
    of the left half belong to the left window.
    """
    ends = {last for _, last in encoded.lines}
    if 0 < sum(map(len, encoded.pieces)) + len(ends) <= max_pieces - FRAME:  # as the general way has it, only faster
        return [_window(encoded, ends, 0, len(encoded), (0, len(encoded)))]
    starts = _unit_starts(encoded)
    longest = int(np.diff(starts).max(initial=0))
    if longest > max_pieces - FRAME:
        raise InputError(f"a word of {longest} pieces does not fit a window of {max_pieces}; use a larger max_pieces")
    shared = max_pieces // OVERLAP_SHARE if overlap is None else min(overlap, (max_pieces - FRAME) // 2)
    ranges = _ranges(starts, max_pieces - FRAME, shared)
    middles = [(b[0] + a[1]) // 2 for a, b in pairwise(ranges)]
    edges = [0, *middles, len(encoded)] if ranges else [0]
    return [
        _window(encoded, ends, first, last, own)
        for (first, last), own in zip(ranges, pairwise(edges), strict=True)
        if own[0] < own[1]  # a window of few long words can be all overlap
    ]


def _unit_starts(encoded: Encoded) -> NDArray[np.int64]:
    """(W + 1,): where each word would start if all stood in one row, the `</s>` of its line with its last word."""
    sizes = np.fromiter(map(len, encoded.pieces), dtype=np.int64, count=len(encoded))
    sizes[[last - 1 for _, last in encoded.lines]] += 1
    return np.concatenate([[0], np.cumsum(sizes)])


def _ranges(starts: NDArray[np.int64], room: int, overlap: int) -> list[tuple[int, int]]:
    """Half-open word ranges that fit `room` pieces, each next one begun at least `overlap` pieces before the end."""
    words = len(starts) - 1
    ranges: list[tuple[int, int]] = []
    first = 0
    while first < words:
        last = int(np.searchsorted(starts, starts[first] + room, side="right")) - 1
        ranges.append((first, last))
        if last == words:
            break
        back = int(np.searchsorted(starts, starts[last] - overlap, side="right")) - 1
        first = max(first + 1, back)
    return ranges


def _window(encoded: Encoded, line_ends: set[int], first: int, last: int, own: tuple[int, int]) -> Window:
    ids, heads = [BOS_ID], []
    for word in range(first, last):
        heads.append(len(ids))
        ids += encoded.pieces[word]
        if word + 1 in line_ends:
            ids.append(EOS_ID)
    if ids[-1] != EOS_ID:
        ids.append(EOS_ID)
    return Window(ids, heads, first, last, own)


def pad(windows: Sequence[Window], length: int | None = None) -> NDArray[np.int64]:
    """(B, T) ids, padded with `<pad>` to `length`, or to the longest window."""
    length = length or max(len(w.ids) for w in windows)
    batch = np.full((len(windows), length), PAD_ID, dtype=np.int64)
    for row, window in zip(batch, windows, strict=True):
        row[: len(window.ids)] = window.ids
    return batch
