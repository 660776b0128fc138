"""Windows: nothing lost, nothing twice, and no difference where there can be none."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from nghiquyet.bpe import BOS_ID, EOS_ID, PAD_ID
from nghiquyet.encode import Encoded, Encoder
from nghiquyet.errors import InputError
from nghiquyet.predictor import Predictor
from nghiquyet.windows import MAX_PIECES, make_windows, pad
from tests.conftest import PieceBackend


@st.composite
def encodings(draw: st.DrawFn) -> Encoded:
    lines = draw(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=60), max_size=8))
    encoded = Encoded([], [], [])
    for sizes in lines:
        first = len(encoded)
        for size in sizes:
            encoded.spans.append((len(encoded), len(encoded) + 1))
            encoded.pieces.append(tuple(range(10, 10 + size)))
        encoded.lines.append((first, len(encoded)))
    return encoded


@settings(max_examples=300, deadline=None)
@given(encoded=encodings(), limit=st.integers(16, 64), overlap=st.integers(0, 64))
def test_every_word_is_owned_once_and_stands_whole(encoded: Encoded, limit: int, overlap: int) -> None:
    windows = make_windows(encoded, limit, overlap)
    owned = [word for window in windows for word in range(*window.own)]
    assert owned == list(range(len(encoded)))
    for window in windows:
        assert len(window.ids) <= limit
        assert window.ids[0] == BOS_ID
        assert window.ids[-1] == EOS_ID
        assert window.first <= window.own[0] < window.own[1] <= window.last
        for word, head in zip(range(window.first, window.last), window.heads, strict=True):
            assert tuple(window.ids[head : head + len(encoded.pieces[word])]) == encoded.pieces[word]


@settings(max_examples=200, deadline=None)
@given(encoded=encodings())
def test_a_text_that_fits_is_one_window(encoded: Encoded) -> None:
    pieces = sum(map(len, encoded.pieces)) + len(encoded.lines)
    if 0 < pieces <= MAX_PIECES - 2:
        assert len(make_windows(encoded)) == 1


def test_neighbours_share_at_least_the_overlap(encoder: Encoder, articles: list[str]) -> None:
    encoded = encoder.encode(articles[0])
    windows = make_windows(encoded, 64, 16)
    for left, right in itertools.pairwise(windows):
        assert sum(len(encoded.pieces[w]) for w in range(right.first, left.last)) >= 14  # less the </s> of lines


def test_windowed_and_unwindowed_agree(encoder: Encoder, predictor: Predictor, articles: list[str]) -> None:
    for limit, overlap in ((24, 8), (64, 16), (64, 0), (256, 64)):
        windowed = Predictor(encoder, predictor.backend, max_pieces=limit, overlap=overlap)
        for article in articles:
            assert windowed.predict(article) == Predictor(encoder, predictor.backend, max_pieces=100_000).predict(
                article
            )


class LongNameBackend(PieceBackend):
    """Everything is one ORG a line: B at the first piece of the window, I behind it."""

    def __call__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        logits = np.zeros((*ids.shape, self.table.shape[1]), dtype=np.float32)
        logits[..., 2] = 5.0
        logits[:, 1, 1] = 9.0
        return logits


def test_an_entity_across_a_window_edge_appears_once_and_whole(encoder: Encoder) -> None:
    name = "Ban Thường vụ Huyện ủy Thanh Oai " * 3
    found = Predictor(encoder, LongNameBackend(encoder.bpe.size), max_pieces=32, overlap=16).predict(name)
    assert [e.text for e in found] == [name.strip()]


def test_a_word_that_cannot_fit_is_an_error() -> None:
    encoded = Encoded([(0, 1)], [tuple(range(10, 40))], [(0, 1)])
    with pytest.raises(InputError, match="31 pieces does not fit"):
        make_windows(encoded, 16)


def test_padding(encoder: Encoder) -> None:
    windows = [*make_windows(encoder.encode("a b c d")), *make_windows(encoder.encode("a"))]
    batch = pad(windows)
    assert batch.shape == (2, len(windows[0].ids))
    assert batch[1, len(windows[1].ids) :].tolist() == [PAD_ID] * (len(windows[0].ids) - len(windows[1].ids))
