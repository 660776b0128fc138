"""Runs the windows of texts through a backend: short ones together, several calls at once, results in order.

On a CPU an int8 model runs each window alone, in as many threads as there are cores: nothing is padded, and no
window can change the answer to another (dynamic quantisation scales activations over all that is in a call).
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nghiquyet.backends import Backend
from nghiquyet.labels import LABELS
from nghiquyet.windows import Window, pad

Floats = NDArray[np.float32]
Place = tuple[int, Window]  # the number of a text, and a window of it

READ_AHEAD = 64  # windows that are read before the first is answered, and eight for each of a batch


class Engine:
    """The threads of one pass over texts. A context manager; leaving it early drops what has not begun.

    `batch_size`: windows in one call; None takes as many of like length as the backend's `batch_pieces` hold.
    """

    def __init__(self, backend: Backend, batch_size: int | None = None) -> None:
        self.read_ahead = max(READ_AHEAD, 8 * (batch_size or 1))
        self._backend = backend
        self._batch_size = batch_size
        self._pool = ThreadPoolExecutor(backend.calls, thread_name_prefix="nghiquyet")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, texts: Sequence[Sequence[Window]]) -> "Job":
        """Begins to run the windows of `texts`."""
        places = [(i, window) for i, windows in enumerate(texts) for window in windows]
        batches = list(self._batches(places))
        return Job(len(texts), batches, [self._pool.submit(self._run, batch) for batch in batches])

    def _batches(self, places: list[Place]) -> Iterator[list[Place]]:
        """Windows by rising length, so that little is padding."""
        batch: list[Place] = []
        for place in sorted(places, key=lambda place: len(place[1].ids)):
            if batch and self._is_full(len(batch), len(place[1].ids)):
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch

    def _is_full(self, size: int, longest: int) -> bool:
        """Whether a window of `longest` pieces is too much for a batch that has `size` shorter ones."""
        return size == self._batch_size if self._batch_size else (size + 1) * longest > self._backend.batch_pieces

    def _run(self, batch: list[Place]) -> Floats:
        return self._backend(pad([window for _, window in batch]))


class Job:
    """Windows on their way through a backend."""

    def __init__(self, texts: int, batches: list[list[Place]], outputs: list[Future[Floats]]) -> None:
        self._texts = texts
        self._batches = batches
        self._outputs = outputs

    def word_logits(self) -> list[Floats]:
        """Label logits (words, L) of each text, from each word's first piece; waits until they are there."""
        rows: list[list[tuple[int, Floats]]] = [[] for _ in range(self._texts)]
        for batch, output in zip(self._batches, self._outputs, strict=True):
            for (text, window), logits in zip(batch, output.result(), strict=True):  # (T, L)
                first, last = window.own
                heads = window.heads[first - window.first : last - window.first]
                rows[text].append((first, logits[heads]))
        return [_joined(parts) for parts in rows]


def _joined(parts: list[tuple[int, Floats]]) -> Floats:
    """The owned rows of a text's windows, one after the other."""
    ordered = [rows for _, rows in sorted(parts, key=lambda part: part[0])]
    return np.concatenate(ordered) if ordered else np.empty((0, len(LABELS.tags)), dtype=np.float32)
