"""Prediction of many texts in worker processes: in order, in constant memory, one bad text never the end."""

import multiprocessing
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice

from nghiquyet.backends import BackendName, Dtype
from nghiquyet.documents import Document
from nghiquyet.errors import NghiquyetError, WorkerError
from nghiquyet.predictor import Predictor
from nghiquyet.sources import Source

CHUNK_CHARACTERS = 20_000  # of text sent to a worker at once: some tens of milliseconds of work
CHUNK_TEXTS = 256
AHEAD = 4  # chunks in flight for each worker

Answer = Document | NghiquyetError

_predictor: Predictor  # of a worker process


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What `Predictor.load` needs, in a form that can be sent to a process."""

    model: str
    backend: BackendName | None = None
    segmenter: str | None = None
    threads: int | None = None
    dtype: Dtype | None = None

    def load(self) -> Predictor:
        return Predictor.load(
            self.model, backend=self.backend, segmenter=self.segmenter, threads=self.threads, dtype=self.dtype
        )


def answers(predictor: Predictor, sources: Iterable[Source], min_score: float | None) -> Iterator[Answer]:
    """For each source the document with its entities, or this package's own error; a little is read ahead."""
    begun: deque[Source] = deque()

    def texts() -> Iterator[str]:
        for source in sources:
            begun.append(source)
            yield source.text

    for found in predictor.answers(texts(), min_score=min_score):
        source = begun.popleft()
        yield found if isinstance(found, NghiquyetError) else Document(source.id, source.text, tuple(found))


def answers_in_processes(
    choice: ModelChoice, sources: Iterable[Source], min_score: float | None, workers: int
) -> Iterator[Answer]:
    """`answers` in their order; each of `workers` processes loads the model for itself.

    Only a few chunks are read ahead, so memory does not grow with the number of sources.
    """
    # spawn: a forked process would inherit the locks of the runtime's threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start, (choice,)) as pool:
        chunks = _chunks(sources)
        pending = deque(_submit(pool, chunk, min_score) for chunk in islice(chunks, AHEAD * workers))
        try:
            while pending:
                yield from pending.popleft().result()
                pending += [_submit(pool, chunk, min_score) for chunk in islice(chunks, 1)]
        except BrokenProcessPool as error:
            _let_go(pool)
            raise WorkerError(
                "a worker process ended before its work was done, perhaps for want of memory; run with fewer --workers"
            ) from error
        finally:
            for future in pending:
                future.cancel()


def _let_go(pool: ProcessPoolExecutor) -> None:
    """Python before 3.11.5 waits for ever to fill a pipe that no worker reads any more (python/cpython#94777)."""
    queue = getattr(pool, "_call_queue", None)
    reader = getattr(queue, "_reader", None)
    if reader is not None:
        reader.close()


def _submit(pool: ProcessPoolExecutor, chunk: list[Source], min_score: float | None) -> Future[list[Answer]]:
    return pool.submit(_work, chunk, min_score)


def _start(choice: ModelChoice) -> None:
    global _predictor
    _predictor = choice.load()


def _work(chunk: list[Source], min_score: float | None) -> list[Answer]:
    return list(answers(_predictor, chunk, min_score))


def _chunks(sources: Iterable[Source]) -> Iterator[list[Source]]:
    chunk: list[Source] = []
    size = 0
    for source in sources:
        chunk.append(source)
        size += len(source.text)
        if size >= CHUNK_CHARACTERS or len(chunk) == CHUNK_TEXTS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
