"""The public calls: what they take, and that the company of a text does not change its answer."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import nghiquyet
from nghiquyet import ConfigError, InputError, Predictor
from nghiquyet.engine import READ_AHEAD


@pytest.mark.parametrize("bad", [None, 3, b"bytes", ["list"]])
def test_what_is_not_a_string_is_an_error(predictor: Predictor, bad: Any) -> None:
    with pytest.raises(InputError, match="needed str"):
        predictor.predict(bad)


def test_bytes_are_told_how_to_mend_it(predictor: Predictor) -> None:
    with pytest.raises(InputError, match=r"text 1 is bytes.*decode"):
        predictor.predict_batch(["a", b"b"])  # type: ignore[list-item]


def test_a_string_is_not_a_batch(predictor: Predictor) -> None:
    with pytest.raises(InputError, match=r"predict_batch\(\[text\]\)"):
        predictor.predict_batch("Bí thư")


def test_what_is_not_several_texts_is_an_error(predictor: Predictor) -> None:
    with pytest.raises(InputError, match=r"stream\(\[text\]\)"):
        list(predictor.stream("abc"))
    with pytest.raises(InputError, match="got NoneType"):
        predictor.predict_batch(None)  # type: ignore[arg-type]
    assert predictor.predict_batch(text for text in ["", " "]) == [[], []]


def test_batch_size_must_be_positive(predictor: Predictor) -> None:
    with pytest.raises(ConfigError, match="at least 1"):
        predictor.predict_batch(["a"], batch_size=0)
    with pytest.raises(ConfigError, match="at least 1"):
        list(predictor.stream(["a"], batch_size=0))


def test_a_bad_text_in_a_stream_is_counted_from_its_beginning(predictor: Predictor) -> None:
    texts: list[Any] = ["a"] * 70 + [None]
    for batch_size in (1, 4):
        with pytest.raises(InputError, match="text 70 is NoneType"):
            list(predictor.stream(texts, batch_size=batch_size))


@pytest.mark.parametrize("text", ["", " ", "\n\t\u00a0", "\u200b", "\ufeff"])
def test_blank_text_has_no_entities(predictor: Predictor, text: str) -> None:
    assert predictor.predict(text) == []


def test_batches_streams_and_single_calls_agree(tiny_onnx: Path, articles: list[str]) -> None:
    model = Predictor.load(tiny_onnx)
    texts = ["", *articles, "Bí thư Thị ủy", *articles]
    singles = [model.predict(text) for text in texts]
    assert sum(map(len, singles)) > 0
    assert model.predict_batch(texts) == singles
    assert list(model.stream(iter(texts))) == singles


def test_a_stream_reads_only_a_little_ahead(predictor: Predictor) -> None:
    read = 0

    def texts() -> Iterator[str]:
        nonlocal read
        for i in range(1000):
            read = i + 1
            yield "Bí thư"

    next(predictor.stream(texts()))
    assert read == 2 * READ_AHEAD
    next(predictor.stream(texts(), batch_size=16))
    assert read == 2 * 8 * 16


def test_what_comes_before_an_error_is_answered(predictor: Predictor) -> None:
    def texts() -> Iterator[str]:
        yield from ["Bí thư"] * 70
        raise OSError("the disk is gone")

    stream = predictor.stream(texts())
    assert list(islice(stream, 70)) == [predictor.predict("Bí thư")] * 70
    with pytest.raises(OSError, match="disk is gone"):
        next(stream)
    mixed: list[Any] = ["Bí thư", None, "Bí thư"]
    answers = list(predictor.answers(mixed))
    assert answers[0] == answers[2] == predictor.predict("Bí thư")
    assert isinstance(answers[1], InputError)


def test_torch_and_onnx_agree(tiny_model: Path, tiny_onnx: Path, articles: list[str]) -> None:
    torch_model, onnx_model = Predictor.load(tiny_model), Predictor.load(tiny_onnx)
    for article in articles:
        left, right = torch_model.predict(article), onnx_model.predict(article)
        assert [e.key for e in left] == [e.key for e in right]
        assert [e.score for e in left] == pytest.approx([e.score for e in right], abs=1e-3)


def test_an_unknown_backend_is_named(tiny_onnx: Path) -> None:
    with pytest.raises(ConfigError, match="no backend is called 'jax'"):
        Predictor.load(tiny_onnx, backend="jax")  # type: ignore[arg-type]


def test_the_bundled_model_finds_what_it_should() -> None:
    text = "Bí thư Huyện ủy Thanh Oai Bùi Hoàng Phan phát biểu chỉ đạo tại Hội nghị."
    found = {(e.label, e.text) for e in nghiquyet.predict(text)}
    assert ("ORG", "Huyện ủy Thanh Oai") in found
    assert ("PERSON", "Bùi Hoàng Phan") in found
    assert nghiquyet.predict_batch([text]) == [nghiquyet.predict(text)]
