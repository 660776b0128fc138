"""The engine against running every window alone; and that neither company nor threads change an answer."""

import random
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nghiquyet.backends import Backend, usable_cores
from nghiquyet.decode import Floats
from nghiquyet.encode import Encoded, Encoder
from nghiquyet.engine import Engine
from nghiquyet.labels import LABELS
from nghiquyet.predictor import Predictor
from nghiquyet.windows import make_windows, pad
from tests.conftest import PieceBackend
from tests.texts import messy


class Recorder(PieceBackend):
    """Keeps the shapes of its calls and how many ran at once."""

    def __init__(self, vocabulary: int, calls: int = 1, batch_pieces: int = 256, length_step: int = 0) -> None:
        super().__init__(vocabulary)
        self.calls, self.batch_pieces, self.length_step = calls, batch_pieces, length_step
        self.shapes: list[tuple[int, int]] = []
        self.most = 0
        self._running = 0
        self._lock = threading.Lock()

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        with self._lock:
            self._running += 1
            self.most = max(self.most, self._running)
            self.shapes.append((ids.shape[0], ids.shape[1]))
        logits = super().__call__(ids)
        with self._lock:
            self._running -= 1
        return logits


def slow_logits(backend: Backend, encoded: Encoded, max_pieces: int) -> Floats:
    """Word by word, from windows run alone in their order."""
    rows = np.empty((len(encoded), len(LABELS.tags)), dtype=np.float32)
    for window in make_windows(encoded, max_pieces):
        logits = backend(pad([window]))[0]
        for word in range(*window.own):
            rows[word] = logits[window.heads[word - window.first]]
    return rows


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(messy, max_size=6),
    batch_size=st.none() | st.integers(1, 5),
    max_pieces=st.integers(110, 200),
    batch_pieces=st.integers(1, 600),
    length_step=st.sampled_from([0, 1, 8, 30]),
    calls=st.integers(1, 3),
)
def test_the_engine_is_running_windows_one_by_one(
    encoder: Encoder,
    texts: list[str],
    batch_size: int | None,
    max_pieces: int,
    batch_pieces: int,
    length_step: int,
    calls: int,
) -> None:
    backend = Recorder(encoder.bpe.size, calls, batch_pieces, length_step)
    encoded = [encoder.encode(text) for text in texts]
    found = Predictor(encoder, backend, max_pieces=max_pieces).word_logits(encoded, batch_size)
    assert backend.most <= calls
    if batch_size is None:
        assert all(size == 1 or size * width <= batch_pieces for size, width in backend.shapes)
    else:
        assert all(size <= batch_size for size, _ in backend.shapes)
    if length_step:
        assert all(width % length_step == 0 or width == max_pieces for _, width in backend.shapes)
    for logits, each in zip(found, encoded, strict=True):
        assert np.array_equal(logits, slow_logits(backend, each, max_pieces))


def test_little_is_padded(encoder: Encoder, articles: list[str]) -> None:
    lines = [line for article in articles for line in article.splitlines() if line.strip()]
    backend = Recorder(encoder.bpe.size, batch_pieces=1024)
    backend.is_exact = False  # else a thread that is idle would take what there is
    encoded = [encoder.encode(line) for line in lines]
    Predictor(encoder, backend).word_logits(encoded)
    read = sum(len(window.ids) for each in encoded for window in make_windows(each))
    assert sum(size * width for size, width in backend.shapes) < 1.2 * read
    assert len(backend.shapes) < len(lines) / 3


@pytest.mark.parametrize("model", ["tiny_onnx", "tiny_int8"])
def test_neither_company_nor_order_nor_threads_change_an_answer(
    model: str, request: pytest.FixtureRequest, articles: list[str]
) -> None:
    folder: Path = request.getfixturevalue(model)
    texts = [articles[0], *articles[1].splitlines()]
    alone = [Predictor.load(folder, threads=1).predict(text) for text in texts]
    assert sum(map(len, alone)) > 0
    order = list(range(len(texts)))
    random.Random(0).shuffle(order)
    for threads in (1, 3):
        predictor = Predictor.load(folder, threads=threads)
        assert predictor.predict_batch(texts) == alone
        assert predictor.predict_batch([texts[i] for i in order]) == [alone[i] for i in order]


def test_threads_may_share_a_predictor(tiny_int8: Path, articles: list[str]) -> None:
    predictor = Predictor.load(tiny_int8)
    expected = [predictor.predict(article) for article in articles]
    found: dict[int, bool] = {}

    def work(number: int) -> None:
        found[number] = predictor.predict_batch(articles) == expected

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), True)


def test_memory_does_not_grow_with_a_stream(predictor: Predictor) -> None:
    def texts(number: int) -> Iterator[str]:
        # The words are few: each is cached once. Kept, a text and its windows would take some 2 kB.
        return (f"Bí thư Huyện ủy Thanh Oai số {i % 100}" for i in range(number))

    def peak(number: int) -> int:
        tracemalloc.start()
        for _ in predictor.stream(texts(number)):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(4000) < peak(500) + 1_000_000


def test_leaving_a_stream_ends_its_threads(predictor: Predictor) -> None:
    before = set(threading.enumerate())  # a stream that another test keeps may have some of its own
    stream = predictor.stream("Bí thư" for _ in range(1000))
    next(stream)
    assert set(threading.enumerate()) - before
    stream.close()  # type: ignore[attr-defined]
    assert not set(threading.enumerate()) - before


def test_a_failure_of_the_backend_is_told(encoder: Encoder) -> None:
    class Broken(PieceBackend):
        def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
            raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        Predictor(encoder, Broken(encoder.bpe.size)).predict("Bí thư")


def test_blank_texts_run_nothing(encoder: Encoder) -> None:
    backend = Recorder(encoder.bpe.size)
    with Engine(backend) as engine:
        job = engine.job()
        job.add([])
        job.add([])
        assert job.word_logits()[1].shape == (0, len(LABELS.tags))
    assert backend.shapes == []


def test_cores_are_at_least_one() -> None:
    assert 1 <= usable_cores() <= 4096
