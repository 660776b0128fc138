"""Runs the windows of texts through a backend: short ones together, several calls at once, results in order.

ONNX Runtime runs each window alone, in as many threads as there are cores: nothing is padded, and no window can
change the answer to another (dynamic quantisation scales activations over all that is in a call). OpenVINO runs
windows of one length together, which it answers as it would each alone.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import numpy as np
from numpy.typing import NDArray

from nghiquyet.backends import Backend
from nghiquyet.labels import LABELS
from nghiquyet.windows import MAX_PIECES, Window, pad

Floats = NDArray[np.float32]
Place = tuple[int, Window]  # the number of a text, and a window of it

READ_AHEAD = 64  # windows that are read before the first is answered, and eight for each of a batch


class Engine:
    """The threads of one pass over texts. A context manager; leaving it early drops what has not begun.

    `batch_size`: windows in one call; None takes as many of like length as the backend's `batch_pieces` hold.
    `longest`: pieces in the longest window there may be; nothing is padded beyond it.
    """

    def __init__(self, backend: Backend, batch_size: int | None = None, longest: int = MAX_PIECES) -> None:
        self.read_ahead = max(READ_AHEAD, 8 * (batch_size or 1))
        self.backend = backend
        self.batch_size = batch_size
        self.longest = longest
        self._pool = ThreadPoolExecutor(backend.calls, thread_name_prefix="nghiquyet")
        self._running: set[Future[Floats]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def job(self) -> "Job":
        """A job without windows; several may be under way."""
        return Job(self)

    def run(self, batch: list[Place]) -> Future[Floats]:
        """Label logits (B, T, L) of windows in one call, when a thread is free."""
        output = self._pool.submit(self._run, [window for _, window in batch])
        self._running.add(output)
        output.add_done_callback(self._running.discard)
        return output

    @property
    def is_idle(self) -> bool:
        """Whether a thread has nothing to do."""
        return len(self._running) < self.backend.calls

    def length(self, window: Window) -> int:
        """Pieces of `window` in a call where no other is longer."""
        step = self.backend.length_step or 1
        return min(-(-len(window.ids) // step) * step, max(self.longest, len(window.ids)))

    def _run(self, windows: list[Window]) -> Floats:
        return self.backend(pad(windows, max(map(self.length, windows))))


class Job:
    """Windows of texts on their way through a backend: those that wait for company, and those that run."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._runs_alone = engine.batch_size == 1 or (engine.batch_size is None and engine.backend.batch_pieces == 1)
        self._texts = 0
        self._waiting: list[Place] = []
        self._batches: list[list[Place]] = []
        self._outputs: list[Future[Floats]] = []

    def add(self, windows: Sequence[Window]) -> None:
        """The windows of the next text. Where company changes nothing, no thread waits for more of them."""
        self._waiting += [(self._texts, window) for window in windows]
        self._texts += 1
        if self._runs_alone or (self._engine.backend.is_exact and self._engine.is_idle):
            self.start()

    def start(self) -> None:
        """Begins to run what waits."""
        for batch in self._together():
            self._batches.append(batch)
            self._outputs.append(self._engine.run(batch))
        self._waiting = []

    def _together(self) -> Iterator[list[Place]]:
        """What waits, in batches, the longest windows first: little is padding, and the threads end together."""
        batch: list[Place] = []
        for place in sorted(self._waiting, key=lambda place: -len(place[1].ids)):
            if batch and not self._fits(batch, place[1]):
                yield batch
                batch = []
            batch.append(place)
        if batch:
            yield batch

    def _fits(self, batch: list[Place], window: Window) -> bool:
        """Whether a window that is no longer than those of `batch` may run with them."""
        engine, longest = self._engine, self._engine.length(batch[0][1])
        if engine.backend.length_step and engine.length(window) != longest:
            return False
        if engine.batch_size:
            return len(batch) < engine.batch_size
        return (len(batch) + 1) * longest <= engine.backend.batch_pieces

    def word_logits(self) -> list[Floats]:
        """Label logits (words, L) of each text, from each word's first piece; waits until they are there."""
        self.start()
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
