"""Each backend gives the same entities; what it cannot do, or lacks, it says."""

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nghiquyet import ArtefactError, ConfigError, MissingExtraError, Predictor
from nghiquyet.backends import Dtype, OpenVinoBackend

NO_OPENVINO = "the extra openvino is not installed"


@pytest.fixture(scope="session")
def tiny_openvino(tiny_model: Path, articles: list[str]) -> Path:
    pytest.importorskip("openvino", reason=NO_OPENVINO)
    from nghiquyet_training.export import export

    output = tiny_model.parent / "openvino"
    export(tiny_model, output, articles[:1], int8=False, form="openvino")
    return output


@pytest.mark.parametrize(
    ("folder", "backend"), [("tiny_onnx", "onnx"), ("tiny_openvino", "openvino"), ("tiny_model", "torch")]
)
def test_backends_agree(
    folder: str, backend: str, request: pytest.FixtureRequest, tiny_onnx: Path, articles: list[str]
) -> None:
    """Random weights call some words by the last digit, so a few may differ."""
    expected = entities(Predictor.load(tiny_onnx), articles)
    model = Predictor.load(request.getfixturevalue(folder))
    assert type(model.backend).__name__.lower().startswith(backend)
    found = entities(model, articles)
    assert len(found.keys() & expected.keys()) > 0.99 * len(found.keys() | expected.keys()) > 0
    for key in found.keys() & expected.keys():
        assert found[key] == pytest.approx(expected[key], abs=5e-3)


def entities(model: Predictor, texts: list[str]) -> dict[Any, float]:
    """The score of each entity."""
    return {(i, e.key): e.score for i, found in enumerate(model.predict_batch(texts)) for e in found}


@pytest.mark.parametrize("folder", ["tiny_openvino", "tiny_model"])
def test_bf16_is_near(folder: str, request: pytest.FixtureRequest, tiny_onnx: Path, articles: list[str]) -> None:
    exact = entities(Predictor.load(tiny_onnx), articles).keys()
    near = entities(Predictor.load(request.getfixturevalue(folder), dtype="bf16"), articles).keys()
    assert len(exact & near) > 0.8 * len(exact | near)


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_openvino_answers_alike_to_the_bit_in_any_company(
    tiny_openvino: Path, articles: list[str], dtype: Dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [line for article in articles for line in article.splitlines()]
    single = Predictor.load(tiny_openvino, threads=1, dtype=dtype)
    alone = [single.predict(text) for text in texts]
    sizes: list[int] = []
    call = OpenVinoBackend.__call__

    def counted(self: OpenVinoBackend, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        sizes.append(len(ids))
        return call(self, ids)

    monkeypatch.setattr(OpenVinoBackend, "__call__", counted)
    several = Predictor.load(tiny_openvino, threads=3, dtype=dtype)
    assert several.predict_batch(texts[::-1]) == alone[::-1]
    assert several.predict_batch(texts, batch_size=16) == alone
    assert max(sizes) > 4


def test_an_unknown_or_impossible_dtype_is_named(tiny_onnx: Path) -> None:
    with pytest.raises(ConfigError, match="no dtype is called 'fp8'; there are: fp32, bf16"):
        Predictor.load(tiny_onnx, dtype="fp8")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="bf16 has torch and openvino"):
        Predictor.load(tiny_onnx, dtype="bf16")


@pytest.mark.parametrize(("backend", "file"), [("openvino", r"openvino\.xml"), ("torch", r"model\.safetensors")])
def test_a_folder_without_a_model_for_the_backend_says_what_it_has(tiny_onnx: Path, backend: str, file: str) -> None:
    with pytest.raises(ArtefactError, match=rf"lacks {file} \(it has .*model\.onnx"):
        Predictor.load(tiny_onnx, backend=backend)  # type: ignore[arg-type]


def test_both_files_of_openvino_are_checked(tiny_openvino: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_openvino, tmp_path / "model"))
    with (folder / "openvino.bin").open("ab") as file:
        file.write(b"\n")
    with pytest.raises(ArtefactError, match=r"openvino\.bin is damaged"):
        Predictor.load(folder)


def test_a_file_that_is_no_openvino_model(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason=NO_OPENVINO)
    (tmp_path / "openvino.xml").write_text("<net>", encoding="utf-8")
    with pytest.raises(ArtefactError, match="not a model that OpenVINO"):
        OpenVinoBackend(tmp_path / "openvino.xml")


@pytest.mark.parametrize(("folder", "module"), [("tiny_openvino", "openvino"), ("tiny_model", "torch")])
def test_a_missing_extra_is_named(
    folder: str, module: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = request.getfixturevalue(folder)
    monkeypatch.setitem(sys.modules, module, None)  # as where it is not installed
    with pytest.raises(MissingExtraError, match=rf"nghiquyet\[{module}\]"):
        Predictor.load(path)
